"""Actions that make no sense are refused with the field named, and leave nothing pressed."""

from __future__ import annotations

import pytest

from expect import assert_invalid

PLACED = ["MOVE_TO", "CLICK", "RIGHT_CLICK", "DOUBLE_CLICK", "DRAG_TO"]


@pytest.mark.parametrize("action", PLACED)
def test_places_off_the_screen(desk, action):
    width, height = desk.size
    for field, place in (
        ("x", {"x": width, "y": 5}),
        ("x", {"x": -1, "y": 5}),
        ("y", {"x": 5, "y": height}),
        ("y", {"x": 5, "y": -0.6}),
        ("x", {"x": 1e300, "y": 5}),
        ("x", {"x": 2**31 + 5, "y": 5}),
        ("y", {"x": 5, "y": -(2**63)}),
    ):
        desk.refuse(field, action, **place)


@pytest.mark.parametrize("action", ["MOVE_REL", "DRAG_REL"])
def test_offsets_that_lead_off_the_screen(desk, action):
    desk.act("MOVE_TO", x=100, y=100)
    desk.refuse("x_offset", action, x_offset=-101, y_offset=0)
    desk.refuse("y_offset", action, x_offset=0, y_offset=desk.size[1])
    desk.refuse("x_offset", action, x_offset=1e18, y_offset=0)
    desk.refuse("x_offset", action, y_offset=0)
    desk.refuse("y_offset", action, x_offset=0)


@pytest.mark.parametrize("action", ["MOVE_TO", "DRAG_TO"])
def test_places_that_are_none(desk, action):
    for field, place in (
        ("x", {"y": 5}),
        ("y", {"x": 5}),
        ("x", {"x": None, "y": 5}),
        ("y", {"x": 5, "y": "down"}),
        ("x", {"x": [5], "y": 5}),
        ("y", {"x": 5, "y": {}}),
        ("x", {"x": True, "y": 5}),
    ):
        desk.refuse(field, action, **place)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity", "0x10", "1e", "--1"])
def test_numbers_that_are_none(api, number):
    """Beyond JSON or beyond a double: the parser's or the field's business, but never a place on the screen."""
    body = f'{{"action_type": "MOVE_TO", "x": {number}, "y": 5}}'
    answer = api.post("/v1/browser/actions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422) and answer.success is False and answer.message, answer


@pytest.mark.parametrize(
    "field, fields",
    [
        ("button", {"button": "side"}),
        ("button", {"button": ""}),
        ("button", {"button": 1}),
        ("num_clicks", {"num_clicks": 0}),
        ("num_clicks", {"num_clicks": 4}),
        ("num_clicks", {"num_clicks": -1}),
        ("num_clicks", {"num_clicks": 1.5}),
        ("num_clicks", {"num_clicks": 10**12}),
        ("num_clicks", {"num_clicks": "two"}),
    ],
)
def test_clicks_that_are_none(desk, board, field, fields):
    desk.refuse(field, "CLICK", **{**board.at("pad"), **fields})
    board.tab.painted()
    assert not board.events("mousedown", "click")


@pytest.mark.parametrize("action", ["MOUSE_DOWN", "MOUSE_UP"])
def test_buttons_that_are_none(desk, action):
    desk.refuse("button", action, button="fourth")


@pytest.mark.parametrize("action", ["PRESS", "KEY_DOWN", "KEY_UP"])
def test_keys_that_are_none(desk, board, action):
    board.focus("keys")
    for fields in (
        {},
        {"key": ""},
        {"key": None},
        {"key": 13},
        {"key": "nosuchkey"},
        {"key": "ctrl+c"},
        {"key": "x" * 5000},
        {"key": "ab"},
    ):
        desk.refuse("key", action, **fields)
    board.tab.painted()
    assert not board.events("keydown", "keyup")


def test_hotkeys_that_are_none(desk, board):
    """Checked whole before the first is pressed."""
    board.focus("keys")
    for fields in (
        {},
        {"keys": []},
        {"keys": None},
        {"keys": "ctrl+c"},
        {"keys": ["ctrl", ""]},
        {"keys": ["ctrl", "shift", "nosuchkey"]},
        {"keys": ["ctrl", 5]},
        {"keys": [["ctrl"]]},
        {"keys": ["a"] * 5000},
    ):
        desk.refuse("keys", "HOTKEY", **fields)
    board.tab.painted()
    assert not board.events("keydown", "keyup")
    board.assert_nothing_held()


@pytest.mark.parametrize("fields", [{}, {"text": ""}, {"text": None}, {"text": 5}, {"text": ["a"]}])
@pytest.mark.parametrize("clipboard", [True, False])
def test_texts_that_are_none(desk, fields, clipboard):
    desk.refuse("text", "TYPING", use_clipboard=clipboard, **fields)


def test_a_way_of_typing_that_is_none(desk):
    desk.refuse("use_clipboard", "TYPING", text="x", use_clipboard="by hand")


@pytest.mark.parametrize("clipboard", [True, False])
def test_a_text_too_long(desk, board, clipboard):
    board.focus("area")
    answer = desk.try_to("TYPING", text="x" * (4 << 20), use_clipboard=clipboard)
    assert answer.status in (413, 422) and answer.success is False and answer.message, str(answer)[:500]
    board.tab.painted()
    assert board.value("area") == ""


@pytest.mark.parametrize("text", ["a\0b", "a\x07b", "a\x1bb"], ids=["nul", "bell", "escape"])
def test_control_characters_have_no_key(desk, board, text):
    board.focus("area")
    answer = desk.try_to("TYPING", text=text, use_clipboard=False)
    assert 400 <= answer.status < 500 and answer.message, answer
    board.tab.painted()
    assert board.value("area") == "", "nothing of it was typed"
    board.assert_nothing_held()


def test_half_a_character_is_no_text(api):
    body = b'{"action_type": "TYPING", "text": "a\\ud83d"}'
    answer = api.post("/v1/browser/actions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status in (200, 400, 422), answer


@pytest.mark.parametrize("duration", [None, 0, -1, "long", 3600, 1e300, [], True])
def test_waits_that_are_none(desk, duration):
    desk.refuse("duration", "WAIT", duration=duration)


def test_a_wait_without_duration(desk):
    desk.refuse("duration", "WAIT")


@pytest.mark.parametrize("fields", [{"dx": 1.5}, {"dy": "up"}, {"dx": 10**15}, {"dy": -(10**15)}], ids=str)
def test_scrolls_that_are_none(desk, fields):
    desk.refuse(next(iter(fields)), "SCROLL", **fields)


@pytest.mark.parametrize("kind", ["FLY", "", "click", "CLICK ", None, 5, [], {}])
def test_an_unknown_action(desk, kind):
    desk.refuse("action_type", kind)


def test_no_action(api):
    assert_invalid(api.post("/v1/browser/actions", {"x": 1, "y": 1}), "action_type")


@pytest.mark.parametrize("body", [b"", b"[]", b'"CLICK"', b"{", b"null", b"\xff\xfe"])
def test_bodies_that_are_none(api, body):
    answer = api.post("/v1/browser/actions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422) and answer.success is False and answer.message, answer


def test_refusals_leave_nothing_held(desk, board):
    desk.act("MOVE_TO", **board.at("pad"))
    desk.refuse("x", "DRAG_TO", x=-5, y=5)
    desk.refuse("x_offset", "DRAG_REL", x_offset=10**6, y_offset=0)
    desk.refuse("keys", "HOTKEY", keys=["shift", "nosuchkey"])
    desk.refuse("num_clicks", "CLICK", num_clicks=4)
    board.tab.painted()
    assert not board.events("mousedown", "mouseup", "keydown", "keyup")
    board.assert_nothing_held()
