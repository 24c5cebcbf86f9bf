"""Every route row, asked for by everybody in every way: without a right credential nothing is told and nothing runs.

The rows come from the gateway itself (--print-routes), so a new one is in here at once. A failing case prints the very
request. SANDGATE_MATRIX=full asks for the whole product instead of a choice in which any two tricks meet.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Iterator

import pytest

from box import KEY, Box, admitted, assert_alike, assert_mute, cookie_of, refused, run
from matrix import (
    GHOSTS,
    Case,
    Row,
    cases,
    draft,
    everything,
    host_tricks,
    key_credentials,
    method_tricks,
    one_at_a_time,
    pairwise,
    path_tricks,
    rows,
    stranger_tricks,
)
from pipelined import Ask, Told, ask_all

pytestmark = pytest.mark.local

combine = everything if os.environ.get("SANDGATE_MATRIX") == "full" else pairwise


@pytest.fixture(scope="module")
def all_rows() -> list[Row]:
    return rows()


@pytest.fixture
def box(tmp_path) -> Iterator[Callable[..., Box]]:
    def make(**options: Any) -> Box:
        return Box(tmp_path, **options)

    yield make


# ---- with a key ----


def test_strangers_are_told_nothing_and_nothing_runs(box, all_rows) -> None:
    with box(key=KEY) as b:
        credentials = [trick for trick in key_credentials(KEY, cookie_of(b.server)) if not trick.right]
        choice = combine([credentials, method_tricks(), path_tricks(), host_tricks(b.place)])
        asked = cases([*all_rows, *GHOSTS], b.place, choice)
        told = run(b, asked, refused)
        assert_alike(asked, told)
        assert_mute(told)
        b.assert_nothing_happened()
        print(f"{len(asked)} cases of {len(all_rows)} rows")
        assert len(asked) > 10_000


def test_the_owner_is_admitted_everywhere(box, all_rows) -> None:
    """And a preview name of a port of our own is refused even to the owner, on every row."""
    with box(key=KEY) as b:
        b.server.api.post("/v1/services/browser/start")
        credentials = [trick for trick in key_credentials(KEY, cookie_of(b.server)) if trick.right]
        dimensions = [credentials, method_tricks(), path_tricks(), host_tricks(b.place)]
        asked = cases(all_rows, b.place, one_at_a_time(dimensions), harmless=True)
        # And once as it is meant: handlers have no such refusal of their own.
        asked += cases(all_rows, b.place, [(credentials[0],)])
        run(b, asked, admitted)
        b.server.assert_clean_log()


def test_what_strangers_are_refused_does_something(box, all_rows) -> None:
    """The other tests would see it: the same requests with the key leave their marks."""
    with box(key=KEY) as b:
        right = next(trick for trick in key_credentials(KEY, "x") if trick.right)
        wanted = ("/v1/bash/exec", "/v1/file/write", "/v1/file/upload", "/v1/services/{name}/start", "/proxy/{port}/")
        chosen = [row for row in all_rows if row.path in wanted and row.method != "GET"]
        assert {row.path for row in chosen} == set(wanted)
        run(b, cases(chosen, b.place, [(right,)]), admitted)
        names = {path.suffix for path in b.server.workspace.iterdir()}
        assert names >= {".command", ".file", ".uploaded"}, names
        assert b.recorder.requests and b.sessions()
        assert b.api.get_ok("/v1/services/code")["state"] != "stopped"


# ---- without one ----


def kept_out(case: Case, answer: Told) -> str | None:
    if answer.status == 403 or (case.malformed and answer.status in (0, 400)):
        return None
    return f"another site's page was told {answer.status}"


def test_other_sites_pages_reach_nothing(box, all_rows) -> None:
    with box() as b:
        # Host is what a rebound name is known by; the tricks with it belong to requests that are not a page's.
        choice = combine([stranger_tricks(b.place), method_tricks(), path_tricks()])
        asked = cases([*all_rows, *GHOSTS], b.place, choice)
        told = run(b, asked, kept_out)
        assert_alike(asked, told)
        assert_mute(told)
        b.assert_nothing_happened()
        print(f"{len(asked)} cases of {len(all_rows)} rows")


def test_a_link_from_elsewhere_opens_pages_only(box, all_rows) -> None:
    """A person may follow a link to a page; nothing else is a page, whatever it is called."""
    link = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    with box(select="none") as b:
        for row in all_rows:
            request = draft(row, b.place)
            request.headers.extend(link)
            if row.method in ("GET", "*"):
                request.method = "GET"
            (answer,) = ask_all(b.server.port, [Ask(request.bytes())])
            opened = answer.status != 403
            assert opened == (row.page and request.method == "GET"), (str(row), answer, request.bytes())
