"""A database that is damaged when the gateway starts is moved aside with a clear line; one that only cannot be had
just now is left alone; and what is told afterwards is true."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from server import Server, clean_environment
from waiting import allow

pytestmark = pytest.mark.local


def database_of(server: Server) -> Path:
    return server.state / "sandgate.db"


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def wrong_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"SQLite format 4\0")


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def rotten_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def somebody_elses(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE commands (unrelated INTEGER)")
    db.close()


DAMAGE = {
    f.__name__: f for f in (truncate, wrong_header, garbage, rotten_page, somebody_elses)
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_database_is_moved_aside(start_gateway, damage: Callable[[Path], None]) -> None:
    server = start_gateway()
    server.api.bash.exec("echo old", "old")
    server.api.shell.exec("echo old", "old")
    server.stop()
    database = database_of(server)
    damage(database)
    damaged = database.read_bytes()
    before = server.log()
    server.start()
    said = server.log().removeprefix(before)
    aside = re.search(r"damaged: moved aside as (\S+)\*, history starts anew", said)
    assert aside, said
    kept = [path for path in server.state.iterdir() if str(path).startswith(aside[1])]
    kept = [path for path in kept if not path.name.endswith(("-wal", "-shm"))]
    # Of a sound one SQLite may have changed the header when it looked.
    assert len(kept) == 1 and kept[0].read_bytes()[100:] == damaged[100:]
    assert "old" not in server.api.bash.sessions() and "old" not in server.api.shell.sessions()
    ran = server.api.bash.exec("echo new", "new")
    server.stop()
    server.start()
    assert server.api.bash.output("new", ran.command_id).command["status"] == "completed"


def test_an_empty_database_is_begun(start_gateway) -> None:
    server = start_gateway()
    server.stop()
    database_of(server).write_bytes(b"")
    server.start()
    ran = server.api.bash.exec("echo new", "new")
    assert server.api.bash.output("new", ran.command_id).command["status"] == "completed"
    assert "moved aside" not in server.log()


def test_a_rotten_log_costs_only_what_was_in_it(start_gateway) -> None:
    """SQLite tells by checksums where its log stops making sense; what was folded in before is there."""
    server = start_gateway()
    done = [server.api.bash.exec("true", "old") for _ in range(200)]
    server.kill()
    wal = server.state / "sandgate.db-wal"
    size = wal.stat().st_size
    assert size > 32, "there is a log to spoil"
    with wal.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size - size // 2))
    server.start()
    assert "moved aside" not in server.log()
    kept = server.api.get_ok("/v1/bash/sessions/old/commands")
    assert 0 < len(kept) and {c["command_id"] for c in kept} <= {ran.command_id for ran in done}
    assert server.api.bash.exec("echo ok", "old").stdout == "ok\n"


def test_a_locked_database_is_left_alone(start_gateway) -> None:
    """Whoever holds it may be about to write: that is no damage. The gateway says so and does not start."""
    server = start_gateway()
    ran = server.api.bash.exec("echo kept", "kept")
    server.stop()
    holder = sqlite3.connect(database_of(server), isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    result = start_in_vain(server)
    assert result.returncode == 1 and "database is locked" in result.stderr, result.stderr
    assert [path.name for path in server.state.iterdir() if "damaged" in path.name] == []
    holder.execute("ROLLBACK")
    holder.close()
    server.start()
    assert server.api.bash.output("kept", ran.command_id).command["status"] == "completed"


def start_in_vain(server: Server) -> subprocess.CompletedProcess:
    return subprocess.run(
        server.command_line(), env=clean_environment(), cwd=server.root, capture_output=True, text=True, timeout=allow(20)
    )


def test_a_database_that_may_not_be_written_is_left_alone(start_gateway) -> None:
    """As an ordinary user, whom permissions bind."""
    nobody = 65534
    server = start_gateway(user=nobody)
    server.api.bash.exec("echo kept", "kept")
    server.stop()
    database_of(server).chmod(0o444)
    server.state.chmod(0o555)
    before = database_of(server).read_bytes()
    try:
        as_nobody = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups", *server.command_line()]
        result = subprocess.run(
            as_nobody, env=clean_environment(), cwd=server.root, capture_output=True, text=True, timeout=allow(20)
        )
    finally:
        server.state.chmod(0o755)
    said = result.stderr.strip("\n")
    assert result.returncode == 1 and "\n" not in said and str(server.state) in said, said
    assert database_of(server).read_bytes() == before
