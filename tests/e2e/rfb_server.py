"""A small desktop for tests of the desktop page: RFB 3.8 over WebSocket, and the files and the one endpoint beside it.

It paints blocks of colour, notes what input arrives and in which order, and can be made to drop, stall or refuse its
viewers. Served as the gateway serves the page: below any prefix, with the same Content-Security-Policy.
"""

from __future__ import annotations

import json
import mimetypes
import re
import struct
import threading
import zlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

REPO = Path(__file__).resolve().parents[2]
WEB = REPO / "build" / "web"

_EXTENDED_SIZE, _EXTENDED_CLIPBOARD = -308, 0xC0A1E5CE - (1 << 32)
_TEXT, _CAPS, _REQUEST, _PEEK, _NOTIFY, _PROVIDE = 1, 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 28
_NONE, _VENCRYPT, _PLAIN = 1, 19, 256


def gateway_policy() -> str:
    """The policy of the gateway's own source, so that the page is tested under what it will meet."""
    source = (REPO / "gateway" / "http" / "assets.c").read_text()
    definition = re.search(r"#define POLICY((?:.*\\\n)*.*\n)", source)
    assert definition, "assets.c defines POLICY"
    return "".join(re.findall(r'"([^"]*)"', definition[1]))


class Desktop:
    """The server. `events` is what arrived, in order: ("key", down, keysym), ("pointer", mask, x, y),
    ("clipboard", text), ("resize", width, height), ("encodings", list)."""

    def __init__(self, size: tuple[int, int] = (1280, 800), prefix: str = "", password: str = "", key: str = "") -> None:
        self.size, self.prefix, self.password, self.key = size, prefix, password, key
        self.socket_path = "/websockify"
        self.service = {"name": "desktop", "state": "ready", "reason": ""}
        self.refuse: int | None = None  # the status handshakes are refused with
        self.extended = True  # whether it offers the extended clipboard
        self.clipboard = ""
        self.events: list[tuple] = []
        self.paths: list[str] = []  # of every request
        self.connections = 0
        self.flowing = threading.Event()
        self.flowing.set()
        self._open = threading.Event()
        self._open.set()
        self._viewers: set[_Viewer] = set()
        self._lock = threading.Lock()
        self.pixels = bytearray()
        self._paint_blocks()
        self._policy = gateway_policy()
        self._server = serve(
            self._serve_viewer,
            "127.0.0.1",
            0,
            process_request=self._answer,
            subprotocols=["binary"],
            compression=None,
            ping_interval=None,
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Desktop":
        return self

    def __exit__(self, *_: object) -> None:
        self.hold(False)
        self.flowing.set()
        self.drop()
        self._server.shutdown()

    @property
    def port(self) -> int:
        return self._server.socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    # ---- what a test does to it ----

    def hold(self, on: bool) -> None:
        """Handshakes wait, as while services start."""
        self._open.clear() if on else self._open.set()

    def drop(self) -> None:
        """End every connection, as when the desktop restarts."""
        for viewer in self._snapshot():
            viewer.connection.close()

    def copy(self, text: str) -> None:
        """The desktop's own clipboard changes."""
        self.clipboard = text
        for viewer in self._snapshot():
            viewer.announce(text)

    def ring(self) -> None:
        for viewer in self._snapshot():
            viewer.send(b"\x02")

    def paint(self, x: int, y: int, width: int, height: int, colour: tuple[int, int, int]) -> None:
        row = bytes((*colour, 0)) * width
        for line in range(y, y + height):
            at = (line * self.size[0] + x) * 4
            self.pixels[at : at + len(row)] = row
        for viewer in self._snapshot():
            viewer.changed()

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        at = (y * self.size[0] + x) * 4
        return tuple(self.pixels[at : at + 3])

    def resize(self, width: int, height: int) -> None:
        self.size = (width, height)
        self._paint_blocks()

    def of(self, kind: str) -> list[tuple]:
        return [event for event in list(self.events) if event[0] == kind]

    @property
    def typed(self) -> str:
        """The keys pressed, as text: characters as they are, other keys and held modifiers in <>."""
        return "".join(_name(keysym) for _, down, keysym in self.of("key") if down)

    @property
    def strokes(self) -> list[str]:
        """The keys pressed, each with the modifiers that were down: "x", "ctrl+v", "shift+insert"."""
        down: set[str] = set()
        strokes = []
        for _, pressed, keysym in self.of("key"):
            name = _name(keysym).strip("<>")
            if name in ("ctrl", "alt", "shift", "super"):
                (down.add if pressed else down.discard)(name)
            elif pressed:
                strokes.append("+".join([*sorted(down), name]))
        return strokes

    @property
    def held(self) -> set[str]:
        down: set[str] = set()
        for _, pressed, keysym in self.of("key"):
            (down.add if pressed else down.discard)(_name(keysym))
        return down

    def _snapshot(self) -> list["_Viewer"]:
        with self._lock:
            return list(self._viewers)

    def _paint_blocks(self) -> None:
        width, height = self.size
        self.pixels = bytearray()
        for y in range(height):
            if y % 40 == 0:
                row = b"".join(
                    bytes(((x // 40) * 7 % 256, (y // 40) * 11 % 256, 90 + (x + y) // 40 % 2 * 80, 0)) for x in range(width)
                )
            self.pixels += row

    # ---- HTTP ----

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        url = urlsplit(request.path)
        path = url.path.removeprefix(self.prefix) if url.path.startswith(self.prefix) else ""
        if path in ("/vnc/", "/vnc/index.html"):
            return self._file(WEB / "vnc.html")
        if re.fullmatch(r"/static/[\w.-]+", path):
            return self._file(WEB / path[1:])
        if self.key and not self._lets_in(request, parse_qs(url.query)):
            return _json(401, {"success": False, "message": "a key is needed", "data": None})
        if path == "/v1/services/desktop":
            return _json(200, {"success": True, "message": "", "data": self.service})
        if path == "/healthz":
            return _json(200, {"status": "ok"})
        if path == "/v1/sandbox":
            return _json(200, {"success": True, "message": "", "data": {}})
        if path != self.socket_path:
            return _json(404, {"success": False, "message": "there is no such thing", "data": None})
        self._open.wait(60)
        if self.refuse:
            return _json(self.refuse, {"success": False, "message": "refused by the test", "data": None})
        return None

    def _lets_in(self, request: Request, query: dict[str, list[str]]) -> bool:
        return self.key in (request.headers.get("X-AIO-API-Key"), query.get("api_key", [""])[0])

    def _file(self, path: Path) -> Response:
        if not path.is_file():
            return _json(404, {"message": f"{path.name} is not built"})
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {"Content-Type": kind, "Content-Security-Policy": self._policy, "X-Content-Type-Options": "nosniff"}
        return _response(200, headers, path.read_bytes())

    # ---- RFB ----

    def _serve_viewer(self, connection: ServerConnection) -> None:
        viewer = _Viewer(self, connection)
        with self._lock:
            self._viewers.add(viewer)
            self.connections += 1
        try:
            viewer.run()
        except ConnectionClosed:
            pass
        finally:
            with self._lock:
                self._viewers.discard(viewer)


def _name(keysym: int) -> str:
    names = {
        0xFFE3: "<ctrl>", 0xFFE9: "<alt>", 0xFFE1: "<shift>", 0xFFEB: "<super>", 0xFF0D: "<enter>", 0xFF08: "<backspace>",
        0xFF09: "<tab>", 0xFF1B: "<escape>", 0xFFFF: "<delete>", 0xFF63: "<insert>", 0xFF51: "<left>", 0xFF52: "<up>",
        0xFF53: "<right>", 0xFF54: "<down>",
    }  # fmt: skip
    if keysym in names:
        return names[keysym]
    return chr(keysym - 0x01000000 if keysym > 0x01000000 else keysym) if keysym < 0xFF00 or keysym > 0xFFFF else f"<{keysym:x}>"


def _response(status: int, headers: dict[str, str], body: bytes) -> Response:
    return Response(status, "Answer", Headers({**headers, "Content-Length": str(len(body)), "Connection": "close"}), body)


def _json(status: int, value: dict) -> Response:
    return _response(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


class _Viewer:
    """One connection."""

    def __init__(self, desktop: Desktop, connection: ServerConnection) -> None:
        self.desktop, self.connection = desktop, connection
        self._buffer = b""
        self._size: tuple[int, int] | None = None  # what the viewer was told
        self._why = (0, 0)  # who resized, and with what result
        self._wants = self._dirty = False
        self._clipboard = False
        self._sending = threading.Lock()

    def run(self) -> None:
        self._greet()
        while True:
            self._message(self._read(1)[0])

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self.connection.recv()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def send(self, data: bytes) -> None:
        self.desktop.flowing.wait()
        with self._sending:
            try:
                self.connection.send(data)
            except ConnectionClosed:
                pass

    def _greet(self) -> None:
        self.send(b"RFB 003.008\n")
        self._read(12)
        self.send(bytes((1, _VENCRYPT if self.desktop.password else _NONE)))
        self._read(1)
        if self.desktop.password and not self._check_password():
            self.send(struct.pack(">II", 1, 14) + b"wrong password")
            self.connection.close()
            return
        self.send(struct.pack(">I", 0))
        self._read(1)
        width, height = self.desktop.size
        form = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 0, 8, 16)
        self.send(struct.pack(">HH", width, height) + form + struct.pack(">I", 4) + b"test")
        self._size = self.desktop.size

    def _check_password(self) -> bool:
        self.send(b"\x00\x02")
        self._read(2)
        self.send(struct.pack(">BBI", 0, 1, _PLAIN))
        self._read(4)
        user, password = struct.unpack(">II", self._read(8))
        self._read(user)
        return self._read(password).decode() == self.desktop.password

    def _message(self, kind: int) -> None:
        handler = {
            0: self._pixel_format, 2: self._encodings, 3: self._update_request, 4: self._key, 5: self._pointer,
            6: self._cut_text, 251: self._set_size,
        }.get(kind)  # fmt: skip
        assert handler, f"an unknown message from the viewer: {kind}"
        handler()

    def _note(self, *event: object) -> None:
        self.desktop.events.append(event)

    def _pixel_format(self) -> None:
        bits, *_, red, green, blue = struct.unpack(">3xBBBBHHHBBB3x", self._read(19))
        assert (bits, red, green, blue) == (32, 0, 8, 16), "the viewer wants red, green, blue, nothing"

    def _encodings(self) -> None:
        (count,) = struct.unpack(">xH", self._read(3))
        encodings = struct.unpack(f">{count}i", self._read(4 * count))
        self._note("encodings", list(encodings))
        if _EXTENDED_SIZE in encodings:
            self._size = None  # tell it once, so that it knows it may ask
        if _EXTENDED_CLIPBOARD in encodings and self.desktop.extended and not self._clipboard:
            self._clipboard = True
            self._cut(_CAPS | _REQUEST | _PEEK | _NOTIFY | _PROVIDE | _TEXT, struct.pack(">I", 1 << 20))

    def _key(self) -> None:
        down, keysym = struct.unpack(">B2xI", self._read(7))
        self._note("key", bool(down), keysym)

    def _pointer(self) -> None:
        self._note("pointer", *struct.unpack(">BHH", self._read(5)))

    def _set_size(self) -> None:
        width, height, screens = struct.unpack(">xHHBx", self._read(7))
        self._read(16 * screens)
        self._note("resize", width, height)
        self.desktop.resize(width, height)
        self._why = (1, 0)
        self.changed()

    # ---- the picture ----

    def _update_request(self) -> None:
        incremental, x, y, width, height = struct.unpack(">BHHHH", self._read(9))
        self._wants = True
        if incremental and not self._dirty and self._size == self.desktop.size:
            return
        self._update((x, y, width, height) if not incremental and self._size == self.desktop.size else None)

    def changed(self) -> None:
        self._dirty = True
        if self._wants:
            self._update(None)

    def _update(self, part: tuple[int, int, int, int] | None) -> None:
        self._wants = False
        width, height = self.desktop.size
        if self._size != self.desktop.size:
            self._size = self.desktop.size
            head = struct.pack(">BxHHHHHi", 0, 1, *self._why, width, height, _EXTENDED_SIZE)
            self._why = (0, 0)
            self._dirty = True
            self.send(head + struct.pack(">B3xIHHHHI", 1, 1, 0, 0, width, height, 0))
            return
        x, y, w, h = part or (0, 0, width, height)
        if part is None:
            self._dirty = False
        w, h = min(w, width - x), min(h, height - y)
        rows = (self.desktop.pixels[((y + i) * width + x) * 4 : ((y + i) * width + x + w) * 4] for i in range(h))
        self.send(struct.pack(">BxHHHHHi", 0, 1, x, y, w, h, 0) + b"".join(rows))

    # ---- the clipboard ----

    def _cut(self, flags: int, data: bytes = b"") -> None:
        self.send(struct.pack(">B3xiI", 3, -(4 + len(data)), flags) + data)

    def announce(self, text: str) -> None:
        if self._clipboard:
            self._cut(_NOTIFY | _TEXT)
        else:
            data = text.encode("latin-1", "replace")
            self.send(struct.pack(">B3xI", 3, len(data)) + data)

    def _cut_text(self) -> None:
        (length,) = struct.unpack(">3xi", self._read(7))
        data = self._read(abs(length))
        if length >= 0:
            self._take(data.decode("latin-1"))
            return
        (flags,) = struct.unpack(">I", data[:4])
        if flags & _CAPS:
            return
        if flags & _NOTIFY:
            self._cut(_REQUEST | _TEXT)
        elif flags & _REQUEST:
            text = self.desktop.clipboard.replace("\n", "\r\n").encode() + b"\0"
            self._cut(_PROVIDE | _TEXT, zlib.compress(struct.pack(">I", len(text)) + text))
        elif flags & _PROVIDE:
            # The viewer flushes its stream without ending it.
            plain = zlib.decompressobj().decompress(data[4:])
            (size,) = struct.unpack(">I", plain[:4])
            self._take(plain[4 : 4 + size].rstrip(b"\0").decode().replace("\r\n", "\n"))

    def _take(self, text: str) -> None:
        self.desktop.clipboard = text
        self._note("clipboard", text)
