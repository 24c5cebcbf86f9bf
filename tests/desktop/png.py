"""Just enough of PNG to read the desktop's pictures: 8-bit RGB, not interlaced."""

from __future__ import annotations

import struct
import zlib


def decode(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the pixels, three bytes each. Every checksum is checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            assert rest == [8, 2, 0, 0, 0]
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
        if kind == b"IEND":
            assert at == len(data)
    return width, height, _unfilter(zlib.decompress(packed), width * 3, height)


def _unfilter(rows: bytes, size: int, height: int) -> bytes:
    out, above = bytearray(), bytes(size)
    assert len(rows) == (size + 1) * height
    for y in range(height):
        at = y * (size + 1)
        kind, row = rows[at], rows[at + 1 : at + 1 + size]
        assert kind in (0, 2), f"filter {kind}"
        if kind == 2:
            row = above if not any(row) else bytes((a + b) & 0xFF for a, b in zip(row, above))
        out += row
        above = row
    return bytes(out)
