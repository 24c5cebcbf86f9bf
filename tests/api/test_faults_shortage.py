"""Too few descriptors, processes or memory: what does not fit is refused by its name, nothing half-made is left, the
gateway neither spins nor wedges, and with room again everything works."""

from __future__ import annotations

import resource
import time
from typing import Callable, Iterator

import psutil
import pytest

from client import Api
from faulty import LimitedServer, address_space, cpu_seconds, limit, open_fds
from rawhttp import RawConnection
from server import REPO, Server
from waiting import allow, eventually

pytestmark = pytest.mark.local

FILES = 64


@pytest.fixture
def limited() -> Iterator[Callable[..., LimitedServer]]:
    servers: list[LimitedServer] = []

    def start(*limits: str, **options) -> LimitedServer:
        servers.append(LimitedServer(limits, **options))
        return servers[-1].start()

    try:
        yield start
        for server in servers:
            if server.running:
                server.stop()
    finally:
        for server in servers:
            server.discard()


def status(server: Server, request: str = "GET /healthz HTTP/1.1") -> int | None:
    """Of a connection of its own; None when there is no answer."""
    with RawConnection(server) as raw:
        raw.send(raw.head(request, "Connection: close"))
        answer = raw.answer_or_end()
        return answer.status if answer else None


def occupy(server: Server, count: int) -> list[RawConnection]:
    """Connections, each with a request under way."""
    held = []
    for _ in range(count):
        raw = RawConnection(server)
        raw.send(raw.head("POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", "Content-Length: 100"))
        held.append(raw)
    return held


def test_connections_leave_room_for_what_they_ask_for(limited) -> None:
    """However many connect, half of the descriptors stay for pipes and files, and the others are told."""
    server = limited(f"--nofile={FILES}:{FILES}")
    server.api.close()
    before = open_fds(server)
    with RawConnection(server) as first:
        held = occupy(server, FILES)
        first.send(command(first, "echo $((6 * 7))"))
        assert b'"stdout":"42\\n"' in first.answer().body
        assert open_fds(server) <= FILES
        refused = [raw for raw in held if was_refused(raw)]
        assert len(held) - len(refused) == FILES // 2 - 1, "as many as the log says"
        assert f"room for {FILES // 2} connections" in server.log()
        for raw in held:
            raw.socket.close()
        eventually(lambda: still_works(first), "it goes on")
    eventually(lambda: open_fds(server) <= before, "no descriptor is left open")
    assert [status(server) for _ in range(FILES)] == [200] * FILES


def command(raw: RawConnection, text: str) -> bytes:
    body = b'{"command": "%s"}' % text.encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return raw.head("POST /v1/bash/exec HTTP/1.1", *lines) + body


def still_works(raw: RawConnection) -> bool:
    raw.send(command(raw, "echo ok"))
    return raw.answer().status == 200


def was_refused(raw: RawConnection) -> bool:
    raw.socket.settimeout(0.05)
    try:
        answer = raw.answer_or_end()
    except TimeoutError:
        return False
    assert answer is not None and answer.status == 503, answer
    return True


def test_no_descriptor_is_left(start_gateway) -> None:
    """The limit falls while it runs to what is open already: it refuses, clearly and without spinning, both
    connections and commands, and takes up again where it was."""
    server = start_gateway()
    server.api.close()
    with RawConnection(server) as kept:
        assert still_works(kept)
        before = open_fds(server)
        limit(server, resource.RLIMIT_NOFILE, before)
        kept.send(command(kept, "echo no"))
        answer = kept.answer()
        assert answer.status == 503 and b"Too many open files" in answer.body, answer
        waiting = [RawConnection(server) for _ in range(20)]
        started, used = time.monotonic(), cpu_seconds(server)
        for raw in waiting:
            raw.send(raw.head("GET /healthz HTTP/1.1"))
            answer = raw.answer_or_end()
            assert answer is not None and answer.status == 503 and "retry-after" in answer.headers
        eventually(lambda: time.monotonic() - started > 1, "a second passes", 2, every=0.1)
        share = (cpu_seconds(server) - used) / (time.monotonic() - started)
        print(f"CPU without descriptors: {100 * share:.1f} %")
        assert share < 0.5, f"it spins: {share:.0%} of a processor"
        assert server.log().count("connection refused") == 1, "one line, not one for each"
        for raw in waiting:
            raw.socket.close()
        limit(server, resource.RLIMIT_NOFILE, None)
        assert still_works(kept)
        eventually(lambda: open_fds(server) <= before, "no descriptor is left open")
    assert status(server) == 200


def test_shells_and_services_without_descriptors(start_gateway) -> None:
    server = start_gateway()
    server.api.shell.exec("kept=yes", "kept")
    before = open_fds(server)
    limit(server, resource.RLIMIT_NOFILE, before + 2)
    for path, body in (
        ("/v1/shell/exec", {"command": "true"}),
        ("/v1/nodejs/execute", {"code": "1"}),
        ("/v1/file/upload", None),
    ):
        answer = server.api.post(path, body) if body else None
        if answer is not None:
            assert answer.success is False and answer.status in (500, 503), answer
    assert server.api.shell.exec("echo $kept", "kept").output == "yes\n"
    limit(server, resource.RLIMIT_NOFILE, None)
    assert server.api.shell.exec("echo ok").output == "ok\n"
    assert set(server.api.shell.sessions()) >= {"kept"}
    server.api.delete("/v1/shell/sessions")
    eventually(lambda: open_fds(server) <= before, "no descriptor is left open")


NOBODY = 61234  # a user nobody else's processes count for


def test_no_process_can_be_started(limited) -> None:
    """fork(2) fails for an ordinary user at its limit: 503 with the reason, and nothing half-made is left."""
    server = limited("--nproc=400:400", user=NOBODY)
    assert server.api.bash.exec("echo ok", "one").stdout == "ok\n"
    threads = sum(p.num_threads() for p in psutil.process_iter(["uids"]) if p.info["uids"].real == NOBODY)
    before = open_fds(server)
    limit(server, resource.RLIMIT_NPROC, threads)
    for path, body in (
        ("/v1/bash/exec", {"command": "true", "session_id": "one"}),
        ("/v1/bash/exec", {"command": "true"}),
        ("/v1/shell/exec", {"command": "true"}),
    ):
        answer = server.api.post(path, body)
        assert answer.status == 503 and "Resource temporarily unavailable" in answer.message, answer
    assert server.api.shell.stats()["total_sessions"] == 0
    assert open_fds(server) <= before and not server.descendants()
    limit(server, resource.RLIMIT_NPROC, None)
    assert server.api.bash.exec("echo ok", "one").stdout == "ok\n"
    assert server.api.shell.exec("echo ok").output == "ok\n"


def test_memory_has_a_ceiling() -> None:
    """With 48 MiB more than it has, the gateway refuses what it has no room for with 503 or 507, and lives."""
    server = Server(binary=REPO / "build" / "sandgate")  # the sanitiser's shadow takes terabytes of address space
    try:
        memory_ceiling(server.start())
        server.stop()
    finally:
        server.discard()


def memory_ceiling(server: Server) -> None:
    assert server.api.bash.exec("echo ok").stdout == "ok\n"
    eventually(lambda: server.api.file.call("list", path="/").success, "workers have their stacks")
    resident = server.memory()
    limit(server, resource.RLIMIT_AS, address_space(server) + (48 << 20))
    file = str(server.workspace / "large.txt")
    answers = [server.api.file.call("write", file=file, content="x" * (size << 20)) for size in (14, 30, 60)]
    answers.append(server.api.post("/v1/bash/exec", {"command": "true " + "#" * (3 << 20)}))
    for ceiling in (1000, 30 << 20, 60 << 20):
        body = {"command": "head -c 50000000 /dev/zero | tr '\\0' x", "max_output_length": ceiling}
        answers.append(server.api.post("/v1/bash/exec", body))
    told = [(answer.status, answer.message) for answer in answers]
    assert {status for status, _ in told} <= {200, 413, 503, 507}, told
    assert {503, 507} & {status for status, _ in told}, "memory was never short, so nothing was tested"
    assert server.api.get("/healthz").status == 200
    assert server.api.bash.exec("echo ok").stdout == "ok\n"
    limit(server, resource.RLIMIT_AS, None)
    server.api.file.write(file, "x" * (14 << 20))
    eventually(lambda: server.memory() < resident + (8 << 20), "its memory is back")
    print(f"RSS {resident >> 20} MiB before, {server.memory() >> 20} MiB after")
