"""The web site the tests look at: a few pages on a loopback port.

Where the gateway runs on this machine the site is a thread of the tests. Where it does not (a container), this very
file is run inside the sandbox as a program, which is why it needs nothing but Python.
"""

from __future__ import annotations

import http.server
import json
import sys
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DOWNLOAD = b"downloaded \xc5\xbe\n" * 1000

QUADRANTS = {"top-left": (200, 30, 60), "top-right": (10, 160, 90), "bottom-left": (30, 60, 220), "bottom-right": (250, 220, 40)}


def _colours() -> str:
    boxes = "".join(
        f"<div style='position:fixed;width:50%;height:50%;{side};{edge};background:rgb{colour}'></div>"
        for (edge, side), colour in (
            ((edge + ":0", side + ":0"), QUADRANTS[f"{edge}-{side}"])
            for edge in ("top", "bottom")
            for side in ("left", "right")
        )
    )
    return f"<!doctype html><title>colours</title><body>{boxes}"


def _plain(query: dict[str, list[str]]) -> str:
    title, colour = query.get("title", ["plain"])[0], query.get("colour", ["rgb(40,90,140)"])[0]
    return f"<!doctype html><title>{title}</title><body style='margin:0;height:100vh;background:{colour}'>"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    board = b""

    def do_GET(self) -> None:
        # A proxy's client sends the whole address; the path is all that counts here.
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/board":
            self._send(self.board)
        elif url.path == "/colours":
            self._send(_colours().encode())
        elif url.path == "/plain":
            self._send(_plain(query).encode())
        elif url.path == "/headers":
            told = {name.lower(): value for name, value in self.headers.items()}
            self._send(json.dumps({"target": self.path, "headers": told}).encode(), "application/json")
        elif url.path == "/download":
            self._send(DOWNLOAD, "application/octet-stream", {"Content-Disposition": "attachment; filename=report.bin"})
        elif url.path == "/slow":
            time.sleep(float(query["seconds"][0]))
            self._send(b"at last")
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str = "text/html; charset=utf-8", more: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Site:
    def __init__(self, board: bytes) -> None:
        handler = type("Handler", (_Handler,), {"board": board})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.1)

    def __enter__(self) -> "Site":
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    site = Site(Path(sys.argv[1]).read_bytes())
    print(site.port, flush=True)
    site.serve()


if __name__ == "__main__":
    main()
