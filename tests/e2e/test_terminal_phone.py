"""The terminal page on a phone: touch, a narrow screen, and a row of the keys a phone lacks."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from waiting import eventually

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def phone(new_context, open_terminal):
    context = new_context(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
    terminal = open_terminal(within=context)
    terminal.page.tap("#terminal")
    return terminal


def tap(phone, key: str) -> None:
    phone.page.tap(f"[data-key={key}]")


def test_everything_fits_and_nothing_scrolls_sideways(phone, shot):
    phone.run("ls -la /")
    phone.settle()
    shot(phone.page, "terminal-phone")
    width, height = phone.page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert (width, height) == (PHONE["width"], PHONE["height"])
    keys, screen = (phone.page.locator(name).bounding_box() for name in ("#keys", ".xterm-screen"))
    assert screen["y"] + screen["height"] <= keys["y"], "the keys cover no output"
    assert keys["y"] + keys["height"] <= PHONE["height"]


def test_control_is_armed_for_one_character(phone):
    phone.run("echo started-$((1+1)); sleep 300")
    phone.see(r"^started-2$")
    tap(phone, "ctrl")
    expect(phone.page.locator("[data-key=ctrl]")).to_have_attribute("aria-pressed", "true")
    phone.type("c")
    expect(phone.page.locator("[data-key=ctrl]")).to_have_attribute("aria-pressed", "false")
    phone.see(r"\^C")
    phone.run("echo status $?")
    phone.see(r"^status 130$")


def test_arrow_and_tab_keys(phone):
    phone.run("echo once-$((1+1))")
    phone.see(r"^once-2$")
    tap(phone, "up")
    phone.press("Enter")
    eventually(lambda: phone.text.count("\nonce-2") == 2, "the command from the history again")
    phone.type("echo /etc/hostna")
    tap(phone, "tab")
    phone.press("Enter")
    phone.see(r"^/etc/hostname$")


def test_escape_reaches_the_program(phone):
    phone.run("echo started-$((1+1)); read -rsn1 key; printf 'code-%d\\n' \"'$key\"")
    phone.see(r"^started-2$")
    tap(phone, "escape")
    phone.see(r"^code-27$")


def test_paste_key(phone):
    phone.settle()
    phone.page.evaluate("() => navigator.clipboard.writeText('echo pasted-$((1+1))')")
    tap(phone, "paste")
    phone.see(r"echo pasted-")
    phone.press("Enter")
    phone.see(r"^pasted-2$")


def test_keys_keep_the_terminal_focused(phone):
    tap(phone, "tab")
    assert phone.page.evaluate("() => document.activeElement.className").startswith("xterm-helper-textarea")


def test_a_finger_scrolls_back(phone):
    phone.run("seq 1 500")
    phone.settle()
    bottom = phone.page.evaluate("() => sandgateTerminal.buffer.active.viewportY")
    drag(phone, 300, 700)
    eventually(
        lambda: phone.page.evaluate("() => sandgateTerminal.buffer.active.viewportY") < bottom - 10,
        "the screen has moved back",
    )
    drag(phone, 700, 100)
    eventually(
        lambda: phone.page.evaluate("() => sandgateTerminal.buffer.active.viewportY") == bottom,
        "the screen is at its end again",
    )


def drag(phone, start: int, end: int) -> None:
    """One finger from y=start to y=end, through the browser's own touch input."""
    devtools = phone.page.context.new_cdp_session(phone.page)
    steps = 10
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 200, "y": start}]})
    for step in range(1, steps + 1):
        y = start + (end - start) * step / steps
        devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": 200, "y": y}]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    devtools.detach()
