"""Thousands of raw requests, quickly: pipelined on connections that are kept, each answer told apart byte by byte."""

from __future__ import annotations

import dataclasses
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator, Sequence

from waiting import allow

BATCH = 24
THREADS = 3


@dataclasses.dataclass(frozen=True)
class Ask:
    """One request as bytes. `last`: the connection is likely closed after it, so nothing is sent behind it."""

    data: bytes
    head: bool = False
    last: bool = False

    @property
    def method(self) -> bytes:
        return self.data[: self.data.index(b" ")]


@dataclasses.dataclass(frozen=True)
class Told:
    """One answer: `status` 0 when the connection was closed without one."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def lasting(self) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """The same but for what time alone changes."""
        return self.status, tuple(pair for pair in self.headers if pair[0] != "date"), self.body


NOTHING = Told(0)


class Closed(Exception):
    pass


class Wire:
    def __init__(self, port: int) -> None:
        self._port, self._socket, self._pending = port, None, b""

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket, self._pending = None, b""

    def _send(self, data: bytes) -> None:
        if not self._socket:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=allow(10))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(data)

    def _more(self) -> None:
        chunk = self._socket.recv(262144)
        if not chunk:
            raise Closed
        self._pending += chunk

    def _take(self, n: int) -> bytes:
        while len(self._pending) < n:
            self._more()
        taken, self._pending = self._pending[:n], self._pending[n:]
        return taken

    def _until(self, end: bytes) -> bytes:
        while (at := self._pending.find(end)) < 0:
            self._more()
        return self._take(at + len(end))[: -len(end)]

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            parts.append(self._take(size))
            assert self._take(2) == b"\r\n"
        while self._until(b"\r\n"):
            pass
        return b"".join(parts)

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except Closed:
            return self._pending

    def _answer(self, head: bool) -> Told:
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        if status == 100:
            return self._answer(head)
        headers = tuple((n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:]))
        named = dict(headers)
        closes = named.get("connection", "").lower() == "close" or status == 101
        if head or status in (101, 204, 304):
            body = b""
        elif "transfer-encoding" in named:
            body = self._chunks()
        elif "content-length" in named:
            body = self._take(int(named["content-length"]))
        else:
            body, closes = self._rest(), True
        if closes:
            self.close()
        return Told(status, headers, body)

    def _batch(self, asks: Sequence[Ask]) -> list[Told]:
        """As many answers as came, at least one."""
        told: list[Told] = []
        try:
            self._send(b"".join(ask.data for ask in asks))
            for ask in asks:
                if not self._socket:
                    break
                told.append(self._answer(ask.head))
        except (Closed, ConnectionError):
            self.close()
        except TimeoutError:
            raise AssertionError(f"no end of the answer to {asks[len(told)].data!r}: {self._pending[:500]!r}") from None
        return told

    def ask(self, asks: Sequence[Ask]) -> Iterator[Told]:
        done = 0
        while done < len(asks):
            n = 1
            while n < BATCH and done + n < len(asks) and not asks[done + n - 1].last:
                n += 1
            told = self._batch(asks[done : done + n])
            if not told:
                # Perhaps what was sent behind it made the answer be lost: once more, alone and anew.
                self.close()
                told = self._batch(asks[done : done + 1]) or [NOTHING]
            yield from told
            done += len(told)


def ask_all(port: int, asks: Sequence[Ask]) -> list[Told]:
    """The answers, in the order of the requests; asked over several connections at once."""
    size = -(-len(asks) // THREADS)

    def part(start: int) -> list[Told]:
        wire = Wire(port)
        try:
            return list(wire.ask(asks[start : start + size]))
        finally:
            wire.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return [told for answers in pool.map(part, range(0, len(asks), size)) for told in answers]
