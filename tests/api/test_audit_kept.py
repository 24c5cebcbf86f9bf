"""The audit log over time: what is kept, for how long, and what a crash or a full disk does to it."""

from __future__ import annotations

import threading
import time

import pytest

from audit import count_rows, database, entries, one, put_rows
from client import Api, unique
from waiting import eventually

pytestmark = pytest.mark.local

DAY_MS = 86_400_000


def now_ms() -> int:
    return int(time.time() * 1000)


def test_old_entries_go_and_their_ids_are_not_given_again(start_gateway) -> None:
    server = start_gateway("--audit-days", "2")
    server.api.file.write(f"{server.workspace}/kept", "")
    one(server.api, action="file.write")
    server.stop()
    put_rows(server, 1000, at=now_ms() - 2 * DAY_MS - 60_000)
    put_rows(server, 10, at=now_ms() - 2 * DAY_MS - 60_000, result="refused")
    put_rows(server, 5, at=now_ms() - 2 * DAY_MS + 3_600_000, action="test.young")
    last = count_rows(server, "1") + 0
    server.start()
    eventually(lambda: count_rows(server, "action = 'test.old'") == 0, "the old ones go", 10)
    assert len(entries(server.api, action="test.young")) == 5
    assert one(server.api, action="file.write")["subject"] == f"{server.workspace}/kept"
    server.api.file.write(f"{server.workspace}/next", "")
    assert one(server.api, contains="/next")["id"] == last + 1


def test_there_is_a_ceiling_of_entries(start_gateway) -> None:
    """The oldest go first; and what strangers can make grow does not crowd out the rest."""
    server = start_gateway("--audit-rows", "1000")
    server.stop()
    put_rows(server, 2000, at=now_ms() - DAY_MS)
    put_rows(server, 100, at=now_ms() - DAY_MS, action="test.newer")
    put_rows(server, 2000, at=now_ms(), action="access.refused", result="refused")
    server.start()
    for n in range(30):
        server.api.file.write(f"{server.workspace}/{n}", "")
    eventually(lambda: len(entries(server.api, action="file.write")) == 30, "all are in the log")
    others = "result <> 'refused'"
    assert 900 <= count_rows(server, others) < 900 + 64
    assert count_rows(server, "action = 'test.newer'") == 100
    with server.api.http.stream("GET", "/v1/sandbox", headers={"Origin": "http://evil.example"}) as refused:
        assert refused.status_code == 403
    before = count_rows(server, others)
    eventually(lambda: count_rows(server, "result = 'refused' AND at > 0") < 2001, "refused ones go too")
    assert count_rows(server, others) == before


def test_what_was_in_the_log_survives_a_kill(start_gateway) -> None:
    server = start_gateway()
    mark = unique("mark")
    for n in range(30):
        server.api.bash.exec(f": {n} {mark}")
    eventually(lambda: len(entries(server.api, contains=mark, result="ok")) == 30, "all are in the log")
    running = server.api.http.build_request("POST", "/v1/bash/exec", json={"command": f"sleep 60; : still-{mark}"})
    with pytest.raises(Exception), _killer(server, mark):
        server.api.http.send(running)
    server.start()
    assert len(entries(server.api, contains=f" {mark}", result="ok")) == 30
    left = one(server.api, contains=f"still-{mark}")
    assert (left["result"], left["exit_code"], left["status"]) == ("interrupted", None, None)
    server.api.bash.exec(f": after {mark}")
    assert one(server.api, contains=f": after {mark}")["id"] > left["id"]


class _killer:
    """Kills the gateway as soon as the log has what runs."""

    def __init__(self, server, mark: str) -> None:
        self._thread = threading.Thread(target=self._run)
        self._server, self._mark = server, mark

    def _run(self) -> None:
        api = Api(self._server.url)
        try:
            eventually(lambda: entries(api, contains=f"still-{self._mark}", result="running"), "it runs")
        finally:
            api.close()
            self._server.kill()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def failures(server) -> float:
    text = server.api.get("/metrics").content.decode()
    return float(text.split("\nsandgate_database_failures_total ")[1].split("\n")[0])


def test_a_database_that_takes_nothing_fails_no_request(start_gateway) -> None:
    """Lost entries are counted, and said once; when it takes them again, that is said too."""
    server = start_gateway()
    with database(server) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    for n in range(20):
        server.api.file.write(f"{server.workspace}/{n}", "")
    eventually(lambda: failures(server) == 20, "all are counted")
    assert entries(server.api) == []
    with database(server) as connection:
        connection.execute("DROP TRIGGER full")
    server.api.file.write(f"{server.workspace}/again", "")
    assert one(server.api)["subject"] == f"{server.workspace}/again"
    assert failures(server) == 20
    assert server.log().count("disk is full") == 1
    assert server.log().count("writing works again; 20 writes were lost") == 1


def test_a_database_of_before_is_brought_up_to_date(start_gateway) -> None:
    server = start_gateway()
    server.api.bash.exec("echo kept", "old-session")
    server.stop()
    with database(server) as connection:
        connection.execute("DROP TABLE audit")  # the newest of the tables
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version - 1}")
    server.start()
    server.api.bash.exec("echo new")
    assert one(server.api)["subject"] == "echo new"
    with database(server) as connection:
        assert connection.execute("SELECT COUNT(*) FROM commands").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
