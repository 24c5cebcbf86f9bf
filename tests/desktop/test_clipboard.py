"""The clipboard: between programs on the screen, the gateway and viewers."""

from __future__ import annotations

import subprocess
from typing import Callable

import pytest

from control_socket import CLIPBOARD_GET, CLIPBOARD_SET, Refused
from desk import Desk, Window
from rfb import EXTENDED_CLIPBOARD, RAW, Viewer
from waiting import Stopwatch, eventually

MEGABYTE = ("0123456789abcdefghijklmnopqrstuvwxyz漢字🎉\n" * 30000).encode()[:999_999].decode(errors="ignore")
TEXTS = {
    "empty": "",
    "plain": "plain text",
    "unicode": "naïve 漢字 🎉 עברית",
    "lines": "one\ntwo\n\nthree\n",
    "big": "x" * 300_000,
    "megabyte": MEGABYTE,
}


def copy(desk: Desk, text: str) -> None:
    """As a program on the screen does it."""
    desk.tool("xclip", "-selection", "clipboard", "-i", input=text.encode(), stdout=subprocess.DEVNULL)


def paste(desk: Desk, target: str = "UTF8_STRING") -> str:
    out = desk.tool("xclip", "-selection", "clipboard", "-o", "-t", target, stdout=subprocess.PIPE).stdout
    return out.decode("latin-1" if target == "STRING" else "utf-8")


@pytest.mark.parametrize("name", TEXTS)
def test_what_the_gateway_sets_programs_paste(desk: Desk, name: str) -> None:
    with desk.control() as control:
        control.clipboard = TEXTS[name]
        assert control.clipboard == TEXTS[name]
    if TEXTS[name]:
        assert paste(desk) == TEXTS[name]


@pytest.mark.parametrize("name", [name for name in TEXTS if TEXTS[name]])
def test_what_programs_copy_the_gateway_gets(desk: Desk, name: str) -> None:
    copy(desk, TEXTS[name])
    with desk.control() as control:
        eventually(lambda: control.clipboard == TEXTS[name], "the copied text is there")


def test_old_programs_get_latin1(desk: Desk) -> None:
    with desk.control() as control:
        control.clipboard = "naïve 漢"
    assert paste(desk, "STRING") == "naïve ?"


def test_the_targets_are_told(desk: Desk) -> None:
    with desk.control() as control:
        control.clipboard = "x"
    assert {"UTF8_STRING", "TARGETS", "text/plain;charset=utf-8"} <= set(paste(desk, "TARGETS").split())


def test_more_than_a_megabyte_is_taken_for_nothing(desk: Desk) -> None:
    copy(desk, "x" * (3 << 20))
    with desk.control(timeout=20) as control:
        eventually(lambda: control.clipboard == "", "it is left out")
        control.clipboard = "after"
    assert paste(desk) == "after"


@pytest.mark.parametrize("payload", [b"\xff", b"a\0b", b"x" * ((1 << 20) + 1)])
def test_what_is_no_text_is_refused(desk: Desk, payload: bytes) -> None:
    with desk.control() as control:
        control.clipboard = "kept"
        with pytest.raises(Refused):
            control.ask(CLIPBOARD_SET, payload=payload)
        assert control.clipboard == "kept"


def test_an_owner_that_does_not_answer_is_given_up(desk: Desk, window: Window) -> None:
    with desk.control() as control, desk.control() as other:
        control.clipboard = "before"
        window.own_clipboard()
        with Stopwatch() as watch:
            control.start(CLIPBOARD_GET)
            assert other.screenshot()
            assert control.finish().payload == b""
        watch.assert_below(4.0)
        control.clipboard = "after"
    assert paste(desk) == "after"


# ---- viewers ----


def while_reading(*viewers: Viewer, until: Callable[[], bool], what: str) -> None:
    """A viewer that does not read what it is sent is not listened to either."""

    def probe() -> bool:
        for viewer in viewers:
            viewer.pump()
        return until()

    eventually(probe, what)


@pytest.mark.parametrize("name", ["plain", "unicode", "lines", "big", "megabyte"])
def test_a_viewer_gets_what_programs_copy(desk: Desk, name: str) -> None:
    text = TEXTS[name]
    with desk.viewer(RAW, EXTENDED_CLIPBOARD) as viewer:
        viewer.until(lambda: viewer.clipboard_caps is not None)
        viewer.clip_caps()
        copy(desk, text)
        viewer.until(lambda: viewer.clipboard == text)


@pytest.mark.parametrize("limit", [0, 1 << 20])
@pytest.mark.parametrize("name", ["plain", "unicode", "lines", "big", "megabyte"])
def test_what_a_viewer_offers_programs_paste(desk: Desk, name: str, limit: int) -> None:
    text = TEXTS[name]
    with desk.viewer(RAW, EXTENDED_CLIPBOARD) as viewer, desk.control() as control:
        viewer.until(lambda: viewer.clipboard_caps is not None)
        viewer.clip_caps(limit)
        if limit:
            viewer.provide_text(text)
        else:
            viewer.offer_text(text)
            viewer.until(lambda: viewer.clip_requests > 0)
        eventually(lambda: control.clipboard == text, "the viewer's text is the clipboard")
    assert paste(desk) == text


def test_viewers_of_the_old_kind(desk: Desk) -> None:
    with desk.viewer() as viewer, desk.control() as control:
        viewer.update()
        viewer.cut_text("naïve\r\ntwo")
        while_reading(viewer, until=lambda: control.clipboard == "naïve\ntwo", what="Latin-1 is taken")
        copy(desk, "für 漢")
        viewer.until(lambda: viewer.clipboard == "für ?")


def test_one_viewers_text_reaches_the_other_and_not_itself(desk: Desk) -> None:
    with desk.viewer(RAW, EXTENDED_CLIPBOARD) as one, desk.viewer(RAW, EXTENDED_CLIPBOARD) as other:
        for viewer in (one, other):
            viewer.until(lambda: viewer.clipboard_caps is not None)
            viewer.clip_caps()
        one.provide_text("from one 🎉")
        while_reading(one, other, until=lambda: other.clipboard == "from one 🎉", what="the other has it")
        assert one.clipboard != "from one 🎉"
        with desk.control() as control:
            assert control.clipboard == "from one 🎉"


def test_a_newcomer_is_told_of_the_clipboard(desk: Desk) -> None:
    with desk.control() as control:
        control.clipboard = "was there before"
    with desk.viewer(RAW, EXTENDED_CLIPBOARD) as viewer:
        viewer.until(lambda: viewer.clipboard_caps is not None)
        viewer.clip_caps()
        viewer.until(lambda: viewer.clipboard == "was there before")
