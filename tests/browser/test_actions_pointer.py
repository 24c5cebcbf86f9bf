"""Pointer actions, seen by the page below the pointer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from waiting import Stopwatch, eventually

GREEN = (0, 200, 0)


def test_click_a_button_and_the_page_reacts(desk, board):
    desk.act("CLICK", **board.at("button"))
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")
    place = board.at("button", 0.1, 0.2)
    eventually(lambda: desk.pixel(place["x"], place["y"]) == GREEN, "the button is green on the screen", every=0.05)


def test_an_answer_says_what_was_done(desk, board):
    answer = desk.act("MOVE_TO", **board.at("pad"))
    assert answer.data == {"status": "success", "action_performed": "MOVE_TO"}, answer


def test_move_to_is_exact(desk, board):
    for share in (0.2, 0.5, 0.8):
        place = board.at("pad", share, share)
        left, top = board.offset
        desk.act("MOVE_TO", **place)
        eventually(
            lambda: (moves := board.events("mousemove"))
            and (moves[-1]["x"], moves[-1]["y"]) == (place["x"] - left, place["y"] - top),
            f"the pointer at {place}; {board.events('mousemove')[-3:]}",
        )
    assert all(move["buttons"] == 0 for move in board.events("mousemove"))


def test_move_to_takes_fractions(desk, board):
    place = board.at("pad")
    desk.act("MOVE_TO", x=place["x"] + 0.4, y=place["y"] - 0.4)
    move = eventually(lambda: board.events("mousemove"), "a move")[-1]
    assert abs(move["screenX"] - place["x"]) <= 1 and abs(move["screenY"] - place["y"]) <= 1


def test_the_corners_of_the_screen_are_on_it(desk):
    width, height = desk.size
    for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        desk.act("MOVE_TO", x=x, y=y)


def test_move_rel(desk, board):
    place = board.at("pad")
    desk.act("MOVE_TO", **place)
    desk.act("MOVE_REL", x_offset=25, y_offset=-30)
    expected = (place["x"] + 25, place["y"] - 30)
    eventually(
        lambda: (moves := board.events("mousemove")) and (moves[-1]["screenX"], moves[-1]["screenY"]) == expected,
        "the pointer moved by that much",
    )


@pytest.mark.parametrize("name, number", [("left", 0), ("middle", 1), ("right", 2)])
def test_click_by_button(desk, board, name, number):
    desk.act("CLICK", button=name, **board.at("pad"))
    down, up = board.wait_events(2, "mousedown", "mouseup")
    assert [(e["type"], e["button"], e["target"]) for e in (down, up)] == [
        ("mousedown", number, "pad"),
        ("mouseup", number, "pad"),
    ]
    assert len(board.events("contextmenu")) == (1 if name == "right" else 0)
    assert len(board.events("click")) == (1 if name == "left" else 0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_num_clicks(desk, board, count):
    desk.act("CLICK", num_clicks=count, **board.at("word"))
    clicks = board.wait_events(count, "click")
    assert [click["detail"] for click in clicks] == list(range(1, count + 1))
    selected = board.tab.evaluate("getSelection().toString().trim()")
    assert selected == {1: "", 2: "beta", 3: "alpha beta gamma"}[count]


def test_separate_clicks_are_not_a_double_click(desk, board):
    """Two CLICK actions in two places: each stands for itself."""
    desk.act("CLICK", **board.at("pad", 0.2))
    desk.act("CLICK", **board.at("pad", 0.8))
    assert [click["detail"] for click in board.wait_events(2, "click")] == [1, 1]


def test_click_without_place_is_where_the_pointer_is(desk, board):
    desk.act("MOVE_TO", **board.at("button"))
    desk.act("CLICK")
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")


def test_click_with_nulls_as_sdks_send_them(desk, board):
    desk.act("MOVE_TO", **board.at("button"))
    desk.act("CLICK", x=None, y=None, button="left", num_clicks=1)
    board.tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")


@pytest.mark.parametrize("here", [True, False])
def test_right_click(desk, board, here):
    if here:
        desk.act("MOVE_TO", **board.at("pad"))
    desk.act("RIGHT_CLICK", **({} if here else board.at("pad")))
    assert board.wait_events(1, "contextmenu")[0]["target"] == "pad"
    assert [e["button"] for e in board.wait_events(2, "mousedown", "mouseup")] == [2, 2]


@pytest.mark.parametrize("here", [True, False])
def test_double_click(desk, board, here):
    if here:
        desk.act("MOVE_TO", **board.at("word"))
    desk.act("DOUBLE_CLICK", **({} if here else board.at("word")))
    assert len(board.wait_events(1, "dblclick")) == 1
    assert board.tab.evaluate("getSelection().toString().trim()") == "beta"


@pytest.mark.parametrize("name, bit", [("left", 1), ("right", 2), ("middle", 4)])
def test_mouse_down_and_up_are_two_things(desk, board, name, bit):
    desk.act("MOVE_TO", **board.at("pad", 0.3))
    desk.act("MOUSE_DOWN", button=name)
    assert board.wait_events(1, "mousedown")[0]["buttons"] == bit
    desk.act("MOVE_TO", **board.at("pad", 0.7))
    eventually(lambda: board.events("mousemove")[-1]["buttons"] == bit, "the button is held while moving")
    assert not board.events("mouseup")
    desk.act("MOUSE_UP", button=name)
    assert board.wait_events(1, "mouseup")[0]["buttons"] == 0


def test_drag_draws_on_the_canvas(desk, board):
    start, end = board.at("canvas", 0.2, 0.3), board.at("canvas", 0.8, 0.7)
    desk.act("MOVE_TO", **start)
    desk.act("DRAG_TO", **end)
    down, up = board.wait_events(2, "mousedown", "mouseup")
    assert (down["button"], down["screenX"], down["screenY"]) == (0, start["x"], start["y"])
    assert (up["button"], up["screenX"], up["screenY"]) == (0, end["x"], end["y"])
    held = {(e["x"], e["y"]) for e in board.events("mousemove") if e["buttons"] == 1}
    assert len(held) >= 3, f"what is dragged sees it move, or it takes it for a click: {held}"
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        x, y = (round(start[a] + (end[a] - start[a]) * share) for a in "xy")
        eventually(lambda: near_red(desk.pixel(x, y)), f"the stroke at {share} of its way", every=0.05)


def near_red(colour) -> bool:
    return colour[0] > 200 and colour[1] < 60 and colour[2] < 60


def test_drag_rel_moves_the_slider(desk, board):
    desk.act("MOVE_TO", **board.at("slider", 0.03))
    box = board.box("slider")
    desk.act("DRAG_REL", x_offset=box["width"] * 0.5, y_offset=0)
    eventually(lambda: 40 < int(board.value("slider")) < 65, f"the slider in the middle, at {board.value('slider')}")
    desk.act("DRAG_TO", **board.at("slider", 0.97))
    eventually(lambda: board.value("slider") == "100", "the slider at its end")
    board.assert_nothing_held()


def test_scroll_directions(desk, board):
    """As in the page itself: positive is down and to the right."""
    desk.act("MOVE_TO", **board.at("scroller"))
    place = "[document.getElementById('scroller').scrollLeft, document.getElementById('scroller').scrollTop]"
    assert board.tab.evaluate(place) == [0, 0]
    desk.act("SCROLL", dy=300)
    eventually(lambda: board.tab.evaluate(place)[1] > 0, "it scrolled down")
    assert all(e["dy"] > 0 and e["dx"] == 0 for e in board.events("wheel"))
    board.forget()
    desk.act("SCROLL", dx=300)
    eventually(lambda: board.tab.evaluate(place)[0] > 0, "it scrolled right")
    assert all(e["dx"] > 0 and e["dy"] == 0 for e in board.events("wheel"))
    desk.act("SCROLL", dx=-3000, dy=-3000)
    eventually(lambda: board.tab.evaluate(place) == [0, 0], "and back")


def test_scroll_further_for_more(desk, board):
    desk.act("MOVE_TO", **board.at("scroller"))
    travelled = []
    for amount in (100, 500):
        board.forget()
        desk.act("SCROLL", dy=amount)
        eventually(lambda: board.events("wheel"), "the wheel turns")
        desk.act("SCROLL", dy=0)
        board.tab.painted()
        travelled.append(sum(event["dy"] for event in board.events("wheel")))
    assert travelled[1] > 2 * travelled[0] > 0, travelled


def test_scroll_of_nothing_does_nothing(desk, board):
    desk.act("MOVE_TO", **board.at("scroller"))
    desk.act("SCROLL")
    desk.act("SCROLL", dx=0, dy=0)
    board.tab.painted()
    assert not board.events("wheel")


def test_click_with_a_modifier_held(desk, board):
    desk.act("KEY_DOWN", key="shift")
    desk.act("CLICK", **board.at("pad"))
    desk.act("KEY_UP", key="shift")
    assert board.wait_events(1, "click")[0]["flags"] == "shift"
    board.assert_nothing_held()


@pytest.mark.parametrize("seconds", [0.2, 1.0])
def test_wait_takes_its_time(desk, seconds):
    with Stopwatch() as watch:
        desk.act("WAIT", duration=seconds)
    watch.assert_timeout(seconds)


def test_a_wait_does_not_hold_up_others(desk, board):
    """An agent that waits is no reason for a person to wait."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(desk.act, "WAIT", duration=3)
        with Stopwatch() as watch:
            desk.act("CLICK", **board.at("button"))
        assert watch.seconds < 2, "the click had to wait"
        assert not waiting.done()
        waiting.result()


def test_pointer_actions_are_quick(desk):
    with Stopwatch() as watch:
        for step in range(50):
            desk.act("MOVE_TO", x=100 + step, y=200)
    watch.assert_below(50 * 0.03, "for fifty; the bench holds the real bound")
