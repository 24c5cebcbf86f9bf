"""A gateway, or a shell, that is away for a while: commands run once all the same, and tell the truth."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import psutil
import pytest

from client import unique
from server import Server
from waiting import eventually

# The gateway gives a shell two seconds to take a command up, and then types it anew.
AWAY_SECONDS = 2.3


@pytest.fixture
def own() -> Iterator[Server]:
    server = Server().start()
    yield server
    server.stop()
    server.discard()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def shell_of(server: Server) -> psutil.Process:
    return next(p for p in psutil.Process(server.pid).children() if p.name() == "bash")


def handed_over(server: Server, text: str) -> bool:
    return any(text in path.read_text() for path in Path(server.state).glob("shell/*/cmd"))


def test_a_command_taken_up_while_the_gateway_is_away_runs(own: Server) -> None:
    session, mark = unique("late"), unique("mark")
    own.api.shell.exec("true", session)
    shell = shell_of(own)
    with ThreadPoolExecutor(1) as pool:
        with stopped(shell.pid):
            result = pool.submit(own.api.shell.exec, f"echo {mark} >> ran; echo {mark}; (exit 3)", session)
            eventually(lambda: handed_over(own, mark), "the command is typed")
            with stopped(own.pid):
                os.kill(shell.pid, signal.SIGCONT)
                threading.Event().wait(AWAY_SECONDS)  # longer than the gateway's patience
        late = result.result(timeout=60)
    assert (late.status, late.output, late.exit_code) == ("completed", f"{mark}\n", 3)
    assert (own.workspace / "ran").read_text() == f"{mark}\n", "it ran once"
    assert own.api.shell.exec("echo after", session).output == "after\n"


def test_a_command_for_a_shell_that_is_away_runs(own: Server) -> None:
    session, mark = unique("away"), unique("mark")
    own.api.shell.exec("true", session)
    with ThreadPoolExecutor(1) as pool:
        with stopped(shell_of(own).pid):
            result = pool.submit(own.api.shell.exec, f"echo {mark} >> ran; echo {mark}", session)
            eventually(lambda: handed_over(own, mark), "the command is typed")
            threading.Event().wait(AWAY_SECONDS)
        late = result.result(timeout=60)
    assert (late.status, late.output, late.exit_code) == ("completed", f"{mark}\n", 0)
    assert (own.workspace / "ran").read_text() == f"{mark}\n", "it ran once"
