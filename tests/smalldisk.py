"""A gateway whose directories lie on a disk that can be filled and freed again.

The disk is a small tmpfs; where mount(2) is refused, one in a user namespace of the gateway's own; where that is
refused too, RLIMIT_FSIZE of the gateway stands in for it: then it can write nothing at all, whatever the disk says."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path
from typing import Sequence

from server import Server

SIZE = 6 << 20
_MOUNT = 'mount -t tmpfs -o size=%d,mode=755 tmpfs "$0" && mkdir -p "$0/home" "$0/workspace" "$0/state" && %s exec "$@"'
_FILL = 'dd if=/dev/zero of="$0/ballast" bs=4k 2> /dev/null;'
_WAYS = {
    "mount": ["unshare", "-m", "--propagation", "private"],
    "namespace": ["unshare", "-rm", "--propagation", "private"],
}


def way() -> str:
    """How a small disk can be had here."""
    for name, words in _WAYS.items():
        probe = [*words, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if subprocess.run(probe, capture_output=True, timeout=20).returncode == 0:
            return name
    return "limit"


class SmallDiskServer(Server):
    """`disk` is the directory that lies on it, and holds all of the gateway's. `full`: so it is from the start."""

    def __init__(self, args: Sequence[str] = (), *, full: bool = False, **options) -> None:
        super().__init__(args, **options)
        self.way, self.full = way(), full
        self.disk = self.root / "disk"
        self.disk.mkdir()
        for name in ("home", "workspace", "state"):
            setattr(self, name, self.disk / name)
            (self.disk / name).mkdir()

    def command_line(self) -> list[str]:
        if self.way == "limit":
            return [*(["prlimit", "--fsize=0:unlimited", "--"] if self.full else []), *super().command_line()]
        script = _MOUNT % (SIZE, _FILL if self.full else "")
        return [*_WAYS[self.way], "sh", "-c", script, str(self.disk), *super().command_line()]

    def seen(self, path: Path) -> Path:
        """The path as the gateway sees it, which may have mounts of its own."""
        return Path(f"/proc/{self.pid}/root{path}")

    @property
    def errno_name(self) -> str:
        return "EFBIG" if self.way == "limit" else "ENOSPC"

    def fill(self) -> None:
        if self.way == "limit":
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            return
        fd = os.open(self.seen(self.disk / "ballast"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 20, 1 << 16, 1 << 12, 1):
                try:
                    while True:
                        os.write(fd, b"x" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error
        finally:
            os.close(fd)

    def free(self) -> None:
        if self.way == "limit":
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            self.seen(self.disk / "ballast").unlink()
