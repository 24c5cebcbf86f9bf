"""Web apps behind nginx, which ends TLS and stands at the root or at a path prefix."""

from __future__ import annotations

import hashlib
import json
import os
import socket

import httpx
import pytest
from websockets.sync.client import connect

from apps import STYLES, App, Style, names
from nginx import Nginx
from server import Server
from waiting import allow

pytestmark = pytest.mark.local

KEY = {"X-AIO-API-Key": "nginx-previews-key"}


@pytest.fixture(scope="module")
def app():
    with App() as app:
        yield app


@pytest.fixture(scope="module", params=["", "/box/1"], ids=["root", "prefix"])
def front(request, tmp_path_factory):
    gateway = Server(key=KEY["X-AIO-API-Key"])
    try:
        with Nginx(gateway.start(), tmp_path_factory.mktemp("nginx"), request.param) as nginx:
            yield nginx
        gateway.stop()
    finally:
        gateway.discard()


@pytest.fixture
def client(front):
    with httpx.Client(verify=front.trust(), trust_env=False, timeout=allow(60), headers=KEY) as client:
        yield client


def test_paths_and_addresses(front: Nginx, client: httpx.Client, app: App) -> None:
    # nginx decodes the path where it replaces a prefix; the query it leaves alone.
    seen = client.get(f"{front.url}/proxy/{app.port}/a/b?x=%ff&y=%2F").json()
    assert seen["target"] == "/a/b?x=%ff&y=%2F"
    got = names(seen)
    assert got["x-forwarded-proto"] == "https" and got["x-forwarded-host"] == front.host
    assert got["x-forwarded-prefix"] == f"{front.prefix}/proxy/{app.port}"
    assert got["x-forwarded-for"] == "127.0.0.1, 127.0.0.1"
    seen = client.get(f"{front.url}/absproxy/{app.port}/a").json()
    assert seen["target"] == f"/absproxy/{app.port}/a"
    assert names(seen).get("x-forwarded-prefix") == (front.prefix or None)


def test_the_port_in_the_host_or_a_header(front: Nginx, client: httpx.Client, app: App) -> None:
    for headers in ({"Host": f"{app.port}-box.localhost"}, {"x-aio-proxy-port": str(app.port)}):
        seen = client.get(f"{front.url}/v1/x", headers=headers).json()
        assert seen["target"] == "/v1/x"
        assert names(seen).get("x-forwarded-prefix") == (front.prefix or None)


EVERY_STYLE = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)


def base_of(front: Nginx, style: Style, app: App) -> str:
    """What is put before an address the app gives: all that was taken off on the way to it."""
    return front.prefix + (f"/proxy/{app.port}" if style.name == "proxy" else "")


@EVERY_STYLE
def test_redirects_and_cookies_lead_back(front: Nginx, client: httpx.Client, app: App, style: Style) -> None:
    base, headers = base_of(front, style, app), style.headers(app.port)
    answer = client.get(front.url + style.path(app.port, "/x"), headers={"X-Do": "move", **headers})
    assert answer.headers["location"] == f"{base}/here?x"
    assert answer.headers.get_list("set-cookie") == [f"a=1; Path={base}/", f"b=2; Path={base}/x; HttpOnly", "c=3"]


def test_the_slash_is_added_where_the_client_is(front: Nginx, client: httpx.Client, app: App) -> None:
    followed = client.get(f"{front.url}/proxy/{app.port}", follow_redirects=True)
    assert str(followed.url) == f"{front.url}/proxy/{app.port}/"


@EVERY_STYLE
def test_a_socket_of_a_page(front: Nginx, app: App, style: Style) -> None:
    url = f"wss://{front.host}{front.prefix}{style.path(app.port, '/ws?a=%ff')}"
    data = os.urandom(4 << 20)
    headers = {**KEY, **style.headers(app.port)}
    host = headers.pop("Host", front.host)
    origin, url = f"https://{host}", url.replace(front.host, host, 1)
    options = {"ssl": front.trust(), "server_hostname": "localhost", "proxy": None, "max_size": 1 << 26}
    with (
        socket.create_connection(("127.0.0.1", front.port)) as raw,
        connect(url, sock=raw, origin=origin, additional_headers=headers, **options) as socket_,
    ):
        socket_.send(data)
        assert socket_.recv(timeout=allow(20)) == data
        socket_.send("head")
        seen = json.loads(socket_.recv(timeout=allow(5)))
    assert seen["target"] == style.seen(app.port, "/ws?a=%ff") and names(seen)["origin"] == origin


@EVERY_STYLE
def test_uploads_events_and_ranges(front: Nginx, client: httpx.Client, app: App, style: Style) -> None:
    data = os.urandom(20 << 20)
    url, headers = front.url + style.path(app.port, "/up"), style.headers(app.port)
    told = client.put(url, content=data, headers={"X-Do": "sum", **headers}).json()
    assert told["digest"] == hashlib.sha256(data).hexdigest()
    with client.stream("GET", url, headers={"X-Do": "ticks", **headers}) as answer:
        assert sum(line.startswith("data: ") for line in answer.iter_lines()) == 20
    part = client.get(url, headers={"X-Do": "range", "Range": "bytes=100-99999", **headers})
    assert part.status_code == 206 and part.content == bytes(i % 251 for i in range(100, 100000))


def test_strangers_get_nothing(front: Nginx, app: App) -> None:
    with httpx.Client(verify=front.trust(), trust_env=False) as client:
        for headers in ({}, {"Host": f"{app.port}-x.localhost"}, {"x-aio-proxy-port": str(app.port)}):
            for path in (f"/proxy/{app.port}/", f"/absproxy/{app.port}/", "/"):
                assert client.get(front.url + path, headers=headers).status_code == 401
