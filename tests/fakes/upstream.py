"""Services that tests put behind the gateway: an HTTP/1.1 and WebSocket server that does exactly what its path says,
also what no decent server would do. Each is run by the gateway as a service, with `python3 upstream.py NAME`.

    browser   Chromium's DevTools addresses, on SERVICE_PORT
    desktop   a WebSocket that echoes, on SERVICE_SOCKET

What it is asked and what becomes of it goes to standard output, one JSON object a line: the service's log.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import socket
import struct
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BIG = 8 * 1024 * 1024


left: dict[str, dict[str, object]] = {}


def log(event: str, **details: object) -> None:
    if event == "left":
        left.setdefault(str(details["target"]), details)
    print(json.dumps({"event": event, **details}), flush=True)


class Request:
    def __init__(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:] if line]

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return found[0] if found else None

    def seen(self) -> dict[str, object]:
        return {"method": self.method, "target": self.target, "headers": self.headers}


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        return Request((await reader.readuntil(b"\r\n\r\n"))[:-4])
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def read_body(request: Request, reader: asyncio.StreamReader) -> bytes:
    if request.get("Transfer-Encoding"):
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(pieces)
    return await reader.readexactly(int(request.get("Content-Length") or 0))


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


# ---- WebSockets ----


def switching(request: Request, more: str = "") -> bytes:
    digest = hashlib.sha1((request.get("Sec-WebSocket-Key") or "").encode() + GUID).digest()
    protocol = request.get("Sec-WebSocket-Protocol")
    chosen = f"Sec-WebSocket-Protocol: {protocol.split(',')[0].strip()}\r\n" if protocol else ""
    accept = base64.b64encode(digest).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n{chosen}{more}\r\n"
    ).encode()


def unmask(data: bytes, key: bytes) -> bytes:
    whole = int.from_bytes(data, "big") ^ int.from_bytes((key * (len(data) // 4 + 1))[: len(data)], "big")
    return whole.to_bytes(len(data), "big")


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = struct.unpack("!H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack("!Q", await reader.readexactly(8))[0]
    key = await reader.readexactly(4)
    return first & 0x0F, unmask(await reader.readexactly(size), key)


def frame(opcode: int, data: bytes) -> bytes:
    n = len(data)
    if n < 126:
        return bytes([0x80 | opcode, n]) + data
    if n < 65536:
        return bytes([0x80 | opcode, 126]) + struct.pack("!H", n) + data
    return bytes([0x80 | opcode, 127]) + struct.pack("!Q", n) + data


async def echo(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(switching(request))
    while True:
        opcode, data = await read_frame(reader)
        if data == b"head":
            data = json.dumps(request.seen()).encode()
        elif data == b"die":
            writer.write(frame(2, b"x" * 1000)[:500])
            await writer.drain()
            writer.transport.abort()
            return
        elif opcode == 8:
            writer.write(frame(8, data))
            return
        writer.write(frame(opcode, data))
        await writer.drain()


async def protocol(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The DevTools protocol: events before every answer."""
    writer.write(switching(request))
    while True:
        question = json.loads((await read_frame(reader))[1])
        method, number = question["method"], question["id"]
        writer.write(frame(1, json.dumps({"method": "Page.event", "params": {"id": number}}).encode()))
        if method == "hang":
            continue
        if method == "crash":
            writer.transport.abort()
            return
        reply = {"id": number, "result": {"asked": question}}
        if method == "refuse":
            reply = {"id": number, "error": {"code": -32000, "message": "No such \"target\""}}
        writer.write(frame(1, json.dumps(reply).encode()))


# ---- the browser ----


def targets(request: Request) -> dict[str, object]:
    host = request.get("Host")
    return {
        "Browser": "Chrome/1 ⚙",
        "title": "a \"quoted\" ws://127.0.0.1:9222/devtools/page/1 \\ title",
        "webSocketDebuggerUrl": f"ws://{host}/devtools/browser/0-1-2",
        "devtoolsFrontendUrl": f"/devtools/inspector.html?ws={host}/devtools/page/7",
        "devtoolsFrontendUrlCompat": f"https://frontend.example/inspector.html?a=b&ws={host}/devtools/page/7",
        "url": "about:blank",
        "number": 1.50,
        "seen": request.seen(),
    }


def is_own_host(host: str | None) -> bool:
    name = (host or "").rsplit(":", 1)[0]
    return name in ("127.0.0.1", "localhost")


def json_answer(request: Request) -> bytes:
    """As Chromium: a Host that is no address is refused, and so is an Origin."""
    path = request.target.split("?")[0].rstrip("/")
    if not is_own_host(request.get("Host")):
        return answer(b"Host header is specified and is not an IP address or localhost.", "500 No", "text/html")
    if path in ("/json", "/json/list"):
        return answer(json.dumps([targets(request), {"id": "x"}]).encode())
    if path == "/json/protocol":
        return answer(b'{"domains":[' + b",".join([b'{"a":"b"}'] * 100000) + b"]}")
    if path == "/json/new" and request.method != "PUT":
        return answer(b"Using unsafe HTTP verb GET to invoke /json/new.", "405 Method Not Allowed", "text/html")
    if path.startswith("/json/activate/"):
        return answer(b"Target activated")
    if path in ("/json/version", "/json/new"):
        return answer(json.dumps(targets(request), ensure_ascii=False).encode())
    return answer(b"No such target id", "404 Not Found")


async def misbehave(how: str, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if how == "refuse":
        writer.write(answer(b"not you", "403 Forbidden", "text/plain", "X-Why: because\r\n"))
    elif how == "garbage":
        writer.write(b"RFB 003.008\n")
    elif how == "early":
        # Bytes right behind the head, in one piece with it.
        writer.write(switching(request) + frame(1, b"early"))
        await reader.read()
    elif how == "count":
        writer.write(switching(request))
        got = await reader.read()
        writer.write(frame(1, str(len(got)).encode()) + frame(8, b""))
    elif how == "flood":
        writer.write(switching(request) + bytes(BIG))
    elif how == "deaf":
        writer.write(switching(request))
        writer.transport.pause_reading()
        await asyncio.sleep(3600)
    elif how == "hang":
        await reader.read()
        log("left", target=request.target)


async def http(how: str, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """True when the connection may be used again."""
    if how == "seen":
        body = await read_body(request, reader)
        seen = {**request.seen(), "body": body.decode("latin-1") if len(body) < 4096 else len(body)}
        seen["digest"] = hashlib.sha256(body).hexdigest()
        seen["peer"] = str(writer.get_extra_info("peername"))
        writer.write(answer(json.dumps(seen).encode(), more="X-Twice: 1\r\nX-Twice: 2\r\nKeep-Alive: x\r\n"))
        return True
    if how == "left":
        # Whether a client has left the request for the target in the query.
        writer.write(answer(json.dumps(left.get(request.target.split("?", 1)[1])).encode()))
        return True
    if how == "slow":
        writer.transport.pause_reading()
        await asyncio.sleep(0.7)
        writer.transport.resume_reading()
        writer.write(answer(str(len(await read_body(request, reader))).encode()))
        return True
    if how == "chunked":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: x/y\r\n\r\n")
        for piece in (b"hello", b", ", b"x" * 100000):
            writer.write(b"%x;e=1\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\nTrailer: x\r\n\r\n")
        return True
    if how == "close":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"until the end " * 10000)
    elif how == "bare":
        writer.write(b"HTTP/1.0 200 OK\nContent-Type: text/plain\n\nold")
    elif how == "die-length":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 5000)
    elif how == "die-chunked":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n")
    elif how == "die-reset":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)
        await writer.drain()
        await asyncio.sleep(0.2)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    elif how == "sse":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await reader.read()
        log("left", target=request.target)
    elif how == "endless":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        sent = 0
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536
        except ConnectionError:
            log("left", target=request.target, sent=sent)
    elif how == "interim":
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer(b'"final"'))
        return True
    elif how == "once":
        # Says that it stays, and hangs up: the next request must not fail.
        writer.write(answer(b'"once"'))
    elif how == "cookie":
        cookies = "Set-Cookie: sandgate_session=evil; Path=/\r\nSet-Cookie: own=1\r\nSet-Cookie: other=2\r\n"
        writer.write(answer(b"{}", more=cookies))
        return True
    elif how == "move":
        more = "Location: /here?x\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/x; HttpOnly\r\nSet-Cookie: c=3\r\n"
        writer.write(answer(b"", "302 Found", more=more))
        return True
    elif how == "deaf":
        # Nor does the kernel take much for it, however much memory it has to spare.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        writer.transport.pause_reading()
        await asyncio.sleep(3600)
    elif how == "headlong":
        writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40000 + b"\r\n\r\n")
    elif how == "switch":
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
    elif how.isdigit():
        body = b"" if how in ("204", "304") else b"status"
        length = f"Content-Length: {len(body)}\r\n" if body else "ETag: \"x\"\r\n"
        writer.write(f"HTTP/1.1 {how} Anything\r\n{length}\r\n".encode() + (b"" if request.method == "HEAD" else body))
        return True
    elif how == "smuggle":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    elif how == "early-refusal":
        writer.write(answer(b'"too much"', "413 Too Large", more="Connection: close\r\n"))
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        await asyncio.wait_for(reader.read(1000), 5)
    return False


async def serve_one(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    path = request.target.split("?")[0]
    part = path.split("/")
    if path == "/json" or path.startswith("/json/"):
        writer.write(json_answer(request))
        return "close" not in (request.get("Connection") or "")
    if path.startswith("/devtools/http/"):
        return await http(part[3], request, reader, writer)
    if path.startswith("/devtools/cdp/"):
        await protocol(request, reader, writer)
    elif path.startswith("/devtools/page/"):
        await misbehave(part[3], request, reader, writer)
    else:
        await echo(request, reader, writer)
    return False


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    again = True
    while again and (request := await read_request(reader)):
        log("request", target=request.target)
        try:
            again = await serve_one(request, reader, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            log("left", target=request.target)
            break
    writer.close()


async def main() -> None:
    if sys.argv[1] == "desktop":
        server = await asyncio.start_unix_server(serve, os.environ["SERVICE_SOCKET"])
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", int(os.environ["SERVICE_PORT"]))
    log("ready")
    if os.environ.get("FAKE_QUIET"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
