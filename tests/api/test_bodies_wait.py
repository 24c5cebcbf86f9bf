"""Requests whose body is streamed to a service that is not running yet: they wait for it with the body unread.

A service of the tests takes JupyterLab's place, and is ready once the test says so."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from typing import Any, Iterator

import httpx
import pytest

from rawhttp import RawConnection
from services import Services
from waiting import Stopwatch, allow, eventually

pytestmark = pytest.mark.local

PATH = "/jupyter/api/contents/x%20y?a=%2F+%c3%a9&b"

# Tells the length and the digest of what it was sent, chunked or not.
SUM = """\
import hashlib, http.server, json, os, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def address_string(self):
        return "peer"
    def pieces(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
    def do_POST(self):
        digest, n = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            n += len(piece)
        seen = json.dumps({"method": self.command, "target": self.path, "n": n, "digest": digest.hexdigest()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(seen)))
        self.end_headers()
        self.wfile.write(seen)
    do_PUT = do_PATCH = do_DELETE = do_POST
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads, request_queue_size = True, 64
Server(os.environ["SERVICE_SOCKET"], Handler).serve_forever()
"""
WAIT = 'while [ ! -e "$SERVICE_STATE/go" ]; do sleep 0.01; done; exec python3 "$SERVICE_DIR/run.py"'


@pytest.fixture
def late(services: Services, run) -> Services:
    services.add("jupyter", python=SUM, listen={"socket": True})
    services.add("jupyter", script=WAIT, listen={"socket": True})
    run()
    return services


def go(services: Services) -> None:
    services.state_file("jupyter", "go").parent.mkdir(parents=True, exist_ok=True)
    services.state_file("jupyter", "go").touch()


class Sender:
    """A request in a thread of its own."""

    def __init__(self, services: Services, method: str, content: Any) -> None:
        self.answer: httpx.Response | None = None
        self._url = httpx.URL(services.api.url).copy_with(raw_path=PATH.encode())
        self._thread = threading.Thread(target=self._send, args=(method, content))
        self._thread.start()

    def _send(self, method: str, content: Any) -> None:
        self.answer = httpx.request(method, self._url, content=content, trust_env=False, timeout=allow(30))

    def waits(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return self._thread.is_alive()

    def result(self) -> httpx.Response:
        self._thread.join(allow(30))
        assert self.answer is not None, "no answer"
        return self.answer


def pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 50_000):
        yield data[at : at + 50_000]


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("method, size", [("POST", 0), ("PUT", 40), ("PATCH", 5 << 20), ("DELETE", 7)])
def test_it_waits_and_arrives_whole(late: Services, method: str, size: int, chunked: bool) -> None:
    data = os.urandom(size)
    sender = Sender(late, method, pieces(data) if chunked else data)
    late.until("jupyter", "starting")
    assert sender.waits(0.4), sender.answer
    go(late)
    told = sender.result()
    assert told.status_code == 200
    assert told.json() == {"method": method, "target": PATH, "n": size, "digest": hashlib.sha256(data).hexdigest()}


def test_an_unread_body_is_held_back_not_kept(late: Services) -> None:
    size = 48 << 20
    before = late.gateway.memory()
    sender = Sender(late, "PUT", bytes(size))
    late.until("jupyter", "starting")
    assert sender.waits(0.5)
    assert late.gateway.memory() - before < 16 << 20
    go(late)
    assert sender.result().json()["n"] == size


def test_many_wait_for_the_same_start(late: Services) -> None:
    bodies = [os.urandom(1 + i * 3000) for i in range(20)]
    senders = [Sender(late, "POST", body) for body in bodies]
    late.until("jupyter", "starting")
    assert all(sender.waits(0.02) for sender in senders)
    go(late)
    assert [s.result().json()["digest"] for s in senders] == [hashlib.sha256(b).hexdigest() for b in bodies]


def test_the_connection_lives_on(late: Services) -> None:
    with RawConnection(late.gateway) as raw:
        raw.send(raw.head("POST /jupyter/a HTTP/1.1", "Content-Length: 5") + b"hello")
        late.until("jupyter", "starting")
        go(late)
        first = raw.answer()
        raw.send(raw.head("POST /jupyter/b HTTP/1.1", "Content-Length: 2") + b"ab")
        assert (first.status, json.loads(first.body)["n"]) == (200, 5)
        assert json.loads(raw.answer().body)["target"] == "/jupyter/b"


def test_a_body_that_comes_only_after_the_service(late: Services) -> None:
    with RawConnection(late.gateway) as raw:
        raw.send(raw.head("POST /jupyter/a HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"))
        late.until("jupyter", "starting")
        go(late)
        late.until("jupyter", "ready")
        assert raw.answer().status == 100
        raw.send(b"hello")
        assert json.loads(raw.answer().body)["n"] == 5


@pytest.mark.parametrize("size", [0, 10, 3 << 20])
def test_a_service_that_does_not_come_is_told_of_with_its_reason(services: Services, run, size: int) -> None:
    services.add("jupyter", script="sleep 0.3; echo 'no luck'; exit 9", listen={"socket": True})
    run()
    answer = httpx.post(services.api.url + "/jupyter/x", content=bytes(size), trust_env=False, timeout=allow(20))
    assert answer.status_code == 503 and "exited with code 9" in answer.json()["message"]


def test_a_disabled_service_is_said_to_be(services: Services, run) -> None:
    services.sleeper("other")
    run()
    answer = services.api.post("/jupyter/x", {"a": 1})
    assert answer.status == 503 and "not enabled here" in answer.body["message"]


@pytest.mark.parametrize("sent", [b"", b"x" * 100, b"x" * (1 << 20)], ids=["head", "some", "much"])
def test_a_client_that_leaves_meanwhile_is_forgotten(late: Services, sent: bytes) -> None:
    with RawConnection(late.gateway) as raw:
        raw.socket.settimeout(0.3)
        raw.send(raw.head("POST /jupyter/a HTTP/1.1", "Content-Length: 2000000"))
        late.until("jupyter", "starting")
        try:
            raw.send(sent)
        except TimeoutError:
            pass  # nobody reads it, as it should be
    go(late)
    late.until("jupyter", "ready")
    assert late.stop("jupyter")["state"] == "stopped"
    assert Sender(late, "POST", b"next").result().json()["n"] == 4


def test_the_gateway_stops_while_they_wait(late: Services) -> None:
    senders = [RawConnection(late.gateway) for _ in range(3)]
    for i, raw in enumerate(senders):
        raw.send(raw.head("POST /jupyter/a HTTP/1.1", "Content-Length: 9") + b"x" * 9 * i)
    late.until("jupyter", "starting")
    with Stopwatch() as watch:
        late.gateway.stop()
    watch.assert_below(8)
    for raw in senders:
        answer = raw.answer_or_end()
        assert answer is None or answer.status == 503
        raw.socket.close()


def test_it_counts_as_use(services: Services, run) -> None:
    """What waited is counted once, so that the service is idle when it is over."""
    services.add("jupyter", python=SUM, listen={"socket": True}, idle_stop_seconds=1)
    run()
    assert Sender(services, "POST", b"1").result().json()["n"] == 1
    assert Sender(services, "POST", b"12").result().json()["n"] == 2
    eventually(lambda: services.get("jupyter")["state"] == "stopped", "it stops once nobody uses it", 10)
    assert Sender(services, "POST", b"123").result().json()["n"] == 3
