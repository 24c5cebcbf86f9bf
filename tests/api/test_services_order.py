"""Services that stand on each other: started in order, ended in order, and brought back together."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from server import wait_for_exit
from services import LISTEN, Services
from waiting import Stopwatch, eventually


# Holds a connection to the base, and ends when it breaks.
FOLLOWS = """\
import os, socket
base = socket.socket(socket.AF_UNIX)
base.connect(os.environ["SANDGATE_RUN"] + "/base/socket")
own = socket.socket(socket.AF_UNIX)
own.bind(os.environ["SERVICE_SOCKET"])
own.listen()
base.recv(1)
raise SystemExit("the base went away")
"""


@pytest.fixture
def chain(services: Services) -> Services:
    """top needs middle, which needs base."""
    services.listener("base")
    services.sleeper("middle", needs=["base"])
    services.listener("top", needs=["middle"])
    return services


def since(services: Services, *names: str) -> list[str]:
    return [services.get(name)["since"] for name in names]


def test_what_is_needed_starts_first(chain: Services, run) -> None:
    run()
    chain.start("top")
    assert set(chain.states().values()) == {"ready"}
    times = since(chain, "base", "middle", "top")
    assert times == sorted(times)


def test_what_needs_it_is_stopped_first(chain: Services, run) -> None:
    run()
    chain.start("top")
    chain.stop("base")
    services = {name: chain.get(name) for name in ("top", "middle", "base")}
    assert {service["state"] for service in services.values()} == {"stopped"}
    assert [service["since"] for service in services.values()] == sorted(s["since"] for s in services.values())
    assert services["middle"]["reason"] == "base, which it needs, is stopped"
    assert chain.processes() == []


def test_stopping_the_top_leaves_the_rest(chain: Services, run) -> None:
    run()
    chain.start("top")
    chain.stop("top")
    assert chain.states() == {"base": "ready", "middle": "ready", "top": "stopped"}


@pytest.mark.parametrize("how", ["killed", "restarted"])
def test_all_come_back_after_what_they_need(chain: Services, run, how: str) -> None:
    gateway = run()
    chain.start("top")
    before = {name: chain.get(name)["pid"] for name in ("base", "middle", "top")}
    with Stopwatch() as watch:
        if how == "killed":
            os.kill(before["base"], signal.SIGKILL)
            chain.until("base", "backoff")
        else:
            assert chain.change("restart", "base").success
        chain.until("top", "ready")
    watch.assert_below(2.0)
    after = {name: chain.get(name)["pid"] for name in before}
    assert not set(before.values()) & set(after.values()), "each is a new process"
    assert set(chain.states().values()) == {"ready"}
    times = since(chain, "base", "middle", "top")
    assert times == sorted(times)
    assert "middle: ready -> stopping: base, which it needs, is" in gateway.log()


def test_a_request_during_the_recovery_waits_for_it(chain: Services, run) -> None:
    """Whoever asks for the top just after the base was killed gets it, not the story of what happened."""
    run()
    chain.start("top")
    for _ in range(4):
        os.kill(chain.get("base")["pid"], signal.SIGKILL)
        chain.until("base", "backoff")
        with Stopwatch() as watch:
            chain.start("top")
        watch.assert_below(1.0)
        assert set(chain.states().values()) == {"ready"}


def test_a_need_that_fails_is_told(services: Services, run) -> None:
    services.listener("base")
    services.add("base", script='[ -e "$SERVICE_STATE/well" ] && exec python3 "$SERVICE_DIR/run.py"; echo no ground; exit 4',
                 listen={"socket": True})  # fmt: skip
    services.sleeper("top", needs=["base"])
    run()
    with Stopwatch() as watch:
        reason = services.fails("top")["reason"]
    watch.assert_below(0.5)
    assert reason == "needs base, which is not there: exited with code 4: no ground"
    failed = services.until("top", "failed", 10)
    assert "5 failures in a row" in failed["reason"] and failed["pid"] is None
    services.state_file("base", "well").touch()
    services.start("base")
    services.until("top", "ready")


def test_one_that_falls_with_its_need_is_not_blamed(services: Services, run) -> None:
    """It ends by itself when the base goes, as X clients do. The gateway is held up so that it hears of both at once."""
    keeps = "kept = []\n" + LISTEN.replace("listener.accept()[0].close()", "kept.append(listener.accept())")
    services.add("base", python=keeps, listen={"socket": True})
    services.add("top", python=FOLLOWS, needs=["base"], listen={"socket": True})
    gateway = psutil.Process(run().pid)
    for _ in range(4):
        services.start("top")
        base, top = services.process("base"), services.process("top")
        gateway.suspend()
        base.kill()
        wait_for_exit(top.pid)
        gateway.resume()
        services.until("top", "backoff")
    services.start("top")
    assert services.gateway.log().count("exited with code 1: the base went away (base, which it needs, is gone)") == 4
    with Stopwatch() as watch:  # its first failure
        services.process("top").kill()
        services.until("top", "backoff")
        services.until("top", "ready")
    watch.assert_below(1.0)


def test_a_wish_is_waited_for_but_not_depended_on(services: Services, run) -> None:
    services.late("extra")
    services.sleeper("top", wants=["extra"])
    run()
    early = services.fails("top", timeout=0.3)
    assert early["state"] == "starting" and early["pid"] is None
    services.state_file("extra", "go").touch()
    top = services.until("top", "ready")
    assert services.get("extra")["state"] == "ready"
    os.kill(services.get("extra")["pid"], signal.SIGKILL)
    services.until("extra", "backoff")
    services.stop("extra")
    assert services.get("top")["pid"] == top["pid"] and services.get("top")["state"] == "ready"


def test_a_wish_that_fails_does_not_matter(services: Services, run) -> None:
    services.add("extra", script="exit 1", listen={"socket": True})
    services.sleeper("top", wants=["extra"])
    run()
    with Stopwatch() as watch:
        services.start("top")
    watch.assert_below(0.5)
    assert services.get("extra")["state"] in ("backoff", "failed", "starting")


def test_what_is_needed_counts_as_used(services: Services, run) -> None:
    services.listener("base", idle_stop_seconds=0.3)
    services.sleeper("top", needs=["base"], idle_stop_seconds=0.8)
    services.sleeper("keeper", wants=["extra"])
    services.sleeper("extra", idle_stop_seconds=0.3)
    run()
    services.start("keeper")
    services.start("top")
    with Stopwatch() as watch:
        services.until("top", "stopped")
        assert services.get("base")["state"] == "ready", "stopped under what needed it"
        services.until("base", "stopped")
    watch.assert_timeout(1.1)
    assert services.get("extra")["state"] == "ready"


def test_what_needs_a_failed_one_ends_with_it(chain: Services, run) -> None:
    """Killed again and again, the base is given up; those above say so, and all come back once it is wanted."""
    run()
    chain.start("top")
    for _ in range(4):
        os.kill(chain.get("base")["pid"], signal.SIGKILL)
        chain.until("base", "backoff")
        chain.until("base", "ready")
    os.kill(chain.get("base")["pid"], signal.SIGKILL)
    chain.until("base", "failed")
    assert "killed by SIGKILL" in chain.until("top", "failed")["reason"]
    eventually(lambda: chain.processes() == [], "nothing runs without its base")
    chain.start("top")
    assert set(chain.states().values()) == {"ready"}
