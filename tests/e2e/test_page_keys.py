"""The pages of a gateway that asks for a key."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from relay import Relay
from screens import TerminalPage
from waiting import eventually

KEY = "a key & a half"


@pytest.fixture
def locked(start_gateway):
    return start_gateway(key=KEY)


def sign_in(page, key: str) -> None:
    """Whoever asks, the gateway's own page or the dialog on ours: one password field, confirmed with Enter."""
    page.locator("input[type=password]").fill(key)
    page.keyboard.press("Enter")


def test_key_is_asked_for_once(locked, context, shot):
    terminal = TerminalPage(context.new_page(), locked.url)
    terminal.open()
    shot(terminal.page, "key-asked")
    sign_in(terminal.page, KEY)
    terminal.wait_state("connected")
    terminal.settle()
    assert "api_key" not in terminal.page.url and "half" not in terminal.page.url
    terminal.page.reload()
    terminal.wait_state("connected")
    terminal.settle()


def test_wrong_key_is_refused(locked, context):
    terminal = TerminalPage(context.new_page(), locked.url)
    terminal.open()
    sign_in(terminal.page, "wrong")
    expect(terminal.page.locator("input[type=password]")).to_be_visible()
    sign_in(terminal.page, KEY)
    terminal.wait_state("connected")


def test_key_in_the_address_opens_and_disappears(locked, context):
    terminal = TerminalPage(context.new_page(), locked.url, KEY)
    terminal.open()
    terminal.wait_state("connected")
    assert "api_key" not in terminal.page.url
    assert terminal.page.evaluate("() => [history.state, document.referrer]") == [None, ""]


def test_lost_admission_asks_on_the_page_and_goes_on(locked, context, shot):
    """The browser's cookie is gone (the gateway was restarted, say): the dialog asks, and the session goes on."""
    with Relay(locked.url) as relay:
        terminal = TerminalPage(context.new_page(), relay.url)
        terminal.open()
        sign_in(terminal.page, KEY)
        terminal.wait_state("connected")
        terminal.run("KEPT=still-here")
        terminal.settle()
        session = terminal.session
        terminal.page.evaluate("() => sessionStorage.clear()")
        context.clear_cookies()
        relay.cut()
        terminal.wait_state("locked")
        dialog = terminal.page.locator("dialog")
        for _ in range(3):
            terminal.press("Escape")
        expect(dialog).to_be_visible()
        sign_in(terminal.page, "wrong")
        expect(dialog.locator(".problem")).to_have_text("That key was refused.")
        shot(terminal.page, "key-refused")
        sign_in(terminal.page, KEY)
        terminal.wait_state("connected")
        expect(dialog).to_have_count(0)
        assert terminal.session == session
        terminal.run('echo "<$KEPT>"')
        terminal.see(r"^<still-here>$")
        terminal.page.reload()
        terminal.wait_state("connected")


def test_docs_of_a_locked_gateway(locked, context):
    page = context.new_page()
    page.goto(f"{locked.url}/v1/docs")
    sign_in(page, KEY)
    fold = page.locator("details.operation", has_text="/v1/sandbox").first
    fold.locator("> summary").click()
    expect(fold.locator(".curl")).to_contain_text("X-AIO-API-Key: $SANDBOX_API_KEY")
    fold.locator("button[type=submit]").click()
    expect(fold.locator(".answer-head strong")).to_contain_text("200")
    assert KEY not in fold.inner_text()
    page.click("#key")
    sign_in(page, "wrong")
    expect(page.locator("dialog .problem")).to_have_text("That key was refused.")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    fold.locator("button[type=submit]").click()
    expect(fold.locator(".answer-head strong")).to_contain_text("200")
    eventually(lambda: "api_key" not in page.url, "the key leaves the address")
