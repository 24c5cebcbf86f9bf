"""Constant memory whatever the size: five gigabytes each way, the bytes really passing through the socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import quote

import pytest

from rawhttp import RawConnection
from server import is_sanitised
from waiting import Stopwatch, allow

SIZE = 5 * 1024**3
MARK, MARK_AT = b"here I am", SIZE - 700_000_001
BOUNDARY = "frontier"

pytestmark = pytest.mark.local


@pytest.fixture
def big_source(tmp_path: Path):
    """A sparse file: five gigabytes to read, next to nothing on disk."""
    path = tmp_path / "source"
    with path.open("wb") as file:
        file.truncate(SIZE)
        file.seek(MARK_AT)
        file.write(MARK)
    yield path
    path.unlink()


@pytest.fixture
def roomy(start_gateway):
    """A gateway of its own, warmed up so that what it allocates once is not counted as growth."""
    # A sanitiser keeps freed memory for a while; told not to, its build meets the same bound.
    server = start_gateway(env={"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"})
    path = str(server.workspace / "warm")
    server.api.post_ok("/v1/file/upload", data={"path": path}, files={"file": ("x", b"w" * 4_000_000)})
    assert len(server.api.file.download(path).content) == 4_000_000
    server.reset_peak_memory()
    return server


def growth_limit() -> int:
    return 20_000_000 * (3 if is_sanitised() else 1)


def test_download_of_five_gigabytes(roomy, big_source: Path) -> None:
    before = roomy.memory()
    with Stopwatch() as watch, RawConnection(roomy, timeout=60) as raw:
        raw.send(raw.head(f"GET /v1/file/download?path={quote(str(big_source))} HTTP/1.1", "Connection: close"))
        received = drain(raw.socket)
    assert SIZE < received < SIZE + 4096, "head and body"
    watch.assert_below(60)
    assert roomy.peak_memory() - before < growth_limit()
    part = roomy.api.file.download(str(big_source), headers={"Range": f"bytes={MARK_AT}-{MARK_AT + len(MARK) - 1}"})
    assert (part.status, part.content) == (206, MARK)


def drain(connection: socket.socket) -> int:
    buffer, total = bytearray(1 << 20), 0
    connection.settimeout(allow(30))
    while count := connection.recv_into(buffer):
        total += count
    return total


def test_upload_of_five_gigabytes(roomy, big_source: Path) -> None:
    target = roomy.workspace / "uploaded"
    before = roomy.memory()
    head, tail = upload_frame(str(target))
    with Stopwatch() as watch, RawConnection(roomy, timeout=60) as raw, big_source.open("rb") as source:
        raw.send(
            raw.head(
                "POST /v1/file/upload HTTP/1.1",
                f"Content-Length: {len(head) + SIZE + len(tail)}",
                f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            )
        )
        raw.send(head)
        raw.socket.sendfile(source)
        raw.send(tail)
        assert raw.answer().status == 200
    watch.assert_below(60)
    growth = roomy.peak_memory() - before
    with target.open("rb") as written:
        assert os.fstat(written.fileno()).st_size == SIZE
        written.seek(MARK_AT)
        assert written.read(len(MARK)) == MARK
    target.unlink()
    assert growth < growth_limit()


def upload_frame(target: str) -> tuple[bytes, bytes]:
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    head = f'{part}"path"\r\n\r\n{target}\r\n{part}"file"; filename="big"\r\n\r\n'
    return head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()


def test_grep_and_edits_of_large_trees_stay_small(roomy) -> None:
    """Answers are capped, and so is what the gateway holds while it makes them."""
    api, root = roomy.api, str(roomy.workspace)
    api.bash.exec(f"cd {root}; yes needle | head -c 900000 > many; truncate -s 2G sparse")
    before = roomy.memory()
    assert api.file.ok("grep", path=root, pattern="needle", max_results=10000)["truncated"] is True
    assert api.file.call("read", file=f"{root}/sparse").success is False
    assert api.file.call("replace", file=f"{root}/sparse", old_str="a", new_str="b").status in (200, 413, 422)
    assert roomy.peak_memory() - before < 60_000_000 * (3 if is_sanitised() else 1)
