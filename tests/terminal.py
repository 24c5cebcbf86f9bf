"""A viewer of the terminal WebSocket: JSON messages in and out, with deadlines."""

from __future__ import annotations

import json
import time
from typing import Any, Callable
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from waiting import allow


class Terminal:
    """`with Terminal(gateway) as term:` is attached and past `ready`; `replay` holds what came before `ready`."""

    def __init__(
        self,
        gateway: Any,
        session: str | None = None,
        *,
        cols: int | None = None,
        rows: int | None = None,
        headers: dict[str, str] | None = None,
        max_queue: int | None = 64,
        greet: bool = True,
        query: dict[str, str] | None = None,
    ) -> None:
        wanted = {"session_id": session, "cols": cols, "rows": rows, **(query or {})}
        parameters = urlencode({name: value for name, value in wanted.items() if value is not None})
        url = gateway.url.replace("http", "ws", 1) + "/v1/shell/ws" + (f"?{parameters}" if parameters else "")
        if getattr(gateway, "key", None) and headers is None:
            headers = {"X-AIO-API-Key": gateway.key}
        self.socket = connect(
            url,
            additional_headers=headers,
            proxy=None,
            compression=None,
            max_queue=max_queue,
            max_size=None,
            ping_interval=None,
            open_timeout=allow(10),
            close_timeout=allow(5),
            legacy=True,
        )
        self.session, self.replay, self.seen = "", "", ""
        if greet:
            self._greet()

    def _greet(self) -> None:
        first = self.next()
        assert first["type"] == "session_id", f"the first message is {first}"
        self.session = first["data"]
        while (message := self.next())["type"] != "ready":
            assert message["type"] == "output", f"between session_id and ready came {message}"
            self.replay += message["data"]
        assert message["data"] == "Terminal ready"

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def next(self, deadline: float = 5.0) -> dict[str, Any]:
        """The next message; the gateway's own pings are answered here, as every client does."""
        end = time.monotonic() + allow(deadline)
        while True:
            text = self.socket.recv(timeout=max(0.001, end - time.monotonic()))
            assert isinstance(text, str), "the terminal speaks text messages"
            message = json.loads(text)
            if message["type"] != "ping":
                return message
            self.send(type="pong", data={"timestamp": message["timestamp"]})

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def type(self, text: str) -> None:
        self.send(type="input", data=text)

    def resize(self, cols: Any, rows: Any) -> None:
        self.send(type="resize", data={"cols": cols, "rows": rows})

    def read_until(self, wanted: str | Callable[[str], bool], deadline: float = 10.0) -> str:
        """Gather output until it contains `wanted` (or the predicate holds); what came is also kept in `seen`."""
        done = wanted if callable(wanted) else lambda text: wanted in text
        gathered, end = "", time.monotonic() + allow(deadline)
        while not done(gathered):
            try:
                message = self.next(max(0.01, end - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"{wanted!r} did not come; got {gathered[-2000:]!r}") from None
            assert message["type"] == "output", f"waiting for {wanted!r}, got {message}"
            gathered += message["data"]
        self.seen += gathered
        return gathered

    def wait_heard(self) -> None:
        """Returns when the gateway has taken everything sent so far: its pong comes in order after it."""
        try:
            self.send(type="ping")
            while self.next()["type"] != "pong":
                pass
        except ConnectionClosed:
            pass  # what was sent ended the shell: it was heard

    def run(self, command: str, deadline: float = 10.0) -> str:
        """Type a command and gather what it printed. The shell computes the marks, so the echo of the typed
        line cannot be taken for them."""
        self.type(f"printf '<%d>' $((40+2)); {command}; printf '<%d>' $((40+3))\n")
        text = self.read_until(lambda seen: "<43>" in seen, deadline)
        return text.split("<42>", 1)[1].split("<43>", 1)[0]

    def next_but_output(self) -> dict[str, Any]:
        """The next message that is not output."""
        while (message := self.next())["type"] == "output":
            pass
        return message

    def until_end(self, deadline: float = 5.0) -> list[dict[str, Any]]:
        """The last messages: up to the word that the shell ended, or the gateway's close."""
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] != "exit":
            try:
                messages.append(self.next(deadline))
            except ConnectionClosed:
                break
        return messages
