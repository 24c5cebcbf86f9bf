"""Web apps of the sandbox under the gateway's address: what passes to them byte for byte, and what never gets there."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time

import pytest

from apps import STYLES, App, Style, ask, names, seen
from client import Api
from ports import free_port
from rawhttp import RawConnection
from server import BINARY
from upstreams import start_with_services
from waiting import eventually

pytestmark = pytest.mark.local

KEY = "previews-k3y+/="
EVERY_STYLE = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
PROXY, ABSPROXY, HOST, HEADER = STYLES


@pytest.fixture(scope="module")
def app():
    with App() as app:
        yield app


@pytest.fixture
def locked(start_gateway):
    return start_gateway(key=KEY)


class Mirror:
    """A port of its own that leads to `port`."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._target, self.port, self.connections = port, self._listener.getsockname()[1], 0

    def __enter__(self) -> "Mirror":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._target))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


# ---- what passes ----

PATHS = [
    "/",
    "//",
    "//evil.example/x",
    "/a//b/",
    "/a%2fb%2Fc",
    "/%00",
    "/%ff%fe/%C3",
    "/%zz/%",
    "/a;b=1/..;/c",
    "/./a/../b",
    "/a+b%20c",
    "/~!$&'()*,:@-._",
    "/?a=b&a",
    "/x??&&=&%ff=%00",
    "/x?api_key=not-ours-to-take&b=1",
    "/?" + "&".join(f"a{i}=%ff" for i in range(200)),
    "/" + "x" * 6000,
    "/v1/sandbox",
    "/healthz?x",
    "/proxy/1/x",
]


@EVERY_STYLE
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths_and_queries_pass_byte_for_byte(gateway, app, style: Style, path: str) -> None:
    assert seen(gateway, style, app.port, path)["target"] == style.seen(app.port, path)


@EVERY_STYLE
@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "DELETE", "PROPFIND", "BREW", "get", "X-!#$%&'*+.^_`|~9"])
def test_any_method_passes(gateway, app, style: Style, method: str) -> None:
    assert seen(gateway, style, app.port, "/x", method)["method"] == method


@EVERY_STYLE
def test_headers_pass_and_ours_do_not(gateway, app, style: Style) -> None:
    given = {"Accept-Encoding": "br", "X-Own": "gr\u00fcn", "Range": "bytes=1-2", "If-None-Match": '"x"'}
    request = seen(gateway, style, app.port, "/", Authorization="Basic x", Cookie="a=1; sandgate_session=x", **given)
    got = names(request)
    assert {name: got[name.lower()] for name in given} == given
    assert "x-aio-proxy-port" not in got and got["cookie"] == "a=1" and got["authorization"] == "Basic x"
    own = style.headers(app.port).get("Host", f"127.0.0.1:{gateway.port}")
    assert got["host"] == own and got["x-forwarded-host"] == own
    assert got["x-forwarded-for"] == "127.0.0.1" and got["x-forwarded-proto"] == "http"
    assert got.get("x-forwarded-prefix") == (f"/proxy/{app.port}" if style is PROXY else None)


def test_every_entry_of_a_chain_is_kept(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        chain = ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2, 3.3.3.3", "X-Forwarded-Proto: https"]
        raw.send(raw.head(f"GET /proxy/{app.port}/ HTTP/1.1", *chain, "X-Forwarded-Prefix: /outer/"))
        got = names(json.loads(raw.answer().body))
    assert got["x-forwarded-for"] == "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1"
    assert got["x-forwarded-proto"] == "https" and got["x-forwarded-prefix"] == f"/outer/proxy/{app.port}"


def test_the_folder_gets_its_slash(gateway, app) -> None:
    for method in ("GET", "HEAD"):
        answer = ask(gateway, PROXY, app.port, "?a=%ff", method)
        assert (answer.status, answer.headers["location"]) == (307, f"{app.port}/?a=%ff")
    assert seen(gateway, PROXY, app.port, "?a", "POST", b"x")["target"] == "/?a"
    assert seen(gateway, PROXY, app.port, "", "DELETE")["target"] == "/"
    for target in ("", "?a"):
        assert seen(gateway, ABSPROXY, app.port, target)["target"] == f"/absproxy/{app.port}{target}"


def test_the_header_wins_over_the_host_and_both_over_paths(gateway, app) -> None:
    both = {"Host": f"{free_port()}-x.localhost", "x-aio-proxy-port": str(app.port)}
    assert seen(gateway, Style("header"), app.port, "/v1/sandbox", **both)["target"] == "/v1/sandbox"
    within = f"/proxy/{free_port()}/x"
    assert seen(gateway, HOST, app.port, within)["target"] == within
    assert seen(gateway, HEADER, app.port, within)["target"] == within
    for value in ("", "x", "+1", "0x10", f"{app.port}x", f"{app.port},1"):
        answer = ask(gateway, Style("none"), 0, "/healthz", **{"x-aio-proxy-port": value})
        assert answer.status == 200 and json.loads(answer.body) == {"status": "ok"}, value


def test_an_app_on_the_other_loopback(gateway) -> None:
    with App("::1") as app:
        for style in STYLES:
            for method, body in (("GET", b""), ("POST", b"x"), ("GET", b"")):
                assert seen(gateway, style, app.port, "/x", method, body)["method"] == method


def test_old_clients(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        raw.send(f"GET /proxy/{app.port}/old HTTP/1.0\r\n\r\n".encode())
        answer = raw.answer()
        assert json.loads(answer.body)["target"] == "/old"
        raw.assert_closed()


def test_other_protocols_are_not_switched_to(gateway, app) -> None:
    for protocol in ("h2c", "tcp", "TLS/1.0"):
        with RawConnection(gateway) as raw:
            upgrade = ["Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABk"]
            raw.send(raw.head(f"GET /proxy/{app.port}/ HTTP/1.1", *upgrade))
            answer = raw.answer()
        got = names(json.loads(answer.body))
        assert answer.status == 200 and not {"upgrade", "connection", "http2-settings"} & set(got)


# ---- what does not ----


def refused(gateway, style: Style, port: int, path: str = "/x", **headers: str) -> str:
    """The message of a 403, which comes as well for whatever else a client may try."""
    for method, body in (("GET", b""), ("POST", b"x"), ("BREW", b"")):
        answer = ask(gateway, style, port, path, method, body, **headers)
        assert answer.status == 403, answer
        message = json.loads(answer.body)["message"]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    assert ask(gateway, style, port, path, **upgrade, **headers).status == 403
    return message


@EVERY_STYLE
def test_our_own_port_is_no_app(gateway, style: Style) -> None:
    assert f"port {gateway.port} " in refused(gateway, style, gateway.port)
    assert "gateway" in refused(gateway, style, gateway.port, "/v1/sandbox")


@EVERY_STYLE
@pytest.mark.parametrize("port", [0, 65536, 99999999999999999999, "00000"])
def test_ports_that_are_none(gateway, style: Style, port) -> None:
    assert "from 1 to 65535" in refused(gateway, style, port)


def test_words_are_no_ports(gateway) -> None:
    for port in ("x", "80x", "-1", "+80", "%38%30", "80;x", "0x50"):
        for style in (PROXY, ABSPROXY):
            assert ask(gateway, style, port, "/").status == 404


@EVERY_STYLE
def test_a_services_port_is_no_app(start_gateway, tmp_path, style: Style) -> None:
    gateway = start_with_services(start_gateway, tmp_path / "services")
    assert gateway.api.get("/json/version").status == 200
    host = dict(gateway.api.get("/json/version").body["seen"]["headers"])["Host"]
    port = int(host.split(":")[1])
    assert "belongs to browser" in refused(gateway, style, port)
    assert "belongs to browser" in refused(gateway, style, f"0{port}")


def test_hosts_of_others_are_not_served(gateway, app, start_gateway) -> None:
    evil = ["{}-evil.example", "{}-127.0.0.1.evil.example", "{}-localhost.evil.example", "{}-evillocalhost"]
    for host in evil:
        answer = ask(gateway, Style("none"), 0, "/", Host=host.format(app.port))
        assert answer.status == 403 and b"allowed" in answer.body, host
    for host in ("{}-localhost:8080", "{}-127.0.0.1", "{}-a.b.localhost", "{}-10.0.0.1:80"):
        assert seen(gateway, Style("none"), 0, "/h", Host=host.format(app.port))["target"] == "/h"
    named = start_gateway("--allowed-hosts", "box.corp.example,short,two.example,.wild.example")
    for host in ("{}-box.corp.example", "{}-short:8080", "{}-x.wild.example"):
        assert seen(named, Style("none"), 0, "/h", Host=host.format(app.port))["target"] == "/h"
    for host in ("{}-other.corp.example", "{}-two.example", "x-{}-short"):
        assert ask(named, Style("none"), 0, "/", Host=host.format(app.port)).status == 403, host


def test_other_sites_pages_are_refused(gateway, app) -> None:
    for style in STYLES:
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert ask(gateway, style, app.port, "/", **headers).status == 403
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert ask(gateway, style, app.port, "/", **link).status == 200
        assert ask(gateway, style, app.port, "/", "POST", b"x", **link).status == 403


def test_two_ports_are_malformed(gateway, app) -> None:
    with RawConnection(gateway) as raw:
        raw.send(raw.head("GET / HTTP/1.1", f"x-aio-proxy-port: {app.port}", "X-AIO-Proxy-Port: 1"))
        assert raw.answer().status == 400
        raw.assert_closed()


def test_absolute_targets_are_malformed(gateway, app) -> None:
    for target in (f"http://{app.port}-x.localhost/", f"http://127.0.0.1:{app.port}/", "*"):
        with RawConnection(gateway) as raw:
            raw.send(raw.head(f"GET {target} HTTP/1.1"))
            assert raw.answer().status == 400


def test_a_way_back_to_us_ends(gateway) -> None:
    """A port whose server leads to the gateway, with the same Host: round and round."""
    with Mirror(gateway.port) as mirror:
        answer = ask(gateway, HOST, mirror.port, "/")
        assert answer.status == 502 and b"leads back" in answer.body
        assert mirror.connections < 40


# ---- the key ----


@EVERY_STYLE
def test_nothing_is_reached_without_the_key(locked, app, style: Style) -> None:
    before = len(app.events("request", style.seen(app.port, "/secret")))
    for port in (app.port, locked.port, 0, 70000, free_port()):
        for headers in ({}, {"X-AIO-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            lines = {**style.headers(port), **headers}
            with RawConnection(locked) as raw:
                raw.key = None
                head = (f"{n}: {v}" for n, v in lines.items())
                raw.send(raw.head(f"GET {style.path(port, '/secret')} HTTP/1.1", *head, host="Host" not in lines))
                assert raw.answer().status == 401
    assert len(app.events("request", style.seen(app.port, "/secret"))) == before


@EVERY_STYLE
def test_the_key_never_reaches_the_app(locked, app, style: Style) -> None:
    def anonymous(path: str, **headers: str) -> dict:
        lines = {**style.headers(app.port), **{n.replace("_", "-"): v for n, v in headers.items()}}
        with RawConnection(locked) as raw:
            raw.key = None
            head = (f"{n}: {v}" for n, v in lines.items())
            raw.send(raw.head(f"GET {style.path(app.port, path)} HTTP/1.1", *head, host="Host" not in lines))
            answer = raw.answer()
        assert answer.status == 200, answer
        assert b"k3y" not in answer.body and b"AIO" not in answer.body and b"uthorization" not in answer.body
        return json.loads(answer.body)

    quoted = "previews-k3y%2B%2F="
    anonymous("/x", X_AIO_API_Key=KEY)
    anonymous("/x", Authorization=f"Bearer {KEY}")
    for name in ("api_key", "api%5Fkey", "%61pi_key"):
        target = anonymous(f"/x?a=%ff&{name}={quoted}&b=2")["target"]
        assert target == style.seen(app.port, "/x?a=%ff&b=2")
    referer = f"http://127.0.0.1:{locked.port}/x?api_key={quoted}&a=1"
    got = names(anonymous("/x", X_AIO_API_Key=KEY, Referer=referer))
    assert got["referer"] == f"http://127.0.0.1:{locked.port}/x?a=1"


def test_a_browser_signs_in_at_a_preview(locked, app) -> None:
    for style in (PROXY, HOST):
        page = {**style.headers(app.port), "Accept": "text/html"}
        browser = Api(locked.url)
        asked = browser.get(style.path(app.port, "/a"), headers=page)
        assert asked.status == 401 and b"<form" in asked.content
        given = browser.get(style.path(app.port, "/a"), headers=page, params={"api_key": KEY, "b": "1"})
        assert (given.status, given.headers["location"]) == (303, "./a?b=1")
        cookie = given.headers["set-cookie"].split(";")[0]
        answer = browser.get(style.path(app.port, "/a"), headers={**page, "Cookie": f"{cookie}; own=1"})
        assert answer.status == 200 and names(answer.body)["cookie"] == "own=1"
        browser.close()


# ---- nothing there ----


def test_nobody_listens(gateway, app) -> None:
    port = free_port()
    for style in STYLES:
        for method, body in (("GET", b""), ("POST", b"x" * 100000), ("BREW", b"")):
            answer = ask(gateway, style, port, "/", method, body)
            told = json.loads(answer.body)
            assert answer.status == 502 and told["success"] is False
            assert told["message"] == f"nothing listens on port {port}"
            assert f" {app.port}" in told["hint"] and f" {gateway.port}" not in told["hint"]
        page = ask(gateway, style, port, "/a", Accept="text/html,*/*")
        text = page.body.decode()
        assert page.status == 502 and page.headers["content-type"].startswith("text/html")
        assert f"Nothing listens on port {port}" in text and 'http-equiv="refresh"' in text
        assert page.headers["cache-control"] == "no-store" and "default-src 'none'" in page.headers[
            "content-security-policy"
        ]
        link = {"host": f'href="//{app.port}-box.localhost:8080/"', "header": f"{app.port}"}
        assert link.get(style.name, f'href="/{style.name}/{app.port}/"') in text


def test_an_app_that_comes_later_and_goes(gateway) -> None:
    with App() as app:
        for style in STYLES:
            assert seen(gateway, style, app.port)["method"] == "GET"
        app.stop()
        for style in STYLES:
            answer = ask(gateway, style, app.port)
            assert answer.status == 502 and b"nothing listens" in answer.body


def test_readiness_waits_for_ports(start_gateway) -> None:
    waits = free_port()
    gateway = start_gateway(env={"WAIT_PORTS": f" {waits}, "})

    def check() -> dict:
        checks = {c["name"]: c for c in gateway.api.get("/readyz").body["checks"]}
        return checks[f"port {waits}"]

    assert gateway.api.get("/readyz").status == 503
    assert check() == {"name": f"port {waits}", "ready": False, "reason": "nothing listens on it yet"}
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", waits))
        listener.listen()
        assert gateway.api.get("/readyz").status == 200 and check()["ready"] is True
    eventually(lambda: gateway.api.get("/readyz").status == 503, "the port is gone again")


@pytest.mark.parametrize("ports", ["x", "0", "65536", "1,,x", "80 90x", ",".join(["1"] * 65)])
def test_wait_ports_that_are_none(tmp_path, ports: str) -> None:
    command = [str(BINARY), "--check-config", "--home", str(tmp_path), "--wait-ports", ports]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 1 and "--wait-ports" in checked.stderr


def test_the_document_names_previews(api: Api) -> None:
    paths = api.get("/v1/openapi.json").body["paths"]
    for path in ("/proxy/{port}/{path}", "/absproxy/{port}/{path}"):
        assert paths[path]["get"]["x-any-method"] is True and paths[path]["get"]["x-scopes"] == ["exec"]


def test_a_request_that_waits_is_not_forgotten(gateway, app) -> None:
    """Clients that leave while their answer is expected, or after."""
    for i in range(50):
        with RawConnection(gateway) as raw:
            raw.send(raw.head(f"GET /proxy/{app.port}/leave?{i} HTTP/1.1", "X-Do: sse"))
            if i % 2:
                time.sleep(0.001 * (i % 20))
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert seen(gateway, PROXY, app.port)["method"] == "GET"
    assert gateway.api.get("/healthz").status == 200
