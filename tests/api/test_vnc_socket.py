"""The desktop's WebSocket and page addresses, with a stand-in for the desktop that echoes."""

from __future__ import annotations

import json
import os
import socket
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from client import Api
from expect import assert_status
from rawhttp import RawConnection
from server import Server
from upstreams import RawSocket, start_with_services, wait_for_event
from waiting import allow

KEY = "vnc-k3y+/="


@pytest.fixture(scope="module")
def desktop(tmp_path_factory):
    servers = []

    def start(*args, **options):
        servers.append(Server(args, **options))
        return servers[-1].start()

    try:
        yield start_with_services(start, tmp_path_factory.mktemp("services"))
        servers[0].stop()
    finally:
        servers[0].discard()


def open_desktop(gateway, query: str = "", **options):
    options.setdefault("subprotocols", ["binary"])
    url = f"ws://127.0.0.1:{gateway.port}/websockify{query}"
    return connect(url, proxy=None, max_size=1 << 26, **options)


def seen(socket_) -> dict:
    socket_.send("head")
    return json.loads(socket_.recv(timeout=allow(5)))


def test_bytes_pass_both_ways(desktop) -> None:
    data = os.urandom(8 << 20)
    with open_desktop(desktop, compression=None) as socket_:
        assert socket_.subprotocol == "binary"
        socket_.send(data)
        assert socket_.recv(timeout=allow(30)) == data


def test_the_desktop_hears_what_it_insists_on_and_little_else(desktop) -> None:
    """libvncserver takes a head of at most 4 KiB, and none without an Origin."""
    headers = {"Cookie": "a=" + "x" * 6000, "X-Long": "y" * 2000}
    with open_desktop(desktop, "?token=1", additional_headers=headers) as socket_:
        request = seen(socket_)
    names = {name.lower(): value for name, value in request["headers"]}
    assert names["origin"] == "http://localhost" and names["host"] == "localhost"
    assert names["sec-websocket-protocol"] == "binary"
    assert not {"cookie", "x-long", "x-forwarded-for", "x-aio-api-key"} & set(names)
    assert request["target"] == "/websockify"
    assert len(json.dumps(request)) < 1000


def test_a_client_without_a_subprotocol_gets_none(desktop) -> None:
    with open_desktop(desktop, subprotocols=None) as socket_:
        assert socket_.subprotocol is None
        assert "sec-websocket-protocol" not in {name.lower() for name, _ in seen(socket_)["headers"]}


def test_leaving_and_half_closing(desktop) -> None:
    raw = RawSocket(desktop, "/websockify", "Sec-WebSocket-Protocol: binary")
    assert raw.head()[0] == 101
    raw.socket.shutdown(socket.SHUT_WR)
    assert raw.rest() == b""
    wait_for_event(desktop, "desktop", "left", "/websockify")


def test_it_is_a_websocket_only(desktop) -> None:
    answer = desktop.api.get("/websockify")
    assert_status(answer, 400)
    assert_status(desktop.api.post("/websockify"), 405)


def test_other_sites_pages_are_refused(desktop) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        with pytest.raises(InvalidStatus) as refusal:
            open_desktop(desktop, additional_headers=headers)
        assert refusal.value.response.status_code == 403
    with open_desktop(desktop, additional_headers={"Origin": f"http://127.0.0.1:{desktop.port}"}) as socket_:
        assert {name: value for name, value in seen(socket_)["headers"]}["Origin"] == "http://localhost"


def test_a_key_is_needed(start_gateway, tmp_path) -> None:
    gateway = start_with_services(start_gateway, tmp_path / "services", key=KEY)
    with pytest.raises(InvalidStatus) as refusal:
        open_desktop(gateway)
    assert refusal.value.response.status_code == 401
    with open_desktop(gateway, f"?api_key={quote(KEY, safe='')}") as socket_:
        assert KEY not in json.dumps(seen(socket_))
    assert_status(Api(gateway.url).get("/vnc/"), 401)


def test_without_a_desktop_it_says_so(start_gateway) -> None:
    gateway = start_gateway()
    with pytest.raises(InvalidStatus) as refusal:
        open_desktop(gateway)
    assert refusal.value.response.status_code == 503


# ---- the page ----


@pytest.mark.parametrize("path", ["/vnc/", "/vnc/index.html", "/vnc/index.html?autoconnect=true"])
def test_the_page(desktop, path: str) -> None:
    answer = desktop.api.get(path)
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b"../static/vnc-" in answer.content
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["", "?autoconnect=true&path=a%20b"])
def test_the_folder_leads_to_the_page_and_keeps_the_query(desktop, query: str) -> None:
    with RawConnection(desktop) as raw:
        raw.send(raw.head(f"GET /vnc{query} HTTP/1.1"))
        answer = raw.answer()
    assert answer.status == 302
    assert answer.headers["location"] == f"vnc/index.html{query}"


@pytest.mark.parametrize("path", ["/vnc/nothing.js", "/vnc/../docs.html", "/vnc/%2e%2e/docs.html", "/vnc//etc/passwd"])
def test_other_names_below_it_are_not_found(desktop, path: str) -> None:
    with RawConnection(desktop) as raw:
        raw.send(raw.head(f"GET {path} HTTP/1.1"))
        assert raw.answer().status == 404
