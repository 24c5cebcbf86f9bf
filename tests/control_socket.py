"""The desktop's control socket (gateway/core/display_protocol.h), for tests that talk to it without a gateway."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

MAGIC = 0x50534453
STATUS, SCREENSHOT, INPUT, CLIPBOARD_GET, CLIPBOARD_SET, RESIZE = range(1, 7)
PNG, JPEG = 0, 1
OK, INVALID, UNAVAILABLE, FAILED = range(4)
MOVE, BUTTON, KEY, TYPE, PASTE, WAIT = range(1, 7)


@dataclass
class Reply:
    result: int
    width: int
    height: int
    x: int
    y: int
    payload: bytes


class Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.payload.decode())
        self.reply = reply


def event(kind: int, x: int = 0, y: int = 0, text: str = "") -> bytes:
    data = text.encode()
    return struct.pack("=IiiI", kind, x, y, len(data)) + data


class Control:
    def __init__(self, path: str, timeout: float = 10.0) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def _read(self, n: int) -> bytes:
        out = bytearray()
        while len(out) < n:
            data = self.sock.recv(min(n - len(out), 1 << 20))
            if not data:
                raise ConnectionError("the desktop has closed the connection")
            out += data
        return bytes(out)

    def start(self, op: int, a: int = 0, b: int = 0, payload: bytes = b"") -> None:
        self.sock.sendall(struct.pack("=IIiiI", MAGIC, op, a, b, len(payload)) + payload)

    def finish(self) -> Reply:
        magic, result, width, height, x, y, length = struct.unpack("=IIiiiiI", self._read(28))
        assert magic == MAGIC
        reply = Reply(result, width, height, x, y, self._read(length))
        if result != OK:
            raise Refused(reply)
        return reply

    def ask(self, op: int, a: int = 0, b: int = 0, payload: bytes = b"") -> Reply:
        self.start(op, a, b, payload)
        return self.finish()

    def status(self) -> Reply:
        return self.ask(STATUS)

    def screenshot(self, form: int = PNG, quality: int = 80) -> bytes:
        return self.ask(SCREENSHOT, form, quality).payload

    def input(self, *events: bytes) -> Reply:
        return self.ask(INPUT, payload=b"".join(events))

    def tap(self, *keys: str) -> Reply:
        """A hotkey: all down in order, up in the opposite one."""
        down = [event(KEY, 1, text=key) for key in keys]
        return self.input(*down, *(event(KEY, 0, text=key) for key in reversed(keys)))

    @property
    def clipboard(self) -> str:
        return self.ask(CLIPBOARD_GET).payload.decode()

    @clipboard.setter
    def clipboard(self, text: str) -> None:
        self.ask(CLIPBOARD_SET, payload=text.encode())

    def resize(self, width: int, height: int) -> Reply:
        return self.ask(RESIZE, width, height)
