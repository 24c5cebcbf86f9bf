"""Pointer and keys: from lists of the gateway and from viewers."""

from __future__ import annotations

import struct
import time

import pytest

from control_socket import BUTTON, INPUT, KEY, MOVE, PASTE, TYPE, WAIT, Refused, event
from desk import Desk, Window
from waiting import Stopwatch, allow, eventually

SHIFT, CONTROL = 0xFFE1, 0xFFE3


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "Hello, World! ~`@#$%^&*()_+-={}|[]\\:\";'<>?,./",
        "naïve é ß ü Ñ €",
        "漢字 かな 한글",
        "🎉🚀👍🏽",
        "tab\tand עברית العربية",
        "".join(chr(0x4E00 + i) for i in range(120)),
        "aAbB" * 100,
    ],
)
def test_any_text_is_typed(desk: Desk, window: Window, text: str) -> None:
    with desk.control(timeout=60) as control:
        control.input(event(TYPE, text=text + "\n"))
    assert window.typed_until_enter() == text


def test_line_ends_are_enter(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        control.input(event(TYPE, text="a\r\nb\nc\rd\n"))
    assert [window.typed_until_enter() for _ in range(4)] == ["a", "b", "c", "d"]


def test_what_is_typed_does_not_depend_on_caps_lock(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        control.tap("capslock")
        control.input(event(TYPE, text="aBc\n"))
        assert window.typed_until_enter().lstrip("\0") == "aBc"
        control.tap("capslock")


@pytest.mark.parametrize(
    "name,keysym",
    [
        ("a", "a"),
        ("A", "A"),
        ("+", "plus"),
        ("é", "eacute"),
        ("Enter", "Return"),
        ("return", "Return"),
        ("esc", "Escape"),
        ("ArrowLeft", "Left"),
        ("pgdn", "Next"),
        ("page_up", "Prior"),
        ("F5", "F5"),
        ("f12", "F12"),
        ("ctrl", "Control_L"),
        ("Control", "Control_L"),
        ("altleft", "Alt_L"),
        ("win", "Super_L"),
        ("Meta", "Super_L"),
        ("num7", "KP_7"),
        ("volumeup", "XF86AudioRaiseVolume"),
        ("space", "space"),
        ("\t", "Tab"),
        ("delete", "Delete"),
    ],
)
def test_keys_by_their_names(desk: Desk, window: Window, name: str, keysym: str) -> None:
    with desk.control() as control:
        control.input(event(KEY, 1, text=name), event(KEY, 0, text=name))
    direction, pressed = window.key()
    while pressed.startswith("Shift") and keysym != pressed:  # around it
        direction, pressed = window.key()
    assert (direction, pressed) == ("down", keysym)


def test_a_hotkey_is_not_changed_by_what_is_held(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        control.tap("ctrl", "shift", "t")
    seen = [window.expect("key") for _ in range(6)]
    assert [line[0] for line in seen] == ["down"] * 3 + ["up"] * 3
    control_and_shift = 4 | 1
    assert seen[2][1] == "T" and int(seen[2][3]) & 5 == control_and_shift


@pytest.mark.parametrize("keys", [("alt", "F4"), ("alt", "Tab"), ("win", "d"), ("ctrl", "alt", "t"), ("alt", "space")])
def test_the_window_manager_takes_no_keys(desk: Desk, window: Window, keys: tuple[str, ...]) -> None:
    with desk.control() as control:
        control.tap(*keys)
    for direction in ("down",) * len(keys) + ("up",) * len(keys):
        assert window.key()[0] == direction


def test_pointer_and_buttons(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        for button in range(1, 8):
            reply = control.input(event(MOVE, 20 * button, 30), event(BUTTON, button, 1), event(BUTTON, button, 0))
            assert (reply.x, reply.y) == (20 * button, 30)
            for direction in ("down", "up"):
                assert window.expect("button") == [str(button), direction, str(20 * button), "30"]


def test_a_list_waits_without_holding_others_up(desk: Desk, window: Window) -> None:
    with desk.control() as slow, desk.control() as quick:
        slow.start(INPUT, payload=event(MOVE, 5, 5) + event(WAIT, 1500) + event(MOVE, 6, 6))
        with Stopwatch() as watch:
            quick.screenshot()
            quick.status()
            with desk.viewer() as viewer:
                viewer.whole_screen()
        watch.assert_below(1.2, "while another list waits")
        assert slow.finish().x == 6


def test_lists_are_done_one_after_another(desk: Desk, window: Window) -> None:
    with desk.control() as one, desk.control() as other:
        one.start(INPUT, payload=event(TYPE, text="aaa") + event(WAIT, 300) + event(TYPE, text="bbb\n"))
        eventually(lambda: window.key() == ("down", "a"), "the first list has begun")
        other.start(INPUT, payload=event(TYPE, text="ccc\n"))
        one.finish()
        other.finish()
    assert window.typed_until_enter().endswith("bbb")
    assert window.typed_until_enter() == "ccc"


def test_what_is_held_is_released_when_the_asker_leaves(desk: Desk, window: Window) -> None:
    control = desk.control()
    control.start(INPUT, payload=event(KEY, 1, text="shift") + event(BUTTON, 1, 1) + event(WAIT, 60000))
    assert window.key() == ("down", "Shift_L")
    control.sock.close()
    assert window.key() == ("up", "Shift_L")
    with desk.control() as other:
        other.input(event(TYPE, text="x\n"))
    assert window.typed_until_enter() == "x"


def test_held_keys_stay_from_list_to_list(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        control.input(event(KEY, 1, text="shift"))
        assert window.key() == ("down", "Shift_L")
        control.input(event(KEY, 1, text="b"), event(KEY, 0, text="b"))
        assert window.key() == ("down", "B")
        control.input(event(KEY, 0, text="shift"))


BAD = {
    "off the screen": event(MOVE, 1280, 10),
    "above the screen": event(MOVE, 10, -1),
    "no such button": event(BUTTON, 8, 1),
    "button 0": event(BUTTON, 0, 1),
    "unknown key": event(KEY, 1, text="hyperdrive"),
    "no key": event(KEY, 1),
    "an endless wait": event(WAIT, 60001),
    "a negative wait": event(WAIT, -1),
    "unknown kind": event(9),
    "text where none belongs": event(MOVE, 1, 1, "x"),
    "cut off": event(MOVE, 1, 1)[:-1],
    "length beyond the end": struct.pack("=IiiI", TYPE, 0, 0, 100) + b"short",
    "not UTF-8": struct.pack("=IiiI", TYPE, 0, 0, 2) + b"\xff\xfe",
    "a NUL": struct.pack("=IiiI", TYPE, 0, 0, 1) + b"\0",
    "too many": event(WAIT) * 4097,
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_list_is_refused_whole(desk: Desk, window: Window, what: str) -> None:
    with desk.control() as control:
        before = control.input(event(MOVE, 77, 77))
        with pytest.raises(Refused):
            control.ask(INPUT, payload=event(MOVE, 5, 5) + event(TYPE, text="no") + BAD[what])
        after = control.status()
        assert (after.x, after.y) == (before.x, before.y)
        control.input(event(TYPE, text="good\n"))
    assert window.typed_until_enter() == "good"


def test_pasting_makes_it_the_clipboard_and_presses_the_keys(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        control.input(event(PASTE, text="naïve 漢字 🎉"))
        assert control.clipboard == "naïve 漢字 🎉"
    assert window.key() == ("down", "Control_L")
    assert window.key() == ("down", "v")


# ---- viewers ----


def test_a_viewer_points_and_clicks(desk: Desk, window: Window) -> None:
    with desk.viewer() as viewer, desk.control() as control:
        viewer.pointer(50, 60)
        eventually(lambda: control.status().x == 50, "the pointer is there")
        for bit in range(7):
            viewer.pointer(50, 60, 1 << bit)
            viewer.pointer(51, 61)
            assert window.expect("button")[:2] == [str(bit + 1), "down"]
            assert window.expect("button") == [str(bit + 1), "up", "51", "61"]


def test_a_viewers_pointer_beyond_the_edge(desk: Desk) -> None:
    with desk.viewer() as viewer, desk.control() as control:
        viewer.pointer(65535, 65535)
        eventually(lambda: (control.status().x, control.status().y) == (1279, 1023), "it is at the edge")


@pytest.mark.parametrize("text", ["Hello World!", "naïve ß", "漢字 🎉", "{[@€"])
def test_a_viewer_types(desk: Desk, window: Window, text: str) -> None:
    with desk.viewer() as viewer:
        for character in text:
            code = ord(character)
            viewer.press(code if code < 0x100 else 0x01000000 + code)
            viewer.update(incremental=False)  # a person's pace: others learn what new keys mean
        viewer.press(0xFF0D)
        assert window.typed_until_enter() == text


def test_a_viewers_symbol_counts_not_its_shift(desk: Desk, window: Window) -> None:
    """With Shift held a German keyboard writes '/', which is without Shift here."""
    with desk.viewer() as viewer:
        viewer.key(SHIFT, True)
        viewer.press(ord("/"))
        viewer.press(ord("A"))
        viewer.key(SHIFT, False)
        viewer.press(0xFF0D)
        assert window.typed_until_enter() == "/A"


def test_a_viewers_keys_are_released_when_it_leaves(desk: Desk, window: Window) -> None:
    with desk.viewer() as viewer:
        viewer.key(CONTROL, True)
        viewer.key(ord("k"), True)
        viewer.pointer(10, 10, 1)
        assert window.key() == ("down", "Control_L")
        assert window.expect("button")[1] == "down"
    assert window.expect("button")[1] == "up"
    with desk.control() as control:
        control.input(event(TYPE, text="free\n"))
    assert window.typed_until_enter().endswith("free")


def test_an_answer_comes_quickly(desk: Desk, window: Window) -> None:
    with desk.control() as control:
        durations = []
        for number in range(50):
            begin = time.perf_counter()
            control.input(event(MOVE, number, number), event(BUTTON, 1, 1), event(BUTTON, 1, 0))
            durations.append(time.perf_counter() - begin)
    assert sorted(durations)[25] < allow(0.02)
