"""What apps and services answer that could be read in two ways: it never becomes part of the next answer, whoever asks
for that, and whichever connection it comes by."""

from __future__ import annotations

import dataclasses
import os
from typing import Iterator

import pytest

from apps import STYLES, Style
from pipelined import Ask, Told, Wire
from recorder import Recorder, Seen
from server import Server
from waiting import Stopwatch

pytestmark = pytest.mark.local

POISON = b"HTTP/1.1 200 OK\r\nX-Poison: 1\r\nContent-Length: 6\r\n\r\nPOISON"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def sized(body: bytes, length: object = None, more: bytes = b"", status: bytes = b"200 OK") -> bytes:
    n = str(len(body) if length is None else length).encode()
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: " + n + b"\r\n" + more + b"\r\n" + body


# What the client may be told of it: the body as far as it is clear, or that the app makes no sense.
UNCLEAR, CLEAR, BROKEN = "502 and nothing of it", "the clear part", "a body that breaks off"


@dataclasses.dataclass(frozen=True)
class Evil:
    data: bytes
    told: str
    body: bytes = b"ok"  # of a clear one
    method: str = "GET"
    status: int = 200


EVILS = {
    "length and coding": Evil(sized(b"0\r\n\r\n" + POISON, 5, b"Transfer-Encoding: chunked\r\n"), UNCLEAR),
    "coding and length": Evil(CHUNKED[:-2] + b"Content-Length: 3\r\n\r\n0\r\n\r\n" + POISON, UNCLEAR),
    "two lengths": Evil(sized(b"ok" + POISON, 2, b"Content-Length: 80\r\n"), UNCLEAR),
    "lengths in a list": Evil(sized(b"ok" + POISON, "2, 80"), UNCLEAR),
    "a negative length": Evil(sized(b"ok" + POISON, -2), UNCLEAR),
    "a length with a plus": Evil(sized(b"ok" + POISON, "+2"), UNCLEAR),
    "a hexadecimal length": Evil(sized(b"ok" + POISON, "0x2"), UNCLEAR),
    "an endless length": Evil(sized(b"ok" + POISON, "9" * 30), UNCLEAR),
    "an empty length": Evil(sized(b"ok" + POISON, ""), UNCLEAR),
    "another coding": Evil(CHUNKED.replace(b"chunked", b"gzip, chunked") + b"0\r\n\r\n" + POISON, UNCLEAR),
    "a coding misspelt": Evil(CHUNKED.replace(b"chunked", b"xchunked") + b"0\r\n\r\n" + POISON, UNCLEAR),
    "a space before the colon": Evil(sized(b"ok" + POISON, 2, b"Transfer-Encoding : chunked\r\n"), UNCLEAR),
    "a folded line": Evil(sized(b"ok", 2, b"X-A: b\r\n X-Poison: 1\r\n"), UNCLEAR),
    "a bare return": Evil(sized(b"ok", 2, b"X-A: b\rX-Poison: 1\r\n"), UNCLEAR),
    "a NUL": Evil(sized(b"ok", 2, b"X-A: b\0X-Poison: 1\r\n"), UNCLEAR),
    "a header without a colon": Evil(sized(b"ok", 2, b"nonsense\r\n"), UNCLEAR),
    "no HTTP": Evil(b"RFB 003.008\n" + POISON, UNCLEAR),
    "an answer of HTTP 0.9": Evil(b"<html>" + POISON, UNCLEAR),
    "no status": Evil(POISON.replace(b"200", b"2000"), UNCLEAR),
    "an unasked switch": Evil(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + POISON, UNCLEAR),
    "an endless head": Evil(sized(b"ok", 2, b"X-A: " + b"a" * 70_000 + b"\r\n"), UNCLEAR),
    "many headers": Evil(sized(b"ok", 2, b"X-A: b\r\n" * 5_000), UNCLEAR),
    "a bad chunk": Evil(CHUNKED + b"2\r\nok\r\nzz\r\n" + POISON, BROKEN),
    "a chunk without its end": Evil(CHUNKED + b"2\r\nok" + POISON, BROKEN),
    "an endless chunk": Evil(CHUNKED + b"2\r\nok\r\nffffffffffffffffff\r\n" + POISON, BROKEN),
    "a signed chunk": Evil(CHUNKED + b"2\r\nok\r\n-1\r\n" + POISON, BROKEN),
    "bytes behind a length": Evil(sized(b"ok") + POISON, CLEAR),
    "bytes behind chunks": Evil(CHUNKED + b"2\r\nok\r\n0\r\n\r\n" + POISON, CLEAR),
    "a line behind a length": Evil(sized(b"ok") + b"\r\n", CLEAR),
    "an answer to HEAD with a body": Evil(sized(POISON), CLEAR, b"", "HEAD"),
    "a 204 with a body": Evil(sized(POISON, status=b"204 No Content"), CLEAR, b"", status=204),
    "a 304 with a body": Evil(sized(POISON, status=b"304 Not Modified"), CLEAR, b"", status=304),
    "hints before it": Evil(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3 + sized(b"ok"), CLEAR),
    "trailers": Evil(CHUNKED + b"2\r\nok\r\n0\r\nX-Poison: 1\r\nContent-Length: 9\r\n\r\n", CLEAR),
    "extensions": Evil(CHUNKED + b"2;a=b\r\nok\r\n0;c\r\n\r\n", CLEAR),
    "no length, and then the end": Evil(b"HTTP/1.1 200 OK\r\n\r\nok", CLEAR),
}
# These end the connection after their bytes, or nobody could tell where they end.
ENDED = {"no length, and then the end"}


@pytest.fixture(scope="module")
def gateway_of_this() -> Iterator[Server]:
    server = Server()
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


@pytest.fixture
def app() -> Iterator[Recorder]:
    """Answers /good/… with its own target, and /evil/NAME as the table says."""

    def answer(seen: Seen) -> tuple[bytes, bool]:
        name = seen.target.rsplit("/", 1)[1].replace("%20", " ")
        evil = EVILS.get(name)
        return (evil.data, name not in ENDED) if evil else (sized(seen.target.encode()), True)

    with Recorder(answer) as recorder:
        yield recorder


class Client:
    def __init__(self, gateway: Server, style: Style, app: Recorder) -> None:
        self.wire, self.style, self.app, self.gateway, self.count = Wire(gateway.port), style, app, gateway, 0

    def ask(self, path: str, method: str = "GET", wire: Wire | None = None) -> Told:
        headers = {"Host": f"127.0.0.1:{self.gateway.port}", **self.style.headers(self.app.port)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        data = f"{method} {self.style.path(self.app.port, path)} HTTP/1.1\r\n{lines}\r\n".encode()
        (told,) = (wire or self.wire).ask([Ask(data, head=method == "HEAD")])
        return told

    def assert_good(self) -> None:
        """By the connection at hand and by a new one: the answer to what was asked."""
        other = Wire(self.gateway.port)
        for wire in (self.wire, other, self.wire):
            self.count += 1
            path = f"/good/{self.count}"
            told = self.ask(path, wire=wire)
            assert (told.status, told.body.decode()) == (200, self.style.seen(self.app.port, path)), told
            assert told.header("x-poison") is None
        other.close()


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_no_answer_becomes_part_of_the_next(gateway_of_this: Server, app: Recorder, style: Style) -> None:
    client = Client(gateway_of_this, style, app)
    client.assert_good()
    for name, evil in EVILS.items():
        told = client.ask("/evil/" + name.replace(" ", "%20"), evil.method)
        if evil.told == UNCLEAR:
            assert told.status == 502, (name, told)
        elif evil.told == BROKEN:
            assert told.status in (0, 502), (name, told)
        else:
            assert (told.status, told.body) == (evil.status, evil.body), (name, told)
        assert told.header("x-poison") is None and b"POISON" not in told.body, (name, told)
        client.assert_good()
    client.wire.close()
    assert not app.unclear
    gateway_of_this.assert_clean_log()


@pytest.fixture(params=["several processors", "one processor"])
def sharing(request, gateway_of_this: Server) -> Iterator[None]:
    """On one processor the gateway often wakes up to an answer, what is behind it, and the next request at once."""
    if request.param == "several processors":
        yield
        return
    threads, before = (0, gateway_of_this.pid), os.sched_getaffinity(0)
    try:
        for thread in threads:
            os.sched_setaffinity(thread, {min(before)})
        yield
    finally:
        for thread in threads:
            os.sched_setaffinity(thread, before)


@pytest.mark.usefixtures("sharing")
def test_bytes_on_an_idle_connection(gateway_of_this: Server, app: Recorder) -> None:
    """An app that goes on talking after its answer: its connection is not asked anything any more."""
    for style in STYLES:
        client = Client(gateway_of_this, style, app)
        for _ in range(5):
            client.assert_good()
            for connection in list(app.sockets.values()):
                try:
                    connection.sendall(POISON)
                except OSError:
                    pass  # the gateway has ended that one
            client.assert_good()
        client.wire.close()


def test_a_flood_of_hints_has_an_end(gateway_of_this: Server) -> None:
    """Interim answers without end are no way to keep a client, or the gateway, busy."""
    flood = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 20_000
    with Recorder(lambda seen: (flood + sized(b"ok"), True)) as app:
        client = Client(gateway_of_this, STYLES[0], app)
        with Stopwatch() as watch:
            told = client.ask("/flood")
        assert told.status in (200, 502), told
        watch.assert_below(5)
        assert gateway_of_this.api.get("/healthz").status == 200
        client.wire.close()
