"""A web app as people start one in the sandbox: `app.py [HOST]` listens on a free port and prints it, then one JSON
object a line of what becomes of its requests (see upstream.py).

Whatever the path, it does what the header X-Do says: one of upstream.py's ways, `sum` (a body of any size, digested as
it comes) or nothing: then it says what it was asked for. A WebSocket echoes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time

import upstream
from upstream import Request, answer, echo, log


async def pieces(request: Request, reader: asyncio.StreamReader):
    if not request.get("Transfer-Encoding"):
        left = int(request.get("Content-Length") or 0)
        while left:
            data = await reader.read(min(left, 1 << 16))
            if not data:
                raise ConnectionError
            left -= len(data)
            yield data
        return
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")


async def digest(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    total, sha = 0, hashlib.sha256()
    async for piece in pieces(request, reader):
        if not total:
            log("first", target=request.target)
        total += len(piece)
        sha.update(piece)
    writer.write(answer(json.dumps({**request.seen(), "length": total, "digest": sha.hexdigest()}).encode()))


async def ticks(writer: asyncio.StreamWriter) -> None:
    """Server-sent events that say when they were sent."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(20):
        data = f"data: {time.time()}\n\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.write(b"0\r\n\r\n")


async def hum(writer: asyncio.StreamWriter) -> None:
    """Events that never are far apart."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"6\r\ndata\n\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.003)


async def forever(writer: asyncio.StreamWriter) -> None:
    """Chunks, and never the last one."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + bytes(4096) + b"\r\n")
        await writer.drain()


def part(request: Request) -> bytes:
    """A range of a megabyte, as a file server gives it."""
    first, last = (int(x) for x in (request.get("Range") or "bytes=0-0").removeprefix("bytes=").split("-"))
    body = bytes(i % 251 for i in range(first, last + 1))
    return answer(body, "206 Partial Content", "x/y", f"Content-Range: bytes {first}-{last}/1048576\r\n")


async def serve_one(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    how = request.get("X-Do") or "seen"
    if (request.get("Upgrade") or "").lower() == "websocket":
        await echo(request, reader, writer)
        return False
    if how == "sum":
        await digest(request, reader, writer)
    elif how == "ticks":
        await ticks(writer)
    elif how == "hum":
        await hum(writer)
    elif how == "forever":
        await forever(writer)
    elif how == "range":
        writer.write(part(request))
    else:
        return await upstream.http(how, request, reader, writer)
    return True


async def main() -> None:
    upstream.serve_one = serve_one
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    server = await asyncio.start_server(upstream.serve, host, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
