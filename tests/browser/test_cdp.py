"""Chromium by its DevTools protocol over the one port: Playwright, Puppeteer, plain HTTP; and behind nginx."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import expect
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from devtools import Tab
from frontdoor import FrontDoor
from site_pages import QUADRANTS
from waiting import allow, eventually

HERE = Path(__file__).resolve().parent


def headers_of(gateway) -> dict[str, str]:
    return {"X-AIO-API-Key": gateway.key} if gateway.key else {}


@pytest.fixture
def over_cdp(playwright, gateway):
    """Connects Playwright; the connection is ended afterwards, the browser is not."""
    browsers = []

    def connect_to(address: str):
        browser = playwright.chromium.connect_over_cdp(address, headers=headers_of(gateway), timeout=allow(15) * 1000)
        browsers.append(browser)
        return browser

    yield connect_to
    for browser in browsers:
        browser.close()


def photograph_the_colours(browser, site: str) -> None:
    page = browser.contexts[0].new_page()
    try:
        page.goto(f"{site}/colours")
        assert page.title() == "colours"
        image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        width, height = image.size
        assert image.getpixel((width // 4, height // 4)) == QUADRANTS["top-left"]
        assert image.getpixel((width * 3 // 4, height * 3 // 4)) == QUADRANTS["bottom-right"]
    finally:
        page.close()


def test_playwright_by_cdp_url(desk, over_cdp, site):
    photograph_the_colours(over_cdp(desk.info["cdp_url"]), site)


@pytest.mark.parametrize("path", ["", "/", "/cdp", "/cdp/"])
def test_playwright_by_http_address(gateway, over_cdp, site, path):
    photograph_the_colours(over_cdp(gateway.url + path), site)


def test_playwright_sees_what_the_screen_shows(desk, over_cdp, site):
    """It drives the very browser a person watches."""
    page = over_cdp(desk.info["cdp_url"]).contexts[0].new_page()
    page.goto(f"{site}/plain?colour=rgb(3,141,59)")
    page.bring_to_front()
    eventually(lambda: desk.pixel(*[v // 2 for v in desk.size]) == (3, 141, 59), "the page on the screen", every=0.05)
    page.close()


def test_playwright_leaves_and_the_browser_stays(desk, playwright, gateway):
    before = desk.service("browser")["pid"]
    browser = playwright.chromium.connect_over_cdp(desk.info["cdp_url"], headers=headers_of(gateway))
    browser.close()
    assert desk.service("browser")["pid"] == before and desk.service("browser")["state"] == "ready"


def test_two_drivers_at_once(desk, over_cdp, site):
    first, second = (over_cdp(desk.info["cdp_url"]).contexts[0].new_page() for _ in range(2))
    first.goto(f"{site}/plain?title=first")
    second.goto(f"{site}/plain?title=second")
    assert (first.title(), second.title()) == ("first", "second")
    first.close()
    second.close()


def test_large_answers_pass(tab, site):
    tab.open(f"{site}/plain")
    assert len(tab.evaluate("'x'.repeat(20 << 20)", deadline=20)) == 20 << 20


def test_large_questions_pass(tab, site):
    text = "y" * (5 << 20)
    assert tab.evaluate("(text) => text.length", text) == len(text)


@pytest.mark.local
@pytest.mark.parametrize("way", ["browserWSEndpoint", "browserURL"])
def test_puppeteer(desk, gateway, site, way):
    how = {way: desk.info["cdp_url"] if way == "browserWSEndpoint" else gateway.url, "headers": headers_of(gateway)}
    seen = run_puppeteer(how, f"{site}/board")
    assert (seen["title"], seen["text"], seen["signature"]) == ("board", "clicked 1", "PNG")
    assert seen["agent"] == desk.info["user_agent"]


def run_puppeteer(how: dict, page: str, **env: str) -> dict:
    assert (HERE / "node_modules" / "puppeteer-core").is_dir(), "npm ci --prefix tests/browser; tests/run.sh does it"
    command = ["node", str(HERE / "puppeteer.mjs"), json.dumps(how), page]
    done = subprocess.run(command, capture_output=True, text=True, timeout=allow(20), env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# The addresses Chromium tells are rewritten to what the client used.


@pytest.mark.parametrize("prefix", ["", "/cdp"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_version(api, desk, prefix, slash):
    answer = api.get(f"{prefix}/json/version{slash}")
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    place = re.escape(urlsplit(api.url).netloc)
    assert re.fullmatch(
        rf"ws://{place}{prefix}/devtools/browser/[0-9a-f-]{{36}}", answer.body["webSocketDebuggerUrl"]
    ), answer
    assert answer.body["User-Agent"] == desk.info["user_agent"] and answer.body["Browser"].startswith("Chrome/")
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("prefix", ["", "/cdp"])
@pytest.mark.parametrize("name", ["list", "", "list/"])
def test_list(api, tab, prefix, name):
    answer = api.get(f"{prefix}/json/{name}" if name else f"{prefix}/json")
    found = next(target for target in answer.body if target["id"] == tab.target)
    assert found["webSocketDebuggerUrl"] == f"ws://{urlsplit(api.url).netloc}{prefix}/devtools/page/{tab.target}"
    other = Tab(found["webSocketDebuggerUrl"], api.key)
    assert other.evaluate("6 * 7") == 42
    other.close()
    frontend = found.get("devtoolsFrontendUrl", "")
    assert not re.search(r"ws=(?:127\.0\.0\.1|localhost):(?!%d/)" % urlsplit(api.url).port, frontend), frontend


def test_a_page_that_names_an_address_keeps_it(api, tab, site):
    """Rewriting touches the addresses Chromium tells, not the words of a page."""
    title = "ws://127.0.0.1:9222/devtools/page/X"
    tab.open(f"{site}/plain?title={title}")
    found = eventually(
        lambda: next((t for t in api.get("/json/list").body if t["id"] == tab.target and t["title"] == title), None),
        "the title is told",
    )
    assert found["title"] == title


def test_protocol_and_other_questions(api):
    assert api.get("/json/protocol").body["domains"]
    assert api.get("/json/nothing").status == 404
    assert api.get("/cdp/json/nothing").status == 404


def test_new_activate_close(api, site):
    answer = api.request("PUT", f"/json/new?{site}/plain?title=made")
    assert answer.status == 200, answer
    target = answer.body["id"]
    assert answer.body["webSocketDebuggerUrl"].startswith(f"ws://{urlsplit(api.url).netloc}/devtools/page/")
    assert api.get(f"/json/activate/{target}").status == 200
    assert api.get(f"/json/close/{target}").status == 200
    eventually(lambda: target not in [t["id"] for t in api.get("/json/list").body], "it is closed")


@pytest.mark.parametrize(
    "path",
    [
        "/devtools/browser/00000000-0000-0000-0000-000000000000",
        "/cdp/devtools/page/NOTHING",
        "/devtools/../json/list",
        "/cdp/devtools/",
    ],
)
def test_addresses_of_nothing_are_refused(gateway, path):
    address = gateway.url.replace("http", "ws", 1) + path
    with pytest.raises((WebSocketException, OSError, TimeoutError)):
        connect(address, additional_headers=headers_of(gateway), proxy=None, open_timeout=allow(5), legacy=True).close()


def test_a_foreign_page_cannot_connect(gateway, desk):
    """A page of another origin in a visitor's browser may open WebSockets anywhere; not here."""
    with pytest.raises(WebSocketException):
        connect(desk.info["cdp_url"], origin="https://evil.example", proxy=None, open_timeout=allow(5), legacy=True).close()


@pytest.mark.local
def test_the_port_of_chromium_is_loopback_only(desk, gateway):
    """Whoever reaches it needs no key, so nobody outside may."""
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    pid = desk.service("browser")["pid"]
    family = {str(p.pid) for p in gateway.descendants()}
    mine = [line for line in listening.splitlines() if any(f"pid={p}," in line for p in family)]
    assert any(f"pid={pid}," in line for line in mine) or mine
    assert all(re.search(r"\s127\.0\.0\.1:\d+\s|\s\[::1\]:\d+\s", line) for line in mine), mine


# Behind nginx, below a path, with TLS.


@pytest.fixture(scope="module")
def door(gateway, certificate, tmp_path_factory):
    with FrontDoor(gateway.url, certificate, tmp_path_factory.mktemp("nginx")) as door:
        yield door


@pytest.fixture
def outside(door, certificate, gateway):
    with httpx.Client(verify=certificate.context(), trust_env=False, headers=headers_of(gateway)) as client:
        yield client


@pytest.mark.local
class TestBehindNginx:
    def test_addresses(self, door, outside):
        info = outside.get(f"{door.url}/v1/browser/info").json()["data"]
        assert info["cdp_url"].startswith(f"{door.url.replace('https', 'wss', 1)}/cdp/devtools/browser/")
        assert info["vnc_url"] == f"{door.url}/vnc/index.html?autoconnect=true"
        for prefix in ("", "/cdp"):
            version = outside.get(f"{door.url}{prefix}/json/version").json()
            told = version["webSocketDebuggerUrl"]
            assert told.startswith(f"{door.url.replace('https', 'wss', 1)}{prefix}/devtools/browser/")

    def test_playwright_by_cdp_url(self, door, outside, over_cdp, site):
        info = outside.get(f"{door.url}/v1/browser/info").json()["data"]
        photograph_the_colours(over_cdp(info["cdp_url"]), site)

    @pytest.mark.parametrize("path", ["", "/cdp"])
    def test_playwright_by_https_address(self, door, over_cdp, site, path):
        photograph_the_colours(over_cdp(door.url + path), site)

    def test_puppeteer(self, door, outside, certificate, gateway, site):
        endpoint = outside.get(f"{door.url}/cdp/json/version").json()["webSocketDebuggerUrl"]
        how = {"browserWSEndpoint": endpoint, "headers": headers_of(gateway)}
        assert run_puppeteer(how, f"{site}/board", NODE_EXTRA_CA_CERTS=str(certificate.path))["text"] == "clicked 1"

    def test_the_vnc_page_shows_the_screen(self, door, outside, desk, tab, site, viewer_browser):
        tab.open(f"{site}/colours")
        tab.call("Page.bringToFront")
        width, height = desk.size
        viewport = {"width": width + 40, "height": height + 120}
        context = viewer_browser.new_context(ignore_https_errors=True, viewport=viewport)
        try:
            page = context.new_page()
            page.goto(outside.get(f"{door.url}/v1/browser/info").json()["data"]["vnc_url"])
            canvas = page.locator("canvas").first
            expect(canvas).to_be_visible(timeout=allow(10) * 1000)
            eventually(lambda: same_picture(canvas, desk), "the page shows the screen", 10, 0.2)
        finally:
            context.close()


def same_picture(canvas, desk) -> bool:
    """What noVNC has drawn, pixel by pixel, against the screen; lossy encodings may blur a little."""
    data = canvas.evaluate("(canvas) => canvas.toDataURL('image/png').split(',')[1]")
    shown = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    screen = desk.screenshot()
    if shown.size != screen.size:
        return False
    difference = ImageStat.Stat(ImageChops.difference(shown, screen))
    return max(difference.mean) < 2
