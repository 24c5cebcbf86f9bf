"""Bodies, events and WebSockets of web apps: as they come, in constant memory, and a truthful end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from apps import STYLES, App, Style, ask, seen
from ports import free_port
from rawhttp import RawConnection
from server import is_sanitised
from upstreams import RawSocket
from waiting import Stopwatch, allow

pytestmark = pytest.mark.local

EVERY_STYLE = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
PROXY, ABSPROXY, HOST, HEADER = STYLES
SLACK = (16 if is_sanitised() else 6) << 20  # of memory; far less than what passes


@pytest.fixture(scope="module")
def app():
    with App() as app:
        yield app


def start(raw: RawConnection, app: App, path: str, *headers: str, style: Style = PROXY, method: str = "GET") -> None:
    lines = [f"{name}: {value}" for name, value in style.headers(app.port).items()]
    named = any(line.startswith("Host:") for line in lines)
    raw.send(raw.head(f"{method} {style.path(app.port, path)} HTTP/1.1", *lines, *headers, host=not named))


def rest(raw: RawConnection) -> bytes:
    """Everything up to the end of the connection, which must be an orderly one."""
    while raw._more():
        pass
    return raw._pending


# ---- requests ----


@EVERY_STYLE
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_big_upload_takes_no_memory(gateway, app, style: Style, chunked: bool) -> None:
    piece, count = os.urandom(1 << 20), 100
    digest = hashlib.sha256(piece * count).hexdigest()
    gateway.reset_peak_memory()
    before = gateway.memory()
    with RawConnection(gateway, timeout=120) as raw:
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(piece) * count}"
        start(raw, app, "/up", "X-Do: sum", framing, style=style, method="POST")
        for _ in range(count):
            raw.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        raw.send(b"0\r\nTrailer: x\r\n\r\n" if chunked else b"")
        told = json.loads(raw.answer().body)
    assert (told["length"], told["digest"]) == (len(piece) * count, digest)
    assert gateway.peak_memory() - before < SLACK


def test_an_upload_arrives_while_it_is_sent(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        start(raw, app, "/early", "X-Do: sum", "Content-Length: 10", method="PUT")
        raw.send(b"first")
        app.wait_for("first", "/early", 2)
        raw.send(b"other")
        assert json.loads(raw.answer().body)["length"] == 10


def test_a_client_that_asks_before_it_sends(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        start(raw, app, "/", "X-Do: sum", "Content-Length: 3", "Expect: 100-continue", method="POST")
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        raw._pending = b""
        raw.send(b"abc")
        told = json.loads(raw.answer().body)
    assert told["length"] == 3 and "expect" not in {name.lower() for name, _ in told["headers"]}


def test_a_refused_upload_is_not_asked_for(gateway) -> None:
    with RawConnection(gateway) as raw:
        head = f"POST /proxy/{gateway.port}/ HTTP/1.1"
        raw.send(raw.head(head, "Content-Length: 1000000000", "Expect: 100-continue"))
        assert raw.answer().status == 403


def test_a_client_that_leaves_an_upload(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        start(raw, app, "/left-upload", "X-Do: sum", "Content-Length: 1000000", method="POST")
        raw.send(b"begun")
        app.wait_for("first", "/left-upload")
    app.wait_for("left", "/left-upload", 2)


# ---- answers ----


@EVERY_STYLE
def test_events_come_as_they_are_sent(gateway, app, style: Style) -> None:
    delays: list[float] = []
    with RawConnection(gateway) as raw:
        start(raw, app, "/", "X-Do: ticks", style=style)
        while len(delays) < 20:
            sent = re.findall(rb"data: ([0-9.]+)\n\n", raw._pending)
            delays += [time.time() - float(when) for when in sent[len(delays) :]]
            assert len(sent) == 20 or raw._more()
    delays.sort()
    assert delays[10] < allow(0.02), delays


def test_a_client_that_leaves_is_noticed(gateway, app) -> None:
    for how, wait in (("sse", True), ("endless", True), ("endless", False)):
        target = f"/gone-{how}-{wait}"
        with RawConnection(gateway) as raw:
            start(raw, app, target, f"X-Do: {how}")
            if wait:
                raw.read_until(b"\r\n\r\n")
        app.wait_for("left", target, 2)


def test_a_slow_client_holds_the_app_up(gateway, app) -> None:
    gateway.reset_peak_memory()
    before = gateway.memory()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", gateway.port))
        slow.sendall(f"GET /proxy/{app.port}/held HTTP/1.1\r\nHost: localhost\r\nX-Do: endless\r\n\r\n".encode())
        assert slow.recv(100)
        with Stopwatch() as watch:
            while watch.seconds < 1:
                assert gateway.api.get("/healthz").status == 200
    assert app.wait_for("left", "/held")["sent"] < 48 << 20
    assert gateway.peak_memory() - before < SLACK


def test_a_big_answer_takes_no_memory(gateway, app) -> None:
    gateway.reset_peak_memory()
    before, got = gateway.memory(), 0
    with RawConnection(gateway) as raw:
        start(raw, app, "/flood", "X-Do: endless")
        while got < 200 << 20:
            got += len(raw.socket.recv(1 << 20))
    assert gateway.peak_memory() - before < SLACK


def test_ranges_pass(gateway, app) -> None:
    for first, last in ((0, 0), (100, 99999), (1000000, 1048575)):
        answer = ask(gateway, PROXY, app.port, "/", X_Do="range", Range=f"bytes={first}-{last}")
        assert answer.status == 206 and answer.headers["content-range"] == f"bytes {first}-{last}/1048576"
        assert answer.body == bytes(i % 251 for i in range(first, last + 1))


@EVERY_STYLE
def test_answers_without_a_body(gateway, app, style: Style) -> None:
    with RawConnection(gateway) as raw:
        for method, status in (("GET", 204), ("GET", 304), ("HEAD", 200), ("HEAD", 404), ("POST", 204)):
            start(raw, app, "/", f"X-Do: {status}", style=style, method=method)
            answer = raw.answer(head_only=True)
            assert answer.status == status
            if method == "HEAD":
                assert answer.headers["content-length"] == "6"
        start(raw, app, "/", style=style)
        assert raw.answer().status == 200, "the connection is out of step"


def test_trailers_are_dropped(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        start(raw, app, "/", "X-Do: chunked")
        text = raw.read_until(b"\r\n0\r\n\r\n")
    assert b"railer" not in text


@pytest.mark.parametrize("how", ["die-length", "die-chunked", "die-reset"])
@EVERY_STYLE
def test_an_app_that_dies_midway_is_seen_to(gateway, app, style: Style, how: str) -> None:
    with RawConnection(gateway) as raw:
        start(raw, app, "/", f"X-Do: {how}", style=style)
        text = b""
        with contextlib.suppress(ConnectionResetError):
            text = rest(raw)
        assert not text.endswith(b"0\r\n\r\n")
        if b"Content-Length" in text:
            assert len(text.split(b"\r\n\r\n", 1)[1]) < 100000


def test_an_app_that_is_killed_midway(gateway) -> None:
    for method, headers in (("GET", ("X-Do: forever",)), ("POST", ("X-Do: sum", "Content-Length: 1000000"))):
        with App() as app, RawConnection(gateway) as raw:
            start(raw, app, "/killed", *headers, method=method)
            if method == "GET":
                raw.read_until(b"\r\n\r\n")
                app.stop()
                with contextlib.suppress(ConnectionResetError):
                    assert not rest(raw).endswith(b"0\r\n\r\n")
            else:
                raw.send(bytes(500000))
                app.wait_for("first", "/killed")
                app.stop()
                raw.send(bytes(500000))
                assert raw.answer().status == 502


def test_a_slow_app_is_waited_for(gateway, app) -> None:
    answers = []

    def one() -> None:
        answers.append(ask(gateway, PROXY, app.port, "/", "POST", b"x" * 100000, X_Do="slow").status)

    threads = [threading.Thread(target=one) for _ in range(20)]
    with Stopwatch() as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [200] * 20
    watch.assert_below(6, "for twenty at once that take 0.7 s")


# ---- WebSockets ----


def socket_to(gateway, style: Style, app: App, path: str = "/ws", **options):
    headers = style.headers(app.port)
    host = headers.pop("Host", None)
    url = f"ws://{host or f'127.0.0.1:{gateway.port}'}{style.path(app.port, path)}"
    address = ("127.0.0.1", gateway.port)
    options.setdefault("compression", None)
    return connect(url, proxy=None, address=address, additional_headers=headers, max_size=1 << 26, **options)


@EVERY_STYLE
def test_big_messages_both_ways(gateway, app, style: Style) -> None:
    data = os.urandom(8 << 20)
    with socket_to(gateway, style, app, "/ws?%ff=%00&a") as socket_:
        for _ in range(3):
            socket_.send(data)
            assert socket_.recv(timeout=allow(30)) == data
        socket_.send("ä")
        assert socket_.recv(timeout=allow(5)) == "ä"
        socket_.send("head")
        assert json.loads(socket_.recv(timeout=allow(5)))["target"] == style.seen(app.port, "/ws?%ff=%00&a")


@EVERY_STYLE
def test_the_handshake_is_the_apps(gateway, app, style: Style) -> None:
    lines = [f"{name}: {value}" for name, value in style.headers(app.port).items() if name != "Host"]
    lines += ["Sec-WebSocket-Protocol: vite-hmr, b", "Sec-WebSocket-Extensions: permessage-deflate; x=1"]
    path = style.path(app.port, "/ws")
    if style is HOST:
        lines.append("X-AIO-Proxy-Port: not a number")
        path = f"/absproxy/{app.port}/ws"
    with RawSocket(gateway, path, *lines) as raw:
        status, headers = raw.head()
        assert status == 101 and headers["sec-websocket-accept"] == RawSocket.ACCEPT
        assert headers["sec-websocket-protocol"] == "vite-hmr"
        raw.socket.sendall(b"\x81\x84\0\0\0\0head")
        while b"]]}" not in raw.pending:
            raw.pending += raw.socket.recv(65536)
        assert b'["Sec-WebSocket-Extensions", "permessage-deflate; x=1"]' in raw.pending


def test_pings_and_closes_pass(gateway, app) -> None:
    with socket_to(gateway, PROXY, app) as socket_:
        socket_.send(b"x")
        assert socket_.recv(timeout=allow(5)) == b"x"
        socket_.close(4321, "why")
    assert (socket_.close_code, socket_.close_reason) == (4321, "why")
    with RawSocket(gateway, f"/proxy/{app.port}/") as raw:
        assert raw.head()[0] == 101
        raw.socket.sendall(b"\x89\x83\0\0\0\0abc")
        while len(raw.pending) < 5:
            raw.pending += raw.socket.recv(100)
        assert raw.pending == b"\x89\x03abc"


def test_an_app_that_dies_in_the_middle(gateway, app) -> None:
    with socket_to(gateway, HOST, app) as socket_:
        socket_.send("die")
        with pytest.raises(ConnectionClosedError):
            socket_.recv(timeout=allow(5))


def test_a_client_that_leaves_a_socket(gateway, app) -> None:
    raw = RawSocket(gateway, f"/proxy/{app.port}/left-socket")
    assert raw.head()[0] == 101
    raw.socket.close()
    app.wait_for("left", "/left-socket", 2)


def test_handshakes_that_are_none(gateway, app) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    key = {"Sec-WebSocket-Key": RawSocket.KEY, "Sec-WebSocket-Version": "13"}
    assert ask(gateway, PROXY, app.port, "/", **upgrade).status == 400
    assert ask(gateway, PROXY, app.port, "/", "GET", b"x", **upgrade, **key).status == 400
    assert seen(gateway, PROXY, app.port, "/", "POST", b"x", **upgrade, **key)["method"] == "POST"


def test_a_socket_where_nobody_listens(gateway) -> None:
    with RawSocket(gateway, f"/proxy/{free_port()}/") as raw:
        assert raw.head()[0] == 502
        assert b"nothing listens" in raw.pending


def test_the_gateway_stops_in_time(start_gateway, app) -> None:
    gateway = start_gateway()
    with socket_to(gateway, PROXY, app) as socket_, RawConnection(gateway) as events, RawConnection(gateway) as upload:
        socket_.send("x")
        assert socket_.recv(timeout=allow(5)) == "x"
        start(events, app, "/stop", "X-Do: sse")
        events.read_until(b"data: 1\n\n")
        start(upload, app, "/stop-upload", "X-Do: sum", "Content-Length: 100", method="POST")
        upload.send(b"x")
        app.wait_for("first", "/stop-upload")
        gateway.stop()
    app.wait_for("left", "/stop")


def test_streams_that_are_cut_at_the_end_of_the_gateway_do_not_look_whole(start_gateway, app) -> None:
    """Some wait for their next event and some are about to get it: all end at once, and none with a last chunk."""
    gateway = start_gateway()
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(RawConnection(gateway)) for _ in range(12)]
        for i, raw in enumerate(streams):
            start(raw, app, f"/cut-{i}", "X-Do: sse" if i % 4 == 0 else "X-Do: hum")
        for raw in streams:
            raw.read_until(b"data")
        with Stopwatch() as watch:
            gateway.stop()
        watch.assert_below(3)
        for raw in streams:
            try:
                assert not rest(raw).endswith(b"\r\n0\r\n\r\n")
            except ConnectionResetError:
                pass  # as truthful
    assert "still at work" not in gateway.log()
