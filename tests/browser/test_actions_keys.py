"""Keyboard actions, read back from the page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from waiting import Stopwatch, eventually

MIXED = "naïve 漢字 🎉"
WAYS = pytest.mark.parametrize("clipboard", [True, False], ids=["clipboard", "keys"])


@WAYS
@pytest.mark.parametrize(
    "text",
    [
        MIXED,
        "Hello, World!",
        "~!@#$%^&*()_+`-={}|[]\\:\";'<>?,./",
        "čeština ñ ß € ﬁ Ω ж ع ת ไ 한 あ",
        "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301",
        " leading and trailing ",
        "ALL CAPS and a\u00a0nbsp",
    ],
)
def test_typing(desk, board, clipboard, text):
    board.focus("field")
    desk.act("TYPING", text=text, use_clipboard=clipboard)
    board.wait_value("field", text)
    board.assert_nothing_held()


@pytest.mark.parametrize("fields", [{}, {"use_clipboard": None}], ids=["absent", "null"])
def test_typing_is_by_clipboard_unless_told(desk, board, fields):
    board.focus("field")
    desk.act("TYPING", text=MIXED, **fields)
    board.wait_value("field", MIXED)
    assert len(board.events("paste")) == 1


def test_typing_by_keys_leaves_the_clipboard(desk, board):
    board.focus("field")
    desk.act("TYPING", text="kept")
    board.wait_value("field", "kept")
    board.focus("area")
    desk.act("TYPING", text="typed ", use_clipboard=False)
    desk.act("HOTKEY", keys=["ctrl", "v"])
    board.wait_value("area", "typed kept")


def test_typing_lines_by_clipboard(desk, board):
    text = "first\nsecond\ttabbed\n\nlast\n"
    board.focus("area")
    desk.act("TYPING", text=text)
    board.wait_value("area", text)


def test_typing_lines_by_keys(desk, board):
    board.focus("area")
    desk.act("TYPING", text="first\nsecond\n\nlast", use_clipboard=False)
    board.wait_value("area", "first\nsecond\n\nlast")


def test_a_typed_tab_is_the_tab_key(desk, board):
    board.focus("field")
    desk.act("TYPING", text="one\ttwo", use_clipboard=False)
    board.wait_value("area", "two")
    assert board.value("field") == "one"


def test_typing_many_different_characters_by_keys(desk, board):
    """More characters than a keyboard has spare keys for."""
    text = "".join(chr(0x4E00 + 7 * number) for number in range(400))
    board.focus("area")
    desk.act("TYPING", text=text, use_clipboard=False)
    board.wait_value("area", text)


@WAYS
def test_typing_ten_kilobytes(desk, board, clipboard):
    text = "".join(f"{number:04d} The quick brown fox jumps over the dog\n" for number in range(250))[:10240]
    board.focus("area")
    with Stopwatch() as watch:
        desk.act("TYPING", text=text, use_clipboard=clipboard)
        board.wait_value("area", text, deadline=20)
    watch.assert_below(2 if clipboard else 20)


@WAYS
def test_clicks_and_texts_keep_their_order(desk, board, clipboard):
    """As an agent works: one action after the other, without looking in between."""
    letters = "abcdefgh"
    for letter in letters:
        for name in ("field", "area"):
            desk.act("CLICK", **board.at(name))
            desk.act("TYPING", text=letter, use_clipboard=clipboard)
    board.tab.wait_for(f"document.getElementById('area').value.length >= {len(letters)}")
    assert (sorted(board.value("field")), sorted(board.value("area"))) == (list(letters), list(letters))


def test_two_typists_do_not_interleave(desk, board):
    board.focus("area")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda letter: desk.act("TYPING", text=letter * 300, use_clipboard=False), "ab"))
    board.tab.wait_for("document.getElementById('area').value.length >= 600")
    assert board.value("area") in ("a" * 300 + "b" * 300, "b" * 300 + "a" * 300)


def test_two_pasters_do_not_interleave(desk, board):
    board.focus("area")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda letter: desk.act("TYPING", text=letter * 50), "abcd"))
    board.tab.wait_for("document.getElementById('area').value.length >= 200")
    value = board.value("area")
    assert sorted(value[at : at + 50] for at in range(0, 200, 50)) == [letter * 50 for letter in "abcd"], value


KEYS = {
    # As pyautogui calls them.
    "enter": "Enter",
    "return": "Enter",
    "esc": "Escape",
    "escape": "Escape",
    "tab": "Tab",
    "space": " ",
    "backspace": "Backspace",
    "delete": "Delete",
    "del": "Delete",
    "insert": "Insert",
    "home": "Home",
    "end": "End",
    "pageup": "PageUp",
    "pgup": "PageUp",
    "pagedown": "PageDown",
    "pgdn": "PageDown",
    "left": "ArrowLeft",
    "right": "ArrowRight",
    "up": "ArrowUp",
    "down": "ArrowDown",
    "f5": "F5",
    "f12": "F12",
    "ctrl": "Control",
    "shift": "Shift",
    "alt": "Alt",
    "cmd": "Meta",
    "win": "Meta",
    "a": "a",
    "7": "7",
    "-": "-",
    # As the DOM calls them.
    "Enter": "Enter",
    "Escape": "Escape",
    "ArrowLeft": "ArrowLeft",
    "ArrowDown": "ArrowDown",
    "PageDown": "PageDown",
    "Control": "Control",
    "Meta": "Meta",
    "Backspace": "Backspace",
    "F2": "F2",
    " ": " ",
    # As X calls them.
    "Return": "Enter",
    "BackSpace": "Backspace",
    "Control_L": "Control",
    # Characters.
    "A": "A",
    "!": "!",
    "/": "/",
}


@pytest.fixture
def keys(desk, board):
    """The element that only writes keys down, focused."""
    board.focus("keys")
    return board


def test_press_knows_the_names_of_keys(desk, keys):
    problems = {}
    for name, expected in KEYS.items():
        keys.forget()
        desk.act("PRESS", key=name)
        keys.tab.painted()
        seen = [e for e in keys.events("keydown", "keyup") if e["key"] != "Shift" or expected == "Shift"]
        down, up = [e for e in seen if e["type"] == "keydown"], [e for e in seen if e["type"] == "keyup"]
        if [e["key"] for e in down] != [expected] or [e["code"] for e in up] != [down[0]["code"]]:
            problems[name] = seen
    assert not problems, problems
    keys.assert_nothing_held()


@pytest.mark.parametrize("letter", ["é", "漢", "🎉", "Ž"])
def test_press_knows_characters_no_keyboard_has(desk, board, letter):
    board.focus("field")
    desk.act("PRESS", key=letter)
    board.wait_value("field", letter)
    board.assert_nothing_held()


def test_capital_letters_hold_shift_meanwhile(desk, keys):
    desk.act("PRESS", key="A")
    down = [e for e in keys.wait_events(4, "keydown", "keyup") if e["key"] == "A"]
    assert down[0]["flags"] == "shift" and down[0]["code"] == "KeyA"


def test_key_down_and_up_are_two_things(desk, keys):
    desk.act("KEY_DOWN", key="shift")
    assert keys.wait_events(1, "keydown")[0]["key"] == "Shift"
    keys.forget()
    desk.act("PRESS", key="b")
    assert [(e["key"], e["flags"]) for e in keys.wait_events(2, "keydown", "keyup")] == [("B", "shift"), ("B", "shift")]
    keys.forget()
    desk.act("KEY_UP", key="shift")
    assert keys.wait_events(1, "keyup")[0]["key"] == "Shift"
    keys.assert_nothing_held()


def test_hotkey_presses_in_order_and_releases_in_reverse(desk, keys):
    desk.act("HOTKEY", keys=["ctrl", "shift", "k"])
    events = keys.wait_events(6, "keydown", "keyup")
    assert [(e["type"], e["key"].lower()) for e in events] == [
        ("keydown", "control"),
        ("keydown", "shift"),
        ("keydown", "k"),
        ("keyup", "k"),
        ("keyup", "shift"),
        ("keyup", "control"),
    ]
    assert events[2]["flags"] == "ctrl+shift"
    keys.assert_nothing_held()


@pytest.mark.parametrize("names", [["ctrl", "c"], ["Control", "c"], ["CTRL", "C"], ["Control_L", "KeyC"]], ids=str)
def test_copy_and_paste_by_hotkeys(desk, board, names):
    board.focus("field")
    desk.act("TYPING", text=MIXED, use_clipboard=False)
    board.wait_value("field", MIXED)
    desk.act("HOTKEY", keys=["ctrl", "a"])
    desk.act("HOTKEY", keys=names)
    board.focus("area")
    desk.act("HOTKEY", keys=["ctrl", "v"])
    desk.act("HOTKEY", keys=["ctrl", "v"])
    board.wait_value("area", MIXED * 2)
    board.assert_nothing_held()


def test_keys_edit_a_field(desk, board):
    board.focus("field")
    desk.act("TYPING", text="wrrong", use_clipboard=False)
    for key in ("home", "right", "delete", "end", "!"):
        desk.act("PRESS", key=key)
    board.wait_value("field", "wrong!")
    desk.act("HOTKEY", keys=["shift", "home"])
    desk.act("PRESS", key="backspace")
    board.wait_value("field", "")


def test_hotkeys_of_the_browser_itself(desk, board):
    before = len(desk.pages())
    desk.act("HOTKEY", keys=["ctrl", "t"])
    eventually(lambda: len(desk.pages()) == before + 1, "a new tab", every=0.05)
    desk.act("HOTKEY", keys=["ctrl", "w"])
    eventually(lambda: len(desk.pages()) == before, "the tab is closed again", every=0.05)


def test_address_bar_takes_typing(desk, board, site):
    """What an agent without CDP does to go somewhere."""
    desk.act("HOTKEY", keys=["ctrl", "l"])
    desk.act("TYPING", text=f"{site}/plain?title=typed-there")
    desk.act("PRESS", key="enter")
    board.tab.wait_for("document.title === 'typed-there'")
