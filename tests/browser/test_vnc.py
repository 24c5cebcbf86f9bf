"""The desktop by RFB over /websockify: what viewers see and do, and that hostile ones hurt nobody."""

from __future__ import annotations

import random
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from PIL import Image, ImageChops
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from desk import Desk
from viewers import ALL, COPY, DESKTOP_SIZE, RAW, ZLIB, Viewer, ViewerClosed, Wire
from waiting import allow, eventually

MIXED = "naïve 漢字 🎉"


@pytest.fixture
def view(gateway):
    viewers = []

    def open_viewer(*arguments) -> Viewer:
        viewers.append(Viewer(gateway.url, gateway.key, *arguments))
        return viewers[-1]

    yield open_viewer
    for viewer in viewers:
        viewer.close()


def is_flat(image: Image.Image, place, colour) -> bool:
    return image.getpixel(place) == colour


@pytest.fixture
def quiet(desk, tab, site):
    """A page on which nothing moves, and the pointer out of the way of any cursor a page could show."""
    tab.open(f"{site}/colours")
    tab.call("Page.bringToFront")
    desk.act("MOVE_TO", x=desk.size[0] // 3, y=desk.size[1] // 3)
    middle = [value // 4 * 3 for value in desk.size]
    eventually(lambda: desk.pixel(*middle) == (250, 220, 40), "the page on the screen", every=0.05)


def equals_screenshot(desk: Desk):
    def condition(viewer: Viewer) -> bool:
        screen = desk.screenshot()
        return viewer.size == screen.size and not ImageChops.difference(viewer.picture.image(), screen).getbbox()

    return condition


@pytest.mark.parametrize("encoding", [RAW, ZLIB], ids=["raw", "zlib"])
def test_a_viewer_sees_what_the_screenshot_shows(desk, view, quiet, encoding):
    viewer = view((encoding, COPY, DESKTOP_SIZE))
    assert viewer.size == desk.size and viewer.name
    viewer.see(equals_screenshot(desk), "the picture equals the screenshot")


def test_changes_come_by_themselves(desk, view, tab, site):
    tab.open(f"{site}/plain?colour=rgb(10,20,30)")
    tab.call("Page.bringToFront")
    place = tuple(value // 2 for value in desk.size)
    viewer = view()
    viewer.see(lambda v: is_flat(v.picture.image(), place, (10, 20, 30)), "the first colour")
    for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200)):
        tab.evaluate(f"document.body.style.background = 'rgb{colour}'")
        wait_for_colour(viewer, place, colour)


def wait_for_colour(viewer: Viewer, place, colour, deadline: float = 3.0) -> None:
    """By increments only: nothing is asked for again."""
    end = time.monotonic() + allow(deadline)
    while not is_flat(viewer.picture.image(), place, colour):
        assert time.monotonic() < end, f"{colour} did not arrive"
        viewer.handle(0.05)


def test_scrolling_arrives_whole(desk, board, view):
    """Much that moves at once: copies and updates leave no stale stripe."""
    viewer = view()
    desk.act("MOVE_TO", **board.at("scroller"))
    viewer.see(lambda v: v.updates > 0, "a first picture")
    for amount in (200, 300, -150, 400):
        desk.act("SCROLL", dy=amount)
        viewer.handle(0.05)
    viewer_follows(desk, viewer)


def viewer_follows(desk: Desk, viewer: Viewer, deadline: float = 5.0) -> None:
    end = time.monotonic() + allow(deadline)
    while not equals_screenshot(desk)(viewer):
        assert time.monotonic() < end, "by increments the picture never equals the screenshot"
        viewer.handle(0.05)


def test_pointer_reaches_the_page(board, view):
    place = board.at("button")
    view().click(place["x"], place["y"])
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")


def test_pointer_buttons_and_wheel(board, view):
    viewer, place = view(), board.at("pad")
    for mask in (0, 2, 0, 4, 0):
        viewer.pointer(place["x"], place["y"], mask)
    assert [e["button"] for e in board.wait_events(2, "mousedown")] == [1, 2]
    board.forget()
    for mask, axis, sign in ((16, "dy", 1), (8, "dy", -1), (64, "dx", 1), (32, "dx", -1)):
        viewer.pointer(place["x"], place["y"], mask)
        viewer.pointer(place["x"], place["y"], 0)
        wheel = eventually(lambda: board.events("wheel"), "the wheel turns")
        assert all(e[axis] * sign > 0 for e in wheel), wheel
        board.forget()


def test_a_pointer_off_the_screen_is_kept_on_it(desk, board, view):
    viewer = view()
    viewer.pointer(65535, 65535)
    place = board.at("button")
    viewer.click(place["x"], place["y"])
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")


@pytest.mark.parametrize("text", ["Hello, World!", MIXED, "~|\\{}@ čž ß"])
def test_keys_reach_the_page(board, view, text):
    board.focus("field")
    viewer = view()
    for letter in text:
        viewer.press(letter)
    board.wait_value("field", text)
    board.assert_nothing_held()


def test_modifiers_as_viewers_send_them(board, view):
    """A person holds Shift and types: the capital comes with the key already shifted."""
    board.focus("field")
    viewer = view()
    viewer.press("a")
    viewer.press("Shift", "B")
    viewer.press("c")
    board.wait_value("field", "aBc")
    viewer.press("Control", "a")
    viewer.press("x")
    board.wait_value("field", "x")
    board.assert_nothing_held()


def test_keys_held_by_a_viewer_that_leaves_are_released(board, gateway):
    board.focus("keys")
    viewer = Viewer(gateway.url, gateway.key)
    viewer.key("Shift", True)
    viewer.key("Control", True)
    place = board.at("pad")
    viewer.pointer(place["x"], place["y"], 1)
    board.wait_events(1, "mousedown")
    viewer.close()
    eventually(lambda: len(board.events("keyup")) == 2 and board.events("mouseup"), "all is released")
    board.assert_nothing_held()


def test_text_cut_in_the_page_reaches_the_viewer(desk, board, view):
    viewer = view()
    viewer.see(lambda v: v.updates > 0, "a first picture")
    board.focus("field")
    desk.act("TYPING", text=MIXED, use_clipboard=False)
    board.wait_value("field", MIXED)
    desk.act("HOTKEY", keys=["ctrl", "a"])
    desk.act("HOTKEY", keys=["ctrl", "c"])
    eventually(lambda: viewer.handle(0.05) or viewer.clipboard == MIXED, f"the text; has {viewer.clipboard!r}")


@pytest.mark.parametrize("text", [MIXED, "two\nlines\n", "y" * 200_000], ids=["mixed", "lines", "long"])
def test_text_of_the_viewer_reaches_the_page(desk, board, view, text):
    viewer = view()
    eventually(lambda: viewer.handle(0.05) or viewer._caps, "the server knows the extended clipboard")
    viewer.cut(text)
    board.focus("area")

    def pasted() -> bool:
        viewer.handle(0.05)
        desk.act("HOTKEY", keys=["ctrl", "a"])
        desk.act("HOTKEY", keys=["ctrl", "v"])
        return board.value("area") == text

    eventually(pasted, "the text is pasted", every=0.1)


def test_latin_text_the_old_way(desk, board, view):
    viewer = view((RAW,))
    viewer.cut("déjà vu")
    board.focus("field")

    def pasted() -> bool:
        desk.act("HOTKEY", keys=["ctrl", "a"])
        desk.act("HOTKEY", keys=["ctrl", "v"])
        return board.value("field") == "déjà vu"

    eventually(pasted, "the text is pasted", every=0.1)


def test_five_viewers_at_once(desk, view, quiet):
    viewers = [view() for _ in range(5)]
    for viewer in viewers:
        viewer.request(incremental=False)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda v: v.see(equals_screenshot(desk), "every viewer has the whole picture", 10), viewers))


def test_a_viewer_that_does_not_read_holds_up_nobody(desk, view, tab, site):
    """Its connection fills up; the others see every change."""
    lazy, keen = view((RAW,)), view()
    tab.open(f"{site}/plain?colour=rgb(1,1,1)")
    tab.call("Page.bringToFront")
    place = tuple(value // 2 for value in desk.size)
    for _ in range(30):
        lazy.request(incremental=False)
    for step in range(10):
        colour = (20 * step, 255 - 20 * step, 77)
        tab.evaluate(f"document.body.style.background = 'rgb{colour}'")
        wait_for_colour(keen, place, colour) if step else keen.see(
            lambda v: is_flat(v.picture.image(), place, colour), "the first colour"
        )
    assert desk.pixel(*place) == colour


def test_resizing_is_told(desk, view):
    size = desk.size
    viewer = view()
    viewer.see(lambda v: v.updates > 0, "a first picture")
    try:
        assert desk.api.post("/v1/browser/config", {"resolution": {"width": 900, "height": 650}}).success
        eventually(lambda: viewer.handle(0.05) or viewer.size == (900, 650), "the new size")
        viewer_follows(desk, viewer)
    finally:
        assert desk.api.post("/v1/browser/config", {"resolution": {"width": size[0], "height": size[1]}}).success


# Hostile viewers.


@pytest.fixture
def unharmed(desk, view, gateway):
    """Whatever the test does, the same program serves a well-behaved viewer before and after."""
    witness = view()
    witness.see(lambda v: v.updates > 0, "a first picture")
    before = desk.service("desktop")
    yield
    witness.handle(0.05)
    witness.see(lambda v: v.updates > 1, "the witness still sees")
    newcomer = view()
    newcomer.see(lambda v: v.updates > 0, "a newcomer sees")
    after = desk.service("desktop")
    assert (after["state"], after["pid"], after["restarts"]) == ("ready", before["pid"], before["restarts"]), after
    log = desk.service_log("desktop")
    assert "AddressSanitizer" not in log and "runtime error" not in log, log[-4000:]


def assail(gateway, *messages: bytes, after_handshake: bool = True) -> None:
    """Sends bytes as a viewer would not, then reads until the server hangs up or has nothing more to say."""
    if after_handshake:
        viewer = Viewer(gateway.url, gateway.key)
        wire = viewer.wire
    else:
        wire = Wire(gateway.url, gateway.key)
    try:
        for message in messages:
            wire.write(message)
        while wire.ready(0.2):
            wire._kept.clear()
    except ViewerClosed:
        pass
    finally:
        wire.link.close()


def test_random_bytes(gateway, unharmed):
    chance = random.Random(20240811)
    for _ in range(40):
        assail(gateway, chance.randbytes(chance.randrange(1, 3000)), after_handshake=chance.random() < 0.5)


def test_random_messages_of_known_kinds(gateway, unharmed):
    """Each begins as a message does, and goes on as none."""
    chance = random.Random(7)
    for kind in (*range(8), 100, 248, 250, 251, 252, 253, 255) * 2:
        assail(gateway, bytes([kind]) + chance.randbytes(chance.randrange(1, 64)))


def test_truncated_messages(gateway, unharmed):
    whole = [
        struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0),
        struct.pack(">BxH3i", 2, 3, *ALL[:3]),
        struct.pack(">BBHHHH", 3, 0, 0, 0, 100, 100),
        struct.pack(">BBxxI", 4, 1, 97),
        struct.pack(">BBHH", 5, 1, 10, 10),
        struct.pack(">B3xI", 6, 10) + b"0123456789",
        struct.pack(">BxHHBx", 251, 800, 600, 1) + bytes(16),
    ]
    for message in whole:
        for cut in sorted({1, len(message) // 2, len(message) - 1}):
            assail(gateway, message[:cut])


HUGE = {
    "update": struct.pack(">BBHHHH", 3, 0, 0, 0, 65535, 65535),
    "update far out": struct.pack(">BBHHHH", 3, 0, 65535, 65535, 65535, 65535),
    "update of nothing": struct.pack(">BBHHHH", 3, 0, 0, 0, 0, 0),
    "encodings": struct.pack(">BxH", 2, 65535) + b"\x7f" * 65535 * 4,
    "encodings missing": struct.pack(">BxH", 2, 65535),
    "cut text": struct.pack(">B3xI", 6, 0x7FFFFFFF) + b"x" * 100_000,
    "cut text of 4 GiB": struct.pack(">B3xI", 6, 0xFFFFFFFF) + b"x" * 1000,
    "clipboard bomb": struct.pack(">B3xi", 6, -8) + struct.pack(">II", (1 << 28) | 1, 0xFFFFFFFF),
    "smallest number": struct.pack(">B3xi", 6, -(1 << 31)) + b"x" * 1000,
    "desktop": struct.pack(">BxHHBx", 251, 65535, 65535, 255) + bytes(255 * 16),
    "no desktop": struct.pack(">BxHHBx", 251, 0, 0, 0),
    "8 bits": struct.pack(">B3xBBBBHHHBBB3x", 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0),
    "7 bits": struct.pack(">B3xBBBBHHHBBB3x", 0, 7, 3, 0, 1, 1, 1, 1, 200, 200, 200),
    "64 bits": struct.pack(">B3xBBBBHHHBBB3x", 0, 64, 64, 1, 1, 65535, 65535, 65535, 255, 255, 255),
    "scale": bytes([8, 0, 0, 0]),
    "file transfer": bytes([7, 1, 0, 0]) + struct.pack(">II", 0, 0x7FFFFFFF),
    "chat": bytes([11, 0, 0, 0]) + struct.pack(">I", 0x7FFFFFFF),
    "xvp shutdown": bytes([250, 0, 1, 2]),
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_and_senseless_messages(gateway, unharmed, name):
    assail(gateway, HUGE[name], struct.pack(">BBHHHH", 3, 0, 0, 0, 65535, 65535))


def test_a_clipboard_that_inflates(gateway, unharmed):
    import zlib

    bomb = zlib.compress(struct.pack(">I", 0x7FFFFFFF) + bytes(64 << 20), 9)
    body = struct.pack(">I", (1 << 28) | 1) + bomb
    assail(gateway, struct.pack(">B3xi", 6, -len(body)) + body)


@pytest.mark.local
def test_flood_of_requests(gateway, unharmed, desk):
    """Ten thousand wishes for the whole screen are one wish."""
    message = struct.pack(">BBHHHH", 3, 0, 0, 0, 65535, 65535)
    before = psutil.Process(desk.service("desktop")["pid"]).memory_info().rss
    assail(gateway, message * 10_000)
    grown = psutil.Process(desk.service("desktop")["pid"]).memory_info().rss - before
    assert grown < allow(64 << 20), f"grew by {grown >> 20} MiB"


def test_connections_that_say_nothing(gateway, unharmed):
    wires = [Wire(gateway.url, gateway.key) for _ in range(20)]
    for wire in wires:
        wire.link.close()


def test_text_frames_and_other_protocols(gateway, unharmed):
    address = gateway.url.replace("http", "ws", 1) + "/websockify"
    headers = {"X-AIO-API-Key": gateway.key} if gateway.key else {}
    for protocols in (None, ["binary"], ["base64", "binary"], ["chat"]):
        try:
            with connect(address, subprotocols=protocols, additional_headers=headers, proxy=None) as link:
                link.send("RFB 003.008\n")
                link.send("\x00\x01" * 500)
                link.recv(timeout=0.5)
        except (ConnectionClosed, InvalidHandshake, TimeoutError):
            pass


def test_a_foreign_page_cannot_watch(gateway):
    address = gateway.url.replace("http", "ws", 1) + "/websockify"
    with pytest.raises(InvalidHandshake):
        connect(address, subprotocols=["binary"], origin="https://evil.example", proxy=None, legacy=True).close()


def test_the_page_without_websocket_is_refused(api):
    answer = api.get("/websockify")
    assert 400 <= answer.status < 500, answer


@pytest.mark.parametrize("path", ["/vnc/", "/vnc/index.html", "/vnc/index.html?autoconnect=true&path=websockify"])
def test_the_page_is_there(api, path):
    answer = api.get(path)
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html"), answer


@pytest.mark.local
def test_an_idle_desktop_costs_nothing(start_desktop):
    """No viewer and nothing that moves: below one per cent of a core for everything but Chromium."""
    desk = Desk(start_desktop(env={"HOMEPAGE": "about:blank"}).api)
    assert desk.info["user_agent"]
    pids = [desk.service(name)["pid"] for name in ("display", "windows", "desktop")]
    processes = [p for pid in pids for p in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    with Viewer(desk.api.url) as viewer:
        viewer.see(lambda v: v.updates > 0, "a viewer came")
    settled = wait_for_quiet(processes)
    seconds = 5.0
    time.sleep(seconds)  # the time measured, not a time waited
    spent = cpu(processes) - settled
    assert spent < 0.01 * seconds, f"{spent * 1000:.0f} ms of CPU in {seconds} s"


def cpu(processes) -> float:
    return sum(p.cpu_times().user + p.cpu_times().system for p in processes)


def wait_for_quiet(processes) -> float:
    """Until what the start and the viewer left to do is done: a second in which nothing was spent."""
    for _ in range(20):
        before = cpu(processes)
        time.sleep(1)
        if cpu(processes) == before:
            return before
    raise AssertionError("the desktop never comes to rest")
