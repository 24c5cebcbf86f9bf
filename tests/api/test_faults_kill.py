"""kill -9 at random moments under load: of the gateway, and of whatever runs below it. Afterwards states are true, and
nothing that was acknowledged is lost.

SANDGATE_KILLS says how often (`make torture`: 200), SANDGATE_SEED which moments; both are printed.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any, Iterator

import psutil
import pytest

from client import unique
from killing import Ledger, Load, check_database, check_files, check_history, check_processes, check_services
from server import REPO, Server, is_alive
from services import Services
from waiting import Stopwatch, eventually

pytestmark = pytest.mark.local

KILLS = int(os.environ.get("SANDGATE_KILLS", "20"))
SEED = int(os.environ.get("SANDGATE_SEED") or time.time())


@pytest.fixture
def light(services: Services) -> Services:
    """Services that start at once: one from the start, one when it is asked for, one that needs another."""
    services.sleeper("base", start="boot", stop_seconds=1)
    services.sleeper("lazy", stop_seconds=1)
    services.sleeper("top", needs=["base"], stop_seconds=1)
    for name in ("node", "python"):  # what sessions of code run
        (services.folder / name).symlink_to(REPO / "services" / name)
    # These are killed, and left alone otherwise.
    services.sleeper("victim", stop_seconds=1)
    services.sleeper("needing", needs=["victim"], stop_seconds=1)
    return services


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(light: Services) -> Iterator[Server]:
    """Always on the same port, which must be free again the moment the gateway is dead."""
    server = Server(["--listen", f"127.0.0.1:{free_port()}", *light.arguments()])
    light.gateway = server
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


@pytest.mark.timeout(1800)
def test_the_gateway(server: Server) -> None:
    chance, ledger, starts = random.Random(SEED), Ledger(), []
    for n in range(KILLS):
        with Load(server, ledger, f"{SEED} {n}"):
            time.sleep(chance.uniform(0.05, 0.6))  # the random moment
            dead = server.pid
            server.kill()
        check_database(server.state)
        with Stopwatch() as watch:
            server.start()
        starts.append(watch.seconds)
        check_files(ledger, server.workspace)
        check_history(ledger, server.api)
        check_processes(server, dead)
        check_services(server)
    print(f"SANDGATE_SEED={SEED} kills={KILLS} slowest start {max(starts):.3f} s, done meanwhile: {ledger.counts}")
    assert "moved aside" not in server.log()


# ---- what runs below the gateway ----


class Victims:
    """One kind of process after the other: kill it, and see that what is told is true."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server, self.api, self.chance = server, server.api, chance

    def one(self) -> str:
        kind = self.chance.choice(("service", "bash", "shell", "viewed shell", "code", "node"))
        getattr(self, kind.replace(" ", "_"))()
        return kind

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def _moment(self) -> None:
        time.sleep(self.chance.uniform(0, 0.03))

    def service(self) -> None:
        name = self.chance.choice(("victim", "needing"))
        told = self.api.post_ok(f"/v1/services/{name}/start", {})
        assert told["state"] == "ready", told
        self._moment()
        self._kill(told["pid"])

        def truth() -> dict[str, Any] | None:
            now = self.api.get_ok(f"/v1/services/{name}")
            return now if now["pid"] != told["pid"] else None

        now = eventually(truth, f"{name} is not told to run as {told['pid']}")
        assert now["state"] != "ready" or is_alive(psutil.Process(now["pid"])), now
        assert now["state"] in ("ready", "starting") or "signal 9" in now["reason"] or "kill" in now["reason"].lower(), now

    def bash(self) -> None:
        session = unique("victim")
        told = self.api.bash.start("echo $$; exec sleep 1000", session)
        pid = int(eventually(lambda: self.api.bash.output(session, told.command_id).stdout, "it runs"))
        self._moment()
        self._kill(pid)
        seen = self.api.bash.finish(session, told.command_id)
        assert seen.command["exit_code"] == 137 and seen.command["status"] != "running", seen
        assert self.api.bash.exec("echo ok", session).stdout == "ok\n"
        self.api.bash.close(session)

    def shell(self) -> None:
        session = unique("victim")
        pid = int(self.api.shell.exec("echo $$", session).output)
        busy = self.chance.random() < 0.5
        if busy:
            self.api.shell.exec("echo $$; sleep 1000", session, async_mode=True)
        self._moment()
        self._kill(pid)
        if busy:
            eventually(lambda: self._is_true_of(session, pid), "what is told of the command is true")
            self.api.shell.kill(session)
        assert self.api.shell.exec("echo ok", session).output == "ok\n"
        assert self.api.shell.delete(session).success

    def _is_true_of(self, session: str, killed: int) -> bool:
        """It was ended, or, when it had not begun yet, runs in the next shell."""
        seen = self.api.shell.view(session)
        if seen.status != "running":
            return seen.status == "terminated" and seen.exit_code == 137
        lines = seen.console[-1]["output"].split()
        return bool(lines) and int(lines[0]) != killed and psutil.pid_exists(int(lines[0]))

    def viewed_shell(self) -> None:
        from terminal import Terminal

        session = unique("victim")
        with Terminal(self.server, session) as seen:
            pid = int(seen.run("echo $$"))
            self._moment()
            self._kill(pid)
            assert self.api.shell.exec("echo ok", session).output == "ok\n"
        assert self.api.shell.delete(session).success

    def code(self) -> None:
        answer = self.api.post("/v1/code/execute", {"language": "python", "code": "import os; os.kill(os.getpid(), 9)"})
        assert answer.status == 200 and answer.data["status"] == "error" and answer.data["exit_code"] == 137, answer

    def node(self) -> None:
        session = unique("victim")
        told = self.api.node.run("process.pid", session)
        self._moment()
        self._kill(int(told.value))
        again = self.api.node.run("6 * 7", session)
        if again.value is None:  # given to the dying process: that is told, too
            assert (again.status, again.exit_code) == ("error", 137) and "signal 9" in again.hint, again
            again = self.api.node.run("6 * 7", session)
        assert again.value == "42", again
        assert self.api.node.delete(session).success


@pytest.mark.timeout(1800)
def test_what_runs_below_it(light: Services, server: Server) -> None:
    chance, ledger, killed = random.Random(SEED), Ledger(), []
    with Load(server, ledger, str(SEED)):
        for _ in range(KILLS):
            killed.append(Victims(server, chance).one())
        check_services(server)
    counts = {kind: killed.count(kind) for kind in sorted(set(killed))}
    print(f"SANDGATE_SEED={SEED} kills={counts}, done meanwhile: {ledger.counts}")
    assert server.running
