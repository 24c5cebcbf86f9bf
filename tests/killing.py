"""Load on a gateway that is about to be killed, and the ledger of what it has acknowledged meanwhile."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable

import httpx
import psutil
from websockets.exceptions import WebSocketException

from client import Api, unique
from server import Server, is_alive
from terminal import Terminal
from waiting import eventually

ENDED = ("completed", "killed", "terminated", "timed_out", "hard_timeout", "no_change_timeout")


def content_of(name: str, version: int) -> bytes:
    """What a file holds: told by its name and version, so that half of it is known for what it is."""
    line = hashlib.sha256(f"{name} {version}".encode()).hexdigest() + "\n"
    return f"{version}\n".encode() + line.encode() * random.Random(line).choice((1, 100, 3000))


@dataclasses.dataclass(frozen=True)
class Finished:
    session: str
    command: str
    code: int
    output: str


class Ledger:
    """What was acknowledged. What was under way when the gateway died may have happened or not, but not by halves."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.written: dict[str, int] = {}  # path: the newest version that was answered with success
        self.tried: dict[str, int] = {}  # and the newest that was asked for
        self.bash: list[Finished] = []
        self.shell: dict[str, tuple[str, int]] = {}  # session: its newest command that ended, and how
        self.started: list[tuple[str, str]] = []  # session and id of commands that were left running
        self.sessions: list[str] = []
        self.counts: dict[str, int] = {}
        self.wrong: list[str] = []  # an answer that should not have come

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1


class Load:
    """Clients that ask for one thing after another until the gateway is gone."""

    KINDS = ("files", "uploads", "bash", "background", "shell", "sockets", "services")

    def __init__(self, server: Server, ledger: Ledger, seed: str) -> None:
        self.server, self.ledger = server, ledger
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self._repeat, args=(getattr(self, f"_{kind}"), random.Random(f"{seed} {kind}")))
            for kind in self.KINDS
        ]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads), "a client of a dead gateway hangs"
        assert not self.ledger.wrong, self.ledger.wrong

    def _repeat(self, once: Callable[[Api, random.Random], None], chance: random.Random) -> None:
        api = Api(self.server.url, timeout=30)
        while not self.over.is_set():
            try:
                once(api, chance)
                self.ledger.count(once.__name__[1:])
            except (httpx.TransportError, OSError, WebSocketException, EOFError):
                break  # the gateway is gone
            except AssertionError as why:
                if ": 429 " not in str(why):  # too much of something is a clear word, and no fault
                    self.ledger.wrong.append(f"{once.__name__}: {why!r}")
                    break
            except Exception as why:  # noqa: BLE001: told by the main thread
                self.ledger.wrong.append(f"{once.__name__}: {why!r}")
                break
        api.close()

    def _files(self, api: Api, chance: random.Random) -> None:
        name = str(self.server.workspace / f"file-{chance.randrange(20)}")
        version = self._next_version(name)
        api.file.write(name, content_of(name, version).decode())
        self._acknowledge(name, version)

    def _uploads(self, api: Api, chance: random.Random) -> None:
        name = str(self.server.workspace / f"upload-{chance.randrange(20)}")
        version = self._next_version(name)
        api.post_ok("/v1/file/upload", files={"file": ("x", content_of(name, version))}, data={"path": name})
        self._acknowledge(name, version)

    def _next_version(self, name: str) -> int:
        with self.ledger.lock:
            self.ledger.tried[name] = self.ledger.tried.get(name, 0) + 1
            return self.ledger.tried[name]

    def _acknowledge(self, name: str, version: int) -> None:
        with self.ledger.lock:
            self.ledger.written[name] = version

    def _bash(self, api: Api, chance: random.Random) -> None:
        word, code = unique("word"), chance.randrange(4)
        # Sessions with a name do not make room for others.
        told = api.bash.exec(f"echo {word}; exit {code}", f"bash-{chance.randrange(50)}" if chance.random() < 0.3 else None)
        assert (told.status, told.stdout, told.exit_code) == ("completed", f"{word}\n", code), told
        self.ledger.bash.append(Finished(told.session_id, told.command_id, code, f"{word}\n"))

    def _background(self, api: Api, chance: random.Random) -> None:
        session, stays = api.bash.create(unique("kept"))["session_id"], len(self.ledger.sessions) < 40 and chance.random() < 0.1
        if stays:
            self.ledger.sessions.append(session)
        told = api.bash.start("sleep 1000 & setsid sleep 1000 & trap '' TERM; sleep 1000", session)
        self.ledger.started.append((session, told.command_id))
        if not stays:
            api.bash.close(session)

    def _shell(self, api: Api, chance: random.Random) -> None:
        session, code = f"shell-{chance.randrange(3)}", chance.randrange(4)
        command = f"echo {unique('word')}; (exit {code})"
        told = api.shell.exec(command, session)
        assert (told.status, told.exit_code) == ("completed", code), told
        self.ledger.shell[session] = (command, code)

    def _sockets(self, api: Api, chance: random.Random) -> None:
        with Terminal(self.server, f"terminal-{chance.randrange(2)}") as seen:
            seen.type("echo typed\n")
            seen.wait_heard()

    def _services(self, api: Api, chance: random.Random) -> None:
        verb, name = chance.choice(("start", "stop", "restart")), chance.choice(("lazy", "base", "top"))
        told = api.post(f"/v1/services/{name}/{verb}", {})
        assert told.status == 200, told


# ---- what must hold afterwards ----


def check_files(ledger: Ledger, workspace: Path) -> None:
    for path, tried in ledger.tried.items():
        kept = ledger.written.get(path, 0)
        data = Path(path).read_bytes() if Path(path).exists() else None
        whole = [version for version in range(kept, tried + 1) if version and data == content_of(path, version)]
        assert whole or (kept == 0 and data is None), f"{path}: version {kept} was acknowledged, {data and data[:80]!r}"
        if whole:
            ledger.written[path] = ledger.tried[path] = whole[-1]
    strangers = [str(path) for path in workspace.rglob("*") if str(path) not in ledger.tried]
    assert not strangers, f"left behind: {strangers}"


def check_history(ledger: Ledger, api: Api) -> None:
    for done in ledger.bash:
        seen = api.bash.output(done.session, done.command)
        assert (seen.command["status"], seen.command["exit_code"]) == ("completed", done.code), seen
        assert seen.stdout == done.output, seen
    for session, command in ledger.started:
        seen = api.bash.output(session, command)
        assert seen.command["status"] in ENDED, f"told to be {seen.command['status']} after the gateway died"
    known = api.bash.sessions()
    for session in ledger.sessions:
        assert session in known, f"session {session} was made, and is not known"
        assert known[session]["current_command"] is None, known[session]
    for session, (command, code) in ledger.shell.items():
        rows = api.get_ok(f"/v1/shell/sessions/{session}/commands", params={"limit": 100})
        mine = [row for row in rows if row["command"] == command]
        assert mine and (mine[0]["status"], mine[0]["exit_code"]) == ("completed", code), (command, mine, rows[:3])
        assert not [row for row in rows if row["status"] not in ENDED], rows
    ledger.bash.clear()
    ledger.started.clear()
    ledger.sessions.clear()
    ledger.shell.clear()


def check_database(state: Path) -> None:
    """On a copy: looking would fold the log, which is what the next gateway is to do."""
    with tempfile.TemporaryDirectory() as folder:
        for path in state.glob("sandgate.db*"):
            shutil.copy(path, folder)
        assert not list(Path(folder).glob("*.damaged*")), "a sound database was moved aside"
        database = sqlite3.connect(Path(folder) / "sandgate.db")
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()


def check_processes(server: Server, dead: int) -> None:
    """Nobody of the dead gateway lives on, and the new one has reaped whoever ended."""
    own = {server.pid, *(p.pid for p in psutil.Process(server.pid).children(recursive=True))}

    def strangers() -> list[Any]:
        return [p for p in server.descendants() if p.pid not in own and not _descends(p, server.pid)]

    eventually(lambda: not strangers(), f"what {dead} left is ended: {strangers()}")
    zombies = lambda: [p for p in psutil.Process(server.pid).children() if not is_alive(p)]  # noqa: E731
    eventually(lambda: not zombies(), f"whoever ended is reaped: {zombies()}")


def _descends(process: psutil.Process, ancestor: int) -> bool:
    try:
        return any(parent.pid == ancestor for parent in process.parents())
    except psutil.Error:
        return True  # gone meanwhile


def check_services(server: Server) -> None:
    for service in server.api.get_ok("/v1/services"):
        if service["state"] == "ready":
            # Read before: it may have ended since, but then it is no longer ready.
            alive = psutil.pid_exists(service["pid"]) and is_alive(psutil.Process(service["pid"]))
            now = server.api.get_ok(f"/v1/services/{service['name']}")
            assert alive or (now["state"], now["pid"]) != ("ready", service["pid"]), now
    eventually(lambda: server.api.get_ok("/v1/services/base")["state"] == "ready", "what starts at boot is back", 10)
