"""The wall clock is set: nothing that is timed notices, the gateway goes on, and histories keep their order.

The clock of the gateway alone is moved, by a library in front of the C library's. (Its shipped build: a sanitised one
wants to be first itself.)"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from server import REPO, Server
from waiting import Stopwatch, eventually

pytestmark = pytest.mark.local

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long *shift;

__attribute__((constructor)) static void map(void)
{
    const char *path = getenv("CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        shift = at;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int r = real(clock, ts);
    if (shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ts->tv_sec += *shift;
    return r;
}

time_t time(time_t *out)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

int gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}
"""


class ClockServer(Server):
    """Its wall clock runs `shift` seconds beside the machine's."""

    def __init__(self, shim: Path, control: Path, *args: str) -> None:
        self.control = control
        self.shift(0)
        env = {"LD_PRELOAD": str(shim), "CLOCK_SHIFT": str(control)}
        super().__init__(args, env, binary=REPO / "build" / "sandgate")

    def shift(self, seconds: int) -> None:
        with self.control.open("r+b" if self.control.exists() else "w+b") as file:
            file.write(seconds.to_bytes(8, "little", signed=True))

    def year(self) -> int:
        """As its answers' Date tells it."""
        return int(self.api.get("/healthz").headers["date"].split()[3])


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clock")
    (folder / "shim.c").write_text(SHIM)
    built = folder / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, folder / "shim.c", "-ldl"], check=True, timeout=60)
    return built


@pytest.fixture
def server(shim: Path, tmp_path: Path) -> Iterator[ClockServer]:
    settings = ("--jupyter-idle-seconds", "60", "--session-idle-seconds", "60", "--stall-seconds", "5")
    server = ClockServer(shim, tmp_path / "shift", *settings)
    try:
        yield server.start()
        if server.running:
            server.stop()
    finally:
        server.discard()


JUMPS = {"back an hour": -HOUR, "on an hour": HOUR, "back ten years": -10 * YEAR, "on ten years": 10 * YEAR}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS.keys())
def test_deadlines_do_not_follow_the_wall_clock(server: ClockServer, jump: int) -> None:
    api, before = server.api, server.year()
    api.shell.exec("kept=yes", "kept")
    api.bash.exec("true", "kept")
    with Stopwatch() as watch:
        hard = api.bash.start("sleep 60", "hard", hard_timeout=1)
        soft = api.bash.start("sleep 1; echo slept", "soft")
        server.shift(jump)
        assert api.bash.exec("sleep 60", "asked", timeout=0.5).status == "running"
        output = api.bash.output("hard", hard.command_id, wait=True, wait_timeout=20)
        assert output.command["status"] == "timed_out"
    watch.assert_timeout(1)
    assert api.bash.output("soft", soft.command_id, wait=True, wait_timeout=20).stdout == "slept\n"
    if abs(jump) > YEAR:
        assert server.year() != before, "the clock did jump"
    api.shell.exec("true", "sweeps")  # idle ones are looked for now and then
    assert api.shell.exec("echo $kept", "kept").output == "yes\n"
    server.shift(0)
    assert api.bash.exec("echo ok", "kept").stdout == "ok\n"
    api.bash.kill("asked", "SIGKILL")


def test_histories_keep_their_order(server: ClockServer) -> None:
    api, done = server.api, []
    for shift in (0, -HOUR, HOUR, -10 * DAY, 10 * DAY, 0):
        server.shift(shift)
        done.append(api.bash.exec(f"echo {shift}", "story").command_id)
    server.shift(0)
    told = [command["command_id"] for command in api.get_ok("/v1/bash/sessions/story/commands")]
    assert told == done[::-1], "newest first"
    server.stop()
    server.start()
    told = [command["command_id"] for command in server.api.get_ok("/v1/bash/sessions/story/commands")]
    assert told == done[::-1], "and as remembered"


def test_who_was_idle_for_longest_is_not_asked_of_the_wall_clock(shim: Path, tmp_path: Path) -> None:
    """Nameless sessions make room in the order they were used in, wherever the clock stood then."""
    server = ClockServer(shim, tmp_path / "shift", "--max-bash-sessions", "2", "--max-shell-sessions", "2")
    try:
        api = server.start().api
        first = (api.bash.exec("true").session_id, api.shell.exec("true").session_id)
        server.shift(-HOUR)
        second = (api.bash.exec("true").session_id, api.shell.exec("true").session_id)
        third = (api.bash.exec("true").session_id, api.shell.exec("true").session_id)
        assert set(api.shell.sessions()) == {second[1], third[1]}
        alive = {name for name, info in api.bash.sessions().items() if info["status"] != "closed"}
        assert alive == {second[0], third[0]} and first[0] not in alive
        server.stop()
    finally:
        server.discard()
