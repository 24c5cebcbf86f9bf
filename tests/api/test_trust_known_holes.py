"""Holes that others of this kind have had, each by its name."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from apps import STYLES
from pipelined import Ask, Told, ask_all
from server import Server, is_sanitised
from upstreams import RawSocket, events, write_service

pytestmark = pytest.mark.local

KEY = "key-of-known-holes-" + "k" * 16
NOBODY = 65534
SERVICES = {"browser": 29422, "jupyter": 29423, "code": 29424}


# ---- commands by a Host that names a port of our own ----


@pytest.fixture(scope="module", params=[None, KEY], ids=["open", "keyed"])
def box(request, tmp_path_factory) -> Iterator[Server]:
    """With services that listen on ports of the loopback, and run."""
    folder = tmp_path_factory.mktemp("services")
    for name, port in SERVICES.items():
        write_service(folder, name, {"tcp": port})
    server = Server(("--services-dir", str(folder), "--services", "all"), key=request.param)
    try:
        server.start()
        for name in SERVICES:
            assert server.api.post(f"/v1/services/{name}/start").data["state"] == "ready"
        yield server
        server.stop()
    finally:
        server.discard()


def own_ports(box: Server) -> dict[str, int]:
    """The gateway's, and those that its services really have."""
    told = {name: service_port(box, name) for name in SERVICES}
    return {"the gateway": box.port, **told}


def service_port(box: Server, name: str) -> int:
    """Where the service listens: what its program was told."""
    pid = box.api.get_ok(f"/v1/services/{name}")["pid"]
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(int(line.split(b"=")[1]) for line in environment if line.startswith(b"SERVICE_PORT="))


def spellings(port: int) -> list[str]:
    """Of a Host."""
    labels = [f"{port}-x", f"{port}-", f"0{port}-x", f"000000{port}-x", f"{port}-x-y", f"{port}--x", f"{port}-{port}-x"]
    names = [f"{label}{rest}" for label in labels for rest in ("", ".localhost", ".localhost:8080", "-127.0.0.1")]
    return [*names, f"{port}-127.0.0.1", f"{port}-127.0.0.1:{port}", f"{port}-LOCALHOST", f"{65536 + port}-x.localhost"]


def request(box: Server, line: str, *headers: str, keyed: bool = True, body: bytes = b"") -> Ask:
    lines = [f"{line} HTTP/1.1", *headers, "Content-Type: application/json", f"Content-Length: {len(body)}"]
    if keyed and box.key:
        lines.append(f"X-AIO-API-Key: {box.key}")
    return Ask("\r\n".join([*lines, "", ""]).encode() + body)


def command(mark: Path) -> bytes:
    return json.dumps({"command": f"touch {mark}"}).encode()


def seen_by_services(box: Server) -> list[Any]:
    return [event for name in SERVICES for event in events(box, name) if event["event"] == "request"]


@pytest.mark.parametrize("keyed", [True, False], ids=["with the key", "without"])
def test_no_host_leads_to_a_port_of_our_own(box: Server, keyed: bool) -> None:
    mark = box.workspace / "by-host"
    asks = [
        request(box, f"POST {path}", f"Host: {host}", keyed=keyed, body=command(mark))
        for port in own_ports(box).values()
        for host in spellings(port)
        for path in ("/v1/bash/exec", "/json/version", "/")
    ]
    told = ask_all(box.port, asks)
    wanted = {401} if box.key and not keyed else {403, 404, 400}
    # "8091-" and "8091-.localhost" name no preview at all: they are hosts like others, known or not.
    wrong = [(ask.data, answer) for ask, answer in zip(asks, told) if answer.status not in wanted and not plain(ask, answer)]
    assert not wrong, wrong[:5]
    assert not seen_by_services(box)


def plain(ask: Ask, answer: Told) -> bool:
    """The gateway itself answered, as it does to any name: no port was dialled."""
    label = ask.data.split(b"Host: ")[1].split(b"\r\n")[0].split(b".")[0].split(b":")[0]
    return label.endswith(b"-") and answer.status in (200, 401, 403, 404, 405)


def test_no_style_leads_to_a_port_of_our_own(box: Server) -> None:
    for port in own_ports(box).values():
        asks = []
        for style in STYLES:
            headers = {"Host": f"127.0.0.1:{box.port}", **style.headers(port)}
            asks.append(request(box, f"GET {style.path(port, '/x')}", *(f"{n}: {v}" for n, v in headers.items())))
        for odd in (f"/proxy/0{port}/", f"/proxy/%3{str(port)[0]}{str(port)[1:]}/", f"/proxy/{65536 + port}/"):
            asks.append(request(box, f"GET {odd}", f"Host: 127.0.0.1:{box.port}"))
        assert {answer.status for answer in ask_all(box.port, asks)} <= {403, 404}, port
        for path in (f"/proxy/{port}/", f"/absproxy/{port}/devtools/browser/1"):
            with RawSocket(box, path) as raw:
                assert raw.head()[0] == 403
    assert not seen_by_services(box)


# ---- a check that a suffix of the query leads past ----


SUFFIXES = [".js", ".css", ".png", ".ico", ".html", ".map", ".svg", "/static/x.js", "/healthz", "/login"]


def test_no_ending_leads_past_the_key(start_gateway) -> None:
    server = start_gateway(key=KEY)
    mark = server.workspace / "by-suffix"
    forms = ["?{s}", "?x={s}", "?x=1&{s}", ";{s}", "/{s}", "%3f{s}", "#{s}", "%00{s}", "?api_key={s}", "?x={s}&api_key="]
    targets = ["/v1/bash/exec" + form.format(s=suffix) for form in forms for suffix in SUFFIXES]
    asks = [request(server, f"POST {t}", "Host: localhost", keyed=False, body=command(mark)) for t in targets]
    told = ask_all(server.port, [Ask(ask.data, last="#" in target) for ask, target in zip(asks, targets)])
    wrong = [(t, a) for t, a in zip(targets, told) if a.status != 401 and not ("#" in t and a.status in (0, 400))]
    assert not wrong, wrong[:5]
    assert not mark.exists() and not server.api.bash.sessions()


# ---- the key in the hands of children, and of other users ----


READ_MEMORY = """
import os, re, sys
pid, key = sys.argv[1], bytes.fromhex(sys.argv[2])
found = []
for line in open(f"/proc/{pid}/maps"):
    first, last, mode = re.match(r"(\\w+)-(\\w+) (\\S+)", line).groups()
    if "r" not in mode or "[v" in line or int(last, 16) - int(first, 16) > 1 << 28:
        continue
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        memory.seek(int(first, 16))
        try:
            found.append(key in memory.read(int(last, 16) - int(first, 16)))
        except OSError:
            pass
print("maps", len(found), "found", any(found))
"""


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory) -> Iterator[Server]:
    """A gateway of an ordinary user, as in the container, told its key on the command line as well."""
    # The leak checker traces its own process, which nobody may here.
    options = {"env": {"ASAN_OPTIONS": "detect_leaks=0"}} if is_sanitised() else {}
    server = Server(("--api-key", KEY), key=KEY, user=NOBODY, **options)
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


def files_of_the_process(server: Server) -> list[str]:
    return [f"/proc/{server.pid}/{name}" for name in ("environ", "cmdline", "maps", "mem", "auxv", "stack", "fd", "cwd")]


def test_children_cannot_read_the_key_of_the_gateway(ordinary: Server) -> None:
    """By any file of its process, and by /proc/PID/mem least of all."""
    server = ordinary
    assert server.api.bash.exec("id -u").stdout == f"{NOBODY}\n"
    for path in files_of_the_process(server):
        told = server.api.bash.exec(f"cat {path} | tr '\\0' '\\n'; ls -l {path}/")
        assert KEY not in told.stdout + told.stderr, path
    program = server.workspace / "read.py"
    program.write_text(READ_MEMORY)
    told = server.api.bash.exec(f"python3 {program} {server.pid} {KEY.encode().hex()}")
    assert "PermissionError" in told.stderr and "found True" not in told.stdout, (told.stdout, told.stderr)
    told = server.api.bash.exec(f"readlink /proc/{server.pid}/fd/*; env; cat /proc/$$/environ")
    assert KEY not in told.stdout and "sandgate.db" not in told.stdout


def test_other_users_cannot_read_the_key(ordinary: Server) -> None:
    """Nor anything else that the gateway keeps."""
    other = {"user": 65533, "group": 65533, "extra_groups": []}
    for path in files_of_the_process(ordinary):
        told = subprocess.run(["cat", path], capture_output=True, **other, timeout=20)
        assert KEY.encode() not in told.stdout + told.stderr, path
    kept = [path for path in ordinary.state.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        told = subprocess.run(["cat", str(path)], capture_output=True, **other, timeout=20)
        assert not told.stdout, path
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0, (path, oct(mode))
        assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in ordinary.log()


def test_the_environment_of_services_and_sessions_has_no_key(box: Server) -> None:
    if box.key:
        box.api.shell.exec("true")
        box.api.bash.exec("true")
    for process in box.descendants():
        environment = Path(f"/proc/{process.pid}/environ").read_bytes() + Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert KEY.encode() not in environment and b"SANDBOX_API_KEY" not in environment, process
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                assert "sandgate.db" not in os.readlink(fd), process
            except FileNotFoundError:
                pass  # closed meanwhile
