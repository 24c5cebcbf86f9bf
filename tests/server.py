"""The gateway as a process: start it on a free port in directories of its own, stop it, look at what it left."""

from __future__ import annotations

import functools
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Mapping, Sequence

import psutil

from client import Api
from waiting import allow, eventually, set_slowness

REPO = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("SANDGATE_BIN") or REPO / "build" / "sandgate").resolve()
LISTENING = re.compile(r"listening (http://\S+:(\d+))\n")
START_DEADLINE = 10.0
STOP_DEADLINE = 10.0

# Settings of whoever runs the tests must not leak into the gateway under test.
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL", "TERM", "ASAN_OPTIONS", "UBSAN_OPTIONS")


@functools.cache
def is_sanitised() -> bool:
    binary = BINARY.read_bytes()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def measure_binary() -> None:
    """Stretch wall-clock bounds when the binary under test is a sanitised one."""
    if BINARY.exists() and is_sanitised():
        set_slowness(4.0)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    env = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    env.setdefault("LANG", "C.UTF-8")
    env.update(extra or {})
    return env


def web_arguments(binary: Path) -> list[str]:
    """A binary that lies elsewhere than build/ (a sanitised one, a copy) is told where the built pages are."""
    if (binary.parent / "web").is_dir():
        return []
    return ["--web", str(REPO / "build" / "web")]


class Server:
    """One gateway process. `args` take the place of the standard settings they name; settings named in `without`
    are left for the environment to say."""

    def __init__(
        self,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        user: int | None = None,
        root: Path | None = None,
        binary: Path = BINARY,
        without: Sequence[str] = (),
    ) -> None:
        self.root = root or Path(tempfile.mkdtemp(prefix="sandgate-test-"))
        self.home, self.workspace, self.state = (self.root / name for name in ("home", "workspace", "state"))
        self.args, self.env, self.key, self.user, self.binary = list(args), dict(env or {}), key, user, binary
        self.without = set(without)
        self.url, self.port, self.api = "", 0, Api("", key)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_path = self.root / "gateway.log"
        self._prepare_directories()

    def _prepare_directories(self) -> None:
        self.root.chmod(0o755)
        for path in (self.home, self.workspace, self.state):
            path.mkdir(exist_ok=True)
            if self.user is not None:
                os.chown(path, self.user, self.user)

    def command_line(self) -> list[str]:
        settings = {
            "--listen": "127.0.0.1:0",
            "--home": str(self.home),
            "--workspace": str(self.workspace),
            "--state": str(self.state),
            "--services": "none",
        }
        left_out = self.without | set(self.args)
        words = [word for name, value in settings.items() if name not in left_out for word in (name, value)]
        return [str(self.binary), *words, *web_arguments(self.binary), *self.args]

    def start(self) -> "Server":
        env = clean_environment(self.env)
        if self.key is not None:
            env["SANDBOX_API_KEY"] = self.key
        identity = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command_line(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=env,
                cwd=self.root,
                **identity,
            )
        match = LISTENING.fullmatch(self._first_line())
        assert match, f"no listening line from {self.command_line()}\n{self.log()}"
        self.url, self.port = match[1], int(match[2])
        self.api.close()
        self.api = Api(self.url, self.key)
        return self

    def _first_line(self) -> str:
        """The line on stdout, read by a deadline so that a gateway that hangs at start fails the test at once."""
        assert self._process and self._process.stdout
        fd, line, end = self._process.stdout.fileno(), b"", time.monotonic() + allow(START_DEADLINE)
        while not line.endswith(b"\n") and time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                chunk = os.read(fd, 4096)
                if not chunk:
                    break
                line += chunk
        return line.decode()

    @property
    def pid(self) -> int:
        assert self._process, "the gateway was never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def unread_stdout(self) -> str:
        """What the stopped gateway wrote to stdout after its one line."""
        assert self._process and self._process.stdout and not self.running
        return self._process.stdout.read().decode()

    def memory(self) -> int:
        """Resident bytes of the gateway itself, without its children."""
        return psutil.Process(self.pid).memory_info().rss

    def peak_memory(self) -> int:
        """The highest resident size since the last reset_peak_memory(), in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def reset_peak_memory(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descendants(self) -> list[psutil.Process]:
        """Every process that belongs to this gateway: its tree, and whoever escaped it but kept its HOME."""
        found: dict[int, psutil.Process] = {}
        if self.running:
            found = {p.pid: p for p in psutil.Process(self.pid).children(recursive=True)}
        own = self._process.pid if self._process else None
        for process in psutil.process_iter():
            try:
                if process.pid != own and process.environ().get("HOME") == str(self.home):
                    found[process.pid] = process
            except (psutil.Error, OSError):
                continue  # gone meanwhile, or not ours to read
        return [p for p in found.values() if is_alive(p)]

    def stop(self) -> None:
        """Ask it to end, and hold it to its contract: exit 0, in time, and nobody left behind."""
        children = self.descendants()
        self.terminate()
        code = self._process.wait(allow(STOP_DEADLINE))
        assert code == 0, f"exit code {code} after SIGTERM\n{self.log()[-4000:]}"
        left = [p for p in {*children, *self.descendants()} if is_alive(p)]
        assert not left, f"children left behind: {[_describe(p) for p in left]}"
        self.assert_clean_log()

    def terminate(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGTERM)

    def wait(self, deadline: float = STOP_DEADLINE) -> int:
        assert self._process
        return self._process.wait(allow(deadline))

    def kill(self) -> None:
        """kill -9, as a crash or an out-of-memory kill would."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def assert_clean_log(self) -> None:
        for sign in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:"):
            assert sign not in self.log(), f"the sanitiser spoke up:\n{self.log()[-6000:]}"

    def discard(self) -> None:
        """End what is left, by pid, and remove the directories. Safe in every state."""
        self.api.close()
        if self.running:
            self.kill()
        for process in self.descendants():
            process.kill()
        if self._process and self._process.stdout:
            self._process.stdout.close()
        shutil.rmtree(self.root, ignore_errors=True)


class RemoteGateway:
    """A gateway someone else started (a container): only its address and its API are known."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url, self.key = url.rstrip("/"), key
        self.port = int(self.url.rsplit(":", 1)[1])
        self.api = Api(self.url, key)
        self.running = True

    def log(self) -> str:
        return ""

    def assert_clean_log(self) -> None:
        pass


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())}"
    except psutil.Error:
        return str(process.pid)


def wait_for_exit(pid: int, deadline: float = 5.0) -> None:
    eventually(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE,
        f"process {pid} ends",
        deadline,
    )
