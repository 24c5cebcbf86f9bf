"""HTTP as such: what is refused before any route runs, and what one client can do to another."""

from __future__ import annotations

import socket
import threading

import pytest

from client import Api
from expect import assert_status
from rawhttp import RawConnection
from waiting import Stopwatch

NEXT = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

# Every head is followed by what could be smuggled as a second request. `{host}` becomes the right Host.
GET = "GET /healthz HTTP/1.1\r\nHost: {host}\r\n"
POST = "POST /v1/bash/exec HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n"
SMUGGLED = {
    "length and chunked": POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": CHUNKED + "Content-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + "Content-Length: 2\r\nContent-Length: 5\r\n\r\n{{}}",
    "the same length twice": POST + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}",
    "lengths in a list": POST + "Content-Length: 2, 2\r\n\r\n{{}}",
    "a signed length": POST + "Content-Length: +2\r\n\r\n{{}}",
    "a negative length": POST + "Content-Length: -2\r\n\r\n{{}}",
    "a hexadecimal length": POST + "Content-Length: 0x2\r\n\r\n{{}}",
    "a length with words": POST + "Content-Length: 2 bytes\r\n\r\n{{}}",
    "an endless length": POST + "Content-Length: 99999999999999999999999\r\n\r\n{{}}",
    "an empty length": POST + "Content-Length: \r\n\r\n{{}}",
    "another coding and chunked": POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked then another": POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two transfer codings": CHUNKED + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunked misspelt": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + "Content-Length : 2\r\n\r\n{{}}",
    "space before the colon of a coding": POST + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "tab before the colon": GET + "X-A\t: b\r\n\r\n",
    "space before the name": "GET /healthz HTTP/1.1\r\n Host: {host}\r\nHost: {host}\r\n\r\n",
    "folded header": GET + "X-A: b\r\n c\r\n\r\n",
    "folded with a tab": GET + "X-A: b\r\n\tContent-Length: 40\r\n\r\n",
    "bare line feeds": "GET /healthz HTTP/1.1\nHost: {host}\n\n",
    "one bare line feed": GET + "X-A: b\nX-B: c\r\n\r\n",
    "bare carriage return": GET + "X-A: b\rX-B: c\r\n\r\n",
    "NUL in a value": GET + "X-A: b\0c\r\n\r\n",
    "NUL in the target": "GET /health\0z HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "an empty name": GET + ": b\r\n\r\n",
    "a header without a colon": GET + "nonsense\r\n\r\n",
    "a name that is no token": GET + "X(A): b\r\n\r\n",
    "no host": "GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": GET + "Host: {host}\r\n\r\n",
    "a bad chunk size": CHUNKED + "\r\nzz\r\n{{}}\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + "\r\n2\r\n{{}}xx0\r\n\r\n",
    "an endless chunk": CHUNKED + "\r\nffffffffffffffffff\r\n{{}}",
    "not HTTP": "HELLO\r\n\r\n",
    "a version to come": "GET /healthz HTTP/9.9\r\nHost: {host}\r\n\r\n",
    "a space in the target": "GET /healthz x HTTP/1.1\r\nHost: {host}\r\n\r\n",
}


@pytest.mark.parametrize("request_text", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_ambiguous_requests_are_refused_and_the_connection_closed(gateway, request_text: str) -> None:
    with RawConnection(gateway) as raw:
        raw.send(request_text.format(host=raw.host).encode() + NEXT.encode())
        answer = raw.answer_or_end()
        # Where a key is set, its absence may be said before the body is looked at.
        refusals = (400, 411, 413, 501, 505) + ((401,) if raw.key else ())
        assert answer is None or answer.status in refusals, answer
        raw.assert_closed()


def test_most_refusals_say_400(gateway) -> None:
    """A connection cut without a word is allowed for noise that is no HTTP at all, not for these."""
    silent = []
    for name in (
        "length and chunked",
        "two lengths",
        "space before the colon",
        "folded header",
        "another coding and chunked",
        "two hosts",
        "no host",
        "a name that is no token",
    ):
        with RawConnection(gateway) as raw:
            raw.send(SMUGGLED[name].format(host=raw.host).encode())
            answer = raw.answer_or_end()
        if answer is None or answer.status != 400:
            silent.append((name, answer))
    assert not silent


def test_pipelined_requests_are_answered_in_order(gateway) -> None:
    with RawConnection(gateway) as raw:
        raw.send(
            raw.head("GET /healthz HTTP/1.1") + raw.head("GET /no-such HTTP/1.1") + raw.head("GET /healthz HTTP/1.1")
        )
        assert [raw.answer().status for _ in range(3)] == [200, 404, 200]


def test_http_1_0_and_connection_close(gateway) -> None:
    for line, header in (("GET /healthz HTTP/1.0", "X-A: b"), ("GET /healthz HTTP/1.1", "Connection: close")):
        with RawConnection(gateway) as raw:
            raw.send(raw.head(line, header))
            assert raw.answer().status == 200
            raw.assert_closed()


def test_a_request_in_single_bytes_is_understood(gateway) -> None:
    body = b'{"command": "echo slow"}'
    with RawConnection(gateway) as raw:
        for byte in (
            raw.head("POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
            + body
        ):
            raw.send(bytes([byte]))
        assert b"slow\\n" in raw.answer().body


def test_expect_continue(gateway) -> None:
    body = b'{"command": "echo ok"}'
    with RawConnection(gateway) as raw:
        raw.send(
            raw.head(
                "POST /v1/bash/exec HTTP/1.1",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Expect: 100-continue",
            )
        )
        assert raw.answer().status == 100
        raw.send(body)
        assert raw.answer().status == 200


@pytest.mark.parametrize(
    "head",
    [
        "GET /" + "a" * 70_000 + " HTTP/1.1\r\nHost: {host}\r\n\r\n",
        GET + "X-A: " + "a" * 70_000 + "\r\n\r\n",
        GET + "X-A: b\r\n" * 9_000 + "\r\n",
        GET + "a" * 70_000 + ": b\r\n\r\n",
    ],
    ids=["target", "value", "count", "name"],
)
def test_oversize_heads_are_refused(gateway, api: Api, head: str) -> None:
    with RawConnection(gateway) as raw:
        try:
            raw.send(head.format(host=raw.host).encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was read
        answer = raw.answer_or_end()
        assert answer is None or answer.status in (400, 413, 414, 431), answer
        raw.assert_closed()
    assert api.get("/healthz").status == 200


def test_large_cookies_are_carried(api: Api) -> None:
    """Notebook servers and identity proxies set big cookies: up to 8 KiB, as nginx takes them, are no reason
    to refuse."""
    assert api.get("/healthz", headers={"Cookie": "c=" + "x" * 8_000}).status == 200


def test_unknown_routes_and_methods(gateway, api: Api) -> None:
    assert_status(api.get("/v1/nothing"), 404)
    for path in ("/v1/file/read/", "/v1/file//read", "/V1/file/read"):
        assert_status(api.post(path, {"file": "/x"}), 404)
    assert api.post("/v1/file/read%00", {"file": "/x"}).status in (400, 404)
    wrong = api.get("/v1/file/read")
    assert_status(wrong, 405)
    assert wrong.headers["allow"].replace(" ", "").split(",") == ["POST"]
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"):
        with RawConnection(gateway) as raw:
            raw.send(raw.head(f"{method} /v1/file/read HTTP/1.1", "Content-Length: 0"))
            answer = raw.answer()
            assert answer.status in (400, 405, 501), (method, answer)


def test_head_has_the_headers_of_get(gateway) -> None:
    with RawConnection(gateway) as raw:
        raw.send(raw.head("HEAD /v1/openapi.json HTTP/1.1"))
        answer = raw.answer(head_only=True)
        assert answer.status in (200, 405)
        raw.send(raw.head("GET /healthz HTTP/1.1"))
        assert raw.answer().status == 200


def test_slow_heads_do_not_stall_others(gateway, api: Api) -> None:
    crowd = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(100)]
    for connection in crowd:
        connection.sendall(b"POST /v1/bash/exec HTTP/1.1\r\nHost: loc")
    assert_prompt(api)
    for connection in crowd:
        connection.close()


def test_slow_bodies_do_not_stall_others(gateway, api: Api) -> None:
    crowd = [RawConnection(gateway) for _ in range(100)]
    for raw in crowd:
        raw.send(
            raw.head("POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", "Content-Length: 1000")
            + b'{"comm'
        )
    assert_prompt(api)
    for raw in crowd:
        raw.socket.close()


def test_slow_readers_do_not_stall_others(gateway, api: Api, workdir: str) -> None:
    api.bash.exec(f"truncate -s 200M {workdir}/big")
    crowd = [RawConnection(gateway) for _ in range(20)]
    for raw in crowd:
        raw.send(raw.head(f"GET /v1/file/download?path={workdir}/big HTTP/1.1"))
    assert_prompt(api)
    for raw in crowd:
        raw.socket.close()


def test_blocking_work_does_not_stall_others(api: Api, workdir: str) -> None:
    """Greps over big trees and slow disks occupy workers, never the loop; and workers are shared fairly."""
    api.bash.exec(f"cd {workdir}; head -c 300M /dev/urandom | split -b 10M - part-")
    threads = [
        threading.Thread(
            target=api.file.call, args=("grep",), kwargs={"path": workdir, "pattern": "x{9}y+z", "max_file_size": "50M"}
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for _ in range(20):
        with Stopwatch() as watch:
            assert api.get("/healthz").status == 200
        watch.assert_below(0.3)
    for thread in threads:
        thread.join()


def assert_prompt(api: Api) -> None:
    for n in range(20):
        with Stopwatch() as watch:
            assert api.bash.exec(f"echo {n}").stdout == f"{n}\n"
        watch.assert_below(0.15)


def test_clients_that_leave_at_once_harm_nothing(gateway, api: Api) -> None:
    """Reset right after the request: the gateway finishes or drops the work, and goes on."""
    body = b'{"command": "echo x; sleep 0.05"}'
    for _ in range(200):
        with RawConnection(gateway) as raw:
            raw.send(
                raw.head(
                    "POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}"
                )
                + body
            )
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with Stopwatch() as watch:
        assert api.bash.exec("echo ok").stdout == "ok\n"
    watch.assert_below(1.0)


def test_two_thousand_requests_on_one_connection(gateway) -> None:
    with Stopwatch() as watch, RawConnection(gateway) as raw:
        request = raw.head("GET /healthz HTTP/1.1")
        for _ in range(2000):
            raw.send(request)
            assert raw.answer().status == 200
    watch.assert_below(3)
