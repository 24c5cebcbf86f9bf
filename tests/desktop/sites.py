"""Small servers for a browser under test: a site, a proxy, and a port that only remembers who came."""

from __future__ import annotations

import http.server
import socket
import threading


class Site:
    """Answers every GET with its name, and remembers the requests: (target, headers)."""

    def __init__(self, name: str) -> None:
        site = self
        self.name = name
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, tuple[dict[str, str], bytes]] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                site.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                headers, body = site.answers.get(self.path, ({"Content-Type": "text/html"}, site.name.encode()))
                self.send_response(200)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hosts(self) -> set[str]:
        return {headers["host"].split(":")[0] for _, headers in self.requests}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Doorbell:
    """A TCP port that keeps the first bytes of everyone who connects, and hangs up."""

    def __init__(self) -> None:
        self.visits: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            with visitor:
                visitor.settimeout(5)
                try:
                    self.visits.append(visitor.recv(64))
                except OSError:
                    pass

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
