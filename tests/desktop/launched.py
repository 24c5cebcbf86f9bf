"""Chromium as the launcher of services/browser starts it, on an X display of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Mapping

import psutil
from websockets.sync.client import connect

from ports import free_port
from server import BINARY, clean_environment
from waiting import allow, eventually

LAUNCHER = BINARY.parent / "services" / "browser" / "sandgate-browser"
CHROMIUM = "/usr/lib/chromium/chromium"
WIDTH, HEIGHT = 1024, 768
START_DEADLINE = 20.0


class Screen:
    """Xvfb on a free number, with the window manager the sandbox has."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.display = self._start_server()
        self._keep(["openbox"], env=self._environment())
        eventually(self._is_managed, "openbox manages the windows")

    def _start_server(self) -> str:
        """Xvfb's own choice of a number (-displayfd) falls for sockets that a killed server left behind."""
        for number in range(130, 190):
            socket_path, lock = Path(f"/tmp/.X11-unix/X{number}"), Path(f"/tmp/.X{number}-lock")
            if socket_path.exists() or lock.exists():
                continue
            # Without -noreset the server begins anew, and ends its clients, whenever it has had its last client.
            server = self._keep(
                ["Xvfb", f":{number}", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-noreset"]
            )
            eventually(lambda: server.poll() is not None or self._answers(f":{number}"), "Xvfb answers", 10)
            if server.poll() is None:
                return f":{number}"
        raise AssertionError("no display is free")

    def _answers(self, display: str) -> bool:
        return subprocess.run(["xdpyinfo", "-display", display], capture_output=True, timeout=allow(10)).returncode == 0

    def _keep(self, command: list[str], **options: object) -> subprocess.Popen[bytes]:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._processes.append(subprocess.Popen(command, **quiet, **options))
        return self._processes[-1]

    def _environment(self) -> dict[str, str]:
        return clean_environment({"DISPLAY": self.display, "HOME": os.environ.get("HOME", "/")})

    def _run(self, *command: str) -> bytes:
        return subprocess.run(command, env=self._environment(), capture_output=True, timeout=allow(20)).stdout

    def _is_managed(self) -> bool:
        return b"window id" in self._run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK")

    def windows(self) -> list[str]:
        """What is mapped on the screen: geometries of top-level windows, the manager's own left out."""
        ids = [line.split()[0] for line in self._run("xwininfo", "-root", "-children").decode().splitlines()
               if line.strip().startswith("0x")]
        shown = [self._run("xwininfo", "-id", one).decode() for one in ids]
        return [info.split("-geometry")[1].split()[0] for info in shown if "IsViewable" in info]

    def picture(self) -> bytes:
        """The screen's pixels, 4 bytes each, without the pointer."""
        return self._run(
            "ffmpeg", "-loglevel", "error", "-f", "x11grab", "-draw_mouse", "0", "-video_size", f"{WIDTH}x{HEIGHT}",
            "-i", self.display, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "bgr0", "-",
        )  # fmt: skip

    def close(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(allow(10))


class Page:
    """One target of the DevTools protocol."""

    def __init__(self, address: str) -> None:
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(connect(address, max_size=None, open_timeout=allow(5)))
        self._last = 0

    def call(self, method: str, **parameters: object) -> dict:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=allow(15)))
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, expression: str) -> object:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def go(self, url: str) -> str | None:
        """Load a page; returns Chromium's reason when it cannot."""
        self.call("Page.enable")
        reason = self.call("Page.navigate", url=url).get("errorText")
        eventually(lambda: self.evaluate("document.readyState") == "complete", f"{url} is loaded", 15)
        return reason

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def close(self) -> None:
        self._open.close()


class Browser:
    """A launched Chromium with a home of its own."""

    def __init__(self, home: Path, display: str, settings: Mapping[str, str] | None = None) -> None:
        self.home, self.display = home, display
        self.settings = dict(settings or {})
        self.profile = home / ".config" / "sandgate-browser"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._pages: list[Page] = []
        home.mkdir(exist_ok=True)

    def environment(self) -> dict[str, str]:
        return clean_environment(
            {
                "HOME": str(self.home),
                "DISPLAY": self.display,
                "DISPLAY_WIDTH": str(WIDTH),
                "DISPLAY_HEIGHT": str(HEIGHT),
                "SERVICE_PORT": str(self.port),
                **self.settings,
            }
        )

    def launch(self, *through: str) -> "Browser":
        """Start it, `through` another program if given, and wait until it speaks DevTools."""
        self.port = free_port()
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*through, str(LAUNCHER)], env=self.environment(), cwd=self.home, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        eventually(self._is_ready, "Chromium speaks DevTools", START_DEADLINE)
        return self

    def refused(self) -> str:
        """Start it where it must not start; returns its one line."""
        self.port = self.port or free_port()
        result = subprocess.run(
            [str(LAUNCHER)], env=self.environment(), cwd=self.home, capture_output=True, text=True, timeout=allow(20)
        )
        assert result.returncode == 1 and result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        return lines[0]

    def _is_ready(self) -> bool:
        assert self.process and self.process.poll() is None, self.log()[-2000:]
        try:
            return bool(self.get("/json/version"))
        except (urllib.error.URLError, OSError):
            return False

    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    def get(self, path: str, method: str = "GET") -> dict | list:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=allow(10)) as answer:
            return json.load(answer)

    def tabs(self) -> list[str]:
        return [target["url"] for target in self.get("/json/list") if target["type"] == "page"]

    def page(self) -> Page:
        """The first tab."""
        target = next(target for target in self.get("/json/list") if target["type"] == "page")
        self._pages.append(Page(target["webSocketDebuggerUrl"]))
        return self._pages[-1]

    def open(self, url: str) -> Page:
        """A further tab, once it is loaded."""
        target = self.get("/json/new?about:blank", "PUT")
        self._pages.append(Page(target["webSocketDebuggerUrl"]))
        self._pages[-1].go(url)
        return self._pages[-1]

    @property
    def chromium(self) -> psutil.Process:
        """The browser process itself."""
        own = [p for p in self.family() if p.cmdline()[0] == CHROMIUM and not has_switch(p, "--type")]
        assert len(own) == 1, own
        return own[0]

    def family(self) -> list[psutil.Process]:
        """Every process of this browser, whoever its parent is now."""
        return [p for p in psutil.process_iter() if self._owns(p)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # Chromium's children overwrite their environment, but not the profile's path.
            if str(self.profile) in " ".join(process.cmdline()):
                return True
            return process.environ().get("HOME") == str(self.home)
        except (psutil.Error, OSError):
            return False

    def switches(self) -> list[str]:
        return self.chromium.cmdline()[1:]

    def preferences(self) -> dict:
        return json.loads((self.profile / "Default" / "Preferences").read_text())

    def kill(self) -> None:
        """kill -9, as a crash would end it."""
        self.close_pages()
        self.chromium.kill()
        assert self.process
        self.process.wait(allow(5))

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.close_pages()
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(allow(10))

    def close_pages(self) -> None:
        while self._pages:
            self._pages.pop().close()

    def discard(self) -> None:
        self.close_pages()
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def has_switch(process: psutil.Process, name: str) -> bool:
    # Chromium's children write their arguments as one string.
    return any(word.split("=")[0] == name for argument in process.cmdline() for word in argument.split())
