"""jupyter_server.py DIR: a Jupyter server of its own on a Unix socket, spoken to over a kernel's WebSocket as the gateway
would have to; prints the median of 1+1 and of 1 MB in 10000 lines, in milliseconds, and the server's memory in MB."""

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path

import websocket

LINES = 'for i in range(10000): print("y" * 99)'


class Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = connect(self.path)


def connect(path: Path) -> socket.socket:
    end = socket.socket(socket.AF_UNIX)
    end.connect(str(path))
    return end


def start(folder: Path) -> tuple[subprocess.Popen, Path]:
    path = folder / "jupyter.sock"
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", f"--ServerApp.sock={path}", "--allow-root", "--no-browser",
         "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}"],
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"), "JUPYTER_CONFIG_DIR": str(folder / "jupyter")},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            connect(path).close()
            return server, path
        except OSError:
            time.sleep(0.05)
    server.kill()
    raise SystemExit("the Jupyter server did not start")


def execute(end: websocket.WebSocket, code: str) -> int:
    name = uuid.uuid4().hex
    header = {"msg_id": name, "session": "bench", "username": "", "msg_type": "execute_request", "version": "5.3",
              "date": "2026-01-01T00:00:00Z"}  # fmt: skip
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
               "stop_on_error": False}  # fmt: skip
    end.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
                         "buffers": []}))  # fmt: skip
    printed, idle, answered = 0, False, False
    while not (idle and answered):
        told = json.loads(end.recv())
        if told["parent_header"].get("msg_id") != name:
            continue
        printed += len(told["content"].get("text", "")) if told["msg_type"] == "stream" else 0
        idle |= told["msg_type"] == "status" and told["content"]["execution_state"] == "idle"
        answered |= told["msg_type"] == "execute_reply"
    return printed


def median(end: websocket.WebSocket, code: str, count: int, printed: int) -> float:
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        if execute(end, code) != printed:
            raise SystemExit("some of the output is missing")
        times.append((time.perf_counter() - begun) * 1e3)
    return sorted(times)[count // 2]


def measure(path: Path) -> tuple[float, float]:
    http = Connection(path)
    http.request("POST", "/api/kernels", json.dumps({"name": "python3"}), {"Content-Type": "application/json"})
    kernel = json.loads(http.getresponse().read())["id"]
    end = websocket.create_connection(f"ws://localhost/api/kernels/{kernel}/channels", socket=connect(path), timeout=60)
    execute(end, "1")
    figures = median(end, "1+1", 500, 0), median(end, LINES, 20, 1_000_000)
    end.close()
    http.request("DELETE", f"/api/kernels/{kernel}")
    http.getresponse().read()
    return figures


def main() -> None:
    server, path = start(Path(sys.argv[1]))
    try:
        one, many = measure(path)
        status = Path(f"/proc/{server.pid}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6
        print(f"{one:.3f} {many:.3f} {memory:.0f}")
    finally:
        server.terminate()
        server.wait(20)


main()
