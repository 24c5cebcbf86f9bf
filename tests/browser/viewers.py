"""A small RFB 3.8 client over WebSocket: what a viewer is told, and what it may say, wrong things included.

RFB is described in RFC 6143; the extended clipboard and the desktop-size pseudo-encodings in the community's rfbproto.
Pixels come as raw, copied or zlib-compressed rectangles.
"""

from __future__ import annotations

import dataclasses
import struct
import time
import zlib
from typing import Callable

from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from client import KEY_HEADER
from waiting import allow

RAW, COPY, ZLIB = 0, 1, 6
CURSOR, DESKTOP_SIZE, LAST_RECT, EXTENDED_SIZE = -239, -223, -224, -308
EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)
ALL = (COPY, ZLIB, RAW, CURSOR, DESKTOP_SIZE, EXTENDED_SIZE, EXTENDED_CLIPBOARD)

CAPS, REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in (24, 25, 26, 27, 28))
TEXT = 1

KEYSYMS = {"Return": 0xFF0D, "Shift": 0xFFE1, "Control": 0xFFE3, "Left": 0xFF51}


class ViewerClosed(Exception):
    """The server ended the connection."""


def keysym(name: str) -> int:
    if name in KEYSYMS:
        return KEYSYMS[name]
    code = ord(name)
    return code if code < 0x100 else 0x01000000 + code


@dataclasses.dataclass
class _Picture:
    width: int
    height: int

    def __post_init__(self) -> None:
        self.pixels = bytearray(self.width * self.height * 4)

    def put(self, x: int, y: int, width: int, height: int, data: bytes) -> None:
        for row in range(height):
            at = ((y + row) * self.width + x) * 4
            self.pixels[at : at + width * 4] = data[row * width * 4 : (row + 1) * width * 4]

    def cut(self, x: int, y: int, width: int, height: int) -> bytes:
        rows = range(y, y + height)
        return b"".join(self.pixels[(row * self.width + x) * 4 : (row * self.width + x + width) * 4] for row in rows)

    def image(self) -> Image.Image:
        return Image.frombytes("RGB", (self.width, self.height), bytes(self.pixels), "raw", "BGRX")


class Wire:
    """Bytes to and from the server, whatever the frames they come in."""

    def __init__(self, url: str, key: str | None = None, deadline: float = 10.0) -> None:
        headers = {KEY_HEADER: key} if key else {}
        address = url.replace("http", "ws", 1) + "/websockify"
        self.link: ClientConnection = connect(
            address,
            subprotocols=["binary"],
            additional_headers=headers,
            max_size=None,
            proxy=None,
            open_timeout=allow(deadline),
            close_timeout=0.3,
            legacy=True,
        )
        assert self.link.subprotocol == "binary"
        self._kept, self.deadline = bytearray(), deadline

    def read(self, count: int) -> bytes:
        end = time.monotonic() + allow(self.deadline)
        while len(self._kept) < count:
            self._receive(max(end - time.monotonic(), 0))
        taken = bytes(self._kept[:count])
        del self._kept[:count]
        return taken

    def _receive(self, timeout: float) -> None:
        try:
            message = self.link.recv(timeout=timeout)
        except ConnectionClosed as why:
            raise ViewerClosed(str(why)) from why
        assert isinstance(message, bytes), "RFB comes in binary frames"
        self._kept += message

    def ready(self, timeout: float) -> bool:
        """Is there something to read, now or within the time?"""
        if not self._kept:
            try:
                self._receive(timeout)
            except TimeoutError:
                return False
        return bool(self._kept)

    def write(self, data: bytes) -> None:
        try:
            self.link.send(data)
        except ConnectionClosed as why:
            raise ViewerClosed(str(why)) from why

    def unpack(self, form: str) -> tuple:
        return struct.unpack(form, self.read(struct.calcsize(form)))


class Viewer:
    """One viewer. `see` waits until its picture satisfies a condition."""

    def __init__(self, url: str, key: str | None = None, encodings: tuple[int, ...] = ALL) -> None:
        self.wire = Wire(url, key)
        self.clipboard: str | None = None
        self.bells = self.updates = 0
        self._caps, self._offer = 0, ""
        self._zlib = zlib.decompressobj()
        self._shake_hands()
        self.set_pixel_format()
        self.set_encodings(encodings)

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.wire.link.close()

    def _shake_hands(self) -> None:
        version = self.wire.read(12)
        assert version.startswith(b"RFB 003."), version
        self.wire.write(b"RFB 003.008\n")
        kinds = self.wire.read(self.wire.unpack(">B")[0])
        assert 1 in kinds, f"no viewer's password is wanted: the gateway has asked already; {kinds}"
        self.wire.write(b"\x01")
        assert self.wire.unpack(">I") == (0,)
        self.wire.write(b"\x01")  # shared
        width, height = self.wire.unpack(">HH")
        self.wire.read(16)
        self.name = self.wire.read(self.wire.unpack(">I")[0]).decode()
        self.picture = _Picture(width, height)

    @property
    def size(self) -> tuple[int, int]:
        return self.picture.width, self.picture.height

    # What a viewer says.

    def set_pixel_format(self) -> None:
        """32 bits of B, G, R and nothing, whatever the server's own."""
        self.wire.write(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))

    def set_encodings(self, encodings: tuple[int, ...]) -> None:
        self.wire.write(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def request(self, incremental: bool = True) -> None:
        self.wire.write(struct.pack(">BBHHHH", 3, incremental, 0, 0, *self.size))

    def key(self, name: str, down: bool) -> None:
        self.wire.write(struct.pack(">BBxxI", 4, down, keysym(name)))

    def press(self, *names: str) -> None:
        for name in names:
            self.key(name, True)
        for name in reversed(names):
            self.key(name, False)

    def pointer(self, x: int, y: int, buttons: int = 0) -> None:
        self.wire.write(struct.pack(">BBHH", 5, buttons, x, y))

    def click(self, x: int, y: int) -> None:
        for buttons in (0, 1, 0):
            self.pointer(x, y, buttons)

    def cut(self, text: str) -> None:
        """Sends a text: Latin-1 the old way, anything by the extended clipboard when the server knows it."""
        if self._caps:
            self._offer = text
            if self._caps & NOTIFY:
                self._say_clipboard(NOTIFY | TEXT)
            else:
                self._provide()
        else:
            data = text.encode("latin-1")
            self.wire.write(struct.pack(">B3xI", 6, len(data)) + data)

    def _say_clipboard(self, flags: int, payload: bytes = b"") -> None:
        body = struct.pack(">I", flags) + payload
        self.wire.write(struct.pack(">B3xi", 6, -len(body)) + body)

    def _provide(self) -> None:
        data = self._offer.replace("\n", "\r\n").encode() + b"\0"
        self._say_clipboard(PROVIDE | TEXT, zlib.compress(struct.pack(">I", len(data)) + data))

    # What the server says.

    def see(self, condition: Callable[["Viewer"], bool], what: str, deadline: float = 5.0) -> None:
        end = time.monotonic() + allow(deadline)
        self.request(incremental=False)
        while not condition(self):
            left = end - time.monotonic()
            assert left > 0, f"not within {allow(deadline):.1f} s: {what}"
            self.handle(min(left, 0.05))

    def handle(self, timeout: float) -> None:
        """What has come within the time, message by message."""
        while self.wire.ready(timeout):
            self._message()
            timeout = 0

    def _message(self) -> None:
        (kind,) = self.wire.unpack(">B")
        if kind == 0:
            self._update()
        elif kind == 1:
            _, count = self.wire.unpack(">xHH")
            self.wire.read(count * 6)
        elif kind == 2:
            self.bells += 1
        elif kind == 3:
            self._cut_text()
        else:
            raise AssertionError(f"a message of kind {kind}")

    def _update(self) -> None:
        (count,) = self.wire.unpack(">xH")
        for _ in range(count):
            x, y, width, height, encoding = self.wire.unpack(">HHHHi")
            if encoding == LAST_RECT:
                break
            self._rectangle(x, y, width, height, encoding)
        self.updates += 1
        self.request()

    def _rectangle(self, x: int, y: int, width: int, height: int, encoding: int) -> None:
        if encoding == RAW:
            self.picture.put(x, y, width, height, self.wire.read(width * height * 4))
        elif encoding == COPY:
            self.picture.put(x, y, width, height, self.picture.cut(*self.wire.unpack(">HH"), width, height))
        elif encoding == ZLIB:
            data = self._zlib.decompress(self.wire.read(self.wire.unpack(">I")[0]))
            self.picture.put(x, y, width, height, data)
        elif encoding == CURSOR:
            self.wire.read(width * height * 4 + (width + 7) // 8 * height)
        elif encoding in (DESKTOP_SIZE, EXTENDED_SIZE):
            if encoding == EXTENDED_SIZE:
                self.wire.read(self.wire.unpack(">B3x")[0] * 16)
            if (width, height) != self.size:
                self.picture = _Picture(width, height)
                self.request(incremental=False)
        else:
            raise AssertionError(f"an encoding nobody asked for: {encoding}")

    def _cut_text(self) -> None:
        (length,) = self.wire.unpack(">3xi")
        data = self.wire.read(abs(length))
        if length >= 0:
            self.clipboard = data.decode("latin-1")
            return
        (flags,) = struct.unpack(">I", data[:4])
        if flags & CAPS:
            self._caps = flags
            self._say_clipboard(CAPS | REQUEST | NOTIFY | PROVIDE | TEXT, struct.pack(">I", 1 << 20))
        elif flags & NOTIFY and flags & TEXT:
            self._say_clipboard(REQUEST | TEXT)
        elif flags & REQUEST:
            self._provide()
        elif flags & PROVIDE and flags & TEXT:
            plain = zlib.decompressobj().decompress(data[4:])
            (size,) = struct.unpack(">I", plain[:4])
            self.clipboard = plain[4 : 4 + size].rstrip(b"\0").decode().replace("\r\n", "\n")
