"""Gateways under limits of their own, and what they use: descriptors, CPU, memory."""

from __future__ import annotations

import re
import resource
import subprocess
from pathlib import Path
from typing import Sequence

import psutil

from server import Server


class LimitedServer(Server):
    """Started by way of prlimit(1): `limits` are its options, as in ["--nofile=64"]."""

    def __init__(self, limits: Sequence[str], args: Sequence[str] = (), **options) -> None:
        super().__init__(args, **options)
        self.limits = list(limits)

    def command_line(self) -> list[str]:
        return ["prlimit", *self.limits, "--", *super().command_line()]


def open_fds(server: Server) -> int:
    return psutil.Process(server.pid).num_fds()


def cpu_seconds(server: Server) -> float:
    times = psutil.Process(server.pid).cpu_times()
    return times.user + times.system


def address_space(server: Server) -> int:
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[0]) * resource.getpagesize()


def limit(server: Server, kind: int, value: int | None) -> None:
    """Of the running gateway; None lifts it again. What it may be lifted to stays: that needs no privilege."""
    if server.user is None:
        _, most = resource.prlimit(server.pid, kind)
        resource.prlimit(server.pid, kind, (most if value is None else value, most))
        return
    # Another user's process may only be limited with a capability that a container's root may lack.
    own = ["setpriv", f"--reuid={server.user}", f"--regid={server.user}", "--clear-groups"]
    name, row = {
        resource.RLIMIT_NPROC: ("nproc", "Max processes"),
        resource.RLIMIT_NOFILE: ("nofile", "Max open files"),
    }[kind]
    most = re.search(rf"{row} +\S+ +(\S+)", Path(f"/proc/{server.pid}/limits").read_text())[1]
    soft = most if value is None else value
    subprocess.run([*own, "prlimit", f"--pid={server.pid}", f"--{name}={soft}:{most}"], check=True, timeout=20)
