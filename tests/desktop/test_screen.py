"""The screen: its size from the start, its pixels by picture and by RFB, and other sizes."""

from __future__ import annotations

import os
import struct
import subprocess
import time

import pytest

import png
from control_socket import JPEG, MOVE, PNG, RESIZE, SCREENSHOT, Refused, event
from desk import Desk, Window
from rfb import CURSOR, DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE, HEXTILE, LAST_RECT, RAW, TIGHT, ZLIB, ZRLE, compression, quality
from waiting import eventually


def rgb_of(pixels: bytes) -> bytes:
    out = bytearray(len(pixels) // 4 * 3)
    out[0::3], out[1::3], out[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
    return bytes(out)


def jpeg_size(data: bytes) -> tuple[int, int]:
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
    at = 2
    while data[at + 1] not in (0xC0, 0xC2):
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    height, width = struct.unpack_from(">HH", data, at + 5)
    return width, height


def root_size(desk: Desk) -> tuple[int, int]:
    out = desk.tool("xwininfo", "-root", stdout=subprocess.PIPE).stdout.decode()
    found = {line.split(":")[0].strip(): line.split(":")[-1].strip() for line in out.splitlines() if ":" in line}
    return int(found["Width"]), int(found["Height"])


def test_the_first_client_sees_the_size_asked_for(own_desk: Desk) -> None:
    own_desk.display.start(DISPLAY_WIDTH="1000", DISPLAY_HEIGHT="700")
    assert root_size(own_desk) == (1000, 700)


def test_without_settings_the_size_is_the_default(own_desk: Desk) -> None:
    own_desk.display.start()
    assert root_size(own_desk) == (1280, 1024)


@pytest.mark.parametrize("name", ["DISPLAY_WIDTH", "DISPLAY_HEIGHT"])
@pytest.mark.parametrize("value", ["0", "-5", "199", "3841", "wide", "1280px", "99999999999999999999"])
def test_a_bad_size_is_refused_with_its_reason(own_desk: Desk, name: str, value: str) -> None:
    own_desk.display.spawn(**{name: value})
    assert own_desk.display.wait() == 1
    last = own_desk.display.log.strip().splitlines()[-1]
    assert name in last and value in last and "number from" in last


def test_the_cookie_is_needed(desk: Desk) -> None:
    stranger = {**desk.env, "XAUTHORITY": "/dev/null"}
    result = subprocess.run(["xwininfo", "-root"], env=stranger, capture_output=True, timeout=10)
    assert result.returncode != 0
    assert oct((desk.root / "xauthority").stat().st_mode & 0o777) == "0o600"


def test_a_killed_server_does_not_stop_the_next(own_desk: Desk) -> None:
    own_desk.display.start()
    own_desk.display.kill()
    own_desk.display.start()
    assert root_size(own_desk) == (1280, 1024)


def test_a_lock_that_names_a_living_process_does_not_stop_a_server(own_desk: Desk) -> None:
    """The killed server's process id may be another's by now: here it is ours."""
    lock = f"/tmp/.X{own_desk.number}-lock"
    with open(lock, "w") as file:
        file.write(f"{os.getpid():10d}\n")
    own_desk.display.start()


def test_a_second_server_on_the_display_is_refused(desk: Desk, own_desk: Desk) -> None:
    own_desk.env["DISPLAY"] = desk.env["DISPLAY"]
    own_desk.display.spawn()
    assert own_desk.display.wait() == 1
    assert f"already runs on display {desk.env['DISPLAY']}" in own_desk.display.log
    assert desk.display.alive


def test_the_picture_is_what_viewers_see(desk: Desk, window: Window) -> None:
    with desk.viewer() as viewer, desk.control() as control:
        for color in ("ff0000", "00ff00", "0102fe"):
            window.paint(color)
            width, height, pixels = png.decode(control.screenshot())
            assert (width, height) == (1280, 1024)
            assert pixels[:3] == bytes.fromhex(color)
            assert rgb_of(viewer.whole_screen()) == pixels
            assert viewer.pixel(399, 299) == tuple(bytes.fromhex(color))
            assert viewer.pixel(400, 300) == (0, 0, 0)


def test_a_jpeg_has_the_size_and_heeds_the_quality(desk: Desk, window: Window) -> None:
    desk.tool("xsetroot", "-mod", "3", "5", "-fg", "#80ff20", "-bg", "#102040")
    try:
        with desk.control() as control:
            sizes = []
            for level in (0, 30, 90, 100):
                data = control.screenshot(JPEG, level)
                assert jpeg_size(data) == (1280, 1024)
                sizes.append(len(data))
        assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    finally:
        desk.tool("xsetroot", "-solid", "black")


@pytest.mark.parametrize("form,level", [(2, 80), (-1, 80), (JPEG, 101), (JPEG, -1)])
def test_pictures_that_are_not_offered(desk: Desk, form: int, level: int) -> None:
    with desk.control() as control, pytest.raises(Refused) as refused:
        control.ask(SCREENSHOT, form, level)
    assert str(form if level == 80 else level) in str(refused.value)


def test_many_pictures_at_once(desk: Desk) -> None:
    controls = [desk.control() for _ in range(10)]
    for number, control in enumerate(controls):
        control.start(SCREENSHOT, PNG if number % 2 else JPEG, 80)
    pictures = [control.finish().payload for control in controls]
    assert len(set(pictures)) == 2


@pytest.mark.parametrize("encoding", [RAW, ZLIB, ZRLE, TIGHT])
def test_every_encoding_covers_the_screen(desk: Desk, window: Window, encoding: int) -> None:
    with desk.viewer(encoding) as viewer:
        viewer.whole_screen()
        assert viewer.received > 1000


def test_hextile_is_spoken(desk: Desk, window: Window) -> None:
    window.paint("a1b2c3")
    with desk.viewer(HEXTILE) as viewer:
        viewer.ask(incremental=False, area=(0, 0, 16, 16))
        assert viewer.read(4) == b"\0\0\0\1"
        assert struct.unpack(">4Hi", viewer.read(12)) == (0, 0, 16, 16, HEXTILE)
        assert viewer.read(5) == b"\x02\xc3\xb2\xa1\0"  # one background colour


def test_tight_with_jpeg_and_last_rect(desk: Desk, window: Window) -> None:
    with desk.viewer(TIGHT, LAST_RECT, CURSOR, EXTENDED_DESKTOP_SIZE, quality(6), compression(2)) as viewer:
        viewer.update()
        window.paint("77aa33")
        update = viewer.update(incremental=True)
        solid = [rect for rect in update.rects if rect.encoding == TIGHT and rect.data[0] >> 4 == 8]
        assert any(rect.data[1:] == bytes.fromhex("77aa33") for rect in solid)


@pytest.mark.parametrize(
    "bits,depth,maxima,shifts,expected",
    [
        (32, 24, (255, 255, 255), (0, 8, 16), b"\x10\x80\xf0\x00"),
        (16, 16, (31, 63, 31), (11, 5, 0), struct.pack("<H", 0x10 >> 3 << 11 | 0x80 >> 2 << 5 | 0xF0 >> 3)),
        (8, 8, (7, 7, 3), (0, 3, 6), None),
    ],
)
def test_other_pixel_formats(desk: Desk, window: Window, bits, depth, maxima, shifts, expected) -> None:
    window.paint("1080f0")
    with desk.viewer() as viewer:
        viewer.set_format(bits, depth, maxima, shifts)
        viewer.ask(incremental=False, area=(0, 0, 16, 1))
        assert viewer.read(4) == b"\0\0\0\1"
        assert struct.unpack(">4Hi", viewer.read(12)) == (0, 0, 16, 1, RAW)
        pixels = viewer.read(16 * bits // 8)
        assert expected is None or pixels == expected * 16


def test_only_what_changed_is_sent(desk: Desk, window: Window) -> None:
    with desk.viewer() as viewer:
        viewer.whole_screen()
        window.paint("ff8800")
        update = viewer.update(incremental=True)
        area = sum(rect.width * rect.height for rect in update.rects)
        assert 400 * 300 <= area <= 416 * 320
        assert viewer.pixel(10, 10) == (0xFF, 0x88, 0)


def test_what_is_drawn_as_it_was_is_not_sent_again(desk: Desk, window: Window) -> None:
    with desk.viewer() as viewer:
        window.paint("123456")
        viewer.whole_screen()
        received = viewer.received
        for _ in range(20):
            window.paint("123456")
        window.paint("654321")
        viewer.update(incremental=True)
        assert viewer.pixel(5, 5) == (0x65, 0x43, 0x21)
        assert viewer.received - received < 2.5 * 416 * 320 * 4


def test_every_change_arrives(desk: Desk, window: Window) -> None:
    """Whatever comes between two looks at the screen, the last state is what a viewer ends up with."""
    with desk.viewer() as viewer:
        viewer.whole_screen()
        for number in range(60):
            window.paint("00ff00" if number % 3 else "0000ff")
            if number % 4 == 0:
                viewer.update(incremental=True)
        window.paint("abcdef")
        viewer.until(lambda: viewer.pixel(200, 150) == (0xAB, 0xCD, 0xEF))


def test_nothing_to_send_while_nothing_changes(desk: Desk) -> None:
    with desk.viewer() as viewer:
        viewer.whole_screen()
        time.sleep(1.5)  # beyond the look at doubtful tiles
        viewer.ask()
        viewer.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            viewer.next_message()


def test_the_pointer_has_a_shape(desk: Desk, window: Window) -> None:
    with desk.viewer(RAW, CURSOR) as viewer:
        viewer.until(lambda: viewer.cursor is not None)
        assert viewer.cursor.width > 4 and any(viewer.cursor.mask)
        before = viewer.cursor.pixels
        desk.tool("xsetroot", "-cursor_name", "watch")
        with desk.control() as control:
            control.input(event(MOVE, 900, 800))
            viewer.until(lambda: viewer.cursor.pixels != before)
        desk.tool("xsetroot", "-cursor_name", "left_ptr")


def test_the_pointer_is_not_in_the_pixels(desk: Desk) -> None:
    with desk.control() as control:
        control.input(event(MOVE, 700, 600))
        _, _, pixels = png.decode(control.screenshot())
        assert not any(pixels)


def test_resized_by_the_gateway(desk: Desk) -> None:
    with desk.control() as control, desk.viewer(RAW, DESKTOP_SIZE) as viewer:
        viewer.whole_screen()
        reply = control.resize(1024, 768)
        assert (reply.width, reply.height) == (1024, 768)
        assert root_size(desk) == (1024, 768)
        assert png.decode(control.screenshot())[:2] == (1024, 768)
        viewer.until(lambda: (viewer.width, viewer.height) == (1024, 768))
        assert len(viewer.whole_screen()) == 1024 * 768 * 4


def test_the_largest_and_the_smallest(desk: Desk) -> None:
    with desk.control() as control:
        for width, height in ((3840, 2160), (320, 200), (1921, 1081)):
            control.resize(width, height)
            assert png.decode(control.screenshot())[:2] == (width, height)
            assert jpeg_size(control.screenshot(JPEG)) == (width, height)


@pytest.mark.parametrize("width,height", [(319, 500), (500, 199), (3841, 500), (500, 2161), (0, 0), (-1, -1)])
def test_sizes_that_are_refused(desk: Desk, width: int, height: int) -> None:
    with desk.control() as control:
        with pytest.raises(Refused) as refused:
            control.ask(RESIZE, width, height)
        assert f"{width}x{height}" in str(refused.value)
        assert control.status().width == 1280


def test_resized_by_a_viewer_and_others_follow(desk: Desk) -> None:
    with desk.viewer(RAW, EXTENDED_DESKTOP_SIZE) as one, desk.viewer(RAW, EXTENDED_DESKTOP_SIZE) as other:
        one.whole_screen()
        other.whole_screen()
        one.set_desktop_size(1111, 777)
        one.until(lambda: one.width == 1111)
        assert (1, 0) in one.resize_results
        other.until(lambda: (other.width, other.height) == (1111, 777))
        with desk.control() as control:
            assert control.status().width == 1111


def test_a_viewer_hears_that_a_size_is_refused(desk: Desk) -> None:
    with desk.viewer(RAW, EXTENDED_DESKTOP_SIZE) as viewer:
        viewer.whole_screen()
        viewer.set_desktop_size(5000, 5000)
        viewer.until(lambda: any(reason == 1 and result != 0 for reason, result in viewer.resize_results))
        assert viewer.width == 1280


def test_the_same_size_again_is_answered(desk: Desk) -> None:
    with desk.viewer(RAW, EXTENDED_DESKTOP_SIZE) as viewer:
        viewer.whole_screen()
        viewer.set_desktop_size(1280, 1024)
        viewer.until(lambda: (1, 0) in viewer.resize_results)


def test_resized_by_a_program(desk: Desk) -> None:
    with desk.viewer(RAW, DESKTOP_SIZE) as viewer, desk.control() as control:
        viewer.whole_screen()
        desk.tool("xrandr", "--output", "screen", "--mode", "3840x2160")
        viewer.until(lambda: viewer.width == 3840)
        eventually(lambda: control.status().width == 3840, "the desktop follows")


def test_many_sizes_leave_no_modes_behind(desk: Desk) -> None:
    with desk.control() as control:
        for number in range(30):
            control.resize(600 + 10 * number, 500 + number)
    modes = desk.tool("xrandr", stdout=subprocess.PIPE).stdout.decode().splitlines()[2:]
    assert len(modes) <= 2


def test_the_pointer_stays_on_the_screen(desk: Desk) -> None:
    with desk.control() as control:
        control.input(event(MOVE, 1279, 1023))
        reply = control.resize(800, 600)
        assert 0 <= reply.x < 800 and 0 <= reply.y < 600
