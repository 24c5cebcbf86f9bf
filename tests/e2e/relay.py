"""A TCP relay that stands for the network between a browser and the gateway, so that tests can break it."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit


class Relay:
    """Forwards bytes. With `prefix`, requests for /prefix/x reach the gateway as /x, as behind a proxy that strips it."""

    def __init__(self, target: str, prefix: str = "") -> None:
        self.retarget(target)
        self._prefix = prefix.encode()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener: socket.socket | None = None
        self._port = 0
        self.accept()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self._prefix.decode()}"

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self.flow()
        self.cut()

    def retarget(self, target: str) -> None:
        """Where new connections lead."""
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)

    def accept(self) -> None:
        """Take connections, always on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self._port), reuse_port=False)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Take no connections any more; those that exist go on."""
        if self._listener:
            # shutdown wakes the thread that waits in accept(); close alone would leave it there.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for one in (end for pair in pairs for end in pair):
            _close(one)

    def stall(self) -> None:
        """Connections stay open and carry nothing, as when a laptop changes its network."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _close(client)  # the gateway is down; the browser sees a lost connection
                continue
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server, self._strip), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, bytes), daemon=True).start()

    def _strip(self, data: bytes) -> bytes:
        """A browser sends one request head per segment, so the request line stands at the start of one."""
        method, _, rest = data.partition(b" ")
        methods = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE")
        if self._prefix and method in methods and rest.startswith(self._prefix + b"/"):
            return method + b" " + rest[len(self._prefix) :]
        return data

    def _pump(self, source: socket.socket, sink: socket.socket, change) -> None:
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(change(data))
        except OSError:
            pass
        _close(source)
        _close(sink)


def _close(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
