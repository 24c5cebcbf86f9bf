"""/v1/nodejs/sessions, and the processes behind them."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import psutil
import pytest

from client import Api, CodeResult, unique
from expect import assert_invalid, assert_refused, assert_status
from tokens import Signer
from waiting import Stopwatch, allow, eventually

EXECUTE = "/v1/nodejs/execute"


# Managing sessions.


def test_session_life(api: Api, workdir: str) -> None:
    name = unique("life")
    made = api.node.create(name, cwd=workdir, max_idle_time=600)
    assert (made["session_id"], made["created"]) == (name, True)
    info = made["session"]
    assert (info["cwd"], info["max_idle_time"], info["state"]) == (workdir, 600, "idle")
    assert abs(info["created_at"] - time.time()) < 10 and info["age_seconds"] < 10
    assert api.node.create(name)["created"] is False
    assert api.node.run("process.cwd()", name).value == f"'{workdir}'"
    assert api.node.run("process.chdir('/usr'); 0", name).value == "0"
    assert api.node.session(name).data["session"]["cwd"] == "/usr"
    updated = api.node.update(name, cwd=workdir, max_idle_time=60).data
    assert updated["updated"] is True and updated["session"]["max_idle_time"] == 60
    assert api.node.run("process.cwd() === __dirname && process.cwd()", name).value == f"'{workdir}'"
    assert name in api.node.sessions()
    pid = api.node.run("process.pid", name).value
    assert api.node.delete(name).data == {"deleted": True}
    assert name not in api.node.sessions()
    eventually(lambda: api.bash.exec(f"kill -0 {pid}").exit_code == 1, "its process is gone")
    for answer in (api.node.session(name), api.node.delete(name), api.node.update(name, max_idle_time=60)):
        assert_status(answer, 404)


def test_sessions_by_version(api: Api) -> None:
    current = api.get_ok("/v1/nodejs/info")["current_version"]
    name = api.post_ok(f"/v1/nodejs/sessions?version={current}", {})["session_id"]
    assert name in api.get_ok(f"/v1/nodejs/sessions?version={current}")["sessions"]
    assert name not in api.get_ok("/v1/nodejs/sessions?version=node9")["sessions"]
    assert_status(api.get(f"/v1/nodejs/sessions/{name}?version=9"), 404)
    assert_invalid(api.post("/v1/nodejs/sessions?version=node9", {}), "version")
    assert_invalid(api.get("/v1/nodejs/sessions?version=x"), "version")
    assert_refused(api.post(EXECUTE, {"code": "1", "session_id": name, "version": "9"}))


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"max_idle_time": 59}, "max_idle_time"),
        ({"max_idle_time": 86401}, "max_idle_time"),
        ({"cwd": "relative"}, "cwd"),
        ({"cwd": "/absent/folder"}, "cwd"),
        ({"session_id": "a/b"}, "session_id"),
        ({"session_id": 5}, "session_id"),
    ],
)
def test_session_fields_are_checked(api: Api, node_session: str, fields: dict, name: str) -> None:
    assert_invalid(api.post("/v1/nodejs/sessions", fields), name)
    if name != "session_id":
        assert_invalid(api.node.update(node_session, **fields), name)


def test_deleting_a_busy_session_ends_its_calls(api: Api, node_session: str) -> None:
    results: list[CodeResult] = []
    call = threading.Thread(
        target=lambda: results.append(api.node.run("console.log('on'); await new Promise(() => {})", node_session))
    )
    call.start()
    eventually(lambda: api.node.sessions()[node_session]["state"] == "busy", "it runs")
    assert api.node.delete(node_session).success
    call.join(allow(5))
    assert results and results[0].status == "error" and "deleted" in results[0].hint


def test_nameless_sessions_make_room_and_named_ones_do_not(api: Api) -> None:
    first = api.node.create()["session_id"]
    for _ in range(64):
        api.node.create()
    assert len(api.node.sessions()) == 64 and first not in api.node.sessions()
    for session in api.node.sessions():
        api.node.delete(session)
    for n in range(64):
        api.node.create(unique("named"))
    assert_status(api.post("/v1/nodejs/sessions", {}), 429)


@pytest.mark.local
def test_an_idle_session_ends(start_gateway) -> None:
    api = start_gateway("--nodejs-idle-seconds", "2").api
    name = api.node.create(unique("idle"), max_idle_time=60)["session_id"]
    assert api.node.session(name).data["session"]["max_idle_time"] == 2, "the setting is the ceiling"
    assert api.node.update(name, max_idle_time=600).data["session"]["max_idle_time"] == 2
    pid = api.node.run("process.pid", name).value
    # Busy for longer than that, and told so while it is: not idle.
    assert api.node.run("await new Promise((done) => setTimeout(done, 2500)); 'done'", name).value == "'done'"
    with Stopwatch() as watch:
        assert name in api.node.sessions()
        eventually(lambda: name not in api.node.sessions(), "it ended", 15, every=0.05)
    assert watch.seconds > 1.5
    eventually(lambda: api.bash.exec(f"kill -0 {pid}").exit_code == 1, "its process is gone")


# The processes.


def test_children_see_no_secrets(start_gateway) -> None:
    setting = Signer("EdDSA").setting
    server = start_gateway(key="a-very-secret-key", env={"JWT_PUBLIC_KEY": setting, "PLAIN": "kept"})
    for session in (None, "s"):
        result = server.api.node.run("console.log(JSON.stringify(process.env))", session)
        assert "secret" not in result.stdout and setting not in result.stdout and json.loads(result.stdout)["PLAIN"] == "kept"


@pytest.mark.local
def test_nothing_runs_before_the_first_call(start_gateway) -> None:
    server = start_gateway()
    assert server.api.get("/v1/nodejs/sessions").success
    assert server.descendants() == []
    session = server.api.node.create()["session_id"]
    server.api.node.run("1", session)
    eventually(lambda: len(server.descendants()) == 2, "the session's process, and a warm one for the next")


@pytest.mark.local
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_no_orphans(start_gateway, how: str) -> None:
    server = start_gateway()
    busy = threading.Thread(target=lambda: _ignore(server.api.node.run, "for (;;) {}", timeout=60))
    server.api.node.run("1", "warm")
    pids = [int(server.api.node.run("process.pid", f"s{n}").value) for n in range(3)]
    busy.start()
    eventually(lambda: len(server.descendants()) >= 5, "all of them run")
    everyone = server.descendants()
    assert {p.pid for p in everyone} >= set(pids)
    if how == "kill":
        server.kill()
        eventually(
            lambda: not any(p.is_running() for p in everyone if p.status() != psutil.STATUS_ZOMBIE), "all are gone"
        )
    else:
        server.stop()  # insists that nobody is left
    busy.join(allow(10))


def _ignore(function, *args, **kwargs) -> None:
    try:
        function(*args, **kwargs)
    except Exception:
        pass  # the gateway ends under this call: that is the test


@pytest.mark.local
def test_rooms_are_removed(start_gateway) -> None:
    server = start_gateway()
    make = "fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('a/b/c', 'x'); fs.symlinkSync('/', 'root')"
    code = f"const fs = require('fs'); {make}"
    assert server.api.node.run(code).status == "ok"
    server.api.node.run(code, timeout=1)
    eventually(lambda: not list((server.state / "code").iterdir()), "nothing is left of a run")
    leftover = server.state / "code" / "leftover"
    server.stop()
    leftover.mkdir(parents=True)
    server.start()
    assert not leftover.exists()


@pytest.mark.local
def test_a_dead_spare_is_no_matter(start_gateway) -> None:
    server = start_gateway()
    server.api.node.run("1", "one")
    used = int(server.api.node.run("process.pid", "one").value)
    spare = eventually(lambda: [p for p in server.descendants() if p.pid != used], "a warm process")[0]
    os.kill(spare.pid, signal.SIGKILL)
    eventually(lambda: not spare.is_running(), "it is gone")
    assert server.api.node.run("40 + 2", "two").value == "42"


@pytest.mark.local
def test_without_node(start_gateway, tmp_path) -> None:
    server = start_gateway(env={"PATH": str(tmp_path)})
    assert_status(server.api.post(EXECUTE, {"code": "1"}), 503)
    assert_status(server.api.post("/v1/nodejs/sessions", {}), 503)
    info = server.api.get_ok("/v1/nodejs/info")
    assert info["error"] and info["available_versions"] == []


@pytest.mark.local
def test_a_warm_call_is_quick(gateway, api: Api, node_session: str) -> None:
    api.node.run("1", node_session)
    times = sorted(api.post(EXECUTE, {"code": "1 + 1", "session_id": node_session}).seconds for _ in range(200))
    assert times[100] < allow(0.01), times[100]  # the bench holds it to 2 ms; this machine may be busy
