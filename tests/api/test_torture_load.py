"""Many at once, and kills at random moments: nothing is mixed up, lost or left hanging."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from client import Api, unique
from waiting import Stopwatch, allow

KILLS = 1000
SEED = 20250117  # any number: the same moments every time


def test_64_parallel_shell_execs_keep_their_payloads(api: Api) -> None:
    def run(n: int) -> tuple[str, str, int | None]:
        payload = f"payload-{n}-{unique('p')}"
        result = api.shell.exec(f"for i in 1 2 3; do echo {payload} $i; done; (exit {n})", unique(f"par-{n}"))
        return payload, result.output, result.exit_code

    with Stopwatch() as watch, ThreadPoolExecutor(64) as pool:
        results = list(pool.map(run, range(64)))
    watch.assert_below(15)
    for n, (payload, output, code) in enumerate(results):
        assert (output, code) == (f"{payload} 1\n{payload} 2\n{payload} 3\n", n)


def test_64_parallel_bash_execs_keep_their_payloads(api: Api) -> None:
    def run(n: int) -> tuple[str, str, str, int | None]:
        payload = f"payload-{n}-{unique('p')}"
        result = api.bash.exec(f"for i in 1 2 3; do echo {payload} $i; echo e-{payload} >&2; done; exit {n}")
        return payload, result.stdout, result.stderr, result.exit_code

    with Stopwatch() as watch, ThreadPoolExecutor(64) as pool:
        results = list(pool.map(run, range(64)))
    watch.assert_below(10)
    for n, (payload, stdout, stderr, code) in enumerate(results):
        assert (stdout, stderr) == (f"{payload} 1\n{payload} 2\n{payload} 3\n", f"e-{payload}\n" * 3)
        assert code == n


def test_16_parallel_execs_of_one_session_each_get_their_own(api: Api) -> None:
    shell, bash = unique("one"), unique("one")

    def run(n: int) -> tuple[str, str]:
        return (
            api.shell.exec(f"echo shell-{n}; sleep 0.0{n % 4}", shell).output,
            api.bash.exec(f"echo bash-{n}; sleep 0.0{n % 4}", bash).stdout,
        )

    with Stopwatch() as watch, ThreadPoolExecutor(16) as pool:
        results = list(pool.map(run, range(16)))
    watch.assert_below(10)
    assert results == [(f"shell-{n}\n", f"bash-{n}\n") for n in range(16)]


class Victim:
    """One API's way to start something, kill it and ask whether the session still answers."""

    def __init__(self, api: Api) -> None:
        self.api, self.session, self.chance = api, unique("victim"), random.Random(SEED)

    def start(self, command: str) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        raise NotImplementedError

    def echo(self, text: str) -> str:
        raise NotImplementedError


class ShellVictim(Victim):
    def start(self, command: str) -> None:
        self.api.shell.exec(command, self.session, async_mode=True)

    def kill(self) -> None:
        # The command may have ended by itself at that very moment: then there is nothing to kill, and that is fine.
        answer = self.api.post("/v1/shell/kill", {"id": self.session})
        assert answer.status in (200, 404, 409), answer
        assert answer.status != 200 or answer.data["status"] != "running", f"it survived its kill: {answer}"

    def echo(self, text: str) -> str:
        return self.api.shell.exec(f"echo {text}", self.session, hard_timeout=10).output


class BashVictim(Victim):
    def start(self, command: str) -> None:
        self.api.bash.start(command, self.session)

    def kill(self) -> None:
        signal = self.chance.choice(("SIGTERM", "SIGKILL"))
        answer = self.api.post("/v1/bash/kill", {"session_id": self.session, "signal": signal})
        assert answer.status in (200, 404, 409), answer

    def echo(self, text: str) -> str:
        return self.api.bash.exec(f"echo {text}", self.session, hard_timeout=10).stdout


COMMANDS = [
    "sleep 100",
    "sleep 100 & sleep 100",
    "yes",
    "cat",
    "true",
    "sleep 0.002",
    "(exit 3)",
    "sh -c 'sleep 100'",
    "while :; do :; done",
    "seq 1 100000",
    "sleep 100 | sleep 100",
    "read x",
]


def kill_at_random_moments(victim: Victim) -> list[float]:
    """Start, kill after a random moment, ask for an echo; how long each echo took."""
    chance, latencies = victim.chance, []
    nap = threading.Event()
    victim.echo("warm")
    for n in range(KILLS):
        victim.start(chance.choice(COMMANDS))
        nap.wait(chance.random() ** 3 * 0.02)
        victim.kill()
        start = time.monotonic()
        assert victim.echo(f"alive-{n}") == f"alive-{n}\n", f"after kill {n} of seed {SEED}"
        latencies.append(time.monotonic() - start)
    return sorted(latencies)


def assert_prompt(latencies: list[float]) -> None:
    """100 ms each; a machine busy with something else may delay one in a hundred, but never for long."""
    slow = [f"{seconds * 1000:.0f} ms" for seconds in latencies if seconds > allow(0.1)]
    assert len(slow) <= KILLS // 100, f"{len(slow)} echoes over 100 ms: {slow[-20:]}"
    assert latencies[-1] < allow(1.0), f"the slowest echo took {latencies[-1]:.3f} s"


def test_shell_survives_kills_at_random_moments(api: Api) -> None:
    with Stopwatch() as watch:
        assert_prompt(kill_at_random_moments(ShellVictim(api)))
    watch.assert_below(90)


def test_bash_survives_kills_at_random_moments(api: Api) -> None:
    with Stopwatch() as watch:
        assert_prompt(kill_at_random_moments(BashVictim(api)))
    watch.assert_below(90)


def test_sessions_come_and_go(api: Api) -> None:
    """Create, use and delete 200 sessions of each kind from four sides; nothing is left of them."""

    def cycle(n: int) -> str:
        session = unique("cycle")
        output = api.shell.exec(f"echo {n}", session).output
        assert api.shell.delete(session).success
        bash = api.bash.exec(f"echo {n}", session)
        assert api.bash.close(session).success
        return output + bash.stdout

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(cycle, range(200))) == [f"{n}\n{n}\n" for n in range(200)]
    assert api.shell.stats()["total_sessions"] == 0
