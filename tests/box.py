"""A gateway to be knocked at: what is behind it is observed, and answers are judged by who asked."""

from __future__ import annotations

import collections
import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Mapping

from client import Api
from matrix import Case, Place
from pipelined import Told, ask_all
from recorder import Recorder
from server import BINARY, Server
from upstreams import write_service

KEY = "Matrix-k3y"
SERVICES = {"browser": {"tcp": 29222}, "desktop": {"socket": True}, "jupyter": {"tcp": 29223}, "code": {"tcp": 29224}}


class Box:
    """A gateway with services that nobody has asked for, an app that records, and an empty workspace."""

    def __init__(
        self, root: Path, key: str | None = None, select: str = "all", env: Mapping[str, str] | None = None
    ) -> None:
        folder = root / "services"
        for name, listen in SERVICES.items():
            write_service(folder, name, listen)
        self.recorder = Recorder()
        self.server = Server(("--services-dir", str(folder), "--services", select), key=key, env=env)

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
        left = [*self.server.workspace.iterdir(), *self.server.home.iterdir()]
        assert not left, left
        assert not self.sessions()
        for service in self.api.get_ok("/v1/services"):
            assert service["state"] == "stopped" and not service.get("started_at"), service
        assert not list(self.server.state.glob("services/*"))
        self.server.assert_clean_log()


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


def refused(case: Case, answer: Told) -> str | None:
    if answer.status == 401 or (case.malformed and answer.status in (0, 400)):
        return None
    return f"a stranger was told {answer.status}"


def admitted(case: Case, answer: Told) -> str | None:
    if case.malformed:
        return None if answer.status in (0, 400) else f"malformed, and told {answer.status}"
    if case.reserved:
        fine = answer.status == 403 and (case.ask.head or b"port" in answer.body)
        return None if fine else f"a port of our own was named, and told {answer.status}"
    return None if answer.status not in (0, 401, 403) else f"the owner was told {answer.status}"
