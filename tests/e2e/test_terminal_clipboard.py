"""Copy and paste on the terminal page."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import expect

from waiting import eventually


@pytest.fixture
def clipboard(context):
    """The browser's clipboard, through a page of its own would lose focus: through the page under test."""
    return Clipboard()


class Clipboard:
    def write(self, terminal, text: str) -> None:
        terminal.page.evaluate("text => navigator.clipboard.writeText(text)", text)

    def read(self, terminal) -> str:
        return terminal.page.evaluate("() => navigator.clipboard.readText()")


def double_click_word(terminal, word: str) -> None:
    """Double-clicks the last place on the visible screen where the word stands."""
    x, y = terminal.page.evaluate(
        """word => {
      const buffer = sandgateTerminal.buffer.active;
      const box = document.querySelector('.xterm-screen').getBoundingClientRect();
      for (let row = sandgateTerminal.rows - 1; row >= 0; row -= 1) {
        const column = buffer.getLine(buffer.viewportY + row).translateToString().indexOf(word);
        if (column >= 0) {
          return [box.x + (column + 1.5) * box.width / sandgateTerminal.cols,
                  box.y + (row + 0.5) * box.height / sandgateTerminal.rows];
        }
      }
      return null;
    }""",
        word,
    )
    terminal.page.mouse.dblclick(x, y)


def test_selected_text_is_copied(terminal, clipboard):
    clipboard.write(terminal, "before")
    terminal.run("echo co''pied")
    terminal.see(r"^copied$")
    double_click_word(terminal, "copied")
    terminal.press("Control+Shift+C")
    eventually(lambda: clipboard.read(terminal) == "copied", "the word on the clipboard")


def test_control_shift_c_without_selection_keeps_the_clipboard(terminal, clipboard):
    clipboard.write(terminal, "before")
    terminal.press("Control+Shift+C")
    terminal.settle()
    assert clipboard.read(terminal) == "before"


@pytest.mark.parametrize("shortcut", ["Control+Shift+V", "Shift+Insert"])
def test_pasted_lines_wait_for_enter(terminal, clipboard, shortcut):
    terminal.settle()
    clipboard.write(terminal, "echo first-$((1+1))\necho second-ž-$((2+2))")
    terminal.press(shortcut)
    terminal.see(r"echo second-ž-\$\(\(2\+2\)\)$")
    assert "first-2" not in terminal.text, "bracketed paste does not run anything by itself"
    terminal.press("Enter")
    terminal.see(r"^first-2$")
    terminal.see(r"^second-ž-4$")


def test_paste_cannot_leave_its_brackets(terminal, clipboard):
    terminal.settle()
    clipboard.write(terminal, "echo harmless\x1b[201~\necho escaped-$((50+5))\n")
    terminal.press("Control+Shift+V")
    terminal.see(r"escaped-\$\(\(50\+5\)\)")
    terminal.press("Control+c")
    terminal.settle()
    assert "escaped-55" not in terminal.text


def test_a_long_paste_arrives_whole(terminal, clipboard):
    text = "".join(f"{number:05d} řádek s textem 🎉 a ještě něco navíc\n" for number in range(4000))
    clipboard.write(terminal, text)
    terminal.run("stty -echo; echo ready-$((1+1)); cat | md5sum; stty echo")
    terminal.see(r"^ready-2$")
    terminal.press("Control+Shift+V")
    terminal.press("Control+d")
    terminal.see(rf"^{hashlib.md5(text.encode()).hexdigest()}", deadline=30)


def test_a_program_may_fill_the_clipboard_once(terminal, clipboard):
    clipboard.write(terminal, "before")
    terminal.run("printf '\\e]52;c;%s\\a' $(printf 'sent ✓' | base64)")
    eventually(lambda: clipboard.read(terminal) == "sent ✓", "what the program sent")
    expect(terminal.page.locator("#notice")).to_contain_text("copied 6 characters")
    clipboard.write(terminal, "later")
    terminal.page.reload()
    terminal.wait_state("connected")
    terminal.settle()
    assert clipboard.read(terminal) == "later", "the replay must not copy again"


def test_a_program_cannot_read_the_clipboard(terminal, clipboard):
    clipboard.write(terminal, "private")
    terminal.run("printf '\\e]52;c;?\\a'")
    terminal.settle()
    assert "cHJpdmF0ZQ" not in terminal.text
