"""The dashboard in real Chromium: the tour of its tabs, its weight, its key, its prefix, its keys."""

from __future__ import annotations

import gzip
import re

import pytest
from playwright.sync_api import expect

from dashboard import TABS, Dashboard
from relay import Relay
from waiting import allow, eventually

KEY = "a key & a half"
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SIZES = {"wide": WIDE, "phone": PHONE}


@pytest.fixture
def board(gateway, new_context) -> Dashboard:
    return Dashboard(new_context(**WIDE).new_page(), gateway.url)


def framed_tab_tells_the_truth(board: Dashboard, api, tab: str) -> None:
    """The service's own page once it is ready, and until then, or where it cannot run, the service's own words."""
    pane = board.tab(tab)

    def consistent() -> bool:
        answer = api.get(f"/v1/services/{tab}")
        if answer.status == 404:
            return "is not part of this installation" in pane.inner_text()
        if answer.data["state"] == "ready":
            return pane.locator("iframe").count() == 1
        return answer.data["state"] == "failed" and answer.data["reason"] in pane.inner_text()

    eventually(consistent, f"the {tab} tab shows what {tab} is", 60, every=0.2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_tour(whole, new_context, size: str, scheme: str) -> None:
    """Every tab of a whole installation, with pictures for people to look at."""
    server = whole
    board = Dashboard(new_context(color_scheme=scheme, **SIZES[size]).new_page(), server.url)
    home = server.api.get("/v1/sandbox/resources").data["disk"]["path"]
    text = "def hello():\n    print('naïve 漢字')\n\n\nhello()\n"
    server.api.post_ok("/v1/file/write", {"file": f"{home}/src/hello.py", "content": text})
    tab_address = {"code": "code-server/", "jupyter": "jupyter/", "browser": "vnc/"}
    drawn = {"code": ".monaco-workbench .part.editor", "jupyter": ".jp-LabShell, #notebook_list", "browser": "html[data-state=connected]"}
    picture = lambda name: board.shot(f"{size}-{scheme}-{name}")  # noqa: E731
    board.open()
    expect(board.page.locator("#tile-services")).to_contain_text("running")
    expect(board.page.locator("[data-gauge=cpu] > span")).to_contain_text("%")
    picture("home")
    for tab in ("code", "jupyter", "browser"):
        framed_tab_tells_the_truth(board, server.api, tab)
        if board.pane(tab).locator("iframe").count():
            expect(board.frame(tab_address[tab]).locator(drawn[tab]).first).to_be_visible(timeout=allow(60) * 1000)
        picture(tab)
    board.tab("terminal")
    frame = board.frame("/terminal?")
    expect(frame.locator("body")).to_have_attribute("data-link", "connected")
    expect(frame.locator("#docs")).to_be_hidden()
    picture("terminal")
    board.tab("files")
    expect(board.row("src")).to_be_visible()
    picture("files")
    board.row("src").click()
    board.row("hello.py").click()
    expect(board.editor).to_have_value(re.compile("naïve 漢字"))
    picture("editor")
    board.tab("services")
    board.service_is("browser", "ready")
    picture("services")
    board.service("browser").get_by_role("button", name="Log").click()
    expect(board.page.locator(".log pre")).not_to_be_empty()
    picture("log")
    board.page.click("#menu")
    picture("menu")
    assert board.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"


# ---- what it costs ----


def test_it_is_light_and_opens_nothing_by_itself(board, gateway) -> None:
    sessions = lambda: set(gateway.api.get_ok("/v1/shell/sessions")["sessions"])  # noqa: E731
    loaded, before = [], sessions()
    weights: list[int] = []

    def weigh(response) -> None:
        loaded.append(response.url.removeprefix(gateway.url))
        body = response.body()
        weights.append(min(len(body), len(gzip.compress(body))))

    board.page.on("response", weigh)
    board.open()
    expect(board.page.locator("[data-gauge=disk] > span")).to_contain_text("free")
    assert sum(weights) < 40 << 10, (sum(weights), loaded)
    assert not [path for path in loaded if re.search("terminal|vnc|code-server|jupyter|pane|file|shell/", path)], loaded
    assert all(service["reason"] == "not used yet" for service in gateway.api.get_ok("/v1/services"))
    assert sessions() <= before


def test_a_tab_is_fetched_when_it_is_opened(board) -> None:
    asked: list[str] = []
    board.open()
    expect(board.page.locator("[data-gauge=disk] > span")).to_contain_text("free")
    board.page.on("request", lambda request: asked.append(request.url))
    board.tab("services")
    expect(board.pane("services")).to_contain_text("no services")
    assert [url for url in asked if re.search(r"/static/services-\w+\.js$", url)]
    assert not [url for url in asked if re.search(r"/static/(pane|frame|terminals)-", url)]


def test_first_paint(board) -> None:
    board.open()
    board.page.reload()  # the first visit also pays for the browser's own start
    paint = board.page.evaluate(
        """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()[0].startTime))
           .observe({ type: 'paint', buffered: true }))"""
    )
    assert paint <= allow(300), f"first paint after {paint:.0f} ms"


# ---- addresses ----


def test_the_open_tab_is_in_the_address(board) -> None:
    board.open("#services")
    expect(board.pane("services")).to_contain_text("no services")
    board.tab("files")
    board.page.wait_for_url(re.compile("#files/"))
    board.page.reload()
    expect(board.page.locator("#tab-files")).to_have_attribute("aria-selected", "true")
    board.page.go_back()
    expect(board.page.locator("#tab-services")).to_have_attribute("aria-selected", "true")
    board.page.click("#brand")
    expect(board.page.locator("#pane-home")).to_be_visible()
    assert board.page.title() == "Sandgate"


def test_it_works_below_a_prefix(gateway, new_context) -> None:
    with Relay(gateway.url, prefix="/team/box-7") as relay:
        board = Dashboard(new_context(**WIDE).new_page(), relay.url)
        asked: list[str] = []
        board.page.on("request", lambda request: asked.append(request.url))
        board.open()
        expect(board.page.locator("#address")).to_have_text(f"{relay.url}/")
        expect(board.page.locator("[data-gauge=disk] > span")).to_contain_text("free")
        board.tab("terminal")
        expect(board.frame("/terminal?").locator("body")).to_have_attribute("data-link", "connected")
        board.tab("files")
        board.page.get_by_role("button", name="New folder").click()
        board.type_name("below-a-prefix")
        expect(board.row("below-a-prefix")).to_be_visible()
        board.tab("code")
        expect(board.pane("code")).to_contain_text("not part of this installation")
        assert all(url.startswith((relay.url, "data:", "blob:")) for url in asked), asked


# ---- the key ----


@pytest.fixture
def locked(start_gateway):
    return start_gateway(key=KEY)


def test_the_key_is_asked_for_once(locked, new_context) -> None:
    board = Dashboard(new_context(**WIDE).new_page(), locked.url).open()
    board.page.locator("input[type=password]").fill(KEY)
    board.page.keyboard.press("Enter")
    expect(board.page.locator("[data-gauge=disk] > span")).to_contain_text("free")
    assert "api_key" not in board.page.url
    board.tab("terminal")
    expect(board.frame("/terminal?").locator("body")).to_have_attribute("data-link", "connected")
    board.tab("files")
    expect(board.pane("files")).to_contain_text("empty")
    expect(board.dialog).to_have_count(0)


def test_a_key_that_is_lost_is_asked_for_once_and_all_goes_on(locked, new_context) -> None:
    """The gateway was restarted, say: its cookie is worth nothing any more."""
    context = new_context(**WIDE)
    board = Dashboard(context.new_page(), locked.url).open(f"?api_key={KEY.replace('&', '%26').replace(' ', '%20')}#files")
    expect(board.pane("files")).to_contain_text("empty")
    context.clear_cookies()
    # By the address: the strip may have asked for the key already, and its dialog takes every click.
    board.page.evaluate("location.hash = 'services'")
    expect(board.dialog).to_have_count(1)
    board.shot("key-asked")
    board.dialog.locator("input").fill("wrong")
    board.page.keyboard.press("Enter")
    expect(board.dialog).to_contain_text("That key was refused.")
    board.dialog.locator("input").fill(KEY)
    board.page.keyboard.press("Enter")
    expect(board.dialog).to_have_count(0)
    expect(board.pane("services")).to_contain_text("no services")
    board.tab("terminal")
    expect(board.frame("/terminal?").locator("body")).to_have_attribute("data-link", "connected")


# ---- losing the sandbox ----


def test_a_lost_connection_is_told_and_comes_back(relay, new_context) -> None:
    board = Dashboard(new_context(**WIDE).new_page(), relay.url).open("#files")
    expect(board.pane("files").locator("tbody, .remark-line").first).to_be_attached()
    relay.refuse()
    relay.cut()
    banner = board.page.locator("#banner")
    expect(banner).to_contain_text("does not answer", timeout=allow(15) * 1000)
    board.shot("offline")
    relay.accept()
    # The page may have tried again by itself already, and then there is nothing to click on.
    board.page.locator("#banner-retry").dispatch_event("click")
    expect(banner).to_be_hidden(timeout=allow(15) * 1000)


# ---- light and dark ----


def test_the_theme_is_chosen_remembered_and_followed_by_frames(board) -> None:
    theme = lambda frame: frame.evaluate("document.documentElement.dataset.theme")  # noqa: E731
    board.open("#terminal")
    terminal = board.frame("/terminal?")
    expect(terminal.locator("body")).to_have_attribute("data-link", "connected")
    assert theme(board.page) == theme(terminal) == "dark"
    board.page.click("#menu")
    board.page.get_by_role("menuitemradio", name="Light").click()
    eventually(lambda: theme(board.page) == theme(terminal) == "light", "both are light")
    eventually(lambda: terminal.evaluate("sandgateTerminal.options.theme.background") == "#ffffff", "the terminal too")
    board.page.reload()
    assert theme(board.page) == "light"
    board.page.emulate_media(color_scheme="light")
    board.page.click("#menu")
    board.page.get_by_role("menuitemradio", name="system").click()
    board.page.emulate_media(color_scheme="dark")
    eventually(lambda: theme(board.page) == "dark", "the system is followed again")


# ---- the keyboard alone ----


def test_tabs_by_keyboard(board) -> None:
    page = board.open().page
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#tab-code")).to_be_focused()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-services")).to_be_focused()
    assert page.evaluate("location.hash") == "", "walking opens nothing"
    page.keyboard.press("Enter")
    expect(page.locator("#pane-services")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator("#tab-code")).to_be_focused()
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_shortcuts(board) -> None:
    page = board.open().page
    page.keyboard.press("?")
    expect(board.dialog).to_contain_text("Keyboard shortcuts")
    board.shot("shortcuts")
    page.keyboard.press("Escape")
    for number, name in enumerate(TABS, 1):
        page.keyboard.press(f"Alt+Shift+Digit{number}")
        expect(page.locator(f"#pane-{name}")).to_be_visible()
    page.keyboard.press("0")
    expect(page.locator("#pane-home")).to_be_visible()
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.keyboard.press("t")


def test_shortcuts_as_fast_as_one_can_type(board) -> None:
    """Also while what they open is on its way: a frame that takes the focus, a list that goes into the address."""
    page = board.open().page
    for _ in range(5):
        for number in (3, 5, 3, 6, 3, 4):
            page.keyboard.press(f"Alt+Shift+Digit{number}")
        expect(page.locator("#pane-jupyter")).to_be_visible()
        page.reload()


def test_shortcuts_reach_out_of_a_frame(board) -> None:
    page = board.open("#terminal").page
    terminal = board.frame("/terminal?")
    expect(terminal.locator("body")).to_have_attribute("data-link", "connected")
    expect(terminal.locator("textarea.xterm-helper-textarea")).to_be_focused()
    page.keyboard.press("Alt+Shift+Digit6")
    expect(page.locator("#pane-services")).to_be_visible()


def test_the_menu_by_keyboard(board) -> None:
    page = board.open().page
    page.locator("#menu").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitemradio", name="system")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Keyboard shortcuts")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[role=menu]")).to_have_count(0)
    expect(page.locator("#menu")).to_be_focused()


def test_mcp_settings_are_offered_where_mcp_is_served(board, gateway) -> None:
    page = board.open().page
    with page.expect_response(re.compile("/mcp$")) as answer:
        page.click("#menu")
    served = answer.value.status != 404
    expect(page.get_by_role("menuitem", name="MCP settings")).to_have_count(1 if served else 0)
    page.keyboard.press("Escape")
    page.route("**/mcp", lambda route: route.fulfill(status=405, body=""))
    page.reload()
    page.click("#menu")
    page.get_by_role("menuitem", name="MCP settings").click()
    expect(board.dialog).to_contain_text(f'"url": "{gateway.url}/mcp"')
    board.dialog.get_by_role("button", name="Copy").click()
    eventually(lambda: '"mcpServers"' in page.evaluate("navigator.clipboard.readText()"), "it is on the clipboard")
