"""Pages opened by a ticket or a token in a real browser: they work, and nothing of it stays in the address."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from relay import Relay
from screens import TerminalPage
from tokens import Signer

KEY = "a key & a half"
ELSEWHERE = "http://elsewhere.example/"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def locked(start_gateway, signer):
    return start_gateway(key=KEY, env={"JWT_PUBLIC_KEY": signer.setting})


def ticket_of(gateway, **fields) -> str:
    return gateway.api.post("/tickets", fields).body["ticket"]


def works(terminal: TerminalPage) -> None:
    terminal.wait_state("connected")
    terminal.settle()
    assert "ticket" not in terminal.page.url and "api_key" not in terminal.page.url


@pytest.mark.parametrize("path", [None, "/terminal"])
def test_a_ticket_opens_the_terminal(locked, context, path: str | None) -> None:
    """The page, its assets and its WebSocket; a reload as well, and going back. Once more it opens nothing."""
    fields = {"path": path} if path else {}
    url = f"{locked.url}/terminal?ticket={ticket_of(locked, **fields)}"
    terminal = TerminalPage(context.new_page(), locked.url)
    terminal.page.goto(url)
    works(terminal)
    assert terminal.page.evaluate("() => document.cookie") == ""
    terminal.page.reload()
    works(terminal)
    terminal.page.goto(url)
    works(terminal)
    inside = context.new_page()
    status = inside.goto(f"{locked.url}/v1/sandbox").status
    assert status == (403 if path else 200)


def test_a_used_ticket_asks_for_the_key(locked, new_context) -> None:
    url = f"{locked.url}/terminal?ticket={ticket_of(locked)}"
    first = TerminalPage(new_context().new_page(), locked.url)
    first.page.goto(url)
    works(first)
    thief = new_context().new_page()
    assert thief.goto(url).status == 401
    expect(thief.locator("input[type=password]")).to_be_visible()


def test_a_link_on_another_site(locked, context) -> None:
    """The cookie is strict: it must be there all the same for the page that the link leads to."""
    page = context.new_page()
    target = f"{locked.url}/terminal?ticket={ticket_of(locked)}"
    page.route(ELSEWHERE, lambda route: route.fulfill(content_type="text/html", body=f'<a href="{target}">open</a>'))
    page.goto(ELSEWHERE)
    page.click("a")
    terminal = TerminalPage(page, locked.url)
    works(terminal)
    page.reload()
    works(terminal)


def test_two_tabs_with_tickets_of_their_own(locked, context) -> None:
    pages = []
    for path in ("/terminal", "/v1/docs"):
        pages.append(context.new_page())
        assert pages[-1].goto(f"{locked.url}{path}?ticket={ticket_of(locked, path=path)}").status == 200
    expect(pages[1].locator("details.operation").first).to_be_visible()
    for page in pages:
        page.reload()
    expect(pages[1].locator("details.operation").first).to_be_visible()
    works(TerminalPage(pages[0], locked.url))


def test_the_form_takes_a_token(locked, context, signer: Signer) -> None:
    terminal = TerminalPage(context.new_page(), locked.url)
    terminal.open()
    terminal.page.locator("input[type=password]").fill(signer.token(sub="alice"))
    terminal.page.keyboard.press("Enter")
    works(terminal)
    terminal.page.reload()
    works(terminal)


def test_the_dialog_of_a_page_takes_a_token(locked, context, signer: Signer) -> None:
    """A page whose session is gone asks by itself; what it was given it sends as a token, not as a key."""
    with Relay(locked.url) as relay:
        terminal = TerminalPage(context.new_page(), relay.url)
        terminal.page.goto(f"{relay.url}/terminal?ticket={ticket_of(locked)}")
        works(terminal)
        context.clear_cookies()
        relay.cut()
        terminal.wait_state("locked")
        dialog = terminal.page.locator("dialog")
        dialog.locator("input").fill("eyJhbGciOiJFUzI1NiJ9.e30.AAAA")
        terminal.page.keyboard.press("Enter")
        expect(dialog.locator(".problem")).to_have_text("That key was refused.")
        dialog.locator("input").fill(signer.token(sub="alice"))
        terminal.page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        works(terminal)
