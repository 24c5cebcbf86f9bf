"""Addresses the gateway tells, where nginx stands in front of it with TLS and at a path prefix."""

from __future__ import annotations

import json
import os

import httpx
import pytest
from websockets.sync.client import connect

from nginx import Nginx
from server import Server
from upstreams import start_with_services
from waiting import allow

PREFIX = "/box/1"


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    servers = []

    def start(*args, **options):
        servers.append(Server(args, **options))
        return servers[-1].start()

    try:
        gateway = start_with_services(start, tmp_path_factory.mktemp("services"))
        with Nginx(gateway, tmp_path_factory.mktemp("nginx"), PREFIX) as nginx:
            yield nginx
        gateway.stop()
    finally:
        servers[0].discard()


def get(front: Nginx, path: str, **options) -> httpx.Response:
    with httpx.Client(verify=front.trust(), trust_env=False, timeout=allow(20)) as client:
        return client.get(front.url + path, **options)


@pytest.mark.parametrize("below", ["", "/cdp"])
def test_the_debugger_address_can_be_connected_to(front: Nginx, below: str) -> None:
    target = get(front, f"{below}/json/version").json()
    url = target["webSocketDebuggerUrl"]
    assert url == f"wss://{front.host}{PREFIX}{below}/devtools/browser/0-1-2"
    assert target["devtoolsFrontendUrl"] == (
        f"{PREFIX}{below}/devtools/inspector.html?wss={front.host}{PREFIX}{below}/devtools/page/7"
    )
    data = os.urandom(2 << 20)
    with connect(url, ssl=front.trust(), proxy=None, max_size=1 << 26) as socket_:
        socket_.send(data)
        assert socket_.recv(timeout=allow(20)) == data


def test_a_page_of_this_origin_may_connect(front: Nginx) -> None:
    origin = f"https://{front.host}"
    url = f"wss://{front.host}{PREFIX}/websockify"
    with connect(url, ssl=front.trust(), proxy=None, origin=origin, subprotocols=["binary"]) as socket_:
        socket_.send("head")
        assert json.loads(socket_.recv(timeout=allow(5)))["target"] == "/websockify"


def test_the_folder_leads_to_the_page(front: Nginx) -> None:
    answer = get(front, "/vnc?autoconnect=true", follow_redirects=True)
    assert answer.status_code == 200
    assert str(answer.url) == f"{front.url}/vnc/index.html?autoconnect=true"
