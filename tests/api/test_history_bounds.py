"""The history keeps its newest entries while the gateway runs, not only when it starts."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest

from client import unique
from server import Server
from waiting import eventually

KEPT = 100
# Writes are trimmed by the hundred, each command makes two.
SLACK = 256


@pytest.fixture
def small() -> Iterator[Server]:
    server = Server(["--history-entries", str(KEPT)]).start()
    yield server
    server.stop()
    server.discard()


def rows(server: Server, table: str) -> int:
    with sqlite3.connect(server.state / "sandgate.db") as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_old_entries_make_room_for_new_ones(small: Server) -> None:
    def cycle(n: int) -> None:
        session = unique("bounds")
        assert small.api.bash.exec(f"echo {n}", session).stdout == f"{n}\n"
        assert small.api.bash.close(session).success

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(cycle, range(KEPT + 2 * SLACK)))
    last = unique("last")
    small.api.bash.exec("echo last", last)
    eventually(lambda: rows(small, "commands") <= KEPT + SLACK, "old commands are forgotten")
    eventually(lambda: rows(small, "sessions") <= KEPT + SLACK, "old sessions are forgotten")
    assert rows(small, "commands") >= KEPT // 2
    assert small.api.bash.output(last).stdout == "last\n"
