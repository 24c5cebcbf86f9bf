"""How services end: by themselves, by a signal, by being told, and with the gateway. Nothing of them stays behind."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from server import is_alive, wait_for_exit
from services import Services
from waiting import Stopwatch, allow, eventually

# Leaves a grandchild in a session of its own, whose parent is gone; and tells when it meets one of an earlier run.
LEAVES = """\
grep -qs '^State:.[^Z]' "/proc/$(cat "$SERVICE_STATE/left" || echo none)/status" && echo OVERLAP
rm -f "$SERVICE_STATE/left"
setsid -f sh -c 'echo $$ > "$SERVICE_STATE/left"; trap "" TERM HUP; while :; do sleep 1000; done'
while [ ! -s "$SERVICE_STATE/left" ]; do sleep 0.01; done
exec python3 "$SERVICE_DIR/run.py"
"""


@pytest.fixture
def leaver(services: Services) -> str:
    services.listener("leaver")
    services.add("leaver", script=LEAVES, listen={"socket": True}, stop_seconds=0.3)
    return "leaver"


# ---- ends that nobody asked for ----


def test_one_that_dies_at_once_says_why_and_is_given_up_in_the_end(services: Services, run) -> None:
    services.add("dies", script='date +%s.%N >> "$SERVICE_STATE/starts"; echo no teeth left >&2; exit 3',
                 listen={"socket": True})  # fmt: skip
    run()
    with Stopwatch() as watch:
        service = services.fails("dies")
    watch.assert_below(0.5)
    assert (service["state"], service["pid"]) == ("backoff", None)
    assert service["reason"] == "exited with code 3: no teeth left"
    service = services.until("dies", "failed", 10)
    assert service["reason"] == "exited with code 3: no teeth left (5 failures in a row)" and service["restarts"] == 4
    starts = [float(line) for line in services.state_file("dies", "starts").read_text().split()]
    pauses = [after - before for before, after in zip(starts, starts[1:])]
    assert all(0 <= pause - least < allow(0.25) for pause, least in zip(pauses, (0.25, 0.5, 1, 2))), pauses


def test_one_that_failed_starts_again_once_it_is_wanted(services: Services, run) -> None:
    services.listener("moody")
    services.add("moody", script='[ -e "$SERVICE_STATE/well" ] || exit 1; exec python3 "$SERVICE_DIR/run.py"',
                 listen={"socket": True})  # fmt: skip
    run()
    services.fails("moody")
    services.until("moody", "failed", 10)
    services.state_file("moody", "well").touch()
    assert services.start("moody")["restarts"] == 0


def test_a_missing_program_is_named(services: Services, run) -> None:
    services.add("absent", command=["no-such-program-anywhere"])
    services.add("lost", command=["./no-such-file"])
    run()
    assert "no-such-program-anywhere is not installed" in services.fails("absent")["reason"]
    reason = services.fails("lost")["reason"]
    assert f"{services.folder}/lost/no-such-file" in reason and "No such file" in reason


def test_a_killed_one_comes_back_and_says_what_happened(services: Services, run) -> None:
    services.listener("web")
    gateway = run()
    first = services.start("web")
    with Stopwatch() as watch:
        os.kill(first["pid"], signal.SIGKILL)
        lost = services.until("web", "backoff")
        assert (lost["reason"], lost["pid"]) == ("killed by SIGKILL", None)
        back = services.until("web", "ready")
    watch.assert_below(1.0)
    assert back["pid"] != first["pid"] and back["restarts"] == 1
    assert "service web: ready -> backoff: killed by SIGKILL" in gateway.log()


def test_a_start_during_the_pause_is_at_once(services: Services, run) -> None:
    services.listener("web")
    run()
    for _ in range(3):  # the pause would be a second by now
        os.kill(services.start("web")["pid"], signal.SIGKILL)
        services.until("web", "backoff")
    with Stopwatch() as watch:
        services.start("web")
    watch.assert_below(0.5)


def test_what_a_killed_one_leaves_is_ended_before_the_next_run(services: Services, run, leaver: str) -> None:
    run()
    services.start(leaver)
    for _ in range(3):
        left = psutil.Process(int(services.state_file(leaver, "left").read_text()))
        assert is_alive(left) and os.getsid(left.pid) == left.pid
        services.process(leaver).kill()
        services.until(leaver, "backoff")
        services.start(leaver)
        assert not is_alive(left)
    assert "OVERLAP" not in services.log(leaver)


# ---- ends that were asked for ----


def test_one_that_ignores_term_is_killed_in_time(services: Services, run) -> None:
    services.add("deaf", script='trap "" TERM; touch "$SERVICE_RUN/up"; while :; do sleep 1000; done', stop_seconds=0.5)
    gateway = run()
    process = psutil.Process(services.start("deaf")["pid"])
    eventually((gateway.state / "run/deaf/up").exists, "it has gone deaf")
    with Stopwatch() as watch:
        stopped = services.stop("deaf")
    watch.assert_timeout(0.5)
    assert stopped["reason"] == "stopped by a client" and stopped["pid"] is None
    assert not is_alive(process) and services.processes() == []


def test_one_that_tidies_up_gets_the_time_for_it(services: Services, run) -> None:
    services.add(
        "tidy",
        script='trap "sleep 0.3; echo tidied; exit 0" TERM; touch "$SERVICE_RUN/up"; while :; do sleep 0.05; done',
    )
    gateway = run()
    services.start("tidy")
    eventually((gateway.state / "run/tidy/up").exists, "it is ready for TERM")
    services.stop("tidy")
    assert services.log("tidy").endswith("tidied\n")


def test_a_stop_takes_the_whole_tree(services: Services, run, leaver: str) -> None:
    run()
    services.start(leaver)
    tree = services.processes()
    assert len(tree) >= 3, tree
    services.stop(leaver)
    assert [process for process in tree if is_alive(process)] == []


def test_a_stopped_process_is_ended_too(services: Services, run) -> None:
    services.sleeper("frozen")
    run()
    services.start("frozen")
    services.process("frozen").suspend()
    with Stopwatch() as watch:
        services.stop("frozen")
    watch.assert_below(1.0)


def test_a_restart_is_another_process(services: Services, run) -> None:
    services.listener("web")
    run()
    first = services.start("web")["pid"]
    again = services.change("restart", "web")
    assert again.success and again.data["state"] == "ready" and again.data["pid"] != first
    assert services.stop("web")["pid"] is None
    assert services.change("restart", "web").data["state"] == "ready"


def test_one_that_nobody_uses_is_stopped(services: Services, run) -> None:
    services.sleeper("brief", idle_stop_seconds=0.5)
    run()
    with Stopwatch() as watch:
        services.start("brief")
        service = services.until("brief", "stopped")
    watch.assert_timeout(0.5)
    assert service["reason"] == "not used for 0.5 s"


# ---- with the gateway ----


def test_the_gateway_ends_its_services_in_order(services: Services, run, leaver: str) -> None:
    ends = 'trap "echo $SERVICE_NAME >> $HOME/ended; exit 0" TERM; touch "$SERVICE_RUN/up"; while :; do sleep 0.02; done'
    ready = {"ready": {"probe": "unix", "path": "${SANDGATE_RUN}/leaver/socket"}}
    services.add("a-base", script=ends, needs=["leaver"], **ready)
    services.add("b-middle", script=ends, wants=["a-base"], **ready)
    services.add("c-top", script=ends, needs=["b-middle"], **ready)
    gateway = run()
    services.start("c-top")
    for name in ("a-base", "b-middle", "c-top"):
        eventually((gateway.state / "run" / name / "up").exists, f"{name} is ready for TERM")
    tree = services.processes()
    with Stopwatch() as watch:
        gateway.stop()
    watch.assert_below(3.0)
    assert (gateway.home / "ended").read_text().split() == ["c-top", "b-middle", "a-base"]
    assert [process for process in tree if is_alive(process)] == []


def test_services_do_not_outlive_a_killed_gateway(services: Services, run, leaver: str) -> None:
    """The program of each dies with the gateway; what it had left elsewhere is ended by the next gateway."""
    services.sleeper("plain", needs=["leaver"])
    gateway = run()
    services.start("plain")
    tree, programs = services.processes(), [services.get(name)["pid"] for name in ("leaver", "plain")]
    gateway.kill()
    for pid in programs:
        wait_for_exit(pid, 2.0)
    gateway.start()
    eventually(lambda: not [process for process in tree if is_alive(process)], "the next gateway has ended the rest")
    assert services.states() == {"leaver": "stopped", "plain": "stopped"}
    services.start("plain")
    assert "OVERLAP" not in services.log(leaver)
    gateway.stop()
    said = len(gateway.log())
    gateway.start()
    assert "left behind" not in gateway.log()[said:], "an orderly end leaves nothing to end"


def test_a_gateway_that_is_stopping_starts_nothing(services: Services, run) -> None:
    """A request that waits for a service hears of the end, and the service does not come back after it."""
    services.sleeper("never", listen={"socket": True})
    gateway = run()
    services.change("start", "never", timeout=0)
    eventually(lambda: services.get("never")["pid"], "it runs")
    with Stopwatch() as watch:
        gateway.stop()
    watch.assert_below(2.0)
    assert services.processes() == []
