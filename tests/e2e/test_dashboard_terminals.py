"""The terminal tab: sessions of people and of agents, side by side."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from dashboard import Dashboard
from waiting import allow, eventually

pytestmark = pytest.mark.local


@pytest.fixture
def box(start_gateway):
    return start_gateway()


@pytest.fixture
def board(box, new_context) -> Dashboard:
    return Dashboard(new_context(viewport={"width": 1280, "height": 800}).new_page(), box.url)


def sessions(box) -> list[str]:
    told = box.api.get_ok("/v1/shell/sessions")["sessions"]
    return sorted(told, key=lambda one: told[one]["created_at"])


def connected(board: Dashboard, session: str) -> None:
    expect(board.frame(f"session_id={session}").locator("body")).to_have_attribute("data-link", "connected")


def reads(board: Dashboard, session: str, text: str) -> None:
    eventually(lambda: text in board.terminal_screen(session), f"{text!r} in {session}", 10, every=0.1)


def test_several_terminals(board, box) -> None:
    board.open("#terminal")
    expect(board.terminals).to_have_count(1)
    (first,) = sessions(box)
    connected(board, first)
    board.page.keyboard.type("echo one-$((40 + 2))\n")
    reads(board, first, "one-42")
    board.page.get_by_role("button", name="New terminal").click()
    expect(board.terminals).to_have_count(2)
    second = sessions(box)[1]
    connected(board, second)
    board.page.keyboard.type("echo two-$((40 + 3))\n")
    reads(board, second, "two-43")
    expect(board.terminals).to_have_text(["Terminal 1", "Terminal 2"])
    board.shot("terminals")
    board.terminals.nth(0).click()
    reads(board, first, "one-42")
    assert "two-43" not in board.terminal_screen(first)
    board.page.reload()
    expect(board.terminals).to_have_count(2)
    reads(board, first, "one-42")
    assert len(sessions(box)) == 2, "a reload makes no further session"


def test_sessions_of_an_agent_show_up_and_are_attached_to(board, box) -> None:
    box.api.shell.exec("echo from-the-agent", id="build")
    board.open("#terminal")
    expect(board.terminals).to_have_text(["build"])
    reads(board, "build", "from-the-agent")
    box.api.shell.create("later one")
    expect(board.terminals).to_have_text(["build", "later one"], timeout=allow(10) * 1000)
    expect(board.page.locator("#pane-terminal iframe")).to_have_count(1)
    board.terminals.nth(1).click()
    connected(board, "later")
    assert board.page.url.endswith("#terminal/later%20one")
    board.open("#terminal/build")
    expect(board.terminals.nth(0)).to_have_attribute("aria-selected", "true")


def test_terminals_are_renamed_on_this_browser(board, box) -> None:
    board.open("#terminal")
    board.terminals.nth(0).dblclick()
    board.dialog.locator("input").fill("Server <1>")
    board.page.keyboard.press("Enter")
    expect(board.terminals).to_have_text(["Server <1>"])
    board.page.reload()
    expect(board.terminals).to_have_text(["Server <1>"])


def test_ending_a_terminal(board, box) -> None:
    board.open("#terminal")
    expect(board.terminals).to_have_count(1)
    (busy,) = sessions(box)
    connected(board, busy)
    board.page.keyboard.type("sleep 1000\n")
    expect(board.terminals.nth(0)).to_have_attribute("data-status", "running", timeout=allow(10) * 1000)
    end = board.terminals.nth(0).get_by_role("button", name="End this terminal")
    end.click()
    expect(board.dialog).to_contain_text("Something still runs in it")
    board.shot("end-terminal")
    board.confirm("Cancel")
    assert sessions(box) == [busy]
    end.click()
    board.confirm("End it")
    expect(board.terminals).to_have_count(0)
    expect(board.pane("terminal")).to_contain_text("No terminal is open")
    eventually(lambda: sessions(box) == [], "the session is gone")
    board.page.locator(".state").get_by_role("button", name="New terminal").click()
    expect(board.terminals).to_have_count(1)


def test_a_session_that_ends_by_itself_leaves_when_one_looks_away(board, box) -> None:
    box.api.shell.create("stays")
    box.api.shell.create("goes")
    board.open("#terminal/goes")
    connected(board, "goes")
    assert box.api.delete("/v1/shell/sessions/goes").success
    expect(board.terminals.nth(1)).to_have_attribute("data-status", "ended", timeout=allow(10) * 1000)
    expect(board.frame("session_id=goes").locator("#ended")).to_be_visible()
    board.terminals.nth(0).click()
    expect(board.terminals).to_have_text(["stays"], timeout=allow(10) * 1000)


def test_terminals_by_keyboard(board, box) -> None:
    for name in ("a", "b"):
        box.api.shell.create(name)
    board.open("#terminal/a")
    connected(board, "a")
    board.page.keyboard.press("Control+F6")
    board.terminals.nth(0).focus()
    board.page.keyboard.press("ArrowRight")
    expect(board.terminals.nth(1)).to_be_focused()
    expect(board.terminals.nth(0)).to_have_attribute("aria-selected", "true")
    board.page.keyboard.press("Enter")
    expect(board.terminals.nth(1)).to_have_attribute("aria-selected", "true")
    connected(board, "b")
    board.terminals.nth(1).focus()
    board.page.keyboard.press("F2")
    board.dialog.locator("input").fill("renamed")
    board.page.keyboard.press("Enter")
    expect(board.terminals).to_have_text(["a", "renamed"])
    board.terminals.nth(1).focus()
    board.page.keyboard.press("Delete")
    expect(board.terminals).to_have_text(["a"])
    eventually(lambda: sessions(box) == ["a"], "the session is gone")
