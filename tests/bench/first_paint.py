"""first_paint.py URL ROUNDS: the median first paint of a page in real Chromium, in milliseconds from the start of the
navigation; each round has a fresh profile, so nothing of the page is cached, while the browser itself runs already."""

import shutil
import statistics
import sys

from playwright.sync_api import sync_playwright

PAINT = """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()[0].startTime))
    .observe({ type: 'paint', buffered: true }))"""


def main() -> None:
    url, rounds = sys.argv[1], int(sys.argv[2])
    paints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        for _ in range(rounds + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.goto(url)
            paints.append(page.evaluate(PAINT))
            context.close()
        browser.close()
    print(statistics.median(paints[1:]))


main()
