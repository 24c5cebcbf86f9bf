"""HTTP as bytes on a socket, for requests no decent client would send."""

from __future__ import annotations

import dataclasses
import re
import socket
import time

from waiting import allow


@dataclasses.dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


class RawConnection:
    def __init__(self, gateway, timeout: float = 10.0) -> None:
        self.host = f"127.0.0.1:{gateway.port}"
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=allow(timeout))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.key = getattr(gateway, "key", None)
        self._pending = b""

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def head(self, request_line: str, *headers: str, host: bool = True) -> bytes:
        """A request head of the given lines, with a Host and the key unless told otherwise."""
        lines = [request_line]
        if host:
            lines.append(f"Host: {self.host}")
        if self.key:
            lines.append(f"X-AIO-API-Key: {self.key}")
        return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _more(self) -> bool:
        chunk = self.socket.recv(65536)
        self._pending += chunk
        return bool(chunk)

    def answer(self, head_only: bool = False) -> RawAnswer:
        """The next answer on the connection. Its body must be framed by Content-Length or be absent."""
        while b"\r\n\r\n" not in self._pending:
            if not self._more():
                raise AssertionError(f"closed before an answer: {self._pending[:500]!r}")
        head, self._pending = self._pending.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head_only or status == 304 else int(headers.get("content-length", 0))
        while len(self._pending) < length:
            assert self._more(), "closed inside a body"
        body, self._pending = self._pending[:length], self._pending[length:]
        return RawAnswer(status, headers, body)

    def answer_or_end(self) -> RawAnswer | None:
        """The next answer, or None when the gateway hung up without one."""
        try:
            while b"\r\n\r\n" not in self._pending:
                if not self._more():
                    return None
        except ConnectionResetError:
            return None
        return self.answer()

    def read_until(self, wanted: bytes) -> bytes:
        """Whatever comes, up to and including `wanted`: for what follows an upgrade."""
        while wanted not in self._pending:
            assert self._more(), f"closed before {wanted!r}; got {self._pending[-500:]!r}"
        return self._pending

    def assert_closed(self, deadline: float = 5.0) -> None:
        """The gateway ends the connection and says nothing more on it."""
        self.socket.settimeout(allow(deadline))
        end = time.monotonic() + allow(deadline)
        while time.monotonic() < end:
            try:
                if not self._more():
                    break
            except ConnectionResetError:
                break
            except TimeoutError:
                raise AssertionError("the connection stays open") from None
        # What the HTTP library refuses by itself it says with its head written twice, which shows here as
        # trailing bytes; what must never come is the answer to the request smuggled behind.
        assert not re.search(rb"HTTP/1\.[01] (?!4|5)", self._pending), f"a second answer came: {self._pending[:500]!r}"
