"""Chromium as services/browser starts it: its sandbox, its profile, its settings, its end."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Callable, Iterator

import pytest

from launched import CHROMIUM, HEIGHT, WIDTH, Browser, Page, Screen
from sites import Doorbell, Site
from waiting import eventually

pytestmark = [pytest.mark.local, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


@pytest.fixture
def make_browser(screen: Screen) -> Iterator[Callable[..., Browser]]:
    """A browser with the given settings, not started yet."""
    browsers: list[Browser] = []

    def make(**settings: str) -> Browser:
        # Short: Chromium's sockets and locks lie below it.
        browsers.append(Browser(Path(tempfile.mkdtemp(prefix="sgb-")), screen.display, settings))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.discard()


@pytest.fixture
def launch(make_browser: Callable[..., Browser]) -> Callable[..., Browser]:
    return lambda **settings: make_browser(**settings).launch()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site("the site")
    yield site
    site.close()


@pytest.fixture
def proxy() -> Iterator[Site]:
    """An HTTP proxy: it is asked with absolute addresses and answers for everybody."""
    proxy = Site("the proxy")
    yield proxy
    proxy.close()


def loaded(browser: Browser) -> Page:
    """The first tab, once the homepage is in it and painted."""
    page = browser.page()
    home = json.dumps(browser.settings.get("HOMEPAGE", "about:blank"))
    arrived = f"location.href.startsWith({home}) && document.readyState === 'complete'"
    eventually(lambda: page.evaluate(arrived), "the first page is loaded")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    return page


# ---- process ----


def test_it_becomes_chromium_itself(launch: Callable[..., Browser]) -> None:
    browser = launch()
    assert browser.process and browser.chromium.pid == browser.process.pid
    assert browser.chromium.exe() == CHROMIUM


def test_it_has_its_own_sandbox(launch: Callable[..., Browser]) -> None:
    browser = launch()
    text = str(browser.open("chrome://sandbox").evaluate("document.body.innerText"))
    assert "Layer 1 Sandbox\tNamespace" in text and "You are adequately sandboxed." in text
    assert not {"--no-sandbox", "--test-type"} & set(browser.switches())


def test_what_it_writes_belongs_to_who_started_it(launch: Callable[..., Browser]) -> None:
    browser = launch()
    assert {path.lstat().st_uid for path in browser.profile.rglob("*")} == {os.geteuid()}


def test_without_user_namespaces_it_runs_all_the_same(
    make_browser: Callable[..., Browser], screen: Screen, site: Site
) -> None:
    browser = make_browser(HOMEPAGE=site.url).launch()
    sandboxed = still_picture(browser, screen)
    browser.stop()
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"'
    browser.launch("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", refuse)
    assert {"--no-sandbox", "--test-type"} <= set(browser.switches())
    assert "without its own sandbox" in browser.log()
    assert loaded(browser).evaluate("document.body.innerText") == "the site"
    assert still_picture(browser, screen) == sandboxed, "there is a bar or a bubble"


def test_nothing_outlives_its_parent(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser()
    start = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    browser.launch(sys.executable, "-c", start)
    assert browser.process and browser.chromium.pid != browser.process.pid
    assert len(browser.family()) > 4
    browser.process.kill()
    browser.process.wait()
    eventually(lambda: not browser.family(), "all of Chromium has ended", 5)


def test_it_ends_politely(launch: Callable[..., Browser]) -> None:
    browser = launch()
    assert browser.stop() == 0
    eventually(lambda: not browser.family(), "all of Chromium has ended", 3)


# ---- profile ----


def still_picture(browser: Browser, screen: Screen) -> bytes:
    """The screen once nothing on it changes any more."""
    seen: list[bytes] = [b""]

    def is_still() -> bool:
        seen.append(screen.picture())
        return len(seen[-1]) == WIDTH * HEIGHT * 4 and seen[-1] == seen[-2] and any(seen[-1])

    loaded(browser)
    eventually(is_still, "the screen is still", 15, every=0.4)
    return seen[-1]


def test_after_a_kill_it_shows_the_homepage_and_nothing_else(
    launch: Callable[..., Browser], screen: Screen, site: Site
) -> None:
    browser = launch(HOMEPAGE=site.url)
    first = still_picture(browser, screen)
    windows = screen.windows()
    browser.open(site.url + "/elsewhere")
    eventually(lambda: len(browser.tabs()) == 2, "two tabs are open")
    browser.kill()
    eventually(lambda: not browser.family(), "all of Chromium has ended", 3)
    browser.launch()
    assert browser.tabs() == [site.url + "/"]
    assert still_picture(browser, screen) == first, "there is a bar, a bubble or a tab more"
    assert screen.windows() == windows


def test_locks_of_the_dead_do_not_stop_it(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser()
    dead = Path(tempfile.mkdtemp(prefix="org.chromium.Chromium."))
    (dead / "SingletonSocket").write_text("")
    (dead / "SingletonCookie").symlink_to("1")
    browser.profile.mkdir(parents=True)
    (browser.profile / "SingletonLock").symlink_to("another-host-1")
    (browser.profile / "SingletonSocket").symlink_to(dead / "SingletonSocket")
    (browser.profile / "SingletonCookie").symlink_to("1")
    browser.launch()
    assert not dead.exists()


def test_there_is_only_one(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser().launch()
    assert browser.refused() == f"browser: another browser of the sandbox uses {browser.profile}"
    assert browser.tabs() == ["about:blank"]


def test_a_chromium_started_by_hand_is_left_alone(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser().launch()
    (browser.profile / "sandgate.lock").unlink()
    assert browser.refused() == f"browser: a Chromium started by hand uses {browser.profile}"
    assert browser.tabs() == ["about:blank"]


def test_what_else_is_in_the_profile_stays(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser()
    first = browser.profile / "Default"
    first.mkdir(parents=True)
    mine = {"bookmark_bar": {"show_on_all_tabs": True}, "session": {"restore_on_startup": 1}, "profile": {"name": "Ünï"}}
    (first / "Preferences").write_text(json.dumps(mine))
    browser.launch().stop()
    now = browser.preferences()
    assert now["bookmark_bar"]["show_on_all_tabs"] is True
    assert now["profile"]["name"] == "Ünï"
    assert now["session"]["restore_on_startup"] == 5


@pytest.mark.parametrize("name", ["Default/Preferences", "Local State"])
def test_a_damaged_file_is_moved_aside(make_browser: Callable[..., Browser], name: str) -> None:
    browser = make_browser()
    path = browser.profile / name
    path.parent.mkdir(parents=True)
    path.write_text('{"profile": {')
    browser.launch()
    assert path.with_name(path.name + ".damaged").read_text() == '{"profile": {'
    assert "was damaged" in browser.log()


def test_downloads_arrive_without_a_question(launch: Callable[..., Browser], site: Site) -> None:
    site.answers["/report"] = ({"Content-Disposition": "attachment; filename=report.txt"}, b"1,2,3")
    browser = launch(HOMEPAGE=site.url)
    loaded(browser).evaluate("location = '/report'")
    report = browser.home / "Downloads" / "report.txt"
    eventually(lambda: report.exists() and report.read_bytes() == b"1,2,3", "the file is there")
    assert browser.preferences()["download"]["prompt_for_download"] is False


# ---- settings ----


def test_the_window_fills_the_screen(launch: Callable[..., Browser]) -> None:
    page = launch().page()
    shape = "[screenX, screenY, outerWidth, outerHeight]"
    eventually(lambda: page.evaluate(shape) == [0, 0, WIDTH, HEIGHT], "the window fills the screen")


def test_without_a_homepage_the_first_page_is_empty(launch: Callable[..., Browser]) -> None:
    assert launch().tabs() == ["about:blank"]


def test_extra_arguments_are_taken_apart_like_a_shell_does(launch: Callable[..., Browser]) -> None:
    browser = launch(BROWSER_EXTRA_ARGS=r"""--one='a b' "--two=$HOME `x`" --three=\"q\" --disable-features=Mine""")
    switches = browser.switches()
    assert {"--one=a b", "--two=$HOME `x`", '--three="q"'} <= set(switches)
    features = [switch for switch in switches if switch.startswith("--disable-features=")]
    assert len(features) == 1 and "Translate" in features[0] and features[0].endswith(",Mine")


def test_pages_are_asked_for_in_the_language(launch: Callable[..., Browser], site: Site) -> None:
    page = loaded(launch(BROWSER_LANG="de-AT", HOMEPAGE=site.url))
    assert page.evaluate("navigator.languages") == ["de-AT", "de"]
    assert site.requests[0][1]["accept-language"] == "de-AT,de;q=0.9"


def test_english_is_the_language_by_default(launch: Callable[..., Browser], site: Site) -> None:
    browser = launch(HOMEPAGE=site.url)
    loaded(browser)
    assert site.requests[0][1]["accept-language"] == "en-US,en;q=0.9"
    assert browser.open("chrome://version").evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize(
    "settings, language",
    [
        ({"CHROME_UI_LANG": "zh-CN"}, "zh"),
        ({"CHROME_UI_LANG": "fr", "BROWSER_LANG": "de"}, "fr"),
        ({"BROWSER_LANG": "de"}, "de"),
    ],
)
def test_the_browser_itself_speaks_the_language(
    launch: Callable[..., Browser], settings: dict[str, str], language: str
) -> None:
    page = launch(**settings).open("chrome://version")
    assert page.evaluate("document.documentElement.lang") == language


def test_user_agent(launch: Callable[..., Browser], site: Site) -> None:
    agent = "Mozilla/5.0 (Test; \"quoted\") Nobody/1.0"
    browser = launch(BROWSER_USER_AGENT=agent, HOMEPAGE=site.url)
    assert loaded(browser).evaluate("navigator.userAgent") == agent
    assert site.requests[0][1]["user-agent"] == agent
    assert browser.get("/json/version")["User-Agent"] == agent


@pytest.mark.parametrize("kind", ["input", "picker"])
@pytest.mark.parametrize("allowed", ["", "true", "false"])
def test_file_dialogs(launch: Callable[..., Browser], screen: Screen, site: Site, kind: str, allowed: str) -> None:
    html = {
        "input": "<input type=file style='width:300px;height:300px'>",
        "picker": "<button style='width:300px;height:300px' onclick='showOpenFilePicker().then("
        'f => document.title = "opened", e => document.title = "refused")\'>open</button>',
    }[kind]
    site.answers["/"] = ({"Content-Type": "text/html"}, html.encode())
    browser = launch(HOMEPAGE=site.url, BROWSER_ALLOW_FILE_SELECTION_DIALOGS=allowed)
    page = loaded(browser)
    before = screen.windows()
    page.click(50, 50)
    if allowed == "false":
        # The click has arrived and been answered, and there is still no dialog.
        assert page.evaluate("new Promise(done => setTimeout(() => done(1), 1500))") == 1
        assert screen.windows() == before
    else:
        eventually(lambda: screen.windows() != before, "a dialog is on the screen")


def test_a_setting_that_is_gone_has_no_effect_any_more(make_browser: Callable[..., Browser]) -> None:
    browser = make_browser(
        BROWSER_ALLOW_FILE_SELECTION_DIALOGS="false", DNS_OVER_HTTPS_TEMPLATES="https://dns.test/q{?dns}"
    ).launch()
    browser.stop()
    state = json.loads((browser.profile / "Local State").read_text())
    assert state["select_file_dialogs"]["allowed"] is False
    assert state["dns_over_https"] == {"mode": "secure", "templates": "https://dns.test/q{?dns}"}
    browser.settings = {}
    browser.launch().stop()
    state = json.loads((browser.profile / "Local State").read_text())
    assert state.get("select_file_dialogs", {}).get("allowed", True) is True
    assert state.get("dns_over_https", {}).get("mode") != "secure"


def hosts_to(site: Site) -> str:
    """All names lead to the site, so that who is asked directly can be told from who is asked by proxy."""
    return f"--host-resolver-rules='MAP *.test:80 127.0.0.1:{site.port}'"


def who_answers(page: Page, host: str) -> object:
    assert page.go(f"http://{host}/") is None
    return page.evaluate("document.body.innerText")


def test_proxy(launch: Callable[..., Browser], site: Site, proxy: Site) -> None:
    browser = launch(
        PROXY_SERVER=f"127.0.0.1:{proxy.port}",
        PROXY_EXCLUDE="exact.test, .below.test,10.0.0.0/8",
        BROWSER_EXTRA_ARGS=hosts_to(site),
    )
    page = browser.page()
    for host in ("www.test", "not-exact.test", "xbelow.test"):
        assert who_answers(page, host) == "the proxy"
    for host in ("exact.test", "below.test", "deep.in.below.test", f"127.0.0.1:{site.port}"):
        assert who_answers(page, host) == "the site"


def test_proxy_for_the_included_only(launch: Callable[..., Browser], site: Site, proxy: Site) -> None:
    browser = launch(
        PROXY_SERVER=f"http://127.0.0.1:{proxy.port}/",
        PROXY_INCLUDE=".wanted.test;one?.test",
        PROXY_EXCLUDE="not.wanted.test",
        BROWSER_EXTRA_ARGS=hosts_to(site),
    )
    page = browser.page()
    for host in ("wanted.test", "www.wanted.test", "one1.test", "ONE2.test"):
        assert who_answers(page, host) == "the proxy"
    for host in ("unwanted.test", "not.wanted.test", "one12.test", f"127.0.0.1:{site.port}"):
        assert who_answers(page, host) == "the site"


@pytest.fixture
def doorbell() -> Iterator[Doorbell]:
    doorbell = Doorbell()
    yield doorbell
    doorbell.close()


def test_names_are_asked_over_https(launch: Callable[..., Browser], doorbell: Doorbell) -> None:
    # In the quotes that a compose file's default leaves around it.
    browser = launch(DNS_OVER_HTTPS_TEMPLATES=f'"https://127.0.0.1:{doorbell.port}/dns-query{{?dns}}"')
    reason = browser.page().go("http://name.test/")
    assert doorbell.visits and doorbell.visits[0][:2] == b"\x16\x03", "a TLS handshake"
    # The resolver hangs up: the machine's own is not asked instead.
    assert reason == "net::ERR_NAME_NOT_RESOLVED"


BAD_SETTINGS = [
    ("SERVICE_PORT", "0"),
    ("SERVICE_PORT", "65536"),
    ("SERVICE_PORT", ""),
    ("DISPLAY", ""),
    ("HOME", "relative"),
    ("DISPLAY_WIDTH", "12px"),
    ("DISPLAY_HEIGHT", "99999999999999999999"),
    ("HOMEPAGE", "--no-sandbox"),
    ("HOMEPAGE", "https://a.test/ https://b.test/"),
    ("HOMEPAGE", "https://a.test/\nx"),
    ("BROWSER_LANG", "en-US;--x"),
    ("BROWSER_LANG", ","),
    ("CHROME_UI_LANG", "../../x"),
    ("CHROME_UI_LANG", "de,fr"),
    ("BROWSER_USER_AGENT", "a\nb"),
    ("BROWSER_ALLOW_FILE_SELECTION_DIALOGS", "perhaps"),
    ("PROXY_SERVER", "ftp://proxy.test"),
    ("PROXY_SERVER", "http://user:secret@proxy.test"),
    ("PROXY_SERVER", "proxy.test:0"),
    ("PROXY_SERVER", "proxy.test:80/path"),
    ("PROXY_EXCLUDE", "a.test,b';alert(1)"),
    ("PROXY_INCLUDE", "10.0.0.0/33"),
    ("DNS_OVER_HTTPS_TEMPLATES", "http://dns.test/"),
    ("DNS_OVER_HTTPS_TEMPLATES", "https://"),
    ("BROWSER_EXTRA_ARGS", "--a='open"),
    ("BROWSER_EXTRA_ARGS", "--user-data-dir=/x"),
    ("BROWSER_EXTRA_ARGS", "-remote-debugging-port=1"),
]


@pytest.mark.parametrize("name, value", BAD_SETTINGS)
def test_a_bad_setting_is_named(make_browser: Callable[..., Browser], name: str, value: str) -> None:
    line = make_browser(**{"PROXY_SERVER": "proxy.test", name: value}).refused()
    assert line.startswith(f"browser: {name}: ")
    assert "secret" not in line
