"""A gateway with services of the tests' own behind it (see fakes/upstream.py), and what the tests say to them."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any, Callable

from waiting import allow, eventually

FAKES = Path(__file__).resolve().parent / "fakes"


def write_service(folder: Path, name: str, listen: dict[str, Any], **more: Any) -> None:
    place = folder / name
    place.mkdir(parents=True)
    shutil.copy(FAKES / "upstream.py", place / "upstream.py")
    manifest = {
        "title": name,
        "description": "A service of the tests",
        "command": ["python3", "${SERVICE_DIR}/upstream.py", name],
        "listen": listen,
        "stop_seconds": 1,
        **more,
    }
    (place / "manifest.json").write_text(json.dumps(manifest))


def write_services(folder: Path) -> Path:
    write_service(folder, "browser", {"tcp": 29222})
    write_service(folder, "desktop", {"socket": True})
    return folder


def start_with_services(start_gateway: Callable[..., Any], folder: Path, **options: Any) -> Any:
    write_services(folder)
    return start_gateway("--services-dir", str(folder), "--services", "all", **options)


def events(gateway: Any, service: str) -> list[dict[str, Any]]:
    """What the service has logged of itself."""
    answer = gateway.api.get(f"/v1/services/{service}/logs", params={"max": 1 << 20})
    lines = answer.data["output"].splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def wait_for_event(gateway: Any, service: str, event: str, target: str, deadline: float = 5.0) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = [e for e in events(gateway, service) if e["event"] == event and e.get("target") == target]
        return found[0] if found else None

    return eventually(look, f"the service logs {event} of {target}", deadline)


class RawSocket:
    """A WebSocket handshake by hand, and bare bytes behind it."""

    KEY = "dGhlIHNhbXBsZSBub25jZQ=="
    ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    def __init__(self, gateway: Any, path: str, *headers: str, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(allow(20))
        self.socket.connect(("127.0.0.1", gateway.port))
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{gateway.port}",
            "Connection: keep-alive, Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {self.KEY}",
            *headers,
        ]
        if gateway.key:
            lines.append(f"X-AIO-API-Key: {gateway.key}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.pending = b""

    def __enter__(self) -> "RawSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self.pending:
            chunk = self.socket.recv(65536)
            assert chunk, f"closed before an answer: {self.pending!r}"
            self.pending += chunk
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        return int(lines[0].split(" ")[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}

    def rest(self) -> bytes:
        """Everything up to the end."""
        parts = [self.pending]
        while chunk := self.socket.recv(1 << 20):
            parts.append(chunk)
        return b"".join(parts)
