"""kill -9 of the services as they are shipped, and of kernels, at random moments: what is told is true, and each comes
back. SANDGATE_REAL_KILLS says how often each, SANDGATE_SEED which moments; both are printed."""

from __future__ import annotations

import os
import random
import time
from typing import Any, Iterator

import psutil
import pytest

from client import unique
from server import REPO, Server, is_alive
from waiting import eventually

KILLS = int(os.environ.get("SANDGATE_REAL_KILLS", "5"))
SEED = int(os.environ.get("SANDGATE_SEED") or time.time())
NAMES = ("display", "windows", "desktop", "browser", "code", "jupyter")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    print(f"SANDGATE_SEED={SEED}")
    server = Server(["--services-dir", str(REPO / "build" / "services"), "--services", "all"])
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


def told(server: Server, name: str) -> dict[str, Any]:
    return server.api.get_ok(f"/v1/services/{name}")


def assert_truthful(server: Server, name: str, killed: int) -> None:
    """Until it is back, it is never told to be ready as the process that is gone."""

    def back() -> bool:
        now = told(server, name)
        if now["pid"] == killed:
            return False
        if now["state"] == "ready":
            return is_alive(psutil.Process(now["pid"]))
        server.api.post(f"/v1/services/{name}/start", {})
        return False

    eventually(lambda: told(server, name)["pid"] != killed, f"{name} is not told to run as {killed}")
    eventually(back, f"{name} comes back: {told(server, name)}", 60, every=0.1)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_a_service(server: Server, name: str) -> None:
    chance = random.Random(f"{SEED} {name}")
    for _ in range(KILLS):
        answer = server.api.post(f"/v1/services/{name}/start", {})
        assert answer.status == 200, answer
        pid = eventually(lambda: told(server, name)["pid"], f"{name} runs: {told(server, name)}", 60)
        time.sleep(chance.uniform(0, 1.5))  # the random moment: while it starts, or while it runs
        os.kill(pid, 9)
        assert_truthful(server, name, pid)


@pytest.mark.timeout(1800)
def test_a_kernel(server: Server) -> None:
    chance, session = random.Random(f"{SEED} kernel"), unique("kernel")
    for _ in range(KILLS):
        pid = int(server.api.jupyter.run("import os; print(os.getpid())", session).stdout)
        time.sleep(chance.uniform(0, 0.3))
        os.kill(pid, 9)
        again = server.api.jupyter.run("6 * 7", session)
        if again.value is None:  # given to the dying kernel: that is told
            assert again.status == "error" and again.hint, again
            again = server.api.jupyter.run("6 * 7", session)
        assert again.value == "42", again
