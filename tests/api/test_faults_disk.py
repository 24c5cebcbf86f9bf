"""A disk that is full: what is asked for fails by its name and spoils nothing, the gateway goes on, and with room
again all is as before, and what was done meanwhile is remembered."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Iterator

import pytest

from client import Answer
from smalldisk import SmallDiskServer
from waiting import eventually

pytestmark = pytest.mark.local


@pytest.fixture
def server() -> Iterator[SmallDiskServer]:
    server = SmallDiskServer()
    try:
        yield server.start()
        if server.running:
            server.stop()
    finally:
        server.discard()


def assert_no_room(server: SmallDiskServer, answer: Answer) -> None:
    assert answer.success is False and answer.status < 500 or answer.status == 507, answer
    assert server.errno_name in answer.content.decode() or "space" in answer.message.lower(), answer


def left_of(server: SmallDiskServer, folder: Path) -> set[str]:
    return set(os.listdir(server.seen(folder)))


def test_writes_fail_by_name_and_spoil_nothing(server: SmallDiskServer) -> None:
    file, twin, small = (server.workspace / name for name in ("file.txt", "twin.txt", "small.txt"))
    old = "old\n" * 1000
    for path in (file, small):
        server.api.file.write(str(path), old)
    os.link(server.seen(file), server.seen(twin))  # such a file is written over, not replaced
    before = left_of(server, server.workspace)
    server.fill()
    text = "new\n" * 100_000
    assert_no_room(server, server.api.file.call("write", file=str(small), content=text))
    assert_no_room(server, server.api.file.call("write", file=str(twin), content=text))
    assert_no_room(server, server.api.file.call("write", file=str(small), content=text, append=True))
    assert_no_room(server, server.api.file.call("write", file=str(server.workspace / "fresh"), content=text))
    assert_no_room(server, server.api.file.call("replace", file=str(small), old_str="old", new_str="longer than before"))
    upload = server.api.post(
        "/v1/file/upload", data={"path": str(small)}, files={"file": ("a", text.encode(), "text/plain")}
    )
    assert_no_room(server, upload)
    assert left_of(server, server.workspace) == before, "no half-made file is left"
    for path in (file, twin, small):
        assert server.api.file.read(str(path)) == old
    server.free()
    server.api.file.write(str(twin), text)
    assert server.api.file.read(str(file)) == text
    assert server.api.file.write(str(small), old, append=True)


def test_output_that_finds_no_room_says_so(server: SmallDiskServer) -> None:
    """The beginning stays in memory, a line ends it, and the command goes on to its end."""
    server.api.shell.create("old")
    server.fill()
    ran = server.api.bash.exec("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo done >&2", max_output_length=0)
    assert (ran.status, ran.exit_code, ran.stderr) == ("completed", 0, "done\n")
    assert f"({server.errno_name}): what came here was not kept]" in ran.stdout[-200:]
    assert ran.stdout.startswith("x" * 50_000) and len(ran.stdout) < 200_000
    again = server.api.bash.output(ran.session_id, ran.command_id, offset=ran.offset - 30)
    assert again.stdout.endswith("was not kept]\n") and again.offset == ran.offset
    assert_no_room(server, server.api.post("/v1/shell/exec", {"id": "new", "command": "true"}))
    server.free()
    whole = server.api.bash.exec("head -c 300000 /dev/zero | tr '\\0' x", max_output_length=0)
    assert whole.stdout == "x" * 300_000


def test_output_goes_on_where_there_is_room_again(server: SmallDiskServer) -> None:
    """The line stands for what is missing: services run for long, and their logs do not end for good."""
    server.fill()
    big = "head -c 300000 /dev/zero | tr '\\0' x"
    ran = server.api.bash.start(f"{big}; echo; read word; {big}; echo; echo $word", "talk")
    eventually(lambda: "not kept]" in server.api.bash.output("talk", offset=0).stdout, "the disk took no more")
    server.free()
    server.api.bash.write("talk", "goodbye\n")
    whole = server.api.bash.finish("talk", ran.command_id).stdout
    assert whole.count("what came here was not kept]") == 1 and whole.endswith("x\ngoodbye\n")
    assert 300_000 < len(whole) < 500_000


def test_what_was_done_meanwhile_is_remembered(server: SmallDiskServer) -> None:
    """Records wait in memory; they are in the database, which is sound, when there is room again."""
    first = server.api.bash.exec("echo before", "story")
    server.fill()
    done = [server.api.bash.exec(f"exit {code}; {'#' * 20_000}", "story") for code in range(12)]
    assert server.api.get("/healthz").status == 200
    assert "what is to be recorded waits" in server.log()
    server.free()
    eventually(lambda: "written again; 0 records were lost" in server.log(), "what waited is recorded", 10)
    server.api.bash.exec("echo after", "story")
    database = copy_of(server)
    with sqlite3.connect(database) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT id, status, exit_code FROM commands ORDER BY seq").fetchall()
    db.close()
    assert rows[0][0] == first.command_id and len(rows) == 14
    assert rows[1:-1] == [(ran.command_id, "completed", code) for code, ran in enumerate(done)]


def copy_of(server: SmallDiskServer) -> Path:
    """The database and its log, as they are on the disk."""
    for path in server.seen(server.state).glob("sandgate.db*"):
        shutil.copy(path, server.root / path.name)
    return server.root / "sandgate.db"


def test_a_shell_says_what_it_cannot_do(server: SmallDiskServer) -> None:
    """A command reaches a shell by way of a small file: with no room for it the answer names the reason, the shell
    stays what it was, and takes commands when there is room again."""
    server.api.shell.exec("cd /usr; kept=yes", "old")
    server.fill()
    ran = server.api.shell.exec("echo begun; " + "#" * 50_000, "old")
    assert ran.status == "terminated" and "cannot write" in ran.output, ran
    server.free()
    assert server.api.shell.exec("echo $kept $PWD", "old").output == "yes /usr\n"


def test_it_starts_on_a_full_disk() -> None:
    """Or nobody could make room: what it would have recorded it says it keeps in memory."""
    server = SmallDiskServer(full=True)
    try:
        api = server.start().api
        assert "kept in memory alone" in server.log()
        ran = api.bash.exec("echo $((6 * 7))", "first")
        assert ran.stdout == "42\n"
        assert api.bash.output("first", ran.command_id).command["exit_code"] == 0
        assert_no_room(server, api.file.call("write", file=str(server.workspace / "a"), content="x" * 10_000))
        server.free()
        api.file.write(str(server.workspace / "a"), "x" * 10_000)
        assert api.shell.exec("echo ok").output == "ok\n"
        server.stop()
    finally:
        server.discard()


def test_it_stops_in_order_on_a_full_disk(server: SmallDiskServer) -> None:
    server.api.shell.exec("echo before", "old")
    server.fill()
    server.api.bash.exec("echo meanwhile")
    server.stop()
