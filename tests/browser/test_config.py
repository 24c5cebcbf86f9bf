"""The browser's settings: at run time by /v1/browser/config and /restart, at start by the environment."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from desk import Desk
from expect import assert_invalid
from site_pages import DOWNLOAD
from waiting import Stopwatch, eventually


@pytest.fixture
def resolution(desk):
    """Sets the screen's size; afterwards it is as before."""
    width, height = desk.size

    def change(width: int, height: int):
        return desk.api.post("/v1/browser/config", {"resolution": {"width": width, "height": height}})

    yield change
    assert change(width, height).success
    assert desk.size == (width, height)


@pytest.mark.parametrize("size", [(1024, 768), (1600, 900), (801, 601)])
def test_resolution_reaches_screen_page_and_viewport(desk, board, resolution, size):
    assert resolution(*size).success
    assert desk.size == size
    assert desk.screenshot().size == size
    board.tab.wait_for(f"screen.width === {size[0]} && screen.height === {size[1]}")
    board.tab.wait_for(f"innerWidth === {size[0]} && outerHeight === {size[1]}")
    desk.act("CLICK", **board.at("button"))
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")
    desk.refuse("x", "MOVE_TO", x=size[0], y=0)


def test_resolution_back_and_forth(desk, resolution):
    with Stopwatch() as watch:
        for size in ((800, 600), (1280, 720), (800, 600), (1280, 720)):
            assert resolution(*size).success
            assert desk.screenshot().size == size, "the answer comes when the screen has that size"
    watch.assert_below(8)


def test_the_same_resolution_again(desk, resolution):
    size = desk.size
    assert resolution(*size).success and resolution(*size).success
    assert desk.size == size


def test_nothing_to_change(desk):
    size = desk.size
    for body in ({}, {"resolution": None}):
        assert desk.api.post("/v1/browser/config", body).success
    assert desk.size == size


@pytest.mark.parametrize(
    "field, value",
    [
        ("width", {"width": 0, "height": 600}),
        ("width", {"width": -800, "height": 600}),
        ("height", {"width": 800, "height": 10}),
        ("width", {"width": 100000, "height": 600}),
        ("height", {"width": 800, "height": 10**12}),
        ("height", {"width": 800}),
        ("width", {"height": 800}),
        ("width", {"width": "800", "height": 600}),
        ("width", {"width": 800.5, "height": 600}),
        ("width", {"width": None, "height": 600}),
        ("resolution", "800x600"),
        ("resolution", [800, 600]),
    ],
)
def test_resolutions_not_allowed(desk, field, value):
    size = desk.size
    assert_invalid(desk.api.post("/v1/browser/config", {"resolution": value}), field)
    assert desk.size == size


def test_restart_keeps_the_profile(desk, site):
    tab = desk.tab()
    tab.open(f"{site}/plain")
    tab.evaluate("localStorage.setItem('kept', 'naïve 漢字')")
    tab.evaluate("document.cookie = 'biscuit=1; max-age=3600'")
    before, desktop = desk.service("browser"), desk.service("desktop")
    answer = desk.api.post("/v1/browser/restart")
    assert answer.status == 200 and answer.success, answer
    after = desk.service("browser")
    assert after["state"] == "ready" and after["pid"] != before["pid"]
    assert desk.service("desktop")["pid"] == desktop["pid"], "the desktop stays"
    tab = desk.tab()
    tab.open(f"{site}/plain")
    assert tab.evaluate("localStorage.getItem('kept')") == "naïve 漢字"
    assert "biscuit=1" in tab.evaluate("document.cookie")
    tab.close()
    desk.close_page(tab.target)


@pytest.mark.parametrize("body", [{}, {"mode": "soft"}, {"mode": "hard"}], ids=str)
def test_restart_modes(desk, body):
    with Stopwatch() as watch:
        answer = desk.api.post("/v1/browser/restart", body)
    assert answer.status == 200 and answer.success, answer
    watch.assert_below(15)
    assert desk.info["user_agent"] and desk.pages()


@pytest.mark.parametrize(
    "field, value",
    [("mode", "gently"), ("mode", 5), ("locale", 5), ("url_blocklist", "x"), ("allow_file_selection_dialogs", "no")],
)
def test_restarts_that_are_none(desk, field, value):
    before = desk.service("browser")["pid"]
    assert_invalid(desk.api.post("/v1/browser/restart", {field: value}), field)
    assert desk.service("browser")["pid"] == before


def test_restart_with_a_locale(desk):
    assert desk.api.post("/v1/browser/restart", {"locale": "fr-FR"}).success
    tab = desk.tab()
    assert tab.evaluate("navigator.language") == "fr-FR"
    tab.close()
    assert desk.api.post("/v1/browser/restart", {"locale": "en-US"}).success
    tab = desk.tab()
    assert tab.evaluate("navigator.language") == "en-US"
    tab.close()
    desk.close_page(tab.target)


def test_restart_with_addresses_that_are_refused(desk, site):
    host = site.split("//")[1].split(":")[0]
    assert desk.api.post("/v1/browser/restart", {"url_blocklist": [host]}).success
    tab = desk.tab()
    assert tab.call("Page.navigate", url=f"{site}/plain")["errorText"] == "net::ERR_BLOCKED_BY_ADMINISTRATOR"
    assert desk.api.post("/v1/browser/restart", {"url_allowlist": [f"{host}/plain"]}).success, "the blocklist stays"
    tab = desk.tab()
    assert "errorText" not in tab.call("Page.navigate", url=f"{site}/plain")
    assert desk.api.post("/v1/browser/restart", {"url_blocklist": [], "url_allowlist": []}).success
    tab = desk.tab()
    assert "errorText" not in tab.call("Page.navigate", url=f"{site}/plain")
    desk.close_page(tab.target)


def test_restarts_at_once_all_succeed(desk):
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: desk.api.post("/v1/browser/restart"), range(3)))
    assert all(answer.status == 200 and answer.success for answer in answers), answers
    assert desk.info["user_agent"]


def test_downloads_land_in_downloads(desk, board, site, api):
    """Without asking where to, and without CDP telling."""
    home = api.get("/v1/sandbox").body["home_dir"]
    api.bash.exec(f"rm -rf {home}/Downloads/report*.bin")
    board.tab.evaluate(
        f"(url) => {{ const a = document.getElementById('button'); a.onclick = () => location.assign(url); }}",
        f"{site}/download",
    )
    desk.act("CLICK", **board.at("button"))
    path = f"{home}/Downloads/report.bin"
    eventually(lambda: api.file.call("read", file=path).success, f"{path} is there", 10, 0.05)
    assert api.file.download(path).content == DOWNLOAD
    listing = api.file.ok("list", path=f"{home}/Downloads")
    assert not [f["name"] for f in listing["files"] if f["name"].endswith(".crdownload")]


def test_proxy_pac_without_a_proxy(api):
    answer = api.get("/v1/browser/proxy.pac")
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("application/x-ns-proxy-autoconfig")
    assert "FindProxyForURL" in answer.content.decode() and "DIRECT" in answer.content.decode()


SETTINGS = {
    "DISPLAY_WIDTH": "1100",
    "DISPLAY_HEIGHT": "700",
    "BROWSER_USER_AGENT": 'Mozilla/5.0 (Own; "quoted") Agent/1.0',
    "BROWSER_LANG": "de-DE",
    "CHROME_UI_LANG": "cs",
    "BROWSER_EXTRA_ARGS": "--force-prefers-reduced-motion --host-resolver-rules=\"MAP board.test 127.0.0.1\"",
    "PROXY_EXCLUDE": "direct.test,*.inside.test",
}


@pytest.fixture(scope="module")
def own(start_module_desktop, site):
    """A gateway with every setting set, and its site as the proxy."""
    env = {**SETTINGS, "HOMEPAGE": f"{site}/plain?title=homepage", "PROXY_SERVER": site}
    return Desk(start_module_desktop(env=env).api)


@pytest.fixture
def own_tab(own):
    tab = own.tab()
    yield tab
    tab.close()
    own.close_page(tab.target)


@pytest.mark.local
class TestSettings:
    def test_display_size(self, own):
        assert own.size == (1100, 700) and own.screenshot().size == (1100, 700)

    def test_homepage(self, own):
        titles = eventually(lambda: [p["title"] for p in own.pages() if p["title"] == "homepage"], "the homepage")
        assert len(titles) == 1

    def test_user_agent(self, own, own_tab, site):
        assert own.info["user_agent"] == SETTINGS["BROWSER_USER_AGENT"]
        assert own_tab.evaluate("navigator.userAgent") == SETTINGS["BROWSER_USER_AGENT"]
        assert self.told(own_tab, site)["headers"]["user-agent"] == SETTINGS["BROWSER_USER_AGENT"]

    def told(self, tab, site: str, path: str = "/headers") -> dict:
        tab.open(f"{site}{path}")
        return json.loads(tab.evaluate("document.body.innerText"))

    def test_language(self, own, own_tab, site):
        assert own_tab.evaluate("navigator.language") == "de-DE"
        assert self.told(own_tab, site)["headers"]["accept-language"].startswith("de-DE")

    def test_extra_arguments_with_quotes(self, own, own_tab):
        assert own_tab.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches") is True

    def test_proxy_is_used(self, own, own_tab):
        """The address does not exist; only the proxy can have answered."""
        assert self.told(own_tab, "http://outside.test")["target"] == "http://outside.test/headers"

    @pytest.mark.parametrize("host", ["direct.test", "a.inside.test"])
    def test_excluded_hosts_go_direct(self, own, own_tab, host):
        answer = own_tab.call("Page.navigate", url=f"http://{host}/headers")
        assert "ERR_NAME_NOT_RESOLVED" in answer.get("errorText", ""), answer

    def test_loopback_goes_direct(self, own, own_tab, site):
        assert self.told(own_tab, site)["target"] == "/headers"

    def test_proxy_pac_says_the_same(self, own, own_tab, site):
        pac = own.api.get("/v1/browser/proxy.pac").content.decode()
        helpers = """
          const isPlainHostName = (h) => !h.includes('.');
          const dnsDomainIs = (h, d) => h.endsWith(d);
          const localHostOrDomainIs = (h, d) => h === d || (!h.includes('.') && d.startsWith(h + '.'));
          const shExpMatch = (s, p) => new RegExp('^' + p.replace(/[.+^${}()|[\\]\\\\]/g, '\\\\$&')
            .replace(/\\*/g, '.*').replace(/\\?/g, '.') + '$').test(s);
          const isInNet = (h, n, m) => { const v = (a) => a.split('.').reduce((s, x) => s * 256 + +x, 0);
            return /^[\\d.]+$/.test(h) && (v(h) & v(m)) === (v(n) & v(m)); };
          const isResolvable = () => false; const dnsResolve = (h) => /^[\\d.]+$/.test(h) ? h : null;
        """
        proxy = site.removeprefix("http://")
        for host, expected in (
            ("outside.test", f"PROXY {proxy}"),
            ("direct.test", "DIRECT"),
            ("a.inside.test", "DIRECT"),
            ("localhost", "DIRECT"),
            ("127.0.0.1", "DIRECT"),
        ):
            script = f"(() => {{ {helpers} {pac}; return FindProxyForURL('http://{host}/', '{host}'); }})()"
            found = own_tab.evaluate(script)
            assert found.split(";")[0].strip() == expected, f"{host}: {found}"

    def test_no_first_run_page_and_no_bar(self, own, own_tab, site):
        """The page fills the window below the toolbar: no yellow bar, no bubble; and one window of one tab."""
        own_tab.open(f"{site}/plain?colour=rgb(9,99,199)")
        left, top, width, height = own_tab.evaluate(
            "[screenX, screenY + outerHeight - innerHeight, innerWidth, innerHeight]"
        )
        assert (left, width, top + height) == (0, 1100, 700) and top < 110, (left, top, width, height)
        box = (left, top, left + width, top + height)
        eventually(
            lambda: own.screenshot().crop(box).getcolors(maxcolors=4096) == [(width * height, (9, 99, 199))],
            "nothing but the page in the window",
            every=0.1,
        )

    def test_children_do_not_see_the_settings_of_the_gateway(self, own):
        assert "SANDBOX_API_KEY" not in os.popen(f"tr '\\0' '\\n' < /proc/{own.service('browser')['pid']}/environ").read()
