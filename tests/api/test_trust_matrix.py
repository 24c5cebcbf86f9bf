"""Every route row, asked for by everybody in every way: without a right credential nothing is told and nothing runs.

The rows come from the gateway itself (--print-routes), so a new one is in here at once. A failing case prints the very
request. SANDGATE_MATRIX=full asks for the whole product instead of a choice in which any two tricks meet.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from client import Api
from matrix import (
    GHOSTS,
    Case,
    Place,
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
from recorder import Recorder
from server import BINARY, Server
from upstreams import write_service
from waiting import eventually

pytestmark = pytest.mark.local

KEY = "Matrix-k3y"
SERVICES = {"browser": {"tcp": 29222}, "desktop": {"socket": True}, "jupyter": {"tcp": 29223}, "code": {"tcp": 29224}}
combine = everything if os.environ.get("SANDGATE_MATRIX") == "full" else pairwise


class Box:
    """A gateway with services that nobody has asked for, an app that records, and an empty workspace."""

    def __init__(self, root: Path, key: str | None = None, select: str = "all", extra: tuple[str, ...] = ()) -> None:
        folder = root / "services"
        for name, listen in SERVICES.items():
            write_service(folder, name, listen)
        self.recorder = Recorder()
        self.server = Server(("--services-dir", str(folder), "--services", select, *extra), key=key)

    def __enter__(self) -> "Box":
        self.server.start()
        mark = str(self.server.workspace / "mark")
        self.place = Place(self.server.port, self.recorder.port, 29222, mark)
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None:
                self.server.stop()
        finally:
            self.server.discard()
            self.recorder.__exit__()

    @property
    def api(self) -> Api:
        return self.server.api

    def sessions(self) -> list[Any]:
        api = self.api
        told = [api.shell.sessions(), api.bash.sessions(), api.node.sessions(), api.jupyter.sessions()]
        return [sessions for sessions in told if sessions]

    def assert_nothing_happened(self) -> None:
        """Whatever was asked, nobody acted on it."""
        self.recorder.assert_untouched()
        assert not self.server.descendants()
        assert not list(self.server.workspace.iterdir()) and not list(self.server.home.iterdir())
        assert not self.sessions()
        for service in self.api.get_ok("/v1/services"):
            assert service["state"] == "stopped" and not service.get("started_at"), service
        assert not list(self.server.state.glob("services/*"))
        self.server.assert_clean_log()


@pytest.fixture(scope="module")
def all_rows() -> list[Row]:
    return rows()


@pytest.fixture
def box(tmp_path) -> Iterator[Callable[..., Box]]:
    def make(**options: Any) -> Box:
        return Box(tmp_path, **options)

    yield make


def cookie_of(server: Server) -> str:
    """What a browser holds after it gave the key once."""
    answer = Api(server.url).get("/", params={"api_key": server.key}, headers={"Accept": "text/html"})
    return re.match(r"sandgate_session=(\w+);", answer.headers["set-cookie"])[1]


def run(box: Box, asked: list[Case], judge: Callable[[Case, Told], str | None]) -> list[Told]:
    """Ask for all of it; what `judge` objects to is told with the request that did it."""
    told = ask_all(box.server.port, [case.ask for case in asked])
    wrong = [f"{why}: {case}\n    {answer}" for case, answer in zip(asked, told) if (why := judge(case, answer))]
    assert not wrong, f"{len(wrong)} of {len(asked)} cases:\n" + "\n".join(wrong[:20])
    return told


def assert_alike(asked: list[Case], told: list[Told]) -> None:
    """What a stranger is told does not depend on the row: not even on whether there is one."""
    by_tricks = collections.defaultdict(dict)
    for case, answer in zip(asked, told):
        by_tricks[(case.tricks, case.ask.method)].setdefault(answer.lasting, case)
    unlike = [list(answers.items()) for answers in by_tricks.values() if len(answers) > 1]
    shown = "\n".join(f"{answer}: {case}" for answers in unlike[:5] for answer, case in answers[:3])
    assert not unlike, f"{len(unlike)} combinations are answered by what lies behind:\n{shown}"


def assert_mute(told: list[Told]) -> None:
    """One sentence for everybody, and a form for people."""
    bodies = {answer.body for answer in told if answer.status == 401 and answer.body}
    assert len(bodies) <= 2, bodies
    secrets = (version(), "microhttpd", "/v1/", "'server'", KEY.lower())
    for answer in {t.lasting: t for t in told}.values():
        text = str(answer.headers).lower() + answer.body.decode().lower()
        assert not [secret for secret in secrets if secret in text], answer


def version() -> str:
    told = subprocess.run([str(BINARY), "--version"], capture_output=True, check=True, timeout=30).stdout
    return told.decode().split()[1]


# ---- with a key ----


def refused(case: Case, answer: Told) -> str | None:
    if answer.status == 401 or (case.malformed and answer.status in (0, 400)):
        return None
    return f"a stranger was told {answer.status}"


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


def admitted(case: Case, answer: Told) -> str | None:
    if case.malformed:
        return None if answer.status in (0, 400) else f"malformed, and told {answer.status}"
    if case.reserved:
        fine = answer.status == 403 and (case.ask.head or b"port" in answer.body)
        return None if fine else f"a port of our own was named, and told {answer.status}"
    return None if answer.status not in (0, 401, 403) else f"the owner was told {answer.status}"


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
