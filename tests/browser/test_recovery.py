"""Every program of the desktop killed in turn, and the gateway: the truth is told meanwhile, and it all comes back."""

from __future__ import annotations

import dataclasses
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
from websockets.exceptions import InvalidHandshake

from desk import Desk
from viewers import Viewer, ViewerClosed
from server import Server
from waiting import Stopwatch, allow, eventually

pytestmark = pytest.mark.local

# From the kill to everything working again. Chromium's start dominates and is the same in every build.
COMEBACK = 20.0
NAMES = ("display", "windows", "desktop", "browser")
NEEDS_IT = {"display": NAMES, "windows": ("windows",), "desktop": ("desktop",), "browser": ("browser",)}


@pytest.fixture(scope="module")
def server(start_module_desktop) -> Server:
    return start_module_desktop()


@pytest.fixture
def own(server) -> Desk:
    """The desktop of a gateway of our own, all of it running."""
    desk = Desk(server.api)
    eventually(lambda: server.api.get("/v1/browser/info").status == 200, "the last test's victim is back", COMEBACK, 0.1)
    for name in NAMES:
        desk.wait_state(name, "ready", COMEBACK)
    return desk


def family(server: Server) -> dict[int, psutil.Process]:
    """Every process below this gateway or marked as its own, wherever it has been adopted. (Chromium's children write
    their command line over their environment, so the mark alone does not find them.)"""
    found = {p.pid: p for p in psutil.Process(server.pid).children(recursive=True)} if server.running else {}
    for process in psutil.process_iter():
        try:
            if process.pid != server.pid and process.environ().get("SANDGATE_INSTANCE") == str(server.state):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found[process.pid] = process
        except (psutil.Error, OSError):
            continue
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.NoSuchProcess:
        return f"{process.pid}, gone"


@dataclasses.dataclass
class Watched:
    """The states a service went through until it was ready again."""

    states: list[dict[str, Any]]

    @classmethod
    def until_ready(cls, desk: Desk, name: str, before: dict[str, Any]) -> "Watched":
        states: list[dict[str, Any]] = []
        end = time.monotonic() + COMEBACK
        while time.monotonic() < end:
            now = desk.service(name)
            if not states or (now["state"], now["reason"], now["pid"]) != tuple(
                states[-1][field] for field in ("state", "reason", "pid")
            ):
                states.append(now)
            if now["state"] == "ready" and now["pid"] != before["pid"]:
                return cls(states)
        raise AssertionError(f"{name} is not back within {COMEBACK} s: {states}")

    def assert_truthful(self, before: dict[str, Any]) -> None:
        between = [s for s in self.states if s["state"] != "ready"]
        assert all(s["pid"] is None or s["pid"] != before["pid"] for s in between), self.states
        told = " ".join(s["reason"] for s in between).lower()
        assert not between or "kill" in told or "signal 9" in told or "ended" in told, self.states
        assert self.states[-1]["restarts"] > before["restarts"], self.states
        assert all(s["state"] in ("starting", "backoff", "stopping", "stopped") for s in between), self.states


def assert_everything_works(desk: Desk, site: str) -> None:
    assert desk.photograph().status == 200
    tab = desk.tab()
    try:
        tab.open(f"{site}/board")
        tab.call("Page.bringToFront")
        place = tab.evaluate("[screenX + 100, screenY + outerHeight - innerHeight + 40]")
        desk.act("CLICK", x=place[0], y=place[1])
        tab.wait_for("document.getElementById('button').textContent === 'clicked 1'")
        tab.evaluate("document.getElementById('field').focus()")
        desk.act("TYPING", text="after 🎉")
        tab.wait_for("document.getElementById('field').value === 'after 🎉'")
    finally:
        tab.close()
        desk.close_page(tab.target)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_program_comes_back(server, own, site, name):
    before = {each: own.service(each) for each in NAMES}
    old = family(server)
    with Stopwatch() as watch:
        os.kill(before[name]["pid"], 9)
        Watched.until_ready(own, name, before[name]).assert_truthful(before[name])
        assert own.api.get("/v1/browser/info").status == 200
    assert watch.seconds < COMEBACK, f"took {watch.seconds:.1f} s"
    assert_everything_works(own, site)
    for each in NAMES:
        now = own.service(each)
        assert now["state"] == "ready", now
        assert (now["pid"] != before[each]["pid"]) == (each in NEEDS_IT[name]), f"{each} after {name}: {now}"
    assert_no_orphans(server, own, old)


def assert_no_orphans(server: Server, desk: Desk, old: dict[int, psutil.Process]) -> None:
    """Every process is of a service that runs now; nothing lives on of what was killed."""

    def strangers() -> list[str]:
        roots = {desk.service(name)["pid"] for name in NAMES}
        known = {p.pid for root in roots for p in psutil.Process(root).children(recursive=True)} | roots
        # What Chromium starts on its side (a crash handler) has left its tree, but is younger than it.
        begun = psutil.Process(desk.service("browser")["pid"]).create_time()
        left = [p for p in {**old, **family(server)}.values() if p.pid not in known and is_alive(p)]
        return [describe(p) for p in left if p.create_time() < begun]

    eventually(lambda: not strangers(), f"no orphan is left; {strangers()}", 10, 0.1)


def test_a_killed_renderer_is_only_that_page(server, own, site):
    before = own.service("browser")
    tab = own.tab()
    tab.open(f"{site}/plain?title=victim")
    renderers = [p for p in family(server).values() if "--type=renderer" in p.cmdline()]
    assert renderers
    for process in renderers:
        process.kill()
    answer = own.api.get("/v1/browser/info")
    assert answer.status == 200, answer
    assert own.photograph().status == 200
    assert own.service("browser")["pid"] == before["pid"], "Chromium itself goes on"
    tab.close()
    own.close_page(tab.target)
    assert_everything_works(own, site)


def test_no_bubble_and_no_lost_tabs_after_a_kill(own, site):
    """Chromium killed in mid-page greets nobody with a restore bubble, a first-run page or a bar."""
    tab = own.tab()
    tab.open(f"{site}/plain?colour=rgb(60,70,80)")
    bars = tab.evaluate("outerHeight - innerHeight")
    before = own.service("browser")
    os.kill(before["pid"], 9)
    Watched.until_ready(own, "browser", before)
    tab = own.tab()
    tab.open(f"{site}/plain?colour=rgb(60,70,81)&title=after")
    tab.call("Page.bringToFront")
    assert tab.evaluate("outerHeight - innerHeight") == bars, "no bar pushes the page down"
    left, top, width, height = tab.evaluate(
        "[screenX, screenY + outerHeight - innerHeight, innerWidth, innerHeight]"
    )
    box = (left, top, left + width, top + height)

    def clean() -> bool:
        return own.screenshot().crop(box).getcolors(maxcolors=4096) == [(width * height, (60, 70, 81))]

    eventually(clean, "nothing but the page in the window", every=0.1)
    own.keep(clean, 2.0, "a bubble came late")
    titles = [page["title"] for page in own.pages()]
    assert not [title for title in titles if "Welcome" in title or "Restore" in title], titles
    tab.close()
    own.close_page(tab.target)


def test_a_second_kill_while_it_comes_back(own, site):
    for _ in range(3):
        pid = eventually(lambda: own.service("browser")["pid"], "a process to kill", 10)
        os.kill(pid, 9)
        eventually(lambda: own.service("browser")["pid"] != pid, "it is seen to be gone", 5)
    with Stopwatch() as watch:
        assert own.api.get("/v1/browser/info").status == 200
    assert watch.seconds < COMEBACK
    assert_everything_works(own, site)


def test_a_request_during_the_kill_is_answered(own):
    """Either it works or it says why; it never hangs."""
    os.kill(own.service("display")["pid"], 9)
    with Stopwatch() as watch:
        answer = own.api.get("/v1/browser/screenshot")
    assert answer.status in (200, 503, 504), answer
    assert watch.seconds < COMEBACK
    own.wait_state("browser", "ready", COMEBACK)


def test_a_viewer_may_come_back(own, server):
    viewer = Viewer(server.url)
    viewer.see(lambda v: v.updates > 0, "a first picture")
    os.kill(own.service("desktop")["pid"], 9)
    with pytest.raises(Exception):
        viewer.see(lambda v: v.updates > 10**6, "its end", 5)
    with eventually(lambda: reconnected(server), "a viewer that tries again gets in", COMEBACK, 0.1) as again:
        again.see(lambda v: v.updates > 0, "a picture again")


def reconnected(server: Server) -> Viewer | None:
    try:
        return Viewer(server.url)
    except (InvalidHandshake, OSError, ViewerClosed):
        return None  # it came while the program was still dying


@pytest.mark.parametrize("name", ["display", "desktop", "browser"])
def test_a_request_while_it_comes_back_waits_for_it(own, name):
    """As for a cold start: once it is known to be gone, nobody is sent away."""
    pid = own.service(name)["pid"]
    os.kill(pid, 9)
    eventually(lambda: own.service(name)["pid"] != pid, "it is known to be gone", 5)
    paths = ("/v1/browser/info", "/v1/browser/screenshot")
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(own.api.get, paths)) + [own.try_to("MOVE_TO", x=7, y=7)]
    assert [answer.status for answer in answers] == [200] * 3, [str(answer)[:300] for answer in answers]


def test_what_one_did_not_want_stays_away(own):
    """Stopped by hand is stopped: no restart, until wanted again."""
    data = own.api.post_ok("/v1/services/browser/stop")
    assert data["state"] == "stopped" and data["pid"] is None and data["reason"]
    own.keep(lambda: own.service("browser")["state"] == "stopped", 1.0, "it was started again")
    assert own.service("desktop")["state"] == "ready"
    assert own.api.get("/v1/browser/info").status == 200


def test_stopping_the_display_stops_all_that_need_it(own):
    data = own.api.post_ok("/v1/services/display/stop")
    assert data["state"] == "stopped"
    assert {own.service(name)["state"] for name in NAMES} == {"stopped"}
    with Stopwatch() as watch:
        assert own.api.get("/v1/browser/info").status == 200
    assert watch.seconds < COMEBACK


def test_the_gateway_killed_takes_everything_with_it(start_desktop, site):
    server = start_desktop()
    desk = Desk(server.api)
    tab = desk.tab()
    tab.open(f"{site}/plain")
    tab.evaluate("localStorage.setItem('kept', 'yes')")
    # Chromium writes its storage when it finds time; what counts here is that the profile opens again.
    before = family(server)
    assert len(before) > 5, before
    server.kill()

    def living() -> list[str]:
        return [describe(p) for p in {**before, **family(server)}.values() if is_alive(p)]

    with Stopwatch() as watch:
        eventually(lambda: not living(), f"all are gone: {living()}", 10, 0.05)
    assert watch.seconds < 5, f"they lived on for {watch.seconds:.1f} s"
    server.start()
    with Stopwatch() as watch:
        assert Desk(server.api).info["user_agent"]
    assert watch.seconds < COMEBACK, "no lock of the dead is in the way"
    assert_everything_works(Desk(server.api), site)


def test_the_gateway_stops_in_order_with_everything_running(start_desktop):
    server = start_desktop()
    desk = Desk(server.api)
    assert desk.info["user_agent"]
    number = psutil.Process(desk.service("desktop")["pid"]).environ()["DISPLAY"].removeprefix(":")
    assert os.path.exists(f"/tmp/.X11-unix/X{number}") or os.path.exists(f"/tmp/.X{number}-lock")
    before = family(server)
    with Stopwatch() as watch, Viewer(server.url):
        server.stop()
    watch.assert_below(8)
    assert not [describe(p) for p in {**before, **family(server)}.values() if is_alive(p)]
    assert not os.path.exists(f"/tmp/.X{number}-lock"), "the display's lock is left behind"


def test_two_gateways_have_displays_of_their_own(start_desktop, site):
    first, second = (Desk(start_desktop().api) for _ in range(2))
    tabs = [desk.tab() for desk in (first, second)]
    for tab, colour in zip(tabs, ("rgb(11,12,13)", "rgb(91,92,93)")):
        tab.open(f"{site}/plain?colour={colour}")
        tab.call("Page.bringToFront")
    for desk, colour in ((first, (11, 12, 13)), (second, (91, 92, 93))):
        middle = [value // 2 for value in desk.size]
        eventually(lambda: desk.pixel(*middle) == colour, f"{colour} on its own screen", every=0.05)
    for tab in tabs:
        tab.close()
