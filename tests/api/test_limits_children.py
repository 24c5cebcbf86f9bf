"""What children may use together, who goes first when memory runs out, and that it is told.

Where control groups can be made these hold the limits; elsewhere what stands in for them does, as the gateway says in
`/v1/sandbox/resources` and in its log. Either way a limit that was set is either held or told not to be."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from server import BINARY, Server, clean_environment
from waiting import allow, eventually

pytestmark = pytest.mark.local

MEMORY, PIDS = 192 << 20, 60
NOBODY = 61235


def limits(server: Server) -> dict[str, Any]:
    return server.api.get_ok("/v1/sandbox/resources")["limits"]


def groups(text: str) -> set[str]:
    """In the words of /proc/PID/cgroup: those that a gateway made."""
    return {line.rsplit(":", 1)[1] for line in text.splitlines() if "sandgate" in line}


def test_without_a_limit_there_is_no_group(start_gateway) -> None:
    server = start_gateway()
    none = {"max": None, "by": None}
    assert limits(server) == {"memory": none, "processes": none}
    child = server.api.bash.exec("cat /proc/self/cgroup").stdout
    assert "sandgate" not in child


def test_children_go_before_the_gateway(start_gateway) -> None:
    """Of 1000, 500 more than what the gateway was given, in commands, shells and programs; and it itself no more."""
    server = start_gateway()
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(Path(f"/proc/{server.pid}/oom_score_adj").read_text()) <= own
    said = [
        server.api.bash.exec("cat /proc/self/oom_score_adj").stdout,
        server.api.shell.exec("cat /proc/self/oom_score_adj").output,
        server.api.post_ok("/v1/code/execute", {"language": "bash", "code": "cat /proc/self/oom_score_adj"})["stdout"],
    ]
    assert [int(text) for text in said] == [min(own + 500, 1000)] * 3


@pytest.fixture(params=[None, NOBODY], ids=["root", "user"])
def limited(request, start_gateway) -> Server:
    """As root a group can perhaps be made; as an ordinary user only where it was handed over."""
    return start_gateway("--memory-max", "192M", "--pids-max", str(PIDS), user=request.param)


def test_limits_are_held_or_told_not_to_be(limited: Server) -> None:
    told = limits(limited)
    assert told["memory"]["max"] == MEMORY and told["processes"]["max"] == PIDS
    for name, setting in (("memory", "SANDBOX_MEMORY_MAX"), ("processes", "SANDBOX_PIDS_MAX")):
        grouped = (told[name]["by"] or "").startswith("cgroup")
        assert grouped != (f"{setting}: " in limited.log()), "what is not as asked for is logged, and nothing else"
    ran = limited.api.bash.exec("python3 -c 'bytearray(400 << 20); print(\"had it\")'")
    assert ("had it" in ran.stdout) == (told["memory"]["by"] is None), ran
    assert limited.api.bash.exec("echo ok").stdout == "ok\n"


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:  # it ended since it was listed
        return ""


def test_no_more_processes_than_allowed(limited: Server) -> None:
    by = limits(limited)["processes"]["by"]
    many = limited.api.bash.start("for i in {1..200}; do sleep 100 & done; wait", "many")

    def count() -> int:
        return sum(_name(process) == "sleep" for process in psutil.Process(limited.pid).children(recursive=True))

    eventually(lambda: count() == 200 or "Resource" in limited.api.bash.output("many").stderr, "it went as far as it could")
    assert (count() < PIDS + 20) == (by is not None), f"{count()} processes, held by {by}"
    limited.api.bash.kill("many", "SIGKILL")
    eventually(lambda: count() == 0, "they are gone")
    assert limited.api.bash.exec("echo ok").stdout == "ok\n"
    assert many.session_id == "many"


def test_a_full_group_is_said_so(start_gateway) -> None:
    server = start_gateway("--pids-max", "8")
    if not (limits(server)["processes"]["by"] or "").startswith("cgroup"):
        assert "SANDBOX_PIDS_MAX" in server.log(), "no group could be made, and that was said"
        return
    held = [server.api.bash.start("exec sleep 100", f"s{n}") for n in range(8)]
    answer = server.api.post("/v1/bash/exec", {"command": "true"})
    assert answer.status == 503 and "8 processes" in answer.message and "SANDBOX_PIDS_MAX" in answer.message
    for run in held:
        server.api.bash.kill(run.session_id, "SIGKILL")
    assert server.api.bash.exec("echo ok").stdout == "ok\n"


def test_the_kernels_victim_is_named(start_gateway) -> None:
    """The gateway is in another group than its children and outlives them; the answer says what happened."""
    server = start_gateway("--memory-max", "192M")
    before = server.memory()
    ran = server.api.post("/v1/bash/exec", {"command": "python3 -c 'bytearray(400 << 20)'", "session_id": "big"})
    assert ran.data["exit_code"] != 0
    by = limits(server)["memory"]["by"]
    if not by.startswith("cgroup"):
        assert by == "each process" and "MemoryError" in ran.data["stderr"]
        return
    assert ran.data["exit_code"] == 137 and "memory ran out" in ran.hint
    child = groups(server.api.bash.exec("cat /proc/self/cgroup").stdout)
    assert child and not child & groups(Path(f"/proc/{server.pid}/cgroup").read_text())
    killed = server.api.bash.start("kill -9 $$", "plain")
    output = server.api.post("/v1/bash/output", {"session_id": "plain", "wait": True, "wait_timeout": 10})
    assert output.data["command"]["exit_code"] == 137 and "memory" not in output.hint, "another SIGKILL is not blamed on it"
    assert server.memory() < before + (8 << 20) and killed.session_id == "plain"


def test_groups_go_with_the_gateway(start_gateway) -> None:
    """Also those of one that was killed, when the next one starts."""
    server = start_gateway("--memory-max", "192M", "--pids-max", "60")
    name = f"sandgate-{server.pid}"

    def left(name: str) -> list[str]:
        found = subprocess.run(
            ["find", "/sys/fs/cgroup", "-type", "d", "-name", f"{name}*"], capture_output=True, text=True, timeout=60
        )
        return found.stdout.split()

    if any((limit["by"] or "").startswith("cgroup") for limit in limits(server).values()):
        assert left(name)
    server.api.bash.start("sleep 100")
    server.kill()
    server.start()
    second = f"sandgate-{server.pid}"
    server.stop()
    assert not left(second)
    assert not left(name), "and what the killed one left"


BAD = ["12", "-5", "1X", "x", "1e9", "999999999999T", "1.5G", "0"]


@pytest.mark.parametrize("value", BAD)
def test_amounts_that_make_no_sense(tmp_path: Path, value: str) -> None:
    result = subprocess.run(
        [BINARY, "--check-config", "--home", str(tmp_path), "--memory-max", value],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=allow(5),
    )
    assert result.returncode > 0 and "--memory-max" in result.stderr and value in result.stderr


@pytest.mark.parametrize("value, bytes_", [("64M", 64 << 20), ("1g", 1 << 30), ("20000k", 20000 << 10), ("99999999", 99999999)])
def test_amounts(start_gateway, value: str, bytes_: int) -> None:
    server = start_gateway(env={"SANDBOX_MEMORY_MAX": value, "PIDS_MAX": "500"})
    assert limits(server)["memory"]["max"] == bytes_ and limits(server)["processes"]["max"] == 500
