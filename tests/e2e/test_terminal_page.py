"""The terminal page against the gateway, in a real browser: typing, size, unicode, reload, several viewers, the end."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from waiting import eventually


def test_typed_commands_show_their_output(terminal, shot):
    terminal.run("echo answer-$((40+2))")
    terminal.see(r"^answer-42$")
    terminal.run("printf '\\e[31mred\\e[0m \\e[1;34mblue\\e[0m\\n'; ls -la --color=always /")
    terminal.settle()
    shot(terminal.page, "terminal-dark")


def test_keys_reach_the_program(terminal):
    terminal.type("echo wrong")
    terminal.press("Control+u")
    terminal.type("echo rihgt-$((1+1))")
    for _ in "ht-$((1+1))":
        terminal.press("ArrowLeft")
    terminal.press("Backspace")
    terminal.press("Delete")
    terminal.type("gh")
    terminal.press("Enter")
    terminal.see(r"^right-2$")
    terminal.press("ArrowUp")
    terminal.press("Enter")
    eventually(lambda: len(re.findall(r"^right-2$", terminal.text, re.MULTILINE)) == 2, "the repeated command")


def test_control_c_interrupts(terminal):
    terminal.run("echo started-$((1+1)); sleep 300")
    terminal.see(r"^started-2$")
    terminal.press("Control+c")
    terminal.see(r"\^C")
    terminal.run("echo status $?")
    terminal.see(r"^status 130$")


def test_window_size_reaches_the_shell(terminal):
    before = terminal.columns
    terminal.run("echo cols=$(tput cols) lines=$(tput lines)")
    assert int(terminal.see(r"^cols=(\d+) lines=\d+$")[1]) == before
    terminal.page.set_viewport_size({"width": 700, "height": 400})
    eventually(lambda: terminal.columns < before, "the terminal fits the smaller window", every=0.05)
    terminal.run("echo now=$(tput cols)x$(tput lines)")
    cols, rows = terminal.see(r"^now=(\d+)x(\d+)$").groups()
    assert int(cols) == terminal.columns
    assert int(rows) == terminal.page.evaluate("() => sandgateTerminal.rows")


def test_terminal_fills_the_window(terminal):
    box = terminal.page.locator(".xterm-screen").bounding_box()
    assert box["x"] + box["width"] > 1100 - 40
    assert 640 - 30 < box["y"] + box["height"] <= 640


def test_text_size_can_be_changed_and_is_kept(terminal):
    before = terminal.columns
    for _ in range(4):
        terminal.page.click("#larger")
    eventually(lambda: terminal.columns < before, "fewer columns with larger text")
    larger = terminal.columns
    terminal.page.reload()
    terminal.wait_state("connected")
    assert terminal.columns == larger


def test_reload_finds_the_session_and_its_scrollback(terminal):
    terminal.run("KEPT=still-here; seq 1 300 | sed 's/^/line-/'")
    terminal.settle()
    before, session = terminal.text, terminal.session
    assert session and before.count("line-300") == 1
    terminal.page.reload()
    terminal.wait_state("connected")
    eventually(lambda: terminal.text == before, "the same screen as before the reload", every=0.05)
    assert terminal.session == session
    terminal.run('echo "<$KEPT>"')
    terminal.see(r"^<still-here>$")


def test_replayed_queries_are_not_answered_again(terminal):
    """A program asked where the cursor is. When the page shows that output again, nobody waits for the answer."""
    terminal.run("IFS= read -rsd R -p $'\\e[6n' where; echo asked-${#where}")
    terminal.see(r"^.*asked-\d+$")
    terminal.page.reload()
    terminal.wait_state("connected")
    terminal.settle()
    assert not re.search(r"\d+;\d+R", terminal.text)


def test_replay_restores_modes_of_a_full_screen_program(terminal):
    terminal.run("printf '\\e[?1049h\\e[2J\\e[5;5Hfull screen'; read -rs _")
    terminal.see(r"full screen")
    terminal.page.reload()
    terminal.wait_state("connected")
    terminal.see(r"^    full screen$")
    assert terminal.page.evaluate("() => sandgateTerminal.buffer.active.type") == "alternate"


def test_two_pages_see_the_same_session(open_terminal, terminal):
    other = open_terminal(session=terminal.session)
    assert other.session == terminal.session
    terminal.page.bring_to_front()
    terminal.run("echo from-first-$((1+1))")
    other.see(r"^from-first-2$")
    other.page.bring_to_front()
    other.run("echo from-second-$((2+2))")
    terminal.see(r"^from-second-4$")


def test_new_link_opens_another_session(terminal):
    with terminal.page.expect_popup() as popup:
        terminal.page.click("#another")
    page = popup.value
    expect(page.locator("#status")).to_have_attribute("data-state", "connected")
    assert "session_id=" in page.url
    assert terminal.session not in page.url


def test_unicode_in_both_directions(terminal):
    terminal.run("echo 'žluťoučký 日本語 🎉 ✓' | tr a-z A-Z")
    terminal.see(r"^žLUťOUčKý 日本語 🎉 ✓$")
    terminal.run("printf '\\360\\237\\216\\211|\\n'")
    terminal.see(r"^🎉\|$")
    column = terminal.page.evaluate("""() => {
      const buffer = sandgateTerminal.buffer.active;
      for (let y = 0; y < buffer.length; y += 1) {
        const line = buffer.getLine(y);
        if (line.translateToString(true) === '🎉|') {
          for (let x = 0; x < 8; x += 1) if (line.getCell(x).getChars() === '|') return x;
        }
      }
      return -1;
    }""")
    assert column == 2, "an emoji is two cells wide"


def test_flood_leaves_the_page_usable(terminal):
    terminal.run("seq 1 500000; echo flood-$((1+1))")
    terminal.see(r"^500000\nflood-2$", deadline=60)
    terminal.settle()


def test_hidden_page_does_not_hold_up_the_program(terminal):
    """A hidden page lets go of a flood, and catches up when it is seen again. Browsers give hidden pages few timer
    ticks; here the terminal is made as slow."""
    terminal.page.evaluate("""() => {
      globalThis.seen = false;
      Object.defineProperty(document, 'hidden', { get: () => !globalThis.seen });
      const write = sandgateTerminal.write.bind(sandgateTerminal);
      sandgateTerminal.write = (text, done) => setTimeout(() => write(text, done), globalThis.seen ? 0 : 1000);
    }""")
    terminal.run("seq 1 400000; echo hidden-$((1+1))")
    terminal.wait_state("parked", deadline=30)
    terminal.page.evaluate("""() => {
      globalThis.seen = true;
      document.dispatchEvent(new Event('visibilitychange'));
    }""")
    terminal.see(r"^400000\nhidden-2$", deadline=60)
    terminal.settle()


def test_exit_shows_the_end_and_enter_starts_anew(terminal, shot):
    old = terminal.session
    terminal.run("exit 7")
    terminal.wait_state("ended")
    expect(terminal.page.locator("#ended-text")).to_have_text("The session ended with exit code 7.")
    shot(terminal.page, "terminal-ended")
    terminal.press("Enter")
    terminal.wait_state("connected")
    expect(terminal.page.locator("#ended")).to_be_hidden()
    assert terminal.session and terminal.session != old
    terminal.run("echo fresh-$((1+1))")
    terminal.see(r"^fresh-2$")


def test_a_killed_shell_tells_its_signal(terminal):
    terminal.run("kill -9 $$")
    terminal.wait_state("ended")
    expect(terminal.page.locator("#ended-text")).to_have_text("The session was ended by signal 9.")
    terminal.page.click("#restart")
    terminal.wait_state("connected")
    terminal.settle()


def test_title_follows_the_shell(terminal):
    terminal.run("PS1='$ '; PROMPT_COMMAND=; printf '\\e]2;my title\\a'")
    expect(terminal.page).to_have_title("my title – Sandgate")


def test_focus_can_leave_and_return_by_keyboard(terminal):
    terminal.press("Control+F6")
    expect(terminal.page.locator("#smaller")).to_be_focused()
    terminal.press("Escape")
    terminal.run("echo back-$((1+1))")
    terminal.see(r"^back-2$")


def test_screen_reader_support_can_be_switched_on(terminal):
    terminal.press("Control+F6")
    terminal.press("Shift+Tab")
    terminal.press("Enter")
    terminal.press("Escape")
    terminal.run("echo heard-$((1+1))")
    expect(terminal.page.locator(".xterm-accessibility-tree")).to_contain_text("heard-2")


def test_light_scheme(new_context, open_terminal, shot):
    terminal = open_terminal(within=new_context(color_scheme="light"))
    terminal.run("printf '\\e[31mred \\e[33myellow \\e[93mbright\\e[0m\\n'")
    terminal.settle()
    assert terminal.page.evaluate("() => sandgateTerminal.options.theme.background") == "#ffffff"
    shot(terminal.page, "terminal-light")
    terminal.page.emulate_media(color_scheme="dark")
    eventually(
        lambda: terminal.page.evaluate("() => sandgateTerminal.options.theme.background") != "#ffffff",
        "the colours follow the system",
    )
