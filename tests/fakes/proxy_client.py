"""The client's side of tests/unit/proxy_test.c: `proxy_client.py PORT CHECK`. Standard library only."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import struct
import sys
import time
from typing import Any

PORT = int(sys.argv[1])
BIG = 24 << 20


def connection(timeout: float = 20) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout)


def request(method: str, path: str, body: Any = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    c = connection()
    c.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = c.getresponse()
    return response, response.read()


def seen(method: str = "GET", path: str = "/up/http/seen", body: Any = None, **headers: str) -> dict[str, Any]:
    response, content = request(method, path, body, **headers)
    assert response.status == 200, (response.status, content)
    return json.loads(content)


def raw(text: str, timeout: float = 10) -> socket.socket:
    s = socket.create_connection(("127.0.0.1", PORT), timeout=timeout)
    s.sendall(text.encode("latin-1"))
    return s


def all_of(s: socket.socket) -> bytes:
    parts = []
    while part := s.recv(65536):
        parts.append(part)
    return b"".join(parts)


def until(s: socket.socket, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        part = s.recv(65536)
        assert part, data[-500:]
        data += part
    return data


def wait_left(target: str) -> dict[str, Any]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        details = seen(path=f"/up/http/left?{target}")
        if details:
            return details
        time.sleep(0.02)
    raise AssertionError(f"the service never heard that the client left {target}")


def names(request: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in request["headers"]}


def requests_pass_byte_for_byte() -> None:
    path = "/up/http/seen/%2F/..;/%C3%A4/a+b//c?x=%20&&y=+&z=%2e#".rstrip("#")
    request = seen(path=path, X_Own="gr\u00fcn", Accept_Encoding="br", Range="bytes=1-2")
    assert request["target"] == path.replace("/up/", "/devtools/"), request["target"]
    headers = names(request)
    assert headers["x-own"] == "gr\u00fcn" and headers["accept-encoding"] == "br" and headers["range"] == "bytes=1-2"
    assert headers["host"] == f"127.0.0.1:{PORT}"
    assert request["method"] == "GET" and request["body"] == ""
    assert "content-length" not in headers and "transfer-encoding" not in headers


def headers_of_the_connection_end_here() -> None:
    text = (
        f"GET /up/http/seen HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nConnection: close, X-Drop\r\nConnection: x-too\r\n"
        "X-Drop: 1\r\nX-Too: 1\r\nX-Keep: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\n"
        "X-AIO-API-Key: secret\r\nCookie: a=1; sandgate_session=x; b=2\r\nCookie: c=3\r\nAuthorization: Basic x\r\n\r\n"
    )
    head, _, body = all_of(raw(text)).partition(b"\r\n\r\n")
    headers = names(json.loads(body))
    for gone in ("x-drop", "x-too", "keep-alive", "te", "proxy-authorization", "connection", "x-aio-api-key"):
        assert gone not in headers, gone
    assert headers["x-keep"] == "1" and headers["cookie"] == "a=1; b=2; c=3"
    assert headers["authorization"] == "Basic x", "without a key of ours it is the service's"
    lines = head.decode().lower().split("\r\n")
    assert lines.count("x-twice: 1") == 1 and lines.count("x-twice: 2") == 1
    assert not any(line.startswith("keep-alive:") for line in lines)
    assert sum(line.startswith("date:") for line in lines) == 1 and sum("content-length" in line for line in lines) == 1
    response, _ = request("GET", "/up/http/cookie")
    assert response.msg.get_all("Set-Cookie") == ["own=1", "other=2"]


def forwarded_headers_are_extended() -> None:
    headers = names(seen())
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == f"127.0.0.1:{PORT}" and headers["x-forwarded-prefix"] == "/up"
    outer = {"X_Forwarded_For": "9.9.9.9", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "box.example"}
    headers = names(seen(**outer, X_Forwarded_Prefix="/outer/", Forwarded="for=1"))
    assert headers["x-forwarded-for"] == "9.9.9.9, 127.0.0.1" and headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == "box.example" and headers["x-forwarded-prefix"] == "/outer/up"
    assert "forwarded" not in headers
    headers = names(seen(X_Forwarded_Proto="evil", X_Forwarded_Prefix="//evil", X_Forwarded_Host="a/b"))
    assert headers["x-forwarded-proto"] == "http" and headers["x-forwarded-prefix"] == "/up"
    assert headers["x-forwarded-host"] == f"127.0.0.1:{PORT}"


def bodies_are_streamed_to_the_service() -> None:
    data = os.urandom(BIG)
    digest = hashlib.sha256(data).hexdigest()
    request = seen("POST", body=data)
    assert request["digest"] == digest and names(request)["content-length"] == str(BIG)
    request = seen("PUT", body=(data[i : i + 100001] for i in range(0, BIG, 100001)))
    assert request["digest"] == digest and request["method"] == "PUT"
    headers = names(request)
    assert headers["transfer-encoding"] == "chunked" and "content-length" not in headers
    request = seen("POST", body=b"")
    assert request["body"] == "" and names(request)["content-length"] == "0"
    assert seen("DELETE")["method"] == "DELETE"
    request = seen("POST", "/whole/http/seen", body=b'{"a":1}', Content_Type="application/json")
    assert request["body"] == '{"a":1}' and names(request)["content-type"] == "application/json"
    assert seen("POST", body=b"x", Expect="100-continue")["body"] == "x"


def a_slow_service_holds_the_client_up() -> None:
    s = raw(f"POST /up/http/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 26}\r\n\r\n")
    s.settimeout(0.25)
    sent = 0
    try:
        while sent < 1 << 26:
            sent += s.send(bytes(1 << 16))
        raise AssertionError("64 MiB went into a service that does not read")
    except TimeoutError:
        pass
    assert sent < 32 << 20, sent
    s.settimeout(20)
    s.sendall(bytes((1 << 26) - sent))
    assert until(s, str(1 << 26).encode()).startswith(b"HTTP/1.1 200")


def answers_pass_byte_for_byte() -> None:
    response, body = request("GET", "/up/http/chunked")
    assert body == b"hello, " + b"x" * 100000 and response.headers["Content-Type"] == "x/y"
    assert response.headers["Transfer-Encoding"] == "chunked" and "Trailer" not in response.headers
    assert request("GET", "/up/http/close")[1] == b"until the end " * 10000
    assert request("GET", "/up/http/bare")[1] == b"old"
    response, body = request("GET", "/up/http/interim")
    assert (response.status, body, response.headers["Content-Length"]) == (200, b'"final"', "7")
    assert "Link" not in response.headers
    for status in (201, 206, 301, 404, 418, 500, 503, 599):
        response, body = request("GET", f"/up/http/{status}")
        assert (response.status, body) == (status, b"status")
    old = all_of(raw("GET /up/http/chunked HTTP/1.0\r\n\r\n"))
    assert old.endswith(b"\r\n\r\nhello, " + b"x" * 100000) and b"chunked" not in old


def answers_without_a_body() -> None:
    c = connection()
    for method, status in (("GET", 204), ("GET", 304), ("HEAD", 200), ("HEAD", 404), ("HEAD", 304), ("HEAD", 204)):
        c.request(method, f"/up/http/{status}")
        response = c.getresponse()
        assert response.status == status and response.read() == b""
        if status in (200, 404):
            assert response.headers["Content-Length"] == "6"
        if status == 304:
            assert response.headers["ETag"] == '"x"'
    c.request("GET", "/up/http/201")
    assert c.getresponse().read() == b"status", "the connection is out of step"
    text = "HEAD /up/http/chunked HTTP/1.1\r\nHost: localhost\r\n\r\nGET /up/http/201 HTTP/1.1\r\nHost: localhost\r\n"
    answer = all_of(raw(text + "Connection: close\r\n\r\n"))
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and b"content-length" not in head.lower(), head
    assert rest == b"" or rest.startswith(b"HTTP/1.1 201"), rest[:200]


def events_are_not_held_back() -> None:
    s = raw("GET /up/http/sse?one HTTP/1.1\r\nHost: localhost\r\n\r\n")
    start = time.monotonic()
    head = until(s, b"data: 1\n\n")
    assert time.monotonic() - start < 2 and b"text/event-stream" in head
    s.close()
    wait_left("/devtools/http/sse?one")


def what_breaks_off_is_seen_to_break_off() -> None:
    for how in ("die-length", "die-chunked", "die-reset"):
        c = connection()
        c.request("GET", f"/up/http/{how}")
        response = c.getresponse()
        assert response.status == 200
        try:
            response.read()
            raise AssertionError(f"{how}: a clean end")
        except (http.client.IncompleteRead, ConnectionResetError):
            pass
    try:
        all_of(raw("GET /up/http/die-reset HTTP/1.0\r\n\r\n"))
        raise AssertionError("an HTTP/1.0 client sees a clean end")
    except ConnectionResetError:
        pass


def a_client_that_leaves_ends_the_request() -> None:
    s = raw("GET /up/page/hang?http HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.3)
    s.close()
    wait_left("/devtools/page/hang?http")
    s = raw("GET /up/http/endless?leave HTTP/1.1\r\nHost: localhost\r\n\r\n")
    until(s, bytes(10000))
    s.close()
    wait_left("/devtools/http/endless?leave")
    s = raw("POST /up/http/seen?upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegun")
    time.sleep(0.3)
    s.close()
    wait_left("/devtools/http/seen?upload")


def a_slow_client_holds_the_service_up() -> None:
    s = raw("GET /up/http/endless?slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(1)
    s.close()
    assert wait_left("/devtools/http/endless?slow")["sent"] < 32 << 20


def connections_are_used_again() -> None:
    first = seen()["peer"]
    assert seen()["peer"] == first == seen("DELETE")["peer"]
    assert seen("POST", body=b"x")["peer"] != first, "what may not be repeated gets a fresh connection"
    for _ in range(20):
        response, body = request("GET", "/up/http/once")
        assert (response.status, body) == (200, b'"once"')


def refusals_before_the_whole_body() -> None:
    response, body = request("POST", "/up/http/early-refusal", bytes(4 << 20))
    assert (response.status, body) == (413, b'"too much"')
    try:
        response, body = request("POST", "/up/http/early-refusal", bytes(64 << 20))
        assert response.status in (413, 502), response.status
    except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
        pass  # it need not read all of it


def unsound_answers_are_502() -> None:
    for path in ("/up/http/smuggle", "/up/http/headlong", "/up/http/switch", "/up/page/garbage", "/nobody"):
        response, body = request("GET", path)
        assert response.status == 502, (path, response.status)
        assert json.loads(body)["success"] is False and json.loads(body)["message"]
    response, body = request("POST", "/up/http/smuggle", b"x" * 100000)
    assert response.status == 502


def a_late_answer_is_504() -> None:
    start = time.monotonic()
    response, body = request("GET", "/up/page/hang?late")
    assert response.status == 504 and json.loads(body)["success"] is False
    assert 1.4 < time.monotonic() - start < 5
    wait_left("/devtools/page/hang?late")
    response, _ = request("POST", "/up/page/hang?latepost", b"x")
    assert response.status == 504


def websockets_pass() -> None:
    s = raw(
        f"GET /up/browser/x HTTP/1.1\r\nHost: localhost:{PORT}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://localhost:"
        f"{PORT}\r\n\r\n"
    )
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in until(s, b"\r\n\r\n")
    s.sendall(b"\x81\x84\0\0\0\0head")
    text = until(s, b"]]}").decode("latin-1")
    headers = names(json.loads(text[text.index("{") :]))
    assert headers["host"] == f"localhost:{PORT}" and headers["origin"] == f"http://localhost:{PORT}"
    assert headers["x-forwarded-prefix"] == "/up"
    s.close()


def a_service_that_takes_no_more_is_given_up() -> None:
    for size in (8 << 20, 64 << 20):
        start = time.monotonic()
        try:
            response, body = request("POST", "/up/http/deaf", bytes(size))
            assert response.status == 504 and b"nothing of the request's body" in body, (response.status, body)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            assert size > 8 << 20, "the rest of a small body is read, so that the answer arrives"
        assert 0.9 < time.monotonic() - start < 10


def clients_that_leave_at_once() -> None:
    """While their answer is expected any moment, and in the middle of one, with a reset and without."""
    paths = ("seen", "endless?at-once", "chunked", "sse?at-once")
    for i in range(200):
        s = raw(f"GET /up/http/{paths[i % 4]} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if i % 3 == 0:
            s.recv(1 + i)
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    assert seen()["method"] == "GET"


def addresses_are_moved_below_the_prefix() -> None:
    response, _ = request("GET", "/up/http/move")
    assert response.headers["Location"] == "/up/here?x"
    assert response.msg.get_all("Set-Cookie") == ["a=1; Path=/up/", "b=2; Path=/up/x; HttpOnly", "c=3"]
    response, _ = request("GET", "/up/http/move", X_Forwarded_Prefix="/outer", X_Forwarded_Host="box.example")
    assert response.headers["Location"] == "/outer/up/here?x"
    assert response.msg.get_all("Set-Cookie")[0] == "a=1; Path=/outer/up/"


if __name__ == "__main__":
    globals()[sys.argv[2]]()
