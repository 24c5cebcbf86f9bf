"""A person at the desktop page, in a Chromium of their own: they see the sandbox's screen and work on it."""

from __future__ import annotations

import base64
import io
import os
from typing import Callable, Iterator

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser, expect

from desk import Board, Desk
from vncpage import VncPage
from waiting import eventually

TEXT = "naïve 漢字 🎉"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def watch(viewer_browser: Browser) -> Iterator[Callable[..., VncPage]]:
    """Opens the desktop page of a gateway, as somebody with a profile of their own."""
    contexts = []

    def open_page(url: str, key: str | None = None, query: str = "?autoconnect=true", **options) -> VncPage:
        options = {"viewport": {"width": 1400, "height": 1100}, "permissions": CLIPBOARD, **options}
        contexts.append(viewer_browser.new_context(**options))
        contexts[-1].set_default_timeout(15000)
        page = VncPage(contexts[-1].new_page(), url)
        return page.open(query + (f"&api_key={key}" if key else ""))

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def vnc(watch, gateway, board) -> VncPage:
    """The desktop page, with the board on the desktop."""
    return watch(gateway.url, gateway.key).wait_state("connected", 30)


def shows_the_screen(vnc: VncPage, desk: Desk) -> bool:
    """The page's picture is the screenshot; what the viewer's encoding loses is no difference an eye would see."""
    url = vnc.page.evaluate("() => sandgateDesktop.screen.canvas.toDataURL('image/png')")
    shown = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")
    screen = desk.screenshot()
    return shown.size == screen.size and max(ImageStat.Stat(ImageChops.difference(shown, screen)).mean) < 2


def click(vnc: VncPage, board: Board, name: str, **where: float) -> None:
    place = board.at(name, **where)
    vnc.click(place["x"], place["y"])


def focus(vnc: VncPage, board: Board, name: str) -> None:
    click(vnc, board, name)
    board.tab.wait_for(f"document.activeElement.id === '{name}'")


def test_it_shows_the_screen(vnc, desk):
    eventually(lambda: shows_the_screen(vnc, desk), "the picture equals the screenshot", 10, 0.2)


def test_clicks_land_where_they_are_made(vnc, board):
    click(vnc, board, "button")
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")
    place = board.at("button")
    button = [event for event in board.events("click")][0]
    assert abs(button["screenX"] - place["x"]) <= 1 and abs(button["screenY"] - place["y"]) <= 1


def test_a_drag_draws(vnc, board):
    def go(part: float) -> None:
        place = board.at("canvas", part, 0.5)
        vnc.page.mouse.move(*vnc.place(place["x"], place["y"]))

    go(0.1)
    vnc.page.mouse.down()
    for part in (0.2, 0.5, 0.8):
        go(part)
        board.tab.wait_for(f"pen.getImageData({300 * part - 10}, 100, 1, 1).data[0] === 255")
    vnc.page.mouse.up()
    board.wait_events(1, "mouseup")
    board.forget()
    board.assert_nothing_held()


def test_typing(vnc, board):
    focus(vnc, board, "field")
    vnc.page.keyboard.type("Hello, {World}; 100% ~ |")
    board.wait_value("field", "Hello, {World}; 100% ~ |")
    vnc.page.keyboard.press("Control+a")
    vnc.page.keyboard.press("Delete")
    board.wait_value("field", "")
    board.forget()
    board.assert_nothing_held()


def test_text_of_an_input_method(vnc, board):
    focus(vnc, board, "area")
    vnc.toolbar()
    vnc.page.click("#keyboard")
    vnc.page.keyboard.insert_text(TEXT)
    vnc.page.keyboard.press("Enter")
    vnc.page.keyboard.insert_text("ž")
    board.wait_value("area", f"{TEXT}\nž")


def test_what_is_copied_here_is_pasted_there(vnc, board):
    focus(vnc, board, "area")
    for text in (TEXT, "second\nline"):
        vnc.copy_here(text)
        vnc.page.keyboard.press("Control+v")
        eventually(lambda: board.value("area").endswith(text), f"{text!r} is pasted")
    board.wait_value("area", f"{TEXT}second\nline")


def test_what_is_copied_there_is_here(vnc, board):
    focus(vnc, board, "field")
    vnc.copy_here("before")
    board.tab.evaluate("(text) => { document.getElementById('field').value = text; }", TEXT)
    vnc.page.keyboard.press("Control+a")
    vnc.page.keyboard.press("Control+c")
    vnc.copied_here(TEXT)


def test_view_only_changes_nothing(watch, gateway, board):
    vnc = watch(gateway.url, gateway.key, "?autoconnect=true&view_only=true").wait_state("connected", 30)
    board.forget()
    click(vnc, board, "button")
    vnc.page.keyboard.type("x")
    vnc.panel("display")
    vnc.page.locator("#view-only").uncheck()
    click(vnc, board, "button")
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")
    assert not board.events("keydown")


def test_a_phone(watch, gateway, board, desk):
    phone = watch(gateway.url, gateway.key, **PHONE).wait_state("connected", 30)
    eventually(lambda: shows_the_screen(phone, desk), "the picture", 10, 0.2)
    place = board.at("area")
    phone.page.touchscreen.tap(*phone.place(place["x"], place["y"]))
    board.tab.wait_for("document.activeElement.id === 'area'")
    phone.toolbar()
    phone.page.tap("#keyboard")
    phone.page.keyboard.insert_text(TEXT)
    board.wait_value("area", TEXT)
    place = board.at("pad")  # far off: noVNC takes two quick taps close by for a double click
    phone.page.touchscreen.tap(*phone.place(place["x"], place["y"]))
    eventually(lambda: any(e["target"] == "pad" for e in board.events("click")), "a second tap")


def test_two_people_watch_the_same(watch, gateway, board, desk):
    both = [watch(gateway.url, gateway.key).wait_state("connected", 30) for _ in range(2)]
    click(both[0], board, "button")
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")
    for vnc in both:
        eventually(lambda: shows_the_screen(vnc, desk), "the picture", 10, 0.2)


# ---- services that come and go ----


def comes_back(vnc: VncPage, desk: Desk, end: Callable[[], object]) -> None:
    """The page notices the end, and is there again without a hand."""
    vnc.page.evaluate("""() => {
      window.seen = [];
      new MutationObserver(() => seen.push(document.documentElement.dataset.state))
        .observe(document.documentElement, { attributeFilter: ['data-state'] });
    }""")
    end()
    eventually(lambda: "waiting" in (seen := vnc.page.evaluate("seen")) and seen[-1] == "connected", "it is back", 30)
    eventually(lambda: shows_the_screen(vnc, desk), "it shows the screen", 30, 0.2)


@pytest.mark.local
def test_it_survives_restarts_and_kills(start_desktop, watch):
    server = start_desktop(env={"HOMEPAGE": "about:blank"})
    desk = Desk(server.api)
    vnc = watch(server.url).wait_state("connected", 30)
    comes_back(vnc, desk, lambda: server.api.post_ok("/v1/services/desktop/restart", {}))
    for name in ("desktop", "display"):
        comes_back(vnc, desk, lambda: os.kill(desk.service(name)["pid"], 9))
    assert vnc.page.locator("#screen canvas").count() == 1


@pytest.mark.local
def test_the_gateway_restarts_under_it(start_desktop, watch):
    server = start_desktop(env={"HOMEPAGE": "about:blank"})
    vnc = watch(server.url).wait_state("connected", 30)
    server.args += ["--listen", f"127.0.0.1:{server.port}"]
    server.stop()
    vnc.wait_state("waiting")
    expect(vnc.page.locator("#veil-text")).to_have_text("The sandbox does not answer.")
    server.start()
    vnc.wait_state("connected", 40)


@pytest.mark.local
def test_opening_the_page_is_enough(start_desktop, watch):
    """A first visit to a cold sandbox starts the desktop, and the browser on it."""
    server = start_desktop(env={"HOMEPAGE": "about:blank"})
    desk = Desk(server.api)
    assert {service["state"] for service in desk.services().values()} == {"stopped"}
    vnc = watch(server.url).wait_state("connected", 30)
    desk.wait_state("browser", "ready", 30)
    eventually(lambda: shows_the_screen(vnc, desk), "the picture", 20, 0.2)


@pytest.mark.local
def test_a_sandbox_without_a_desktop_says_so(start_gateway, watch):
    vnc = watch(start_gateway().url)
    expect(vnc.page.locator("#veil-title")).to_have_text("The desktop is not available")
    expect(vnc.page.locator("#veil-text")).to_have_text("This sandbox has no desktop.")


@pytest.mark.parametrize("path", [None, "/vnc/"])
def test_an_address_with_one_ticket_in_it_twice(start_desktop, watch, path: str | None) -> None:
    """As it is documented: for the page, and in `path` for its WebSocket. It holds for a reload, and for nobody else."""
    server = start_desktop(key="the desktop's key")
    ticket = server.api.post("/tickets", {"path": path}).body["ticket"]
    query = f"?ticket={ticket}&path=websockify%3Fticket%3D{ticket}&autoconnect=true"
    vnc = watch(server.url, query=query).wait_state("connected", 30)
    eventually(lambda: vnc.size == (1280, 1024), "the size of the screen")
    assert f"?ticket={ticket}" not in vnc.page.url and f"&ticket={ticket}" not in vnc.page.url
    vnc.page.reload()
    vnc.wait_state("connected", 30)
    eventually(lambda: vnc.size == (1280, 1024), "the size of the screen")
    stranger = watch(server.url, query=query)
    expect(stranger.page.locator("input[name=api_key]")).to_be_visible()
