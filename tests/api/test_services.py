"""Services one by one, over the API: what they are told, when they count as ready, what their end is called."""

from __future__ import annotations

import os
import re
import socket
import stat
import threading
from pathlib import Path

import pytest

from expect import assert_invalid, assert_status
from ports import free_port
from rawhttp import RawConnection
from server import Server
from services import Services
from waiting import Stopwatch, allow, eventually

MEMBERS = {
    "name", "title", "description", "state", "reason", "pid", "since", "restarts", "start", "idle_stop_seconds",
    "needs", "wants", "memory_mb", "log_length",
}  # fmt: skip


# ---- what there is ----


def test_without_services_the_list_is_empty(start_gateway) -> None:
    assert start_gateway("--services", "none").api.get_ok("/v1/services") == []


def test_each_service_tells_all_about_itself(services: Services, run) -> None:
    services.sleeper("zebra", needs=["apple"])
    services.sleeper("apple", description="Round", memory_mb=70, idle_stop_seconds=600, start="boot")
    services.sleeper("mango", wants=["apple"])
    run()
    listed = services.api.get_ok("/v1/services")
    assert [service["name"] for service in listed] == ["apple", "mango", "zebra"]
    assert all(service.keys() == MEMBERS for service in listed)
    apple = services.until("apple", "ready")
    assert (apple["title"], apple["description"], apple["start"]) == ("Apple", "Round", "boot")
    assert (apple["memory_mb"], apple["idle_stop_seconds"], apple["restarts"]) == (70, 600, 0)
    zebra, mango = services.get("zebra"), services.get("mango")
    assert (zebra["needs"], zebra["wants"], mango["needs"], mango["wants"]) == (["apple"], [], [], ["apple"])
    assert (zebra["state"], zebra["pid"], zebra["start"], zebra["reason"]) == ("stopped", None, "lazy", "not used yet")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", zebra["since"])


def test_a_selection_brings_what_it_needs(services: Services, run) -> None:
    services.sleeper("base")
    services.sleeper("middle", needs=["base"])
    services.sleeper("top", needs=["middle"], wants=["extra"])
    services.sleeper("extra")
    services.sleeper("other")
    run("top")
    assert services.states() == {"base": "stopped", "middle": "stopped", "top": "stopped"}
    assert services.start("top")["wants"] == ["extra"]
    assert set(services.states().values()) == {"ready"}


@pytest.mark.parametrize("verb", ["", "/logs", "/start", "/stop", "/restart"])
def test_an_unknown_name_is_not_found(services: Services, run, verb: str) -> None:
    run()
    call = services.api.get if verb in ("", "/logs") else services.api.post
    for name in ("nobody", "..", "%2e%2e", "a" * 300):
        assert_status(call(f"/v1/services/{name}{verb}"), 404)


def test_bad_fields_are_refused(services: Services, run) -> None:
    services.sleeper("one")
    run()
    for bad in (-1, 3601, "soon", True):
        assert_invalid(services.api.post("/v1/services/one/start", {"timeout": bad}), "timeout")
    for name, bad in (("offset", "-1"), ("offset", "x"), ("max", "0"), ("max", "1048577")):
        assert_invalid(services.api.get("/v1/services/one/logs", params={name: bad}), name)
    assert services.states() == {"one": "stopped"}


BAD_MANIFESTS = [
    ({"command": ["sleep", "1"], "colour": "red"}, "colour"),
    ({"command": []}, "command"),
    ({"command": ["sleep"], "needs": ["ghost"]}, "ghost"),
    ({"command": ["sleep"], "wants": ["ghost"]}, "ghost"),
    ({"command": ["sleep"], "needs": ["other"]}, "needs"),
    ({"command": ["sleep"], "listen": {"tcp": 70000}}, "listen.tcp"),
]


@pytest.mark.parametrize("manifest, named", BAD_MANIFESTS, ids=[row[1] for row in BAD_MANIFESTS])
def test_a_bad_manifest_ends_the_start_with_one_clear_line(services: Services, tmp_path, manifest, named) -> None:
    services.sleeper("other", needs=["bad"])
    services.add("bad", **manifest)
    server = Server(services.arguments())
    try:
        with pytest.raises(AssertionError):
            server.start()
        assert server.wait() == 1
        said = server.log().strip("\n")
        assert said.count("\n") == 0 and "bad" in said and named in said, said
    finally:
        server.discard()


# ---- what it is given ----


def test_a_service_gets_its_environment_and_folders(services: Services, run) -> None:
    services.add(
        "curious",
        script='env > "$SERVICE_STATE/env"; pwd > "$SERVICE_STATE/pwd"; ls -la "$SERVICE_RUN" > "$SERVICE_STATE/ls"\n'
        'echo "$@" > "$SERVICE_STATE/args"; touch "$SERVICE_RUN/left"; exec sleep 1000',
        command=["./run.sh", "-p", "${SERVICE_PORT}", "${NO_SUCH_VARIABLE}"],
        environment={"PAGE": "<${HOMEPAGE}>", "MINE": "${SERVICE_NAME}:${SERVICE_STATE}", "LANG": None},
        listen={"tcp": free_port()},
        ready={"probe": "unix", "path": "${SERVICE_RUN}/left"},
    )
    gateway = run(env={"HOMEPAGE": "http://localhost/"}, key="a-secret-key")
    services.fails("curious", timeout=1)  # a plain file answers no probe, so it is never ready
    kept = gateway.state / "services" / "curious"
    env = dict(line.split("=", 1) for line in (kept / "env").read_text().splitlines())
    run_dir = Path(env["SERVICE_RUN"])
    assert (env["SERVICE_NAME"], env["SERVICE_DIR"]) == ("curious", str(services.folder / "curious"))
    assert (env["SERVICE_STATE"], run_dir.parent) == (str(kept), Path(env["SANDGATE_RUN"]))
    assert (env["HOME"], env["WORKSPACE"]) == (str(gateway.home), str(gateway.workspace))
    assert env["XAUTHORITY"] == f"{gateway.state}/xauthority" and re.fullmatch(r":\d+", env["DISPLAY"])
    assert (env["PAGE"], env["MINE"]) == ("<http://localhost/>", f"curious:{kept}")
    assert "LANG" not in env and "SERVICE_SOCKET" not in env
    assert "a-secret-key" not in (kept / "env").read_text()
    assert (kept / "pwd").read_text().strip() == str(gateway.home)
    assert (kept / "args").read_text().strip() == f"-p {env['SERVICE_PORT']}"
    assert stat.S_IMODE(run_dir.stat().st_mode) == stat.S_IMODE(kept.stat().st_mode) == 0o700


def test_its_run_folder_is_emptied_and_its_state_kept(services: Services, run) -> None:
    services.add(
        "tidy",
        script='ls -A "$SERVICE_RUN" | wc -l >> "$SERVICE_STATE/seen"\n'
        'mkdir -p "$SERVICE_RUN/a/b"; ln -s "$SERVICE_STATE" "$SERVICE_RUN/a/link"; touch "$SERVICE_RUN/a/b/c"\n'
        "exec sleep 1000",
    )
    run()
    for _ in range(3):
        services.start("tidy")
        runs = services.state_file("tidy", "seen")
        eventually(lambda: services.gateway and (services.gateway.state / "run/tidy/a/b/c").exists(), "it has run")
        services.stop("tidy")
    assert runs.read_text().split() == ["0", "0", "0"]


def test_it_gets_the_port_it_prefers_or_a_free_one(services: Services, run) -> None:
    port = free_port()
    services.listener("web", listen={"tcp": port})
    run()
    services.start("web")
    assert f"listening {port}\n" in services.log("web")
    services.stop("web")
    with socket.create_server(("127.0.0.1", port)):
        services.start("web")
    used = int(re.findall(r"listening (\d+)", services.log("web"))[-1])
    assert used != port
    socket.create_connection(("127.0.0.1", used), 5).close()


def test_two_gateways_do_not_choose_the_same_port(services: Services, run) -> None:
    """The port is claimed before the service listens on it, so that no probe can meet somebody else's service."""
    port = free_port()
    services.late("web", listen={"tcp": port})
    first = run()
    services.change("start", "web", timeout=0)
    services.until("web", "starting")
    eventually(lambda: services.get("web")["pid"], "it runs")
    second = run()
    services.change("start", "web", timeout=0)
    for gateway in (first, second):
        services.gateway = gateway
        services.state_file("web", "go").touch()
        services.until("web", "ready")
    assert f"listening {port}\n" not in services.log("web")
    services.gateway = first
    assert f"listening {port}\n" in services.log("web")


def test_a_deep_state_folder_still_has_room_for_sockets(services: Services, run, tmp_path) -> None:
    services.listener("web")
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    gateway = run(args=["--state", str(deep)])
    services.start("web")
    place = Path(os.readlink(deep / "run"))
    assert place.parent == Path("/tmp") and stat.S_IMODE(place.stat().st_mode) == 0o700
    assert (place / "web" / "socket").is_socket()
    gateway.kill()
    gateway.start()
    services.start("web")
    assert Path(os.readlink(deep / "run")) == place, "the next gateway uses the same folder"
    gateway.stop()
    assert not place.exists() and not (deep / "run").exists()


# ---- when it is ready ----


def test_ready_is_said_only_when_it_answers(services: Services, run) -> None:
    services.late("slow")
    run()
    with Stopwatch() as watch:
        early = services.fails("slow", timeout=0.4)
    watch.assert_timeout(0.4)
    assert early["state"] == "starting" and early["pid"]
    services.state_file("slow", "go").touch()
    assert re.fullmatch(r"ready after \d+\.\d\d s", services.start("slow")["reason"])


def test_an_http_probe_wants_a_success(services: Services, run) -> None:
    services.add(
        "web",
        python="""\
import http.server, os, time
began = time.monotonic()
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked", self.path, self.headers["Host"], flush=True)
        self.send_response(200 if time.monotonic() - began > 0.4 else 503)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["SERVICE_PORT"])), Page).serve_forever()
""",
        listen={"tcp": free_port()},
        ready={"probe": "http", "path": "/health?full=1"},
    )
    run()
    services.start("web")
    asked = [line for line in services.log("web").splitlines() if line.startswith("asked")]
    assert len(asked) > 1, "it was ready at the first answer, which was a refusal"
    assert all(re.fullmatch(r"asked /health\?full=1 localhost:\d+", line) for line in asked)


def test_what_accepts_and_says_nothing_is_not_ready(services: Services, run) -> None:
    services.add(
        "mute",
        python="import os, socket\ns = socket.create_server(('127.0.0.1', int(os.environ['SERVICE_PORT'])))\n"
        "kept = []\nwhile True: kept.append(s.accept())",
        listen={"tcp": free_port()},
        ready={"probe": "http", "timeout_seconds": 0.5},
    )
    run()
    with Stopwatch() as watch:
        service = services.fails("mute")
    watch.assert_timeout(0.5)
    assert service["reason"] == "not ready after 0.5 s"


def test_one_that_never_gets_ready_is_ended_and_says_so(services: Services, run) -> None:
    services.add(
        "never",
        script="echo still thinking; exec sleep 1000",
        listen={"socket": True},
        ready={"timeout_seconds": 0.5},
    )
    run()
    with Stopwatch() as watch:
        service = services.fails("never")
    watch.assert_timeout(0.5)
    assert (service["state"], service["reason"]) == ("backoff", "not ready after 0.5 s: still thinking")
    services.stop("never")
    assert services.processes() == []


def test_a_starting_service_can_be_stopped(services: Services, run) -> None:
    services.sleeper("never", listen={"socket": True})
    run()
    services.change("start", "never", timeout=0)
    eventually(lambda: services.get("never")["pid"], "it runs")
    with Stopwatch() as watch:
        services.stop("never")
    watch.assert_below(1.0)
    assert services.processes() == []


# ---- its output ----


def test_the_log_is_read_by_offset(services: Services, run) -> None:
    services.add("talker", script="echo ü first; echo second >&2; exec sleep 1000")
    run()
    services.start("talker")
    eventually(lambda: services.get("talker")["log_length"] == 16, "all is in the log")
    path = "/v1/services/talker/logs"
    whole = services.api.get_ok(path)
    assert (whole["output"], whole["offset"], whole["skipped"]) == ("ü first\nsecond\n", 16, 0)
    assert services.api.get_ok(path, params={"offset": 9})["output"] == "second\n"
    part = services.api.get_ok(path, params={"offset": 0, "max": 5})
    assert (part["output"], part["offset"]) == ("ü fi", 5)
    assert services.api.get_ok(path, params={"offset": 16})["output"] == ""
    assert services.api.get_ok(path, params={"offset": 10**9})["offset"] == 16


def test_a_flood_keeps_its_beginning_and_its_end(services: Services, run) -> None:
    services.add("flood", script="echo begin; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end; exec sleep 1000")
    run()
    services.start("flood")
    eventually(lambda: services.get("flood")["log_length"] == 3000011, "all was read", 10)
    answer = services.api.get_ok("/v1/services/flood/logs", params={"max": 1 << 20})
    assert answer["output"].startswith("begin\nxxx") and answer["output"].endswith("x\nend\n")
    assert len(answer["output"]) == 1 << 20 and answer["skipped"] == 3000011 - (1 << 20)


# ---- over the wire ----


def test_a_client_that_leaves_stops_nothing(services: Services, run) -> None:
    services.late("slow")
    gateway = run()
    connections = lambda: float(re.search(r"sandgate_http_connections (\d+)", metrics(services))[1])  # noqa: E731
    for _ in range(20):
        with RawConnection(gateway) as leaver:
            leaver.send(leaver.head("POST /v1/services/slow/start HTTP/1.1", "Content-Length: 0"))
            eventually(lambda: services.get("slow")["pid"], "the request has arrived")
    eventually(lambda: connections() <= 2, "those that left are forgotten")
    services.state_file("slow", "go").touch()
    services.until("slow", "ready")


def metrics(services: Services) -> str:
    return services.api.get("/metrics").content.decode()


def test_metrics_count_services_by_state(services: Services, run) -> None:
    for name in ("one", "two", "three"):
        services.sleeper(name)
    services.add("dies", script="exit 1")
    run()
    services.start("one")
    services.start("two")
    counts = dict(re.findall(r'sandgate_services\{state="(\w+)"\} (\d+)', metrics(services)))
    assert counts == {"stopped": "2", "starting": "0", "ready": "2", "stopping": "0", "backoff": "0", "failed": "0"}


def test_a_boot_service_that_failed_is_told_by_readyz(services: Services, run) -> None:
    services.add("vital", script="echo no oil; exit 7", start="boot", listen={"socket": True})
    services.sleeper("fine", start="boot")
    services.add("lazy", script="exit 1")
    run()
    assert "no oil" in services.until("vital", "failed", 10)["reason"]
    answer = services.api.get("/readyz")
    checks = {check["name"]: check for check in answer.body["checks"]}
    assert answer.status == 503 and "no oil" in checks["vital"]["reason"]
    assert checks["fine"]["ready"] and "lazy" not in checks


def test_changes_from_many_clients_at_once_end_in_order(services: Services, run) -> None:
    """Whatever is asked in whatever order, one process of each remains, and the last word counts."""
    services.listener("base", stop_seconds=1)
    services.sleeper("top", needs=["base"])
    run()
    wrong: list[str] = []

    def hammer(seed: int) -> None:
        for step in range(12):
            verb = ("start", "stop", "restart", "start")[(seed + step) % 4]
            name = ("base", "top")[(seed * 7 + step) % 2]
            answer = services.api.post(f"/v1/services/{name}/{verb}", {"timeout": 2})
            if answer.status != 200:
                wrong.append(str(answer))

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(allow(60))
    assert not wrong, wrong[:3]
    services.start("top")
    assert services.states() == {"base": "ready", "top": "ready"}
    wanted = {services.get("base")["pid"], services.get("top")["pid"]}
    # A program that has just been started shows no environment yet.
    eventually(lambda: {process.pid for process in services.processes()} == wanted, "one process of each runs")
    services.stop("base")
    assert services.states() == {"base": "stopped", "top": "stopped"} and services.processes() == []
