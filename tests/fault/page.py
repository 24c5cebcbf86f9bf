"""The page a gateway built with FAULT=1 shares with its test (see shim.h): which of its calls are to fail."""

from __future__ import annotations

import mmap
import subprocess
import struct
from pathlib import Path

LAYOUT = struct.Struct("=6Q32s")
KINDS = {"memory": 1, "system": 2, "interrupt": 4, "short": 8}


class Page:
    def __init__(self, path: Path, binary: Path) -> None:
        path.write_bytes(bytes(mmap.PAGESIZE))
        self._binary = binary
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.environment = {"SANDGATE_FAULT_PAGE": str(path)}

    def arm(self, kind: str, fail_at: int, run: int = 1) -> None:
        """From now on calls of this kind count, and `run` of them fail from the `fail_at`th on (0: none does)."""
        self._memory[:LAYOUT.size] = LAYOUT.pack(0, fail_at, run, 0, 0, 0, b"")
        self._memory[:8] = struct.pack("=Q", KINDS[kind])

    def disarm(self) -> None:
        self._memory[:8] = bytes(8)

    @property
    def count(self) -> int:
        return self._fields()[3]

    @property
    def fired(self) -> int:
        return self._fields()[4]

    def _fields(self) -> tuple:
        return LAYOUT.unpack(self._memory[: LAYOUT.size])

    def where(self) -> str:
        """The call that failed first, for whoever reads a failure."""
        site, name = self._fields()[5:]
        # The address is where the call returns to: just before it is the call.
        told = subprocess.run(
            ["addr2line", "-f", "-s", "-e", self._binary, hex(site - 1)], capture_output=True, text=True, check=False
        ).stdout.split()
        return f"{name.rstrip(bytes(1)).decode()} in {' '.join(told)}"
