"""Web apps beside a gateway (see fakes/app.py), and the four ways a client names their port."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rawhttp import RawAnswer, RawConnection
from waiting import eventually

FAKES = Path(__file__).resolve().parent / "fakes"


class App:
    """`with App() as app:`; app.port is where it listens."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._log = tempfile.NamedTemporaryFile("w+")
        self._process = subprocess.Popen([sys.executable, str(FAKES / "app.py"), host], stdout=self._log)
        self.port = int(eventually(self._lines, "the app listens", 10)[0])

    def _lines(self) -> list[str]:
        text = Path(self._log.name).read_text()
        return text[: text.rfind("\n") + 1].splitlines()

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._log.close()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def events(self, event: str, target: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self._lines()[1:]]
        return [e for e in found if e["event"] == event and e.get("target") == target]

    def wait_for(self, event: str, target: str, deadline: float = 5.0) -> dict[str, Any]:
        return eventually(lambda: self.events(event, target), f"the app logs {event} of {target}", deadline)[0]


@dataclasses.dataclass(frozen=True)
class Style:
    """A way to name the port; `path` and `headers` are what the client sends."""

    name: str

    def path(self, port: int, path: str) -> str:
        return {"proxy": f"/proxy/{port}{path}", "absproxy": f"/absproxy/{port}{path}"}.get(self.name, path)

    def seen(self, port: int, path: str) -> str:
        """What the app is asked for."""
        return path if self.name != "absproxy" else f"/absproxy/{port}{path}"

    def headers(self, port: int) -> dict[str, str]:
        return {
            "host": {"Host": f"{port}-box.localhost:8080"},
            "header": {"x-aio-proxy-port": str(port)},
        }.get(self.name, {})


STYLES = [Style(name) for name in ("proxy", "absproxy", "host", "header")]


def ask(
    gateway: Any, style: Style, port: int, path: str = "/", method: str = "GET", body: bytes = b"", **headers: str
) -> RawAnswer:
    """One request, byte for byte."""
    lines = {**style.headers(port), **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body:
        lines["Content-Length"] = str(len(body))
    with RawConnection(gateway, timeout=30) as raw:
        head = raw.head(
            f"{method} {style.path(port, path)} HTTP/1.1",
            *(f"{name}: {value}" for name, value in lines.items()),
            host="Host" not in lines,
        )
        raw.send(head + body)
        return raw.answer(head_only=method == "HEAD")


def seen(gateway: Any, style: Style, port: int, path: str = "/", *args: Any, **headers: str) -> dict[str, Any]:
    """What the app says it was asked."""
    answer = ask(gateway, style, port, path, *args, **headers)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def names(request: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in request["headers"]}
