"""The torture corpus on /v1/bash: every case answers truthfully and in time, and the session goes on."""

from __future__ import annotations

import pytest

from client import Api, BashResult
from corpus import CASES, Case
from expect import assert_invalid
from waiting import Stopwatch, eventually


def assert_goes_on(api: Api, session: str) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec("echo ok", session, hard_timeout=5)
    assert (result.status, result.exit_code, result.stdout) == ("completed", 0, "ok\n")
    watch.assert_below(0.5, "for `echo ok` afterwards")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_corpus(api: Api, bash_session: str, case: Case) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec(case.command, bash_session, hard_timeout=20)
    watch.assert_below(case.within)
    assert_told(case, result)
    assert_goes_on(api, bash_session)


def assert_told(case: Case, result: BashResult) -> None:
    assert result.status == "completed", result
    assert result.exit_code == case.code or (case.code is None and result.exit_code), result
    if case.output is not None:
        assert result.stdout == case.output
    assert case.contains in result.stdout + result.stderr


def test_two_hundred_megabytes_of_output(api: Api, bash_session: str) -> None:
    """The answer is cut, the log is whole: its last bytes are found by offset."""
    with Stopwatch() as watch:
        result = api.bash.exec("yes | head -c 200M; echo end", bash_session)
    watch.assert_below(20)
    assert (result.status, result.offset) == ("completed", 200 * 1024**2 + 4)
    assert len(result.stdout) < 52_000 and result.stdout.endswith("y\nend\n")
    tail = api.bash.output(bash_session, result.command_id, offset=result.offset - 6)
    assert tail.stdout == "y\nend\n"
    assert_goes_on(api, bash_session)


def test_exec_bash_reads_standard_input(api: Api, bash_session: str) -> None:
    started = api.bash.start("exec bash", bash_session)
    api.bash.write(bash_session, "echo inner-$((40+2)); exit 5\n")
    finished = api.bash.finish(bash_session, started.command_id)
    assert (finished.stdout, finished.command["exit_code"]) == ("inner-42\n", 5)
    assert_goes_on(api, bash_session)


def test_read_waits_for_input(api: Api, bash_session: str) -> None:
    with Stopwatch() as watch:
        waiting = api.bash.exec('read x; echo "<$x>"', bash_session, timeout=0.5)
    watch.assert_timeout(0.5)
    assert waiting.status == "running"
    api.bash.write(bash_session, "a value\n")
    assert api.bash.finish(bash_session, waiting.command_id).stdout == "<a value>\n"
    assert_goes_on(api, bash_session)


@pytest.mark.parametrize(
    "program",
    [
        "$(command -v vim || command -v vi) -u NONE",
        "cat",
        "sleep 100",
        "setsid -w sleep 5",
        "while :; do :; done",
        "kill -STOP $$",
        "yes",
        "python3 -i",
    ],
)
def test_programs_that_do_not_end_meet_their_timeout(api: Api, bash_session: str, program: str) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec(program, bash_session, hard_timeout=0.7)
    watch.assert_timeout(0.7)
    assert result.status == "timed_out"
    assert_goes_on(api, bash_session)


def test_top_without_a_terminal_says_so(api: Api, bash_session: str) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec("top", bash_session, env={"TERM": "xterm"})
    watch.assert_below(1.0)
    assert result.status == "completed" and result.exit_code != 0 and "top" in result.stderr
    assert "PID" in api.bash.exec("top -b -n1", bash_session).stdout


def test_python_repl(api: Api, bash_session: str) -> None:
    started = api.bash.start("python3 -i -q -u", bash_session)
    api.bash.write(bash_session, "print('answer', 6 * 7)\n")
    eventually(lambda: "answer 42" in api.bash.output(bash_session).stdout, "its answer")
    assert ">>>" in api.bash.output(bash_session).stderr
    api.bash.write(bash_session, "raise SystemExit(3)\n")
    assert api.bash.finish(bash_session, started.command_id).command["exit_code"] == 3
    assert_goes_on(api, bash_session)


def test_ctrl_c(api: Api, bash_session: str) -> None:
    started = api.bash.start("echo begun; sleep 100", bash_session)
    eventually(lambda: api.bash.output(bash_session).stdout, "it runs")
    api.bash.kill(bash_session, "SIGINT")
    with Stopwatch() as watch:
        finished = api.bash.finish(bash_session, started.command_id)
    watch.assert_below(0.25)
    assert finished.command["status"] in ("killed", "completed") and finished.command["exit_code"] == 130
    assert_goes_on(api, bash_session)


def test_an_empty_command_answers(api: Api, bash_session: str) -> None:
    for command in ("", "  \n"):
        answer = api.post("/v1/bash/exec", {"session_id": bash_session, "command": command})
        assert answer.status == 422 or answer.data["exit_code"] == 0, answer
    assert_goes_on(api, bash_session)


def test_a_command_with_a_nul_is_refused(api: Api, bash_session: str) -> None:
    assert_invalid(api.post("/v1/bash/exec", {"session_id": bash_session, "command": "echo a\0b"}), "command")
    assert_goes_on(api, bash_session)


def test_closed_streams_end_nothing(api: Api, bash_session: str) -> None:
    """Both streams closed long before the end: the end is what counts."""
    with Stopwatch() as watch:
        result = api.bash.exec("exec >&- 2>&- <&-; sleep 0.5; exit 3", bash_session)
    assert (result.status, result.exit_code) == ("completed", 3) and watch.seconds >= 0.48
    assert_goes_on(api, bash_session)
