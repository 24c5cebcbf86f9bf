"""How the services end, and that each says why."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from desk import Desk
from waiting import Stopwatch, eventually


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_program_ends_when_the_x_server_is_killed(own_desk: Desk) -> None:
    own_desk.start()
    viewer = own_desk.viewer()
    viewer.ask()
    os.kill(own_desk.display.pid, signal.SIGKILL)
    with Stopwatch() as watch:
        assert own_desk.desktop.wait() == 1
        own_desk.windows.wait()
    watch.assert_below(1.0)
    lines = own_desk.desktop.log.strip().splitlines()
    assert lines == [f"the X server on display :{own_desk.number} went away"]


def test_all_come_back_after_the_x_server_was_killed(own_desk: Desk) -> None:
    own_desk.start()
    own_desk.display.kill()
    own_desk.desktop.wait()
    own_desk.windows.wait()
    own_desk.start()
    with own_desk.viewer() as viewer, own_desk.control() as control:
        viewer.update()
        assert control.status().width == 1280


def test_the_program_alone_comes_back_to_the_screen_as_it_is(own_desk: Desk) -> None:
    own_desk.start()
    with own_desk.control() as control:
        control.resize(900, 700)
    own_desk.desktop.kill()
    own_desk.desktop.start()
    with own_desk.control() as control:
        assert (control.status().width, control.status().height) == (900, 700)


def test_each_ends_at_once_when_told(own_desk: Desk) -> None:
    own_desk.start()
    viewer = own_desk.viewer()
    viewer.ask(incremental=False)
    with Stopwatch() as watch:
        assert own_desk.desktop.stop() == 0
        own_desk.windows.stop()
        own_desk.display.stop()
    watch.assert_below(2.0)


def test_nothing_but_the_programs_themselves_is_left_running(own_desk: Desk) -> None:
    own_desk.start()
    for service, name in ((own_desk.display, "Xvfb"), (own_desk.windows, "openbox"), (own_desk.desktop, "sandgate-deskto")):
        assert Path(f"/proc/{service.pid}/comm").read_text().strip() == name
        eventually(lambda: not children(service.pid), f"{name} has no children")


def test_the_program_without_an_x_server_says_so(own_desk: Desk) -> None:
    own_desk.desktop.spawn()
    assert own_desk.desktop.wait() == 1
    assert own_desk.desktop.log == f"no X server takes us on display :{own_desk.number}\n"


def test_the_window_manager_without_an_x_server_ends(own_desk: Desk) -> None:
    own_desk.windows.spawn()
    assert own_desk.windows.wait() != 0
    assert own_desk.windows.log.strip()


def test_a_screen_file_that_is_none(own_desk: Desk) -> None:
    own_desk.display.start()
    for content in (b"", b"x" * 99, b"\0" * 4096):
        file = own_desk.display.run / "Xvfb_screen0"
        file.unlink()
        file.write_bytes(content)
        own_desk.desktop.spawn()
        assert own_desk.desktop.wait() == 1
        assert "the screen's file" in own_desk.desktop.log


def test_keys_that_were_lent_are_given_back(own_desk: Desk) -> None:
    """Also those of a run that was killed."""
    import subprocess

    from control_socket import TYPE, event

    def mapped() -> str:
        return own_desk.tool("xmodmap", "-pke", stdout=subprocess.PIPE).stdout.decode()

    own_desk.start()
    original = mapped()
    for _ in range(3):
        with own_desk.control() as control:
            control.input(event(TYPE, text="漢字かなЖ"))
        assert mapped() != original
        own_desk.desktop.kill()
        own_desk.desktop.start()
    with own_desk.control() as control:
        control.input(event(TYPE, text="".join(chr(0x4E00 + i) for i in range(60))))
    assert own_desk.desktop.stop() == 0
    assert [line for line in mapped().splitlines() if "U4E" in line] == []
