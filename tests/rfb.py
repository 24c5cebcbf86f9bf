"""A small RFB viewer for tests (RFC 6143 and the community's extensions): raw pixels are kept, other encodings are
passed on as bytes. It speaks over any connected stream socket; `Viewer.at(path)` connects to a Unix socket."""

from __future__ import annotations

import select
import socket
import struct
import time
import zlib
from dataclasses import dataclass, field

RAW, COPY_RECT, HEXTILE, ZLIB, TIGHT, ZRLE = 0, 1, 5, 6, 7, 16
LAST_RECT, CURSOR, DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE = -224, -239, -223, -308
EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)
CLIP_TEXT, CLIP_CAPS, CLIP_REQUEST, CLIP_PEEK, CLIP_NOTIFY, CLIP_PROVIDE = 1, 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 28


def quality(level: int) -> int:
    return -32 + level


def compression(level: int) -> int:
    return -256 + level


class Gone(Exception):
    """The server has closed the connection."""


@dataclass
class Rect:
    x: int
    y: int
    width: int
    height: int
    encoding: int
    data: bytes = field(default=b"", repr=False)


@dataclass
class Cursor:
    width: int
    height: int
    hot_x: int
    hot_y: int
    pixels: bytes
    mask: bytes


@dataclass
class Update:
    rects: list[Rect] = field(default_factory=list)
    size: int = 0  # bytes on the wire


class Viewer:
    """One connection. Pixels are 4 bytes each: blue, green, red, unused."""

    def __init__(self, sock: socket.socket, timeout: float = 10.0) -> None:
        self.sock = sock
        self.sock.settimeout(timeout)
        self.received = 0
        self.width = self.height = 0
        self.name = ""
        self.pixels = bytearray()
        self.cursor: Cursor | None = None
        self.clipboard: str | None = None
        self.clipboard_caps: int | None = None
        self.clip_requests = 0  # of the server for text of ours
        self.resize_results: list[tuple[int, int]] = []
        self._buffer = bytearray()
        self._offers: list[str] = []

    @classmethod
    def at(cls, path: str, timeout: float = 10.0, encodings: tuple[int, ...] = (RAW,)) -> "Viewer":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(str(path))
        viewer = cls(sock, timeout)
        viewer.handshake()
        viewer.set_encodings(*encodings)
        return viewer

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    # ---- bytes ----

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self, n: int) -> bytes:
        while len(self._buffer) < n:
            data = self.sock.recv(1 << 20)
            if not data:
                raise Gone
            self._buffer += data
        out = bytes(self._buffer[:n])
        del self._buffer[:n]
        self.received += n
        return out

    def _unpack(self, form: str) -> tuple:
        return struct.unpack(form, self.read(struct.calcsize(form)))

    # ---- the beginning ----

    def handshake(self) -> None:
        assert self.read(12).startswith(b"RFB 003.")
        self.send(b"RFB 003.008\n")
        (count,) = self._unpack(">B")
        assert 1 in self.read(count), "the server does not let us in without a password"
        self.send(b"\x01")
        assert self._unpack(">I") == (0,)
        self.send(b"\x01")
        self.width, self.height = self._unpack(">HH")
        self.read(16)
        (length,) = self._unpack(">I")
        self.name = self.read(length).decode()
        self.pixels = bytearray(self.width * self.height * 4)

    # ---- what a viewer says ----

    def set_encodings(self, *encodings: int) -> None:
        self.send(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def set_format(self, bits: int, depth: int, maxima: tuple[int, int, int], shifts: tuple[int, int, int]) -> None:
        self.send(struct.pack(">B3xBBBB3H3B3x", 0, bits, depth, 0, 1, *maxima, *shifts))

    def ask(self, incremental: bool = True, area: tuple[int, int, int, int] | None = None) -> None:
        self.send(struct.pack(">BB4H", 3, incremental, *(area or (0, 0, self.width, self.height))))

    def key(self, keysym: int, down: bool) -> None:
        self.send(struct.pack(">BBxxI", 4, down, keysym))

    def press(self, keysym: int) -> None:
        self.key(keysym, True)
        self.key(keysym, False)

    def pointer(self, x: int, y: int, buttons: int = 0) -> None:
        self.send(struct.pack(">BBHH", 5, buttons, x, y))

    def cut_text(self, text: str) -> None:
        data = text.encode("latin-1")
        self.send(struct.pack(">B3xI", 6, len(data)) + data)

    def set_desktop_size(self, width: int, height: int) -> None:
        self.send(struct.pack(">BxHHBx", 251, width, height, 1) + struct.pack(">I4HI", 1, 0, 0, width, height, 0))

    # ---- the extended clipboard ----

    def clip(self, flags: int, body: bytes = b"") -> None:
        self.send(struct.pack(">B3xi", 6, -(4 + len(body))) + struct.pack(">I", flags) + body)

    def clip_caps(self, limit: int = 0) -> None:
        """What noVNC says; with a limit of 0 the server must ask before it sends text."""
        flags = CLIP_CAPS | CLIP_REQUEST | CLIP_PEEK | CLIP_NOTIFY | CLIP_PROVIDE | CLIP_TEXT
        self.clip(flags, struct.pack(">I", limit))

    def offer_text(self, text: str) -> None:
        """The server asks for it, which next_message() answers."""
        self._offers.append(text)
        self.clip(CLIP_NOTIFY | CLIP_TEXT)

    def provide_text(self, text: str) -> None:
        data = text.replace("\n", "\r\n").encode() + b"\0"
        press = zlib.compressobj()
        body = press.compress(struct.pack(">I", len(data)) + data) + press.flush(zlib.Z_SYNC_FLUSH)
        self.clip(CLIP_PROVIDE | CLIP_TEXT, body)

    def _on_clip(self, data: bytes) -> None:
        (flags,) = struct.unpack_from(">I", data)
        if flags & CLIP_CAPS:
            self.clipboard_caps = flags
        elif flags & CLIP_REQUEST and self._offers:
            self.clip_requests += 1
            self.provide_text(self._offers[-1])
        elif flags & CLIP_NOTIFY and flags & CLIP_TEXT:
            self.clip(CLIP_REQUEST | CLIP_TEXT)
        elif flags & CLIP_PROVIDE:
            plain = zlib.decompressobj().decompress(data[4:])
            (length,) = struct.unpack_from(">I", plain)
            self.clipboard = plain[4 : 4 + length].rstrip(b"\0").decode().replace("\r\n", "\n")

    # ---- what the server says ----

    def next_message(self) -> Update | None:
        """Reads one message; an update is returned, anything else is noted in the viewer."""
        (kind,) = self._unpack(">B")
        if kind == 0:
            return self._update()
        if kind == 3:
            (length,) = self._unpack(">3xi")
            if length < 0:
                self._on_clip(self.read(-length))
            else:
                self.clipboard = self.read(length).decode("latin-1")
        elif kind != 2:
            raise AssertionError(f"message of type {kind}")
        return None

    def update(self, incremental: bool = False) -> Update:
        """Asks, and reads until an update comes."""
        self.ask(incremental)
        while True:
            update = self.next_message()
            if update:
                return update

    def until(self, condition, deadline: float = 10.0) -> None:
        """Reads messages, asking for updates all the while, until the condition holds."""
        end = time.monotonic() + deadline
        self.ask()
        while not condition():
            assert time.monotonic() < end, "the awaited did not come"
            if self.next_message():
                self.ask()

    def pump(self) -> None:
        """Reads whatever the server has sent by now."""
        while self._buffer or select.select([self.sock], [], [], 0)[0]:
            self.next_message()

    def whole_screen(self) -> bytes:
        """Every pixel anew, whatever else comes before (a new size, a pointer)."""
        self.ask(incremental=False)
        drawn = 0
        while drawn < self.width * self.height:
            update = self.next_message()
            if update:
                drawn += sum(rect.width * rect.height for rect in update.rects if rect.encoding >= 0)
        return bytes(self.pixels)

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        at = (y * self.width + x) * 4
        blue, green, red = self.pixels[at : at + 3]
        return red, green, blue

    def _update(self) -> Update:
        begin = self.received - 1
        (count,) = self._unpack(">xH")
        update = Update()
        while count == 0xFFFF or len(update.rects) < count:
            rect = Rect(*self._unpack(">4Hi"))
            if rect.encoding == LAST_RECT:
                break
            self._read_rect(rect)
            update.rects.append(rect)
        update.size = self.received - begin
        return update

    def _read_rect(self, rect: Rect) -> None:
        if rect.encoding == RAW:
            rect.data = self.read(rect.width * rect.height * 4)
            self._draw(rect)
        elif rect.encoding == TIGHT:
            rect.data = self._read_tight(rect)
        elif rect.encoding in (ZLIB, ZRLE):
            (length,) = self._unpack(">I")
            rect.data = self.read(length)
        elif rect.encoding == CURSOR:
            mask = (rect.width + 7) // 8 * rect.height
            pixels = self.read(rect.width * rect.height * 4)
            self.cursor = Cursor(rect.width, rect.height, rect.x, rect.y, pixels, self.read(mask))
        elif rect.encoding == DESKTOP_SIZE:
            self._resize(rect.width, rect.height)
        elif rect.encoding == EXTENDED_DESKTOP_SIZE:
            (screens,) = self._unpack(">B3x")
            self.read(16 * screens)
            self.resize_results.append((rect.x, rect.y))
            self._resize(rect.width, rect.height)
        else:
            raise AssertionError(f"encoding {rect.encoding} was not asked for")

    def _resize(self, width: int, height: int) -> None:
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self.pixels = bytearray(width * height * 4)

    def _draw(self, rect: Rect) -> None:
        row = rect.width * 4
        for y in range(rect.height):
            at = ((rect.y + y) * self.width + rect.x) * 4
            self.pixels[at : at + row] = rect.data[y * row : (y + 1) * row]

    def _compact_length(self) -> tuple[int, bytes]:
        raw = self.read(1)
        length = raw[0] & 0x7F
        for shift in (7, 14):
            if not raw[-1] & 0x80:
                break
            raw += self.read(1)
            length |= (raw[-1] & (0x7F if shift == 7 else 0xFF)) << shift
        return length, raw

    def _read_tight(self, rect: Rect) -> bytes:
        """Of 32-bit pixels of depth 24, which travel as 3 bytes."""
        control = self.read(1)
        kind = control[0] >> 4
        if kind == 8:  # one colour
            return control + self.read(3)
        if kind == 9:  # JPEG
            length, raw = self._compact_length()
            return control + raw + self.read(length)
        out, bytes_per_row, filter_kind = control, rect.width * 3, 0
        if kind & 4:
            filter_kind = self.read(1)[0]
            out += bytes([filter_kind])
        if filter_kind == 1:  # palette
            colours = self.read(1)
            out += colours + self.read((colours[0] + 1) * 3)
            bytes_per_row = (rect.width + 7) // 8 if colours[0] == 1 else rect.width
        size = bytes_per_row * rect.height
        if size < 12:
            return out + self.read(size)
        length, raw = self._compact_length()
        return out + raw + self.read(length)
