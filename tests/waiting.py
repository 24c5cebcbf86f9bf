"""Clocks for tests: wait for events with a deadline, and measure how long something took.

Nothing here sleeps to give the gateway time: a condition is asked for again until it holds or the deadline passes.
"""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

# What the issue grants every timeout of the gateway.
TIMEOUT_SLACK = 0.25

# A sanitised build is several times slower; server.py sets this once it knows the binary.
_slowness = 1.0


def set_slowness(factor: float) -> None:
    global _slowness
    _slowness = factor


def allow(seconds: float) -> float:
    """A wall-clock bound, stretched for a sanitised binary."""
    return seconds * _slowness


def eventually(probe: Callable[[], T], what: str, deadline: float = 5.0, every: float = 0.01) -> T:
    """Ask `probe` until it answers something true; fail with the last answer when the deadline passes."""
    end = time.monotonic() + allow(deadline)
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {allow(deadline):.1f} s: {what}; last answer: {answer!r}")
        time.sleep(every)


class Stopwatch:
    """`with Stopwatch() as watch: ...; watch.assert_between(1, 1.25)`"""

    def __enter__(self) -> "Stopwatch":
        self._start = time.monotonic()
        self._end: float | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._end = time.monotonic()

    @property
    def seconds(self) -> float:
        return (self._end or time.monotonic()) - self._start

    def assert_below(self, bound: float, what: str = "") -> None:
        assert self.seconds <= allow(bound), f"took {self.seconds:.3f} s, allowed {allow(bound):.3f} s {what}"

    def assert_timeout(self, timeout: float) -> None:
        """A timeout of `timeout` seconds bound when it should: not early, and at most 250 ms late."""
        assert self.seconds >= timeout - 0.02, f"a timeout of {timeout} s bound already after {self.seconds:.3f} s"
        late = timeout + allow(TIMEOUT_SLACK)
        assert self.seconds <= late, f"a timeout of {timeout} s bound only after {self.seconds:.3f} s"
