"""How many connections there may be, and how long each may take: at the ceiling and one beyond, trickling heads and
bodies, answers nobody reads; and what is slow or silent by design, which lives."""

from __future__ import annotations

import socket
import threading
import time
from typing import Callable, Iterator

import pytest

from client import Api
from faulty import open_fds
from rawhttp import RawConnection
from server import Server
from waiting import Stopwatch, allow, eventually

pytestmark = pytest.mark.local

CEILING = 16
STALL = 1


@pytest.fixture
def strict(start_gateway) -> Server:
    """A gateway that loses its patience after a second."""
    return start_gateway("--stall-seconds", str(STALL), "--min-rate", "10000")


def connections(server: Server) -> int:
    """Without the one that asks."""
    metrics = server.api.get("/metrics").content.decode()
    return int(metrics.split("\nsandgate_http_connections ")[1].split("\n")[0]) - 1


def asking(server: Server) -> RawConnection:
    """A connection whose request is under way for as long as it is wanted."""
    raw = RawConnection(server)
    body = b'{"command": "read x", "hard_timeout": 60}'
    raw.send(
        raw.head("POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}") + body
    )
    return raw


def test_one_connection_too_many_is_told_so(start_gateway) -> None:
    """With every connection at work nobody is ended for the next, which hears why; and then all works again."""
    server = start_gateway("--max-connections", str(CEILING))
    server.api.close()
    busy = [asking(server) for _ in range(CEILING)]
    with RawConnection(server) as refused:
        refused.send(refused.head("GET /healthz HTTP/1.1"))
        answer = refused.answer()
        assert answer.status == 503 and answer.headers["retry-after"], answer
        assert b"as many connections as it takes" in answer.body
        refused.assert_closed()
    for raw in busy:
        raw.socket.settimeout(0.01)
        with pytest.raises(TimeoutError):
            raw.socket.recv(1)
        raw.socket.close()
    eventually(lambda: answers(server), "it answers again")
    assert "connection refused: no more are taken" in server.log()


def answers(server: Server) -> bool:
    with RawConnection(server) as raw:
        raw.send(raw.head("GET /healthz HTTP/1.1", "Connection: close"))
        answer = raw.answer_or_end()
        return answer is not None and answer.status == 200


def test_idle_connections_make_room(start_gateway) -> None:
    """Kept-alive ones that ask for nothing do not lock others out: the one idle for longest goes."""
    server = start_gateway("--max-connections", str(CEILING))
    server.api.close()
    idle = []
    for _ in range(CEILING):
        raw = RawConnection(server)
        raw.send(raw.head("GET /healthz HTTP/1.1"))
        assert raw.answer().status == 200
        idle.append(raw)
    eventually(lambda: answers(server), "an idle one has made room")
    idle[0].assert_closed()
    alive = [raw for raw in idle[2:] if still_answers(raw)]
    assert len(alive) >= CEILING - 4, "no more are ended than needed"
    for raw in idle:
        raw.socket.close()


def still_answers(raw: RawConnection) -> bool:
    try:
        raw.send(raw.head("GET /healthz HTTP/1.1"))
        answer = raw.answer_or_end()
    except OSError:
        return False
    return answer is not None and answer.status == 200


def trickle(raw: RawConnection, what: bytes, every: float, stop: threading.Event) -> threading.Thread:
    def send() -> None:
        try:
            while not stop.wait(every):
                raw.send(what)
        except OSError:
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def trickled() -> Iterator[Callable[..., None]]:
    stop, threads = threading.Event(), []

    def start(raw: RawConnection, what: bytes, every: float = 0.02) -> None:
        threads.append(trickle(raw, what, every, stop))

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("where", ["request line", "headers"])
def test_a_head_that_trickles_is_ended(strict, trickled, where: str) -> None:
    with RawConnection(strict, timeout=20) as raw, Stopwatch() as watch:
        raw.send(b"GET /" if where == "request line" else raw.head("GET /healthz HTTP/1.1")[:-2] + b"X-A: ")
        trickled(raw, b"a", 0.05)
        answer = raw.answer_or_end()
        assert answer is not None and answer.status == 408, answer
        assert b"too slowly" in answer.body
        raw.assert_closed()
    assert watch.seconds >= STALL
    eventually(lambda: connections(strict) == 0, "nothing is left of it")


def body_head(raw: RawConnection, length: int) -> bytes:
    return raw.head("POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", f"Content-Length: {length}")


def test_a_body_that_trickles_is_ended(strict, trickled) -> None:
    with RawConnection(strict, timeout=20) as raw, Stopwatch() as watch:
        raw.send(body_head(raw, 1_000_000))
        trickled(raw, b" " * 20)
        answer = raw.answer_or_end()
        assert answer is not None and answer.status == 408, answer
        raw.assert_closed()
    assert watch.seconds >= STALL
    eventually(lambda: connections(strict) == 0, "nothing is left of it")


def test_an_upload_that_trickles_is_ended_and_leaves_nothing(strict, trickled) -> None:
    path = strict.workspace / "slow.bin"
    before = open_fds(strict)
    with RawConnection(strict, timeout=20) as raw:
        part = (
            b'--x\r\nContent-Disposition: form-data; name="path"\r\n\r\n%s\r\n'
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' % str(path).encode()
        )
        kind = "Content-Type: multipart/form-data; boundary=x"
        raw.send(raw.head("POST /v1/file/upload HTTP/1.1", kind, "Content-Length: 1000000") + part)
        trickled(raw, b" " * 20)
        answer = raw.answer_or_end()
        assert answer is not None and answer.status == 408, answer
    assert not path.exists() and list(strict.workspace.iterdir()) == []
    eventually(lambda: open_fds(strict) <= before, "its descriptors are free again")


def test_a_slow_body_above_the_rate_is_taken(strict) -> None:
    """Three times as long as the gateway's patience, at twice the rate it wants."""
    text = b"echo ok #" + b"x" * 60_000
    body = b'{"command": "%s"}' % text
    step = 20_000 // 20
    with RawConnection(strict, timeout=30) as raw, Stopwatch() as watch:
        raw.send(body_head(raw, len(body)))
        for at in range(0, len(body), step):
            raw.send(body[at : at + step])
            time.sleep(1 / 20)  # the pace is what is tested
        answer = raw.answer()
    assert answer.status == 200 and b"ok\\n" in answer.body
    assert watch.seconds > 2 * STALL


def big_file(server: Server, size: int = 64 << 20) -> str:
    path = server.workspace / "big.bin"
    with path.open("wb") as file:
        file.truncate(size)
    return str(path)


@pytest.mark.parametrize("rate", [0, 200], ids=["never", "trickle"])
def test_an_answer_nobody_takes_is_ended(strict, rate: int) -> None:
    path = big_file(strict)
    before = open_fds(strict)
    with RawConnection(strict, timeout=20) as raw:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.send(raw.head(f"GET /v1/file/download?path={path} HTTP/1.1"))
        eventually(lambda: open_fds(strict) > before, "the answer has begun")
        end = time.monotonic() + allow(20)
        while open_fds(strict) > before and time.monotonic() < end:
            if rate:
                raw.socket.recv(rate // 20)
            time.sleep(1 / 20)
        assert open_fds(strict) <= before, "it is still being served"
        assert connections(strict) == 0


def test_a_slow_reader_above_the_rate_gets_it_all(strict) -> None:
    path = big_file(strict, 600_000)
    with RawConnection(strict, timeout=30) as raw, Stopwatch() as watch:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw.send(raw.head(f"GET /v1/file/download?path={path} HTTP/1.1", "Connection: close"))
        got = 0
        while chunk := raw.socket.recv(20_000):
            got += len(chunk)
            time.sleep(20_000 / 200_000)
    assert got > 600_000
    assert watch.seconds > 2 * STALL


def test_what_is_silent_by_design_lives(strict, trickled) -> None:
    """A long-poll, an event stream and a WebSocket, each idle for several times the gateway's patience, and a
    kept-alive connection that asks again only then."""
    api = strict.api
    kept = RawConnection(strict)
    kept.send(kept.head("GET /healthz HTTP/1.1"))
    assert kept.answer().status == 200
    socket_ = RawConnection(strict)
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    socket_.send(
        socket_.head("GET /v1/shell/ws HTTP/1.1", *upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    )
    socket_.read_until(b"101")
    started = api.bash.start("sleep 3; echo done", "quiet")
    events = list(api.bash.stream("sleep 3; echo told"))
    output = api.bash.output("quiet", started.command_id, wait=True, wait_timeout=20)
    assert [e.data for e in events if e.name == "stdout"] and events[-1].name == "exit"
    assert output.stdout == "done\n"
    kept.send(kept.head("GET /healthz HTTP/1.1"))
    assert kept.answer().status == 200
    assert connections(strict) >= 2
    socket_.send(b"\x8a\x80\0\0\0\0")  # a pong: the socket takes it
    assert strict.running
    kept.socket.close()
    socket_.socket.close()
    strict.api.close()
    strict.api = Api(strict.url)  # whose connection is the one not counted
    eventually(lambda: connections(strict) == 0, "and both are over when their clients leave")


def test_a_reset_right_behind_the_last_words_is_noticed(strict) -> None:
    """What was sent is read before the error is met; the connection must not be forgotten in between."""
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    before = connections(strict)
    sockets = []
    for _ in range(10):
        socket_ = RawConnection(strict)
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        socket_.send(socket_.head("GET /v1/shell/ws?session_id=reset HTTP/1.1", *upgrade, key))
        socket_.socket.recv(12)  # of what is sent; that the rest is unread makes the close a reset
        sockets.append(socket_)
    eventually(lambda: connections(strict) == before + 10, "all are open")
    for socket_ in sockets:
        eventually(lambda one=socket_: len(one.socket.recv(1 << 16, socket.MSG_PEEK)) > 300, "the prompt is there, unread")
        socket_.send(b"\x8a\x80\0\0\0\0")
        socket_.socket.close()
    eventually(lambda: connections(strict) == before, "and none is any more")
