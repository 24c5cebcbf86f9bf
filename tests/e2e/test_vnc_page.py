"""The desktop page in a real Chromium, against a small desktop of the tests (rfb_server.py)."""

from __future__ import annotations

import re
from typing import Callable, Iterator

import pytest
from playwright.sync_api import expect

from rfb_server import Desktop
from vncpage import VncPage
from waiting import eventually

TEXT = "naïve 漢字 🎉"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture
def make_desktop() -> Iterator[Callable[..., Desktop]]:
    made: list[Desktop] = []

    def make(**options) -> Desktop:
        made.append(Desktop(**options))
        return made[-1]

    yield make
    for desktop in made:
        desktop.__exit__()


@pytest.fixture
def desktop(make_desktop) -> Desktop:
    return make_desktop()


@pytest.fixture
def vnc(desktop, new_context) -> VncPage:
    """In a window of the desktop's own size, so that one pixel there is one pixel here."""
    return VncPage(new_context(viewport={"width": 1280, "height": 800}).new_page(), desktop.url)


def sockets(desktop: Desktop) -> list[str]:
    """The paths at which the page looked for its socket."""
    paths = [path.split("?")[0] for path in desktop.paths]
    return [path for path in paths if path.endswith(("websockify", "/sock"))]


# ---- the picture ----


def test_the_picture_is_the_desktops(desktop, vnc):
    vnc.connect()
    assert vnc.size == desktop.size
    for x, y in ((0, 0), (1279, 799), (620, 410), (45, 770)):
        assert vnc.pixel(x, y) == desktop.pixel(x, y)
    desktop.paint(300, 200, 50, 20, (12, 34, 56))
    eventually(lambda: vnc.pixel(349, 219) == (12, 34, 56), "the change is shown")
    assert vnc.pixel(350, 219) == desktop.pixel(350, 219)


def test_the_picture_fits_the_window_and_keeps_its_shape(desktop, vnc):
    vnc.page.set_viewport_size({"width": 1100, "height": 640})
    vnc.connect()
    box = vnc.box
    assert box["height"] <= 640 and box["width"] <= 1100
    assert abs(box["width"] / box["height"] - 1280 / 800) < 0.01
    vnc.page.set_viewport_size({"width": 700, "height": 640})
    eventually(lambda: abs(vnc.box["width"] - 700) <= 1, "the picture follows the window")


def test_actual_size_and_resize_of_the_desktop(desktop, vnc):
    vnc.connect()
    vnc.panel("display")
    vnc.page.locator("[name=resize][value=off]").check()
    eventually(lambda: vnc.box["width"] == 1280, "one pixel is one pixel")
    vnc.page.set_viewport_size({"width": 1100, "height": 640})
    vnc.page.locator("[name=resize][value=remote]").check()
    eventually(lambda: desktop.of("resize") == [("resize", 1100, 640)], "the desktop was asked for the window's size")
    eventually(lambda: vnc.size == (1100, 640), "and has it")


def test_parameters_of_the_address_are_obeyed(desktop, vnc):
    vnc.connect("?autoconnect=1&resize=off&quality=2&compression=7#view_only=1")
    assert vnc.box["width"] == 1280
    encodings = desktop.of("encodings")[-1][1]
    assert -32 + 2 in encodings and -256 + 7 in encodings
    vnc.click(800, 300)
    vnc.page.keyboard.type("x")
    vnc.panel("display")
    expect(vnc.page.locator("#view-only")).to_be_checked()
    assert not desktop.of("key") and not desktop.of("pointer")
    vnc.page.locator("#view-only").uncheck()
    vnc.click(800, 300)
    eventually(lambda: ("pointer", 1, 800, 300) in desktop.events, "input is sent again")


def test_a_screenshot_can_be_saved(desktop, vnc):
    vnc.connect()
    vnc.panel("display")
    with vnc.page.expect_download() as download:
        vnc.page.click("#photograph")
    assert re.fullmatch(r"desktop-[\dT-]+\.png", download.value.suggested_filename)
    head = download.value.path().read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == desktop.size


# ---- where it is served ----


@pytest.mark.parametrize("file", ["index.html", ""])
def test_it_works_below_a_prefix(make_desktop, context, file):
    desktop = make_desktop(prefix="/sandbox/7")
    VncPage(context.new_page(), desktop.url).open(file=file).wait_state("connected")
    assert sockets(desktop) == ["/sandbox/7/websockify"]
    assert all(path.startswith("/sandbox/7/") for path in desktop.paths)


@pytest.mark.parametrize("path", ["websockify", "/p/websockify", "p/websockify", "../websockify", "{ws}"])
def test_path_names_the_socket(make_desktop, context, path):
    desktop = make_desktop(prefix="/p")
    path = path.replace("{ws}", f"ws://127.0.0.1:{desktop.port}/p/websockify")
    VncPage(context.new_page(), desktop.url).open(f"?autoconnect=true&path={path}").wait_state("connected")
    assert sockets(desktop) == ["/p/websockify"]


def test_a_path_beside_the_page_and_an_unlikely_reading(make_desktop, context):
    desktop = make_desktop(prefix="/p")
    desktop.socket_path = "/vnc/sock"
    VncPage(context.new_page(), desktop.url).open("?autoconnect=true&path=sock").wait_state("connected")
    desktop.socket_path = "/sock"
    VncPage(context.new_page(), desktop.url).open("?autoconnect=true&path=sock").wait_state("connected")
    assert sockets(desktop) == ["/p/vnc/sock", "/p/vnc/sock", "/p/sock"]


def test_embedded_in_a_page_of_the_same_origin(desktop, context):
    page = context.new_page()
    page.goto(f"{desktop.url}/v1/sandbox")
    page.evaluate("() => { document.body.innerHTML = '<input id=own><iframe src=\"/vnc/?autoconnect=true\" width=800 height=500>'; own.focus(); }")
    frame = page.frame_locator("iframe")
    expect(frame.locator("html")).to_have_attribute("data-state", "connected")
    assert page.evaluate("() => document.activeElement.id") == "own", "the focus stays with the embedding page"
    page.keyboard.type("mine")
    frame.locator("#screen canvas").click()
    page.keyboard.type("a")
    eventually(lambda: desktop.typed == "a", "a click gives it the keyboard")


# ---- input ----


def test_mouse_and_wheel(desktop, vnc):
    vnc.connect()
    vnc.click(640, 400)
    eventually(lambda: ("pointer", 0, 640, 400) in desktop.events and ("pointer", 1, 640, 400) in desktop.events, "a click")
    vnc.click(33, 77, button="right")
    eventually(lambda: ("pointer", 4, 33, 77) in desktop.events, "a right click")
    vnc.page.mouse.wheel(0, 120)
    eventually(lambda: any(event[1] == 16 for event in desktop.of("pointer")), "the wheel")


def test_typing(desktop, vnc):
    vnc.connect()
    vnc.page.keyboard.type("Hi, {you}")
    vnc.page.keyboard.press("Enter")
    vnc.page.keyboard.press("Control+a")
    eventually(lambda: desktop.typed.endswith("<ctrl>a"), "everything arrived")
    assert desktop.typed.replace("<shift>", "") == "Hi, {you}<enter><ctrl>a"
    eventually(lambda: not desktop.held, "every key was let go")


def test_the_keys_panel(desktop, vnc):
    vnc.connect()
    vnc.panel("keys")
    ctrl = vnc.page.locator("[data-key=ctrl]")
    ctrl.click()
    expect(ctrl).to_have_attribute("aria-pressed", "true")
    eventually(lambda: desktop.held == {"<ctrl>"}, "Ctrl stays down")
    vnc.page.click("[data-key=escape]")
    expect(ctrl).to_have_attribute("aria-pressed", "false")
    vnc.page.click("[data-key=tab]")
    vnc.page.click("[data-key=ctrl-alt-delete]")
    eventually(lambda: desktop.typed == "<ctrl><escape><tab><ctrl><alt><delete>", "the keys in order")
    eventually(lambda: not desktop.held, "nothing stays down")


def test_the_toolbar_by_keyboard_alone(desktop, vnc):
    vnc.connect()
    vnc.page.keyboard.press("Control+F6")
    expect(vnc.page.locator("#keyboard")).to_be_focused()
    vnc.page.keyboard.press("ArrowDown")
    vnc.page.keyboard.press("Enter")
    expect(vnc.page.locator("#keys-panel")).to_be_visible()
    vnc.page.keyboard.press("Escape")
    expect(vnc.page.locator("#keys-panel")).to_be_hidden()
    vnc.page.keyboard.press("Escape")
    expect(vnc.page.locator("#tools")).to_be_hidden()
    assert desktop.typed == "<ctrl>"
    vnc.page.keyboard.type("x")
    eventually(lambda: desktop.typed == "<ctrl>x", "the desktop has the keyboard again")
    eventually(lambda: not desktop.held, "Ctrl, let go in the toolbar, is up")


def test_the_toolbar_hides_by_itself(vnc):
    vnc.connect()
    expect(vnc.page.locator("#tools")).to_be_hidden(timeout=8000)
    expect(vnc.page.locator("#handle")).to_be_visible()


def test_a_press_on_the_desktop_hides_the_toolbar(vnc):
    vnc.connect()
    vnc.panel("display")
    vnc.click(1000, 400)
    expect(vnc.page.locator("#tools")).to_be_hidden()
    expect(vnc.page.locator("#display-panel")).to_be_hidden()


def test_the_keyboard_leaves_a_way_for_input_methods(desktop, vnc):
    vnc.connect()
    vnc.toolbar()
    vnc.page.click("#keyboard")
    devtools = vnc.page.context.new_cdp_session(vnc.page)
    for step in ("k", "ka", "かん"):
        devtools.send("Input.imeSetComposition", {"text": step, "selectionStart": len(step), "selectionEnd": len(step)})
    devtools.send("Input.insertText", {"text": "漢字"})
    devtools.send("Input.insertText", {"text": "🎉"})
    vnc.page.keyboard.type("ok")
    vnc.page.keyboard.press("Backspace")
    vnc.page.keyboard.press("ArrowLeft")
    vnc.page.keyboard.press("Control+b")
    eventually(lambda: desktop.typed == "漢字🎉ok<backspace><left><ctrl>b", "what was typed")
    eventually(lambda: not desktop.held, "every key was let go")


# ---- the clipboard ----


@pytest.mark.parametrize("extended", [True, False])
def test_what_is_copied_there_can_be_pasted_here(desktop, vnc, extended):
    desktop.extended = extended
    text = TEXT if extended else "naïve"
    vnc.connect()
    desktop.copy(text)
    vnc.copied_here(text)
    vnc.panel("clipboard")
    expect(vnc.page.locator("#clip-text")).to_have_value(text)


def test_pasting_by_keys_hands_the_text_over_first(desktop, new_context):
    """Without leave to read the clipboard: the paste event brings the text."""
    context = new_context()
    context.clear_permissions()
    context.grant_permissions(["clipboard-write"])
    page = context.new_page()
    vnc = VncPage(page, desktop.url).connect()
    vnc.copy_here(TEXT)
    page.keyboard.press("Control+v")
    eventually(lambda: desktop.strokes == ["ctrl+v"], "the key arrives")
    order = [event[0] for event in desktop.events if event[0] == "clipboard" or event == ("key", True, ord("v"))]
    assert order == ["clipboard", "key"] and desktop.clipboard == TEXT
    vnc.copy_here("again")
    page.keyboard.down("Control")
    page.keyboard.press("v")
    eventually(lambda: desktop.clipboard == "again" and desktop.strokes == ["ctrl+v"] * 2, "pasted again")
    page.keyboard.press("a")
    page.keyboard.up("Control")
    page.keyboard.press("Shift+Insert")
    eventually(lambda: desktop.strokes == ["ctrl+v", "ctrl+v", "ctrl+a", "shift+insert"], "modifiers are as they were held")
    eventually(lambda: not desktop.held, "nothing stays down")


def test_what_was_copied_elsewhere_comes_along(desktop, vnc):
    vnc.connect()
    vnc.copy_here(TEXT)
    for _ in range(2):
        vnc.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
        eventually(lambda: desktop.clipboard == TEXT, "the desktop has it")
    vnc.page.keyboard.type("x")
    eventually(lambda: desktop.typed == "x", "keys still arrive")
    assert desktop.of("clipboard").count(("clipboard", TEXT)) == 1


def test_no_sync_when_it_is_switched_off(desktop, vnc):
    vnc.connect()
    vnc.copy_here("mine")
    vnc.panel("clipboard")
    vnc.page.locator("#clip-sync").uncheck()
    desktop.copy("theirs")
    expect(vnc.page.locator("#clip-text")).to_have_value("theirs")
    vnc.page.evaluate("() => window.dispatchEvent(new Event('focus'))")
    assert vnc.page.evaluate("() => navigator.clipboard.readText()") == "mine"
    assert desktop.clipboard == "theirs"
    vnc.page.click("#clip-paste")
    eventually(lambda: desktop.clipboard == "mine", "by its button it goes")
    assert desktop.of("clipboard").count(("clipboard", "mine")) == 1, "and only so"
    vnc.page.fill("#clip-text", TEXT)
    vnc.page.click("#clip-copy")
    eventually(lambda: desktop.clipboard == TEXT, "written text goes to the desktop")
    vnc.copied_here(TEXT)


def test_clipboards_over_plain_http(desktop, new_context):
    """There the browser has no clipboard for scripts: keys and the old copy command must do."""
    context = new_context()
    other = VncPage(context.new_page(), desktop.url).open("")
    page = context.new_page()
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined })")
    vnc = VncPage(page, desktop.url).connect()
    desktop.copy(TEXT)
    vnc.panel("clipboard")
    expect(page.locator("#clip-text")).to_have_value(TEXT)
    expect(page.locator("#clip-paste")).to_be_hidden()
    expect(page.locator("#clip-plain")).to_be_visible()
    vnc.click(900, 400)
    page.keyboard.type("x")
    other.page.bring_to_front()
    other.copied_here(TEXT)
    other.copy_here("back again")
    page.bring_to_front()
    page.keyboard.press("Control+v")
    eventually(lambda: desktop.strokes == ["x", "ctrl+v"] and desktop.clipboard == "back again", "pasted")


def test_a_text_too_long_for_the_desktop_is_refused_not_fatal(desktop, vnc):
    vnc.connect()
    vnc.page.evaluate("() => navigator.clipboard.writeText('x'.repeat(2 << 20))")
    vnc.page.keyboard.press("Control+v")
    expect(vnc.page.locator("#notice")).to_have_text(re.compile("Too long"))
    eventually(lambda: desktop.strokes == ["ctrl+v"], "the key still arrives")
    vnc.wait_state("connected")
    assert desktop.connections == 1


# ---- connections that come and go ----


def test_without_autoconnect_there_is_a_button(desktop, vnc):
    vnc.open("").wait_state("idle")
    assert desktop.connections == 0
    vnc.page.click("#veil-action")
    vnc.wait_state("connected")


def test_it_waits_while_the_desktop_starts(desktop, vnc):
    desktop.hold(True)
    vnc.open().wait_state("connecting")
    expect(vnc.page.locator("#veil-title")).to_have_text("Starting the desktop…")
    desktop.hold(False)
    vnc.wait_state("connected")
    expect(vnc.page.locator("#veil")).to_be_hidden()


def test_it_comes_back_by_itself_and_keeps_the_last_picture_meanwhile(desktop, vnc, shot):
    vnc.connect()
    desktop.hold(True)
    desktop.drop()
    vnc.wait_state("waiting")
    expect(vnc.page.locator("#veil")).to_be_visible()
    still = vnc.page.evaluate("() => [...still.getContext('2d').getImageData(620, 410, 1, 1).data].slice(0, 3)")
    assert tuple(still) == desktop.pixel(620, 410)
    shot(vnc.page, "vnc-reconnecting")
    vnc.wait_state("connecting")
    desktop.resize(800, 600)
    desktop.hold(False)
    vnc.wait_state("connected").wait_picture()
    assert vnc.size == (800, 600)
    vnc.page.keyboard.type("x")
    eventually(lambda: desktop.typed == "x", "it has the keyboard again")


def test_a_network_that_went_silent_is_noticed(desktop, vnc):
    vnc.connect()
    desktop.flowing.clear()
    vnc.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    vnc.wait_state("waiting")
    desktop.flowing.set()
    vnc.wait_state("connected")


def test_why_it_cannot_be_reached(desktop, vnc, shot):
    desktop.refuse, desktop.service = 503, {"state": "failed", "reason": "Xvfb ended with exit code 1"}
    vnc.open()
    expect(vnc.page.locator("#veil-title")).to_have_text("The desktop is not available")
    expect(vnc.page.locator("#veil-text")).to_have_text("Xvfb ended with exit code 1")
    expect(vnc.page.locator("#veil-next")).to_have_text(re.compile(r"^Trying again in \d+ s$"))
    shot(vnc.page, "vnc-failed")
    desktop.refuse = None
    vnc.page.click("#veil-action")
    vnc.wait_state("connected")


def test_reconnect_can_be_switched_off(desktop, vnc):
    vnc.connect("?autoconnect=true&reconnect=false")
    desktop.drop()
    vnc.wait_state("waiting")
    expect(vnc.page.locator("#veil-action")).to_have_text("Try again")
    expect(vnc.page.locator("#veil-title")).to_have_text("Disconnected")


def test_disconnect_is_final(desktop, vnc):
    vnc.connect()
    vnc.toolbar()
    vnc.page.click("#disconnect")
    vnc.wait_state("closed")
    expect(vnc.page.locator("#rail")).to_be_hidden()
    vnc.page.click("#veil-action")
    vnc.wait_state("connected")
    assert desktop.connections == 2


def test_a_locked_sandbox_asks_for_its_key(make_desktop, context):
    desktop = make_desktop(key="s3cret")
    vnc = VncPage(context.new_page(), desktop.url).open().wait_state("locked")
    vnc.page.fill("#key-input", "wrong")
    vnc.page.keyboard.press("Enter")
    expect(vnc.page.locator("#key-problem")).to_have_text("That key was refused.")
    vnc.page.fill("#key-input", "s3cret")
    vnc.page.keyboard.press("Enter")
    vnc.wait_state("connected")


def test_a_key_in_the_address_is_used_and_taken_out(make_desktop, context):
    desktop = make_desktop(key="s3cret")
    vnc = VncPage(context.new_page(), desktop.url).connect("?autoconnect=true&api_key=s3cret")
    assert "s3cret" not in vnc.page.url and "autoconnect=true" in vnc.page.url


def test_a_password_is_asked_for_and_kept(make_desktop, context):
    desktop = make_desktop(password="open sesame")
    vnc = VncPage(context.new_page(), desktop.url).open().wait_state("password")
    vnc.page.fill("#password", "wrong")
    vnc.page.keyboard.press("Enter")
    vnc.wait_state("refused")
    expect(vnc.page.locator("#veil-text")).to_have_text("wrong password")
    vnc.page.click("#veil-action")
    vnc.wait_state("password")
    vnc.page.fill("#password", "open sesame")
    vnc.page.keyboard.press("Enter")
    vnc.wait_state("connected")
    desktop.drop()
    eventually(lambda: desktop.connections == 3, "connected again")
    vnc.wait_state("connected")


def test_reconnecting_leaks_nothing(desktop, vnc):
    """Listeners and nodes after many reconnects are as many as after the first."""
    vnc.connect("?autoconnect=true&reconnect_delay=100")
    devtools = vnc.page.context.new_cdp_session(vnc.page)
    devtools.send("Performance.enable")

    def again(times: int) -> dict[str, float]:
        for _ in range(times):
            before = desktop.connections
            desktop.drop()
            eventually(lambda: desktop.connections > before, "a new connection")
            vnc.wait_state("connected").wait_picture()
        eventually(lambda: vnc.page.locator("#still").is_hidden(), "the still picture is gone")
        for _ in range(3):
            devtools.send("HeapProfiler.collectGarbage")
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in metrics if one["name"] in ("JSEventListeners", "Nodes")}

    first, later = again(3), again(12)
    assert later["JSEventListeners"] <= first["JSEventListeners"] + 8, (first, later)
    assert later["Nodes"] <= first["Nodes"] + 16, (first, later)
    assert vnc.page.locator("canvas").count() == 2


# ---- phones, and how it looks ----


@pytest.fixture
def phone(desktop, new_context) -> VncPage:
    return VncPage(new_context(**PHONE).new_page(), desktop.url).connect()


def test_everything_fits_a_phone(phone, shot):
    page = phone.page
    for name in ("keys", "clipboard", "display"):
        phone.panel(name)
        panel = page.locator(f"#{page.locator(f'#{name}').get_attribute('aria-controls')}").bounding_box()
        assert panel["x"] >= 0 and panel["x"] + panel["width"] <= 390
        assert panel["y"] >= 0 and panel["y"] + panel["height"] <= page.locator("#tools").bounding_box()["y"]
        shot(page, f"vnc-phone-{name}")
    assert page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [390, 844]


def test_targets_are_large_enough_for_a_finger(phone):
    for panel in ("keys", "clipboard", "display"):
        phone.panel(panel)
        sizes = phone.page.evaluate("""() => [...document.querySelectorAll('#rail button, #rail label.check, #rail .segments span')]
          .filter((one) => one.offsetParent && one.id !== 'handle')
          .map((one) => [one.id || one.textContent, one.getBoundingClientRect().width, one.getBoundingClientRect().height])""")
        small = [one for one in sizes if one[1] < 44 or one[2] < 44]
        assert sizes and not small, small
    phone.page.locator("#display").click()
    handle = phone.page.locator("#handle").bounding_box()
    assert handle["width"] >= 44 and handle["height"] >= 44


def test_touch_reaches_the_desktop(desktop, phone):
    phone.page.touchscreen.tap(*phone.place(200, 300))
    eventually(lambda: any(event[1] == 1 for event in desktop.of("pointer")), "a tap is a click")
    _, _, x, y = next(event for event in desktop.of("pointer") if event[1] == 1)
    assert abs(x - 200) <= 4 and abs(y - 300) <= 4


def test_the_phones_keyboard(desktop, phone):
    phone.toolbar()
    phone.page.tap("#keyboard")
    expect(phone.page.locator("#typing")).to_be_focused()
    phone.page.keyboard.insert_text("naïve ")
    phone.page.keyboard.insert_text("漢字 🎉")
    phone.page.touchscreen.tap(*phone.place(640, 100))
    expect(phone.page.locator("#typing")).to_be_focused()
    phone.panel("keys")
    phone.page.tap("[data-key=ctrl]")
    expect(phone.page.locator("#typing")).to_be_focused()
    phone.page.keyboard.insert_text("c")
    phone.page.keyboard.press("Enter")
    eventually(lambda: desktop.typed == TEXT + "<ctrl>c<enter>", "what was typed")
    eventually(lambda: not desktop.held, "Ctrl is up again")
    phone.page.tap("#keyboard")
    expect(phone.page.locator("#typing")).not_to_be_focused()


def test_android_composes_every_word(desktop, new_context):
    agent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
    phone = VncPage(new_context(**PHONE, user_agent=agent).new_page(), desktop.url).connect()
    phone.toolbar()
    phone.page.tap("#keyboard")
    devtools = phone.page.context.new_cdp_session(phone.page)
    for step in ("t", "te", "teh"):
        devtools.send("Input.imeSetComposition", {"text": step, "selectionStart": len(step), "selectionEnd": len(step)})
    eventually(lambda: desktop.typed == "teh", "letters appear while a word is composed")
    devtools.send("Input.insertText", {"text": "the "})
    eventually(lambda: desktop.typed == "teh<backspace><backspace>he ", "the correction")


def test_actual_size_on_a_phone_is_moved_by_a_finger(phone):
    phone.panel("display")
    phone.page.locator("[name=resize][value=off]").check()
    expect(phone.page.locator("#drag")).to_be_visible()
    expect(phone.page.locator("#drag")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_dark_and_light_and_readable(desktop, new_context, shot, scheme):
    vnc = VncPage(new_context(color_scheme=scheme).new_page(), desktop.url)
    vnc.open("").wait_state("idle")
    shot(vnc.page, f"vnc-idle-{scheme}")
    back, title, muted = (
        vnc.page.evaluate(f"() => getComputedStyle(document.querySelector('{one[0]}')).{one[1]}")
        for one in ((".card", "backgroundColor"), ("#veil-title", "color"), ("#veil-text", "color"))
    )
    assert (_luminance(back) < 0.2) == (scheme == "dark")
    assert _contrast(back, title) >= 7 and _contrast(back, muted) >= 4.5
    vnc.page.click("#veil-action")
    vnc.wait_state("connected")
    vnc.panel("display")
    shot(vnc.page, f"vnc-display-{scheme}")


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)
