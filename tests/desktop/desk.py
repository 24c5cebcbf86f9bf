"""The desktop's services as processes, started as the supervisor does it, without a gateway."""

from __future__ import annotations

import functools
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from control_socket import Control
from rfb import RAW, Viewer
from server import BINARY, REPO, clean_environment
from waiting import allow, eventually, set_slowness

SERVICES = BINARY.parent / "services"
FIRST_DISPLAY, LAST_DISPLAY = 500, 599


@functools.cache
def is_sanitised() -> bool:
    return b"__asan_init" in (SERVICES / "desktop" / "sandgate-desktop").read_bytes()


def measure_services() -> None:
    if (SERVICES / "desktop" / "sandgate-desktop").exists() and is_sanitised():
        set_slowness(4.0)


def claim_display() -> tuple[int, socket.socket]:
    """A number no X server has, claimed as gateways do it (core/display_claim.c)."""
    for number in range(FIRST_DISPLAY, LAST_DISPLAY + 1):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0sandgate-display-{number}")
        except OSError:
            claim.close()
            continue
        if not listens(f"/tmp/.X11-unix/X{number}"):
            return number, claim
        claim.close()
    raise AssertionError("no display number is free")


def listens(path: str | Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


class Service:
    def __init__(self, desk: "Desk", name: str, command: str, ready: str) -> None:
        self.desk, self.name = desk, name
        self.folder = SERVICES / name
        self.run = desk.runs / name
        self.command, self.ready = self.folder / command, self.run / ready
        self.log_path = desk.root / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self, **settings: str) -> "Service":
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(mode=0o700)
        env = {
            **self.desk.env,
            "SERVICE_NAME": self.name,
            "SERVICE_DIR": str(self.folder),
            "SERVICE_RUN": str(self.run),
            "SERVICE_SOCKET": str(self.run / "socket"),
            **settings,
        }
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [str(self.command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=self.desk.root
            )
        return self

    def start(self, **settings: str) -> "Service":
        self.spawn(**settings)
        eventually(lambda: listens(self.ready) or not self.alive, f"{self.name} is ready")
        assert self.alive, f"{self.name} ended: {self.log}"
        return self

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait(self, deadline: float = 5.0) -> int:
        """Until it has ended by itself; its exit code."""
        assert self.process
        eventually(lambda: not self.alive, f"{self.name} ends", deadline)
        return self.process.returncode

    def kill(self) -> None:
        if self.process and self.alive:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def memory_kib(self) -> int:
        """What is its own: the screen's pages are the X server's."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
        raise AssertionError("no RssAnon")


class Desk:
    """An X server, a window manager and the desktop program, on a display of their own."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="sandgate-desk-"))
        self.number, self._claim = claim_display()
        self.runs = self.root / "run"
        self.runs.mkdir()
        self.env = clean_environment(
            {
                "HOME": str(self.root),
                "DISPLAY": f":{self.number}",
                "XAUTHORITY": str(self.root / "xauthority"),
                "SANDGATE_RUN": str(self.runs),
            }
        )
        self.display = Service(self, "display", "run", "ready")
        self.windows = Service(self, "windows", "run", "ready")
        self.desktop = Service(self, "desktop", "sandgate-desktop", "socket")
        self.services = (self.display, self.windows, self.desktop)

    def start(self, **settings: str) -> "Desk":
        for service in self.services:
            service.start(**settings)
        return self

    def close(self) -> None:
        for service in reversed(self.services):
            service.kill()
        self._claim.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def control(self, timeout: float = 10.0) -> Control:
        return Control(str(self.desktop.run / "control"), timeout)

    def viewer(self, *encodings: int, timeout: float = 10.0) -> Viewer:
        return Viewer.at(str(self.desktop.ready), timeout, encodings or (RAW,))

    def tool(self, *command: str, **options) -> subprocess.CompletedProcess[bytes]:
        """An X program that does its work and ends."""
        return subprocess.run(command, env=self.env, timeout=30, check=True, **options)


@functools.cache
def xclient_binary() -> Path:
    source = Path(__file__).with_name("xclient.c")
    binary = REPO / "build" / "tests" / "xclient"
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        binary.parent.mkdir(parents=True, exist_ok=True)
        partial = binary.with_name(f"xclient.{os.getpid()}")
        subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-o", partial, source, "-lX11"], check=True)
        partial.rename(binary)
    return binary


class Window:
    """A window at the upper left of the screen with the keyboard's focus; see xclient.c."""

    def __init__(self, desk: Desk, width: int = 400, height: int = 300, color: str = "336699") -> None:
        self._process = subprocess.Popen(
            [xclient_binary(), str(width), str(height), color],
            env=desk.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lines = b""
        self.id = self.expect("ready")[0]
        self.expect("focus")

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self, deadline: float) -> list[str]:
        while b"\n" not in self._lines:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._process.stdout], [], [], max(left, 0))
            assert ready, "the awaited did not happen to the window"
            data = os.read(self._process.stdout.fileno(), 65536)
            assert data, "the window is gone"
            self._lines += data
        line, self._lines = self._lines.split(b"\n", 1)
        return line.decode().split()

    def expect(self, kind: str) -> list[str]:
        """The next line of that kind; others before it are passed over."""
        deadline = time.monotonic() + allow(10)
        while True:
            word, *rest = self._line(deadline)
            if word == kind:
                return rest

    def _tell(self, command: str, answer: str) -> None:
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()
        self.expect(answer)

    def paint(self, color: str) -> None:
        self._tell(f"color {color}", "drawn")

    def own_clipboard(self) -> None:
        """And answer nobody who asks for it."""
        self._tell("own", "owned")

    def key(self) -> tuple[str, str]:
        """("down" or "up", name)"""
        direction, name, *_ = self.expect("key")
        return direction, name

    def typed_until_enter(self) -> str:
        text = ""
        while True:
            direction, name, codepoint, _ = self.expect("key")
            if direction == "up" or name.startswith(("Shift", "ISO", "Control", "Alt")):
                continue
            if name == "Return":
                return text
            text += "\t" if name == "Tab" else chr(int(codepoint))
