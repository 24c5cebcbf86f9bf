"""What tests ask of the audit log."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any, Iterator

from client import Api
from waiting import eventually

Entry = dict[str, Any]


def page(api: Api, **filters: Any) -> dict[str, Any]:
    return api.get_ok("/v1/audit", params=filters)


def entries(api: Api, **filters: Any) -> list[Entry]:
    return page(api, **filters)["entries"]


def one(api: Api, **filters: Any) -> Entry:
    """The only entry there is of these; what is done is in the log once its answer has left."""
    found = eventually(lambda: entries(api, **filters), f"the log has an entry of {filters}")
    assert len(found) == 1, found
    return found[0]


def all_pages(api: Api, **filters: Any) -> Iterator[Entry]:
    while True:
        answer = page(api, **filters)
        yield from answer["entries"]
        if answer["next_before"] is None:
            return
        assert answer["next_before"] == answer["entries"][-1]["id"]
        filters["before"] = answer["next_before"]


@contextlib.contextmanager
def database(server: Any) -> Iterator[sqlite3.Connection]:
    """The gateway's own, running or not."""
    with contextlib.closing(sqlite3.connect(server.state / "sandgate.db", timeout=20)) as connection:
        with connection:
            yield connection


def put_rows(server: Any, count: int, **columns: Any) -> None:
    row = {"at": 0, "who": "old", "peer": "192.0.2.1", "action": "test.old", "result": "ok", "count": 1, **columns}
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    with database(server) as connection:
        connection.executemany(f"INSERT INTO audit ({names}) VALUES ({marks})", [row] * count)


def count_rows(server: Any, where: str) -> int:
    with database(server) as connection:
        return connection.execute(f"SELECT COUNT(*) FROM audit WHERE {where}").fetchone()[0]
