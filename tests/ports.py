"""Ports for programs that must be told one."""

from __future__ import annotations

import random
import socket
from pathlib import Path


def free_port() -> int:
    """A loopback port nobody listens on, below those that the kernel gives to whoever asks for any: until the program
    that is told of it listens there, no connection of anybody's takes it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(10000, max(first, 12000))))
            except OSError:
                continue
            return probe.getsockname()[1]
