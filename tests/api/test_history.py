"""Sessions and finished commands outlive the gateway, and nothing that a restart ended is told to be alive."""

from __future__ import annotations

import sqlite3

import pytest

from client import unique
from server import Server
from waiting import Stopwatch, eventually

pytestmark = pytest.mark.local

ENDINGS = ("stop", "kill")


def restart(server: Server, ending: str) -> None:
    """End the gateway politely or by kill -9, and start it again on the same state."""
    getattr(server, ending)()
    server.start()


@pytest.mark.parametrize("ending", ENDINGS)
def test_finished_bash_commands_are_remembered(start_gateway, ending: str) -> None:
    server = start_gateway()
    name = unique("kept")
    done = [server.api.bash.exec(f"echo {code}; exit {code}", name) for code in (0, 3)]
    before = server.api.get_ok(f"/v1/bash/sessions/{name}/commands")
    assert [command["exit_code"] for command in before] == [3, 0], "newest first"
    restart(server, ending)
    assert server.api.get_ok(f"/v1/bash/sessions/{name}/commands") == before
    for result in done:
        remembered = server.api.bash.output(name, result.command_id).command
        assert remembered["command"] == f"echo {result.exit_code}; exit {result.exit_code}"
        assert (remembered["status"], remembered["exit_code"]) == ("completed", result.exit_code)


@pytest.mark.parametrize("ending", ENDINGS)
def test_running_bash_commands_are_told_to_have_ended(start_gateway, ending: str) -> None:
    server = start_gateway()
    running = server.api.bash.start("echo begun; sleep 100")
    queued = server.api.bash.start("echo queued", running.session_id)
    eventually(lambda: server.api.bash.output(running.session_id, running.command_id).stdout, "it runs")
    old = server.descendants()
    restart(server, ending)
    eventually(lambda: not set(old) & set(server.descendants()), "what is told to have ended has ended")
    for command in (running, queued):
        remembered = server.api.bash.output(running.session_id, command.command_id).command
        assert remembered["status"] == "killed", remembered
        assert remembered["exit_code"] != 0
    info = server.api.bash.sessions().get(running.session_id)
    assert info is None or info["current_command"] is None
    assert server.api.bash.exec("echo ok", running.session_id).stdout == "ok\n"


@pytest.mark.parametrize("ending", ENDINGS)
def test_shell_sessions_are_remembered_truthfully(start_gateway, ending: str) -> None:
    server = start_gateway()
    idle, busy = unique("idle"), unique("busy")
    server.api.shell.exec("cd /usr; (exit 7)", idle)
    server.api.shell.exec("echo begun; sleep 100", busy, async_mode=True)
    eventually(lambda: "begun" in server.api.shell.view(busy).output, "it runs")
    restart(server, ending)
    seen = server.api.shell.view(idle)
    assert (seen.command, seen.status, seen.exit_code) == ("cd /usr; (exit 7)", "completed", 7)
    seen = server.api.shell.view(busy)
    assert (seen.command, seen.status) == ("echo begun; sleep 100", "terminated")
    assert seen.exit_code != 0
    for name in (idle, busy):
        info = server.api.shell.sessions().get(name)
        assert info is None or info["current_command"] is None, info
        with Stopwatch() as watch:
            assert server.api.shell.exec("echo ok", name).output == "ok\n"
        watch.assert_below(0.5)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_database_is_whole(start_gateway, ending: str) -> None:
    """After SIGTERM it is also closed: no write-ahead log is left to be replayed."""
    server = start_gateway()
    for n in range(20):
        server.api.bash.exec(f"exit {n}")
    getattr(server, ending)()
    databases = [
        path for path in server.state.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"
    ]
    assert len(databases) == 1
    if ending == "stop":
        assert not [path for path in server.state.rglob("*-wal") if path.stat().st_size]
    with sqlite3.connect(databases[0]) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_a_damaged_database_is_put_aside(start_gateway) -> None:
    """Garbage in its place costs the history, said in the log and kept for whoever wants to look, not the service."""
    server = start_gateway()
    server.api.bash.exec("true")
    server.stop()
    database = next(
        path for path in server.state.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"
    )
    garbage = b"this is no database at all\n" * 1000
    database.write_bytes(garbage)
    before = server.log()
    server.start()
    assert server.api.bash.exec("echo ok").stdout == "ok\n"
    assert str(database) in server.log().removeprefix(before)
    assert garbage in [path.read_bytes() for path in server.state.iterdir() if path.is_file()]
