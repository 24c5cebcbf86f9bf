"""Synthetic services: a folder a test fills with small programs, for --services-dir, and what it asks of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil

from client import Answer, Api
from server import Server, is_alive
from waiting import eventually

# Listens where it is told, says so, and accepts for ever.
LISTEN = """\
import os, socket
path, port = os.environ.get("SERVICE_SOCKET"), os.environ.get("SERVICE_PORT")
listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(path or ("127.0.0.1", int(port)))
listener.listen(8)
print("listening", path or port, flush=True)
while True:
    listener.accept()[0].close()
"""

# Answers every GET and POST with what it was asked.
ECHO = """\
import http.server, json, os, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def address_string(self):
        return "peer"
    def do_GET(self):
        seen = {"method": self.command, "target": self.path, "headers": list(self.headers.items())}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
path = os.environ.get("SERVICE_SOCKET")
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer if path else socketserver.TCPServer):
    allow_reuse_address = daemon_threads = True
Server(path or ("127.0.0.1", int(os.environ["SERVICE_PORT"])), Handler).serve_forever()
"""


class Services:
    """The folder of services, and the gateway that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gateway: Server | None = None

    def add(self, name: str, script: str | None = None, python: str | None = None, **manifest: Any) -> None:
        """A service that runs a shell script, a Python program, or the command its manifest gives."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        if script is not None:
            (place / "run.sh").write_text(f"#!/bin/sh\n{script}\n")
            (place / "run.sh").chmod(0o755)
            manifest.setdefault("command", ["./run.sh"])
        if python is not None:
            (place / "run.py").write_text(python)
            manifest.setdefault("command", ["python3", "${SERVICE_DIR}/run.py"])
        (place / "manifest.json").write_text(json.dumps({"title": name.title(), **manifest}))

    def sleeper(self, name: str, **manifest: Any) -> None:
        """Does nothing for long, and ends when told to."""
        self.add(name, command=["sleep", "1000"], **manifest)

    def listener(self, name: str, **manifest: Any) -> None:
        manifest.setdefault("listen", {"socket": True})
        self.add(name, python=LISTEN, **manifest)

    def echo(self, name: str, **manifest: Any) -> None:
        """An HTTP server that tells what it was asked."""
        manifest.setdefault("listen", {"socket": True})
        self.add(name, python=ECHO, **manifest)

    def late(self, name: str, **manifest: Any) -> None:
        """Listens once `go` lies in the folder it keeps."""
        self.listener(name)
        wait = 'while [ ! -e "$SERVICE_STATE/go" ]; do sleep 0.01; done; exec python3 "$SERVICE_DIR/run.py"'
        self.add(name, script=wait, **{"listen": {"socket": True}, **manifest})

    def arguments(self, select: str = "all") -> list[str]:
        return ["--services-dir", str(self.folder), "--services", select]

    @property
    def api(self) -> Api:
        assert self.gateway
        return self.gateway.api

    def get(self, name: str) -> dict[str, Any]:
        return self.api.get_ok(f"/v1/services/{name}")

    def change(self, verb: str, name: str, **fields: Any) -> Answer:
        answer = self.api.post(f"/v1/services/{name}/{verb}", fields)
        assert answer.status == 200, answer
        return answer

    def start(self, name: str, **fields: Any) -> dict[str, Any]:
        answer = self.change("start", name, **fields)
        assert answer.success and answer.data["state"] == "ready", answer
        return answer.data

    def stop(self, name: str) -> dict[str, Any]:
        answer = self.change("stop", name)
        assert answer.success and answer.data["state"] == "stopped", answer
        return answer.data

    def fails(self, name: str, verb: str = "start", **fields: Any) -> dict[str, Any]:
        """What a change that does not work out says."""
        answer = self.change(verb, name, **fields)
        assert answer.success is False and answer.data["reason"] in answer.message, answer
        return answer.data

    def states(self) -> dict[str, str]:
        return {service["name"]: service["state"] for service in self.api.get_ok("/v1/services")}

    def until(self, name: str, state: str, deadline: float = 5.0) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            service = self.get(name)
            return service if service["state"] == state else None

        return eventually(look, f"{name} is {state}: {self.get(name)}", deadline)

    def log(self, name: str) -> str:
        return self.api.get_ok(f"/v1/services/{name}/logs", params={"max": 1 << 20})["output"]

    def state_file(self, name: str, file: str) -> Path:
        """A file in the folder a service keeps."""
        assert self.gateway
        return self.gateway.state / "services" / name / file

    def process(self, name: str) -> psutil.Process:
        return psutil.Process(self.get(name)["pid"])

    def processes(self) -> list[psutil.Process]:
        """Everything the services of this gateway run, whoever its parent is now."""
        assert self.gateway
        own = f"SANDGATE_INSTANCE={self.gateway.state}"
        found = []
        for process in psutil.process_iter():
            try:
                environment = Path(f"/proc/{process.pid}/environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # gone meanwhile
            if own in environment and any(entry.startswith("SERVICE_RUN=") for entry in environment):
                found.append(process)
        return [process for process in found if is_alive(process)]
