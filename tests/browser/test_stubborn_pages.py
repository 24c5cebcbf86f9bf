"""Pages that hang or crash, and programs that stop answering, never hang the API: every answer has a deadline."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from desk import Desk
from devtools import DevtoolsError, Tab
from waiting import Stopwatch, eventually

# What any answer may take when something it asks has stopped answering. Wall clock, in every build.
PATIENCE = 12.0


def assert_prompt(call, bound: float = PATIENCE):
    with Stopwatch() as watch:
        answer = call()
    assert watch.seconds < bound, f"took {watch.seconds:.1f} s: {answer}"
    return answer


@pytest.fixture
def hanging(desk, tab: Tab, site: str):
    """The page in front spins for ever; its tab can still be closed."""
    tab.open(f"{site}/plain?title=hanging")
    tab.call("Page.bringToFront")
    tab.evaluate("setTimeout(() => { while (true); }, 0)")
    return tab


def assert_api_is_alive(desk: Desk) -> None:
    answer = assert_prompt(lambda: desk.api.get("/v1/browser/info"))
    assert answer.status == 200 and answer.data["viewport"]["width"] > 0, answer
    assert assert_prompt(lambda: desk.api.get("/v1/browser/screenshot"), 5).status == 200
    assert assert_prompt(lambda: desk.try_to("MOVE_TO", x=5, y=5), 5).status == 200
    assert assert_prompt(lambda: desk.try_to("CLICK", x=300, y=400), 5).status == 200
    assert assert_prompt(lambda: desk.try_to("PRESS", key="a"), 5).status == 200
    assert assert_prompt(lambda: desk.try_to("TYPING", text="x", use_clipboard=False), 5).status == 200


def test_a_hanging_page(desk, hanging):
    assert_api_is_alive(desk)


def test_a_hanging_page_is_told_as_no_page_viewport(desk, hanging):
    """The page cannot say how large it is, so nobody pretends to know."""
    info = assert_prompt(lambda: desk.api.get("/v1/browser/info"))
    assert info.data["page_viewport"] is None or info.data["page_viewport"]["width"] > 0, info


def test_typing_by_clipboard_into_a_hanging_page_ends(desk, hanging):
    answer = assert_prompt(lambda: desk.try_to("TYPING", text="nobody fetches this"))
    assert answer.status in (200, 504), answer
    assert answer.message


def test_a_hanging_page_does_not_hold_up_others(desk, hanging, site):
    other = desk.tab()
    other.open(f"{site}/plain?title=lively")
    assert desk.info["page_viewport"] == other.evaluate("({width: innerWidth, height: innerHeight})")
    other.close()
    desk.close_page(other.target)


@pytest.mark.parametrize("address", ["chrome://crash", "chrome://kill", "chrome://gpucrash"])
def test_a_crashed_page(desk, tab, site, address):
    before = desk.service("browser")["pid"]
    tab.open(f"{site}/plain")
    try:
        tab.call("Page.navigate", url=address, deadline=2)
    except (TimeoutError, DevtoolsError, OSError):
        pass  # it crashed before it answered, as it should
    assert_api_is_alive(desk)
    assert desk.service("browser")["pid"] == before, "a page crashes alone"


def test_a_dialog_in_front(desk, board):
    """alert() stops the page until someone answers; a person can, and so can an agent."""
    board.tab.evaluate("setTimeout(() => { window.answer = confirm('really?'); }, 0)")
    assert_prompt(lambda: desk.api.get("/v1/browser/info"))
    assert desk.photograph().status == 200

    def answered() -> bool:
        desk.act("PRESS", key="enter")
        try:
            return board.tab.evaluate("window.answer", deadline=1) is True
        except (TimeoutError, DevtoolsError):
            return False

    eventually(answered, "the dialog is answered by a key", 10, 0.1)


@pytest.fixture(scope="module")
def own(start_module_desktop):
    """A gateway whose programs may be stopped."""
    desk = Desk(start_module_desktop().api)
    assert desk.info["user_agent"]
    return desk


@pytest.fixture
def frozen():
    """Stops processes (SIGSTOP), and lets them go on afterwards."""
    stopped: list[psutil.Process] = []

    def freeze(pid: int) -> None:
        process = psutil.Process(pid)
        stopped.append(process)
        process.send_signal(signal.SIGSTOP)

    yield freeze
    for process in stopped:
        if process.is_running():
            process.send_signal(signal.SIGCONT)


@pytest.mark.local
def test_programs_that_stop_answering(own, frozen):
    """Each answer comes within its deadline, as an error that says so where the program is needed for it."""
    names = ("browser", "desktop", "display")
    pids = [own.service(name)["pid"] for name in names]
    for pid in pids:
        frozen(pid)
    requests = {path: lambda path=path: own.api.get(path) for path in ("/v1/browser/screenshot", "/json/version")}
    requests["info"] = lambda: own.api.get("/v1/browser/info")
    requests["action"] = lambda: own.try_to("MOVE_TO", x=9, y=9)
    with ThreadPoolExecutor(len(requests)) as pool:
        answers = dict(zip(requests, pool.map(lambda call: assert_prompt(call, 20), requests.values())))
    assert all(answer.status in (503, 504) and answer.message for answer in answers.values()), answers
    assert own.api.get("/healthz").status == 200
    for pid in pids:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGCONT)
    for path in ("/v1/browser/screenshot", "/v1/browser/info"):
        eventually(lambda: own.api.get(path).status == 200, f"{path} works again", 20, 0.2)


@pytest.mark.local
def test_a_frozen_desktop_alone_is_told(own, frozen):
    """Chromium goes on: what needs only it is answered."""
    pid = own.service("desktop")["pid"]
    frozen(pid)
    assert own.api.get("/json/version").status == 200
    answer = assert_prompt(lambda: own.api.get("/v1/browser/screenshot"), 15)
    assert answer.status == 504 and answer.message, answer
    os.kill(pid, signal.SIGCONT)
    eventually(lambda: own.api.get("/v1/browser/screenshot").status == 200, "it works again", 20, 0.2)


@pytest.mark.local
def test_stop_ends_even_what_does_not_answer(own, frozen):
    frozen(own.service("browser")["pid"])
    answer = assert_prompt(lambda: own.api.post("/v1/services/browser/stop"), 20)
    assert answer.status == 200 and answer.data["state"] == "stopped", answer
    assert own.info["user_agent"], "and the next use starts it again"
