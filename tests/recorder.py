"""An upstream that keeps every byte it is sent, reads requests as strictly as RFC 9112 words them, and answers what it
is told to. It runs in the tests' own process, so that what it saw can be looked at while it runs."""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
from typing import Callable

from waiting import eventually

LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (/[\x21-\x7e]*) HTTP/1\.([01])")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x09\x20-\x7e\x80-\xff]*?)[ \t]*")


@dataclasses.dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


class Unclear(Exception):
    """What came could be read in more than one way."""


class Ended(Exception):
    """The connection ended before the request did."""


class _Reader:
    def __init__(self, connection: socket.socket) -> None:
        self._socket, self.pending, self.raw = connection, b"", b""

    def _more(self) -> None:
        chunk = self._socket.recv(65536)
        if not chunk:
            raise Ended
        self.pending += chunk
        self.raw += chunk

    def until(self, end: bytes) -> bytes:
        while (at := self.pending.find(end)) < 0:
            self._more()
        taken, self.pending = self.pending[:at], self.pending[at + len(end) :]
        return taken

    def exactly(self, n: int) -> bytes:
        while len(self.pending) < n:
            self._more()
        taken, self.pending = self.pending[:n], self.pending[n:]
        return taken

    def _chunked(self) -> bytes:
        parts = []
        while True:
            line = self.until(b"\r\n")
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", line):
                raise Unclear(f"chunk size {line!r}")
            size = int(line, 16)
            if not size:
                break
            parts.append(self.exactly(size))
            if self.exactly(2) != b"\r\n":
                raise Unclear("a chunk without its end")
        if self.exactly(2) != b"\r\n":
            raise Unclear("trailers, which none of the tests' proxies announces")
        return b"".join(parts)

    def request(self, number: int) -> Seen:
        lines = self.until(b"\r\n\r\n").split(b"\r\n")
        first = LINE.fullmatch(lines[0])
        fields = [FIELD.fullmatch(line) for line in lines[1:]]
        if not first or not all(fields):
            raise Unclear(f"head {lines!r}")
        headers = tuple((f[1].decode().lower(), f[2].decode("latin-1")) for f in fields)
        lengths = [value for name, value in headers if name == "content-length"]
        codings = [value for name, value in headers if name == "transfer-encoding"]
        if len(lengths) + len(codings) > 1 or len([1 for name, _ in headers if name == "host"]) != 1:
            raise Unclear(f"framing {headers!r}")
        if codings and codings[0].lower() != "chunked" or lengths and not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
            raise Unclear(f"framing {headers!r}")
        body = self._chunked() if codings else self.exactly(int(lengths[0])) if lengths else b""
        return Seen(first[1].decode(), first[2].decode(), headers, body, number)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Recorder:
    """`with Recorder() as recorder:`. `answers(seen)` gives the bytes to answer with, and whether the connection is
    kept. Everything is recorded before it is answered: who has the answer may look at once."""

    def __init__(self, answers: Callable[[Seen], tuple[bytes, bool]] = lambda seen: (OK, True)) -> None:
        self.answers = answers
        self.requests: list[Seen] = []
        self.unclear: list[str] = []
        self.cut: list[bytes] = []  # what was begun and not brought to its end
        self.connections = 0
        self.sockets: dict[int, socket.socket] = {}  # by the number of the connection
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes accept(2), which close() alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def clear(self) -> None:
        with self._lock:
            self.requests, self.unclear, self.cut = [], [], []

    def wait_for(self, n: int, what: str) -> list[Seen]:
        eventually(lambda: len(self.requests) >= n, f"the upstream sees {n} of {what}: {self.requests}")
        return self.requests

    def assert_untouched(self) -> None:
        """Nobody so much as connected."""
        assert (self.connections, self.requests, self.cut, self.unclear) == (0, [], [], [])

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                number = self.connections
                self.sockets[number] = connection
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        reader, kept = _Reader(connection), True
        with connection:
            try:
                while kept:
                    reader.raw = reader.pending
                    seen = reader.request(number)
                    with self._lock:
                        self.requests.append(seen)
                    data, kept = self.answers(seen)
                    connection.sendall(data)
            except Unclear as problem:
                self.unclear.append(f"{problem}: {reader.raw[:2000]!r}")
            except (Ended, ConnectionError):
                if reader.raw:
                    self.cut.append(reader.raw)
