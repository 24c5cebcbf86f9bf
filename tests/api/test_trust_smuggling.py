"""Requests hidden in others, by way of every proxy, alone and behind nginx: what is behind us sees exactly the requests
that were sent, or none."""

from __future__ import annotations

import dataclasses
import re
import socket
from typing import Iterator

import pytest

from nginx import Nginx
from recorder import Recorder, Seen
from server import Server
from services import Services
from smuggling import CASES, Case, spell
from waiting import Stopwatch, allow, eventually

pytestmark = pytest.mark.local

# Bytes to the recorder and back, so that a supervised service is recorded like an app.
RELAY = """\
import os, socket, threading
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(client):
    with client, socket.create_connection(("127.0.0.1", PORT)) as upstream:
        threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
        pump(upstream, client)
listener = socket.create_server(("127.0.0.1", int(os.environ["SERVICE_PORT"])))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


@dataclasses.dataclass(frozen=True)
class Way:
    """A way through the gateway: where a request is sent to, what else it says, and what arrives."""

    name: str
    below: str = ""  # before the path, {port} being the recorder's
    seen: str = ""  # before the path that arrives
    host: str = "127.0.0.1"
    line: str = ""
    posts: bool = True  # the row takes POST

    def target(self, port: int, path: str) -> str:
        return self.below.format(port=port) + path

    def arrives(self, port: int, path: str) -> str:
        return self.seen.format(port=port) + path

    def lines(self, port: int) -> str:
        line = f"{self.line.format(port=port)}\r\n" if self.line else ""
        return f"Host: {self.host.format(port=port)}\r\n{line}"


WAYS = [
    Way("proxy", "/proxy/{port}"),
    Way("absproxy", "/absproxy/{port}", "/absproxy/{port}"),
    Way("host", host="{port}-box.localhost"),
    Way("header", line="X-AIO-Proxy-Port: {port}"),
    Way("jupyter", "/jupyter/api", "/jupyter/api"),
    Way("code", "/code-server", posts=False),
    Way("devtools", "/cdp/devtools", "/devtools", posts=False),
]


@dataclasses.dataclass
class Front:
    """Where requests are sent, with what is behind it."""

    server: Server
    recorder: Recorder
    nginx: Nginx | None = None

    def connect(self) -> socket.socket:
        port = self.nginx.port if self.nginx else self.server.port
        plain = socket.create_connection(("127.0.0.1", port), timeout=allow(20))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.nginx.trust().wrap_socket(plain, server_hostname="localhost") if self.nginx else plain

    def ask(self, data: bytes) -> bytes:
        """All that is answered up to the end of the connection."""
        told = b""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                while chunk := connection.recv(65536):
                    told += chunk
            except ConnectionError:
                pass  # what was refused need not be read to its end
        return told

    def seen_after(self, way: Way) -> list[Seen]:
        """What arrived so far, once a last harmless request has gone the same way."""
        port = self.recorder.port
        last = way.arrives(port, "/last")
        text = f"GET {way.target(port, '/last')} HTTP/1.1\r\n{way.lines(port)}Connection: close\r\n\r\n"
        assert self.ask(text.encode()).startswith(b"HTTP/1.1 200 ")
        eventually(lambda: any(seen.target == last for seen in self.recorder.requests), "the last request arrives")
        return [seen for seen in self.recorder.requests if seen.target != last]


def statuses(told: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", told) if code != b"100"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Iterator[Front]:
    services = Services(tmp_path_factory.mktemp("services"))
    with Recorder() as recorder:
        for number, name in enumerate(("browser", "jupyter", "code")):
            python = RELAY.replace("PORT))", f"{recorder.port}))", 1)
            services.add(name, python=python, listen={"tcp": 29322 + number}, stop_seconds=1)
        server = Server(services.arguments())
        try:
            server.start()
            for name in ("browser", "jupyter", "code"):
                assert server.api.post(f"/v1/services/{name}/start").data["state"] == "ready"
            recorder.clear()
            yield Front(server, recorder)
            server.stop()
        finally:
            server.discard()


@pytest.fixture(scope="module")
def behind_nginx(alone: Front, tmp_path_factory) -> Iterator[Front]:
    with Nginx(alone.server, tmp_path_factory.mktemp("nginx"), "") as nginx:
        yield Front(alone.server, alone.recorder, nginx)


def named(kind: str, case: Case) -> str:
    """Each case has targets of its own: what of one that nobody waited for comes late is not the next one's."""
    return f"/{kind}-{CASES.index(case)}"


def send(front: Front, way: Way, case: Case) -> tuple[bytes, bytes, list[Seen]]:
    """The case and a request behind it on one connection: what was sent, what was answered, what arrived."""
    port = front.recorder.port
    front.recorder.clear()
    lines = way.lines(port)
    data = spell(case.text, way.target(port, named("case", case)), lines, way.target(port, named("hidden", case)))
    following = way.target(port, named("next", case))
    data += f"GET {following} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode()
    if not case.waits:
        return data, front.ask(data), front.seen_after(way)
    with front.connect() as connection:
        connection.sendall(data)
        return data, b"", front.seen_after(way)


def wanted_body(way: Way, port: int, case: Case) -> bytes:
    return spell(case.fine or "", "", way.lines(port), way.target(port, named("hidden", case)))


def trouble(front: Front, way: Way, case: Case, told: bytes, seen: list[Seen]) -> str | None:
    port = front.recorder.port
    seen = [s for s in seen if s.target.endswith(f"-{CASES.index(case)}")]
    targets = [s.target for s in seen]
    both = [way.arrives(port, named("case", case)), way.arrives(port, named("next", case))]
    wanted = both[:1] if case.chunked else both
    if front.recorder.unclear:
        return f"what arrived is unclear: {front.recorder.unclear}"
    if front.nginx and case.nginx_feeds:
        # As many as nginx answered: the two of them agree.
        return None if case.waits or len(targets) <= len(statuses(told)) else "other requests arrived"
    if way.arrives(port, named("hidden", case)) in targets:
        return "the hidden request arrived"
    if front.nginx or case.either:
        # nginx mends some and refuses others; whichever, it is not more than what was sent.
        return None if targets in ([], both[:1], both[1:], both) else "other requests arrived"
    if case.fine is None:
        refused = not targets and all(code >= 400 for code in statuses(told))
        return None if refused else "it was not refused"
    if not way.posts and b" 405 " in told:
        # A row for another method says so, and keeps the framing.
        return None if targets == wanted[1:] else "not what was sent arrived"
    fine = targets == wanted and seen[0].body == wanted_body(way, port, case)
    return None if fine else "not what was sent arrived"


def check(front: Front, way: Way) -> None:
    found = []
    for case in CASES:
        data, told, seen = send(front, way, case)
        if problem := trouble(front, way, case, told, seen):
            found.append(f"{case.name}: {problem}\n  sent {data!r}\n  told {told[:600]!r}\n  arrived {seen}")
    assert not found, f"{len(found)} of {len(CASES)} by way of {way.name}:\n" + "\n".join(found[:12])
    front.server.assert_clean_log()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_what_arrives_is_what_was_sent_or_nothing(alone: Front, way: Way) -> None:
    check(alone, way)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_same_behind_nginx(behind_nginx: Front, way: Way) -> None:
    check(behind_nginx, way)


ENDLESS = {
    "an extension": "5;" + "a" * 70_000,
    "a size": "0" * 70_000,
    "a trailer": "5\r\nhello\r\n0\r\nX-A: " + "b" * 70_000,
    "a trailer's name": "5\r\nhello\r\n0\r\n" + "b" * 70_000,
}


@pytest.mark.parametrize("line", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("path", ["/proxy/{port}/case", "/v1/bash/exec", "/v1/file/upload"])
def test_a_line_without_end_holds_nobody_up(alone: Front, path: str, line: str) -> None:
    """It outgrows the parser's buffer: the one who sent it waits, and nobody else does."""
    kind = "multipart/form-data; boundary=x" if "upload" in path else "application/json"
    head = f"POST {path.format(port=alone.recorder.port)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    with alone.connect() as connection:
        try:
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n{line}".encode())
        except ConnectionError:
            pass  # refused before all of it was read
        with Stopwatch() as watch:
            for _ in range(5):
                assert alone.server.api.get("/healthz").status == 200
        watch.assert_below(2)
