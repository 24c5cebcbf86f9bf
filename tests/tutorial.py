"""What every newcomer's first script does, in the words both generations of the SDK share; they differ in four names."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Callable

from playwright.sync_api import sync_playwright

SCRIPT = """import json, sys
print(json.dumps({"python": sys.version_info[0], "squares": [n * n for n in range(5)]}))
"""
PLOT = """
import numpy, matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot
x = numpy.linspace(0, 6.3, 200)
pyplot.plot(x, numpy.sin(x)); pyplot.title("sine"); pyplot.savefig({path!r})
print("saved", len(x))
"""
PAGE = "data:text/html;charset=utf-8,<title>Tutorial</title><h1>naïve 漢字</h1><p>from the sandbox"


@dataclass
class Names:
    """The calls that were renamed between the two."""

    context: Callable[[], Any]
    run_in_kernel: Callable[..., Any]
    browser_info: Callable[[], Any]


def follow(box: Any, names: Names, folder: str) -> None:
    context = names.context()
    home = getattr(context, "home_dir", None) or context.data.home_dir
    assert home.startswith("/")

    box.file.write_file(file=f"{folder}/data.txt", content="alpha\nbeta\n")
    box.file.write_file(file=f"{folder}/script.py", content=SCRIPT)
    assert box.file.read_file(file=f"{folder}/data.txt").data.content == "alpha\nbeta\n"
    names_there = {entry.name for entry in box.file.list_path(path=folder).data.files}
    assert {"data.txt", "script.py"} <= names_there

    assert folder in box.shell.exec_command(command=f"cd {folder} && pwd && ls").data.output
    ran = box.shell.exec_command(command=f"python3 {folder}/script.py").data
    assert '"squares": [0, 1, 4, 9, 16]' in ran.output and ran.exit_code == 0

    plotted = names.run_in_kernel(code=PLOT.format(path=f"{folder}/sine.png")).data
    assert plotted.status == "ok", plotted
    assert any("saved 200" in (output.text or "") for output in plotted.outputs)
    picture = box.shell.exec_command(command=f"base64 -w0 {folder}/sine.png | head -c 12").data.output
    assert base64.b64decode(picture[:8] + "====").startswith(b"\x89PNG")

    seen = look(names.browser_info().data)
    box.file.write_file(file=f"{folder}/seen.png", content=base64.b64encode(seen).decode(), encoding="base64")
    found = box.file.find_files(path=folder, glob="*.py").data.files
    assert [path.rsplit("/", 1)[1] for path in found] == ["script.py"]

    report = f"# Report\n\n![sine](sine.png)\n\n![page](seen.png)\n\nScripts: {', '.join(found)}\n"
    box.file.write_file(file=f"{folder}/report.md", content=report)
    assert box.file.read_file(file=f"{folder}/report.md").data.content == report
    sizes = box.shell.exec_command(command=f"stat -c %s {folder}/seen.png {folder}/report.md").data.output.split()
    assert [int(size) for size in sizes] == [len(seen), len(report.encode())]


def look(info: Any) -> bytes:
    """A screenshot by Playwright in the sandbox's own browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(info.cdp_url)
        page = browser.contexts[0].new_page()
        try:
            page.goto(PAGE)
            assert page.title() == "Tutorial" and page.text_content("h1") == "naïve 漢字"
            picture = page.screenshot()
        finally:
            page.close()
    assert picture.startswith(b"\x89PNG")
    return picture
