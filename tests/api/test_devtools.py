"""Chromium's DevTools behind the gateway's address, with a stand-in for Chromium that says what it was asked."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from client import Api
from expect import assert_status
from rawhttp import RawConnection
from upstreams import RawSocket, events, start_with_services, wait_for_event
from waiting import Stopwatch, allow, eventually

KEY = "devtools-k3y+/="
ID = "devtools/browser/0-1-2"


@pytest.fixture(scope="module")
def devtools(tmp_path_factory):
    from server import Server

    servers = []

    def start(*args, **options):
        servers.append(Server(args, **options))
        return servers[-1].start()

    try:
        yield start_with_services(start, tmp_path_factory.mktemp("services"))
        servers[0].stop()
    finally:
        servers[0].discard()


@pytest.fixture
def locked(start_gateway, tmp_path):
    return start_with_services(start_gateway, tmp_path / "services", key=KEY)


def host(gateway) -> str:
    return f"127.0.0.1:{gateway.port}"


def own_host(seen: dict) -> str:
    return dict(seen["headers"])["Host"]


def ws(gateway, path: str, **options):
    headers = {"X-AIO-API-Key": gateway.key} if gateway.key else {}
    headers.update(options.pop("headers", {}))
    options.setdefault("compression", None)
    return connect(
        f"ws://{host(gateway)}{path}", proxy=None, additional_headers=headers, max_size=1 << 26, **options
    )


def seen_by_socket(socket_) -> dict:
    socket_.send("head")
    return json.loads(socket_.recv(timeout=allow(5)))


# ---- /json ----


@pytest.mark.parametrize("below", ["", "/cdp"])
@pytest.mark.parametrize("path", ["/json/version", "/json/version/"])
def test_addresses_are_the_clients(devtools, below: str, path: str) -> None:
    answer = devtools.api.get(below + path)
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    target = answer.body
    assert target["webSocketDebuggerUrl"] == f"ws://{host(devtools)}{below}/{ID}"
    assert target["devtoolsFrontendUrl"] == (
        f"{below}/devtools/inspector.html?ws={host(devtools)}{below}/devtools/page/7"
    )
    assert target["devtoolsFrontendUrlCompat"] == (
        f"https://frontend.example/inspector.html?a=b&ws={host(devtools)}{below}/devtools/page/7"
    )


def test_the_rest_of_an_answer_is_left_as_it_is(devtools) -> None:
    text = devtools.api.get("/json/version").content
    assert "Chrome/1 ⚙".encode() in text and b'"number": 1.5' in text
    assert json.loads(text)["title"] == 'a "quoted" ws://127.0.0.1:9222/devtools/page/1 \\ title'


@pytest.mark.parametrize("path", ["/json", "/json/", "/json/list", "/json/list/"])
def test_lists_are_rewritten_too(devtools, path: str) -> None:
    for below in ("", "/cdp"):
        first, second = devtools.api.get(below + path).body
        assert first["webSocketDebuggerUrl"] == f"ws://{host(devtools)}{below}/{ID}"
        assert first["seen"]["target"] == path
        assert second == {"id": "x"}


def test_chromium_hears_its_own_host_and_no_origin(devtools) -> None:
    origin = f"http://{host(devtools)}"
    headers = {"Origin": origin, "Cookie": "a=1", "X-Forwarded-Host": "outer.example"}
    seen = devtools.api.get("/json/version?a=%20b&c", headers=headers).body["seen"]
    names = [name.lower() for name, _ in seen["headers"]]
    assert own_host(seen).startswith("127.0.0.1:") and own_host(seen) != host(devtools)
    assert not {"origin", "cookie", "x-forwarded-host"} & set(names)
    assert seen["target"] == "/json/version?a=%20b&c"
    with ws(devtools, f"/{ID}", headers={"Origin": origin, "Cookie": "a=1"}) as socket_:
        seen = seen_by_socket(socket_)
    names = [name.lower() for name, _ in seen["headers"]]
    assert own_host(seen).startswith("127.0.0.1:") and own_host(seen) != host(devtools)
    assert not {"origin", "cookie"} & set(names)


@pytest.mark.parametrize(
    "headers, base",
    [
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "box.example"}, "wss://box.example"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "box.example:8443"}, "wss://box.example:8443"),
        ({"X-Forwarded-Host": "box.example", "X-Forwarded-Port": "81"}, "ws://box.example:81"),
        ({"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "a.example, b"}, "wss://a.example"),
        ({"X-Forwarded-Prefix": "/s/1/"}, "ws://HOST/s/1"),
        ({"X-Forwarded-Prefix": "/"}, "ws://HOST"),
        ({"X-Forwarded-Host": "evil.example/x"}, "ws://HOST"),
        ({"X-Forwarded-Host": 'a"b'}, "ws://HOST"),
        ({"X-Forwarded-Proto": "javascript"}, "ws://HOST"),
        ({"X-Forwarded-Prefix": "//evil.example"}, "ws://HOST"),
        ({"X-Forwarded-Prefix": "/a/../b"}, "ws://HOST"),
        ({"X-Forwarded-Prefix": "evil"}, "ws://HOST"),
        ({"X-Forwarded-Port": "99999"}, "ws://HOST"),
    ],
)
def test_forwarded_headers(devtools, headers: dict[str, str], base: str) -> None:
    base = base.replace("HOST", host(devtools))
    for below in ("", "/cdp"):
        target = devtools.api.get(f"{below}/json/version", headers=headers).body
        assert target["webSocketDebuggerUrl"] == f"{base}{below}/{ID}"
        parameter = "wss=" if base.startswith("wss") else "ws="
        assert f"{parameter}{base.split('://')[1]}{below}/devtools/page/7" in target["devtoolsFrontendUrl"]


def test_answers_that_are_no_targets_pass(devtools) -> None:
    answer = devtools.api.get("/json/activate/7")
    assert (answer.status, answer.content) == (200, b"Target activated")
    answer = devtools.api.get("/json/close/nothing")
    assert (answer.status, answer.content) == (404, b"No such target id")
    answer = devtools.api.get("/cdp/json/new?about:blank")
    assert answer.status == 405 and b"unsafe HTTP verb" in answer.content
    protocol = devtools.api.get("/json/protocol")
    assert len(protocol.body["domains"]) == 100000 and len(protocol.content) > 900_000


def test_a_new_tab_takes_its_address_as_it_was_sent(devtools) -> None:
    for below in ("", "/cdp"):
        query = "https://example.org/?a=1&b=%C3%A4+%2B&c#".rstrip("#")
        answer = devtools.api.request("PUT", f"{below}/json/new?{query}")
        assert answer.status == 200
        assert answer.body["seen"]["target"] == f"/json/new?{query}"
        assert answer.body["seen"]["method"] == "PUT"


def test_what_is_not_there_is_not_passed_on(devtools) -> None:
    assert_status(devtools.api.get("/json/other"), 404)
    assert_status(devtools.api.post("/json/version"), 405)
    assert_status(devtools.api.get("/cdp"), 404)


# ---- WebSockets ----


@pytest.mark.parametrize("below", ["", "/cdp"])
def test_big_messages_both_ways(devtools, below: str) -> None:
    data = os.urandom(8 << 20)
    with ws(devtools, f"{below}/{ID}?x=%20") as socket_:
        for _ in range(3):
            socket_.send(data)
            assert socket_.recv(timeout=allow(30)) == data
        socket_.send("ä")
        assert socket_.recv(timeout=allow(5)) == "ä"
        assert seen_by_socket(socket_)["target"] == f"/{ID}?x=%20"


def test_the_services_answer_to_the_handshake_is_the_clients(devtools) -> None:
    protocol = "Sec-WebSocket-Protocol: one, two"
    with RawSocket(devtools, f"/{ID}", protocol, "Sec-WebSocket-Extensions: permessage-deflate") as raw:
        status, headers = raw.head()
    assert status == 101
    assert headers["sec-websocket-accept"] == RawSocket.ACCEPT
    assert headers["sec-websocket-protocol"] == "one"
    assert headers["upgrade"].lower() == "websocket" and headers["connection"].lower() == "upgrade"
    assert "sec-websocket-extensions" not in headers and "content-length" not in headers


def test_a_refusal_is_the_services_own(devtools) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        ws(devtools, "/devtools/page/refuse")
    response = refusal.value.response
    assert (response.status_code, response.body, response.headers["X-Why"]) == (403, b"not you", "because")


@pytest.mark.parametrize("how", ["garbage", "drop"])
def test_a_service_that_gives_no_answer(devtools, how: str) -> None:
    with RawSocket(devtools, f"/devtools/page/{how}") as raw:
        assert raw.head()[0] == 502
        assert b"the service" in raw.pending


@pytest.mark.parametrize("header", ["Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: short"])
def test_a_malformed_handshake_does_not_reach_the_service(devtools, header: str) -> None:
    name = header.split(":")[0]
    lines = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    lines += [f"Sec-WebSocket-Key: {RawSocket.KEY}"]
    lines = [line for line in lines if not line.startswith(name)] + [header]
    with RawConnection(devtools) as raw:
        raw.send(raw.head("GET /devtools/page/malformed HTTP/1.1", *lines))
        assert raw.answer().status == 400
    assert not [e for e in events(devtools, "browser") if e.get("target") == "/devtools/page/malformed"]


def test_a_service_that_hangs_has_ten_seconds(devtools) -> None:
    with Stopwatch() as watch, RawSocket(devtools, "/devtools/page/hang?deadline") as raw:
        assert raw.head()[0] == 504
    assert 9.5 < watch.seconds < 11 + allow(1)
    wait_for_event(devtools, "browser", "left", "/devtools/page/hang?deadline")


def test_a_client_that_leaves_a_hanging_handshake(devtools) -> None:
    with RawSocket(devtools, "/devtools/page/hang?leaving"):
        wait_for_event(devtools, "browser", "request", "/devtools/page/hang?leaving")
    wait_for_event(devtools, "browser", "left", "/devtools/page/hang?leaving", 3)


def test_a_service_that_dies_in_the_middle(devtools) -> None:
    with ws(devtools, f"/{ID}") as socket_:
        socket_.send("die")
        with pytest.raises(ConnectionClosedError):
            socket_.recv(timeout=allow(5))


def test_a_client_that_leaves_a_tunnel(devtools) -> None:
    raw = RawSocket(devtools, f"/{ID}?leaving")
    assert raw.head()[0] == 101
    raw.socket.close()
    wait_for_event(devtools, "browser", "left", f"/{ID}?leaving")


def test_a_half_close_is_passed_on(devtools) -> None:
    with RawSocket(devtools, "/devtools/page/count") as raw:
        assert raw.head()[0] == 101
        raw.socket.sendall(bytes(3 << 20))
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.rest() == b"\x81\x073145728" + b"\x88\x00"


def test_bytes_behind_the_handshake_are_not_lost(devtools) -> None:
    with RawSocket(devtools, "/devtools/page/early") as raw:
        assert raw.head()[0] == 101
        while len(raw.pending) < 7:
            raw.pending += raw.socket.recv(100)
        assert raw.pending == b"\x81\x05early"


def test_everything_arrives_before_the_end(devtools) -> None:
    with RawSocket(devtools, "/devtools/page/flood") as raw:
        assert raw.head()[0] == 101
        assert raw.rest() == bytes(8 << 20)


def test_a_service_that_does_not_read_costs_no_memory(devtools) -> None:
    with RawSocket(devtools, "/devtools/page/deaf") as raw:
        assert raw.head()[0] == 101
        before, sent = devtools.memory(), 0
        raw.socket.settimeout(allow(0.5))
        with pytest.raises(TimeoutError):
            while sent < 256 << 20:
                sent += raw.socket.send(bytes(1 << 20))
        assert sent < 64 << 20
        assert devtools.memory() - before < 4 << 20


def test_a_client_that_does_not_read_costs_no_memory(devtools) -> None:
    with RawSocket(devtools, "/devtools/page/flood", receive_buffer=4096) as raw:
        assert raw.head()[0] == 101
        before = devtools.memory()
        assert devtools.api.get("/healthz").status == 200
        assert devtools.memory() - before < 4 << 20
        assert raw.rest() == bytes(8 << 20)


def test_a_tunnel_keeps_its_service_running(start_gateway, tmp_path) -> None:
    from upstreams import write_service

    write_service(tmp_path / "services", "browser", {"tcp": 29333}, idle_stop_seconds=1)
    gateway = start_gateway("--services-dir", str(tmp_path / "services"), "--services", "all")

    def state() -> str:
        return gateway.api.get("/v1/services/browser").data["state"]

    with ws(gateway, f"/{ID}") as socket_:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            socket_.send("x")
            assert socket_.recv(timeout=allow(5)) == "x"
            assert state() == "ready"
    eventually(lambda: state() == "stopped", "the idle service is stopped", 10)


def test_a_service_that_ends_takes_its_tunnels_along(devtools) -> None:
    with ws(devtools, f"/{ID}") as socket_:
        assert devtools.api.post("/v1/services/browser/restart").success
        with pytest.raises(ConnectionClosed):
            socket_.recv(timeout=allow(5))
    assert devtools.api.get("/json/version").status == 200


def test_the_gateway_stops_in_time_with_tunnels_open(start_gateway, tmp_path) -> None:
    gateway = start_with_services(start_gateway, tmp_path / "services")
    with ws(gateway, f"/{ID}") as socket_, RawSocket(gateway, "/devtools/page/deaf") as raw:
        assert raw.head()[0] == 101
        gateway.stop()
        with pytest.raises(ConnectionClosed):
            socket_.recv(timeout=allow(5))
        assert raw.rest() == b""


# ---- who may ----


def test_a_key_is_needed_and_never_passed_on(locked) -> None:
    anonymous = Api(locked.url)
    for path in ("/json/version", "/cdp/json", f"/{ID}", f"/cdp/{ID}", "/json/new"):
        assert_status(anonymous.get(path), 401)
    with pytest.raises(InvalidStatus) as refusal:
        connect(f"ws://{host(locked)}/{ID}", proxy=None)
    assert refusal.value.response.status_code == 401
    quoted = str(httpx.QueryParams({"api_key": KEY}))
    seen = anonymous.get(f"/json/version?a=1&{quoted}&b=2").body["seen"]
    assert seen["target"] == "/json/version?a=1&b=2"
    for headers in ({"Authorization": f"Bearer {KEY}"}, {"X-AIO-API-Key": KEY}):
        text = json.dumps(anonymous.get("/devtools/http/seen", headers=headers).body)
        assert KEY not in text and "uthorization" not in text and "AIO" not in text
    with connect(f"ws://{host(locked)}/cdp/{ID}?{quoted}&b=2", proxy=None) as socket_:
        seen = seen_by_socket(socket_)
    assert seen["target"] == f"/{ID}?b=2" and KEY not in json.dumps(seen)


def test_other_sites_pages_are_refused(devtools) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for path in ("/json/version", "/cdp/json/list"):
            assert_status(devtools.api.get(path, headers=headers), 403)
        for path in (f"/{ID}", f"/cdp/{ID}"):
            with pytest.raises(InvalidStatus) as refusal:
                ws(devtools, path, headers=headers)
            assert refusal.value.response.status_code == 403
    assert_status(devtools.api.get("/json/version", headers={"Host": "evil.example"}), 403)


def test_without_a_browser_it_says_so(start_gateway) -> None:
    gateway = start_gateway()
    for path in ("/json/version", f"/cdp/{ID}"):
        assert_status(gateway.api.get(path), 503)
