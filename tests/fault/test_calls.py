"""The Nth allocation and the Nth system call of a request fail, for every N: the gateway neither ends nor hangs nor
leaks, says what became of the request, and serves the next one.

SANDGATE_FAULT_STEPS bounds how many N are tried of each operation and kind (0: all, as in `make torture`); which ones
is chosen by SANDGATE_SEED, which is printed.
"""

from __future__ import annotations

import collections
import os
import random
from pathlib import Path
from typing import Iterator

import psutil
import pytest

from apps import App
from client import Api
from operations import OPERATIONS, Dropped, Operation, Refused, World
from page import KINDS, Page
from server import BINARY, REPO, Server, is_alive
from services import ECHO, Services
from waiting import eventually

STEPS = int(os.environ.get("SANDGATE_FAULT_STEPS", "2"))
SEED = int(os.environ.get("SANDGATE_SEED", "1"))
# How many calls in a row fail: one; of some kinds also everything from there on. (While no system call works nobody
# is let in, so there is nothing to be answered.)
ALL = 1 << 40
RUNS = {"memory": (1, ALL), "system": (1,), "interrupt": (1,), "short": (1, ALL)}


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with App() as app:
        yield app


class Faulty:
    """A gateway whose calls can be told to fail, and how it is doing."""

    def __init__(self, root: Path, upstream: int) -> None:
        self.upstream = upstream
        folder = root / "services"
        folder.mkdir()
        Services(folder).echo("echo", stop_seconds=1)
        for name in ("node", "python"):  # what sessions of code run
            (folder / name).symlink_to(REPO / "services" / name)
        self.page = Page(root / "page", BINARY)
        arguments = ["--services-dir", str(folder), "--services", "all"]
        self.server = Server(arguments, self.page.environment, root=root)

    def descriptors(self) -> collections.Counter[str]:
        """What is open, by kind where it has no name."""
        place = Path(f"/proc/{self.server.pid}/fd")
        names: collections.Counter[str] = collections.Counter()
        for entry in place.iterdir():
            try:
                name = os.readlink(entry)
            except OSError:
                continue  # closed meanwhile
            if not name.startswith(f"{self.server.state}/output/"):  # what a session's commands wrote is kept for it
                names[name.split(":")[0] if ":[" in name else name] += 1
        names["socket"] -= self._pooled()
        return +names

    def _pooled(self) -> int:
        """Connections to the app that wait for their next request, as they should."""
        process = psutil.Process(self.server.pid)
        look = getattr(process, "net_connections", None) or process.connections
        return sum(1 for c in look("tcp") if c.raddr and c.raddr.port == self.upstream)

    def zombies(self) -> list[psutil.Process]:
        return [p for p in psutil.Process(self.server.pid).children() if not is_alive(p)]


@pytest.fixture(scope="module")
def faulty(app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    print(f"SANDGATE_SEED={SEED}")
    faulty = Faulty(tmp_path_factory.mktemp("faulty"), app.port)
    try:
        faulty.server.start()
        yield faulty
        # Exit code 0 also says that nothing leaked.
        faulty.server.stop()
    finally:
        faulty.server.discard()


class Attempt:
    """One operation with one call failing."""

    def __init__(self, faulty: Faulty, world: World, operation: Operation) -> None:
        self.faulty, self.world, self.operation = faulty, world, operation

    def close(self) -> None:
        self.world.api.close()
        self.faulty.server.api.close()
        self.faulty.server.api = Api(self.faulty.server.url)

    def count(self, kind: str) -> int:
        """How many calls of a kind the operation takes when none fails."""
        self.world.renew()
        self.faulty.page.arm(kind, 0)
        self.operation.run(self.world)
        self.faulty.page.disarm()
        self.operation.tidy(self.world)
        return self.faulty.page.count

    def fail(self, kind: str, n: int, run: int) -> str:
        """What became of it: ok, refused or dropped."""
        outcome = "ok"
        self.world.renew()
        self.faulty.page.arm(kind, n, run)
        try:
            self.operation.run(self.world)
        except Refused:
            outcome = "refused"
        except Dropped:
            outcome = "dropped"
        finally:
            self.faulty.page.disarm()
        return outcome

    def again(self) -> None:
        """With nothing failing any more everything works."""
        self.world.renew()
        self.operation.tidy(self.world)
        self.operation.run(self.world)
        self.operation.tidy(self.world)


def chosen(count: int, label: str) -> list[int]:
    if not STEPS or count <= STEPS:
        return list(range(1, count + 1))
    return sorted(random.Random(f"{SEED} {label}").sample(range(1, count + 1), STEPS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_call_may_fail(faulty: Faulty, app: App, operation: Operation, kind: str) -> None:
    if not faulty.server.running:
        faulty.server.start()
    world = World(faulty.server, app)
    attempt = Attempt(faulty, world, operation)
    attempt.again()
    count = attempt.count(kind)
    attempt.close()
    before = faulty.descriptors()
    outcomes: collections.Counter[str] = collections.Counter()
    for run in RUNS[kind] if not STEPS else RUNS[kind][:1]:
        for n in chosen(count, f"{operation.name} {kind} {run}"):
            try:
                outcomes[attempt.fail(kind, n, run)] += 1
                where = faulty.page.where
                attempt.again()
            except Exception as why:
                raise AssertionError(
                    f"{kind} {n} of {count}, {run} in a row: {faulty.page.where()}; {describe(faulty)}"
                ) from why
    print(f"{operation.name} {kind}: {count} calls, {dict(outcomes)}")
    attempt.close()
    eventually(lambda: not faulty.descriptors() - before, f"closed is {faulty.descriptors() - before}")
    eventually(lambda: not faulty.zombies(), "whoever ended is reaped")
    faulty.server.assert_clean_log()


def describe(faulty: Faulty) -> str:
    if faulty.server.running:
        return "it goes on"
    return f"it ended with {faulty.server.wait()}\n{faulty.server.log()[-6000:]}"
