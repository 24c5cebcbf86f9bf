"""The audit log: who was let in and where to, and who was not."""

from __future__ import annotations

import contextlib
import socket

import httpx
import pytest

from apps import STYLES, App, ask
from audit import entries, one
from rawhttp import RawConnection
from server import Server
from upstreams import RawSocket, write_services
from services import Services
from waiting import allow, eventually

pytestmark = pytest.mark.local

KEY = "audit-k3y+/="


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A gateway with a key, and stand-ins for every service a client can reach through it."""
    folder = write_services(tmp_path_factory.mktemp("services"))
    services = Services(folder)
    services.echo("code", listen={"socket": True})
    services.echo("jupyter", listen={"socket": True})
    server = Server(("--services-dir", str(folder), "--services", "all"), key=KEY)
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


@pytest.fixture
def locked(start_gateway):
    return start_gateway(key=KEY)


@contextlib.contextmanager
def stranger(server, key: str | None = "wrong"):
    headers = {"X-AIO-API-Key": key} if key else {}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        yield client


# ---- opened ----


@pytest.mark.parametrize(
    "path, action", [("/websockify", "vnc.open"), ("/devtools/browser/a-b", "cdp.open"), ("/cdp/devtools/x", "cdp.open")]
)
def test_sockets_from_their_opening_to_their_end(served, path: str, action: str) -> None:
    with RawSocket(served, path, "Sec-WebSocket-Protocol: binary", "Origin: " + served.url) as opened:
        assert opened.head()[0] == 101
        entry = one(served.api, action=action, contains=path)
        assert (entry["who"], entry["result"], entry["duration_ms"]) == ("key", "running", None)
    over = eventually(lambda: entries(served.api, contains=path, result="ok"), "its end is in the log")[0]
    assert (over["id"], over["status"]) == (entry["id"], 101) and over["duration_ms"] is not None


@pytest.mark.parametrize("base, action", [("/code-server/", "vscode.open"), ("/jupyter/lab", "jupyter.open")])
def test_pages_are_one_entry_with_all_that_belongs_to_them(served, base: str, action: str) -> None:
    assert served.api.get(base).status == 200
    entry = one(served.api, action=action)
    assert (entry["path"], entry["result"], entry["status"]) == (base, "ok", 200)
    for n in range(20):
        assert served.api.get(f"{base.rsplit('/', 1)[0]}/part{n}.js").status == 200
    eventually(lambda: one(served.api, action=action)["count"] == 21, "all are counted")


def test_what_is_changed_through_a_page_is_told_apart(served) -> None:
    served.api.get("/jupyter/api/contents/x")
    served.api.post("/jupyter/api/contents/x", {})
    served.api.post("/jupyter/api/contents/y", {})
    posted = eventually(
        lambda: [e for e in entries(served.api, action="jupyter.open") if e["method"] == "POST" and e["count"] == 2],
        "both are counted in an entry of their own",
    )
    assert [e["path"] for e in posted] == ["/jupyter/api/contents/x"]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_previews_by_port(served, style) -> None:
    with App() as app:
        assert ask(served, style, app.port, "/a/b?token=x").status == 200
        for n in range(10):
            ask(served, style, app.port, f"/sub/{n}")
        entry = one(served.api, action="preview.open", result="ok", since=0, contains=str(app.port))
        assert (entry["subject"], entry["who"]) == (str(app.port), "key")
        assert "token" not in entry["path"]
        eventually(lambda: one(served.api, contains=str(app.port))["count"] == 11, "all are counted")


def test_a_port_that_is_nobodys_to_open(served) -> None:
    assert ask(served, STYLES[0], served.port, "/").status == 403
    entry = one(served.api, action="preview.open", contains=f"/proxy/{served.port}/")
    assert (entry["result"], entry["status"], entry["subject"]) == ("refused", 403, str(served.port))


def test_a_socket_through_a_page_is_in_the_log_while_it_is_open(served) -> None:
    with App() as app, RawSocket(served, f"/proxy/{app.port}/live") as opened:
        assert opened.head()[0] == 101
        entry = one(served.api, action="preview.open", contains=f"/proxy/{app.port}/live")
        assert entry["result"] == "running"
        opened.socket.close()
        eventually(lambda: entries(served.api, result="ok", contains=f"/proxy/{app.port}/live"), "its end")


def test_services_and_the_browser(served) -> None:
    assert served.api.post("/v1/services/browser/restart", {}).status == 200
    assert served.api.post("/v1/services/no-such/stop", {}).status == 404
    assert one(served.api, action="service.restart")["subject"] == "browser"
    missing = one(served.api, action="service.stop")
    assert (missing["subject"], missing["result"], missing["status"]) == ("no-such", "failed", 404)
    served.api.post("/v1/browser/actions", {"action_type": "TYPING", "text": "typed-hunter2"})
    served.api.post("/v1/browser/config", {})
    served.api.post("/v1/display/record", {"action": "status"})
    served.api.post("/v1/display/record", {"action": "stop"})
    assert one(served.api, action="browser.action")["subject"] == "TYPING"
    assert one(served.api, action="browser.config")["path"] == "/v1/browser/config"
    assert one(served.api, action="display.record")["subject"] == "stop"
    assert entries(served.api, contains="typed-hunter2") == []


# ---- refused ----


def test_a_wrong_key(locked) -> None:
    with stranger(locked, "wr0ng-secret") as client:
        assert client.get("/v1/sandbox?api_key=wr0ng-too").status_code == 401
    entry = one(locked.api, action="access.refused")
    expected = {
        "who": "unknown",
        "peer": "127.0.0.1",
        "method": "GET",
        "path": "/v1/sandbox",
        "result": "refused",
        "status": 401,
        "subject": None,
    }
    assert {name: entry[name] for name in expected} == expected
    assert "wr0ng" not in str(entries(locked.api))


def test_a_refused_page_and_a_foreign_origin(locked) -> None:
    with stranger(locked, None) as client:
        assert client.get("/", headers={"Accept": "text/html"}).status_code == 401
        assert client.get("/x", headers={"Origin": "http://evil.example"}).status_code == 403
    eventually(lambda: len(entries(locked.api, result="refused")) == 2, "both are in the log")
    refused = [(e["status"], e["path"]) for e in entries(locked.api, result="refused")]
    assert refused == [(403, "/x"), (401, "/")]


def test_signing_in(locked) -> None:
    with stranger(locked, None) as client:
        answer = client.get("/", params={"api_key": KEY}, headers={"Accept": "text/html"})
        assert answer.status_code == 303
    entry = one(locked.api, action="login")
    assert (entry["who"], entry["result"], entry["path"]) == ("key", "ok", "/")


def test_a_flood_of_refusals_is_one_entry(locked) -> None:
    count = 3000
    with RawConnection(locked) as raw:
        raw.key = None
        request = raw.head("GET /v1/shell/sessions HTTP/1.1", "X-AIO-API-Key: wrong", "Content-Length: 0")
        for _ in range(count // 100):
            raw.send(request * 100)
            assert {raw.answer().status for _ in range(100)} == {401}
    entry = eventually(
        lambda: [e for e in entries(locked.api, result="refused") if e["count"] == count], "all are counted"
    )
    assert len(entry) == 1 == len(entries(locked.api))
    assert "sandgate_audit_entries_total 1\n" in locked.api.get("/metrics").content.decode()


def test_many_strangers_are_bounded_together(locked) -> None:
    """Each address counts for itself, until together they have had their share."""
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{locked.port}\r\nConnection: close\r\n\r\n".encode()
    for n in range(300):
        source = (f"127.1.{n // 250}.{n % 250 + 1}", 0)
        with socket.create_connection(("127.0.0.1", locked.port), allow(10), source) as one_of_many:
            one_of_many.sendall(request)
            assert one_of_many.recv(4096).startswith(b"HTTP/1.1 401 ")
    eventually(
        lambda: sum(e["count"] for e in entries(locked.api, result="refused", limit=1000)) == 300, "all are counted"
    )
    refused = entries(locked.api, result="refused", limit=1000)
    assert len(refused) == 121
    assert [e["count"] for e in refused if e["peer"] == "many"] == [180]
