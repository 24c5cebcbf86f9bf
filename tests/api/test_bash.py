"""/v1/bash: one process per command, pipes for its output, read by offset."""

from __future__ import annotations

import contextlib
import json
import threading
import time

import pytest

from client import Api, unique
from expect import assert_invalid, assert_refused, assert_status
from rawhttp import RawConnection
from waiting import Stopwatch, allow, eventually


def test_the_streams_are_apart(api: Api) -> None:
    result = api.bash.exec("echo out; echo err >&2; exit 3")
    assert (result.status, result.exit_code, result.stdout, result.stderr) == ("completed", 3, "out\n", "err\n")
    assert (result.offset, result.stderr_offset) == (4, 4)
    assert result.session_id and result.command_id


@pytest.mark.parametrize(
    "command, code",
    [
        ("true", 0),
        ("false", 1),
        ("exit 255", 255),
        ("no-such-command-x", 127),
        ("/etc", 126),
        ("sh -c 'kill -9 $$'", 137),
        ("false | true", 0),
    ],
)
def test_exit_codes(api: Api, command: str, code: int) -> None:
    result = api.bash.exec(command)
    assert (result.status, result.exit_code) == ("completed", code)


def test_each_command_is_a_process_of_its_own(api: Api, workspace: str, bash_session: str) -> None:
    api.bash.exec("cd /usr; export V=1; f() { :; }", bash_session)
    assert api.bash.exec("pwd; echo ${V:-unset}; type -t f", bash_session).stdout == f"{workspace}\nunset\n"


def test_exec_dir_becomes_the_sessions_default(api: Api, workdir: str) -> None:
    first = api.bash.exec("pwd", exec_dir=workdir)
    assert first.stdout == f"{workdir}\n"
    assert api.bash.exec("pwd", first.session_id).stdout == f"{workdir}\n"
    assert api.bash.sessions()[first.session_id]["working_dir"] == workdir


def test_exec_dir_must_be_there_and_absolute(api: Api, workdir: str) -> None:
    assert_invalid(api.post("/v1/bash/exec", {"command": "true", "exec_dir": "relative"}), "exec_dir")
    absent = api.post("/v1/bash/exec", {"command": "true", "exec_dir": f"{workdir}/no"})
    assert_refused(absent)
    assert f"{workdir}/no" in absent.message or "exec_dir" in absent.message


def test_env_is_for_one_command(api: Api, bash_session: str) -> None:
    env = {"GREETING": "ünï 'quoted' $x\nsecond line", "EMPTY": "", "EQUALS": "a=b"}
    result = api.bash.exec('echo "$GREETING|${EMPTY-unset}|$EQUALS"', bash_session, env=env)
    assert result.stdout == f"{env['GREETING']}||a=b\n"
    assert api.bash.exec("echo ${GREETING-unset}", bash_session).stdout == "unset\n"
    assert api.bash.exec("echo $HOME", bash_session, env={"HOME": "/tmp"}).stdout == "/tmp\n"


@pytest.mark.parametrize(
    "env", [{"A=B": "x"}, {"": "x"}, {"NUL": "a\0b"}, {"NU\0L": "x"}, {"N": 1}, {"N": ["x"]}, [], "A=B"]
)
def test_env_that_is_none_is_refused(api: Api, env) -> None:
    assert_invalid(api.post("/v1/bash/exec", {"command": "true", "env": env}), "env")


def test_async_answers_at_once(api: Api) -> None:
    with Stopwatch() as watch:
        started = api.bash.start("sleep 0.4; echo done; exit 5")
    watch.assert_below(0.25)
    assert started.status in ("running", "pending") and started.exit_code is None
    finished = api.bash.finish(started.session_id, started.command_id)
    assert finished.stdout == "done\n"
    assert (finished.command["status"], finished.command["exit_code"]) == ("completed", 5)
    assert finished.command["command"] == "sleep 0.4; echo done; exit 5"


def test_soft_timeout_answers_and_lets_run(api: Api) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec("echo begun; sleep 1; echo done", timeout=0.5)
    watch.assert_timeout(0.5)
    assert (result.status, result.exit_code, result.stdout) == ("running", None, "begun\n")
    rest = api.bash.output(result.session_id, result.command_id, offset=result.offset, wait=True)
    assert rest.stdout == "done\n"
    assert api.bash.finish(result.session_id, result.command_id).command["status"] == "completed"


def test_hard_timeout_ends_the_whole_group(api: Api, workdir: str) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec("echo begun; sleep 67 & (sleep 68; echo late) | sleep 69", hard_timeout=0.6)
    watch.assert_timeout(0.6)
    assert (result.status, result.stdout) == ("timed_out", "begun\n")
    eventually(lambda: api.bash.exec("pgrep -x -f 'sleep 6[789]'").exit_code == 1, "all sleeps are gone", 3)


def test_hard_timeout_of_a_command_that_ignores_signals(api: Api) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec("echo $$; trap '' TERM INT HUP; while :; do sleep 0.1; done", hard_timeout=0.5)
    watch.assert_timeout(0.5)
    assert result.status == "timed_out"
    eventually(lambda: api.bash.exec(f"kill -0 {result.stdout}").exit_code == 1, "it is killed", 5)


def test_hard_timeout_binds_an_async_command_too(api: Api) -> None:
    started = api.bash.start("echo begun; sleep 66", hard_timeout=0.5)
    with Stopwatch() as watch:
        finished = api.bash.finish(started.session_id, started.command_id)
    watch.assert_below(1.0)
    assert (finished.stdout, finished.command["status"]) == ("begun\n", "timed_out")


def test_background_children_do_not_hold_the_answer(api: Api) -> None:
    with Stopwatch() as watch:
        result = api.bash.exec("sleep 30 & echo started")
    watch.assert_below(0.5)
    assert (result.status, result.stdout) == ("completed", "started\n")


def test_output_is_read_by_byte_offsets(api: Api) -> None:
    text = "".join(f"{n} grüße 世界\n" for n in range(3000))
    command = 'for ((n=0; n<3000; n++)); do echo "$n grüße 世界"; done; echo e >&2'
    result = api.bash.exec(command, max_output_length=0)
    assert result.stdout == text and result.offset == len(text.encode())
    middle = len("".join(f"{n} grüße 世界\n" for n in range(1000)).encode())
    part = api.bash.output(result.session_id, result.command_id, offset=middle, stderr_offset=1)
    assert part.stdout.startswith("1000 grüße 世界\n") and part.stderr == "\n"
    assert part.stderr_offset == 2 and part.offset == middle + len(part.stdout.encode())
    at_end = api.bash.output(result.session_id, result.command_id, offset=result.offset, stderr_offset=2)
    assert (at_end.stdout, at_end.stderr, at_end.offset, at_end.stderr_offset) == ("", "", result.offset, 2)


def test_offsets_never_split_a_character(api: Api, bash_session: str) -> None:
    """The command holds back half a character; the reader gets whole ones, and nothing twice or lost."""
    started = api.bash.start("printf 'a\\xe2\\x82'; read x; printf '\\xacb'", bash_session)
    first = eventually(lambda: (o := api.bash.output(bash_session, started.command_id)).stdout and o, "output")
    assert (first.stdout, first.offset) == ("a", 1)
    api.bash.write(bash_session, "\n")
    rest = api.bash.finish(bash_session, started.command_id)
    assert rest.stdout == "a€b"
    assert api.bash.output(bash_session, started.command_id, offset=1).stdout == "€b"


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"offset": -1}, "offset"),
        ({"stderr_offset": -1}, "stderr_offset"),
        ({"offset": "1"}, "offset"),
        ({"offset": 1.5}, "offset"),
        ({"wait_timeout": -1}, "wait_timeout"),
        ({"wait": "yes"}, "wait"),
    ],
)
def test_output_fields_are_checked(api: Api, bash_session: str, fields: dict, name: str) -> None:
    assert_invalid(api.post("/v1/bash/output", {"session_id": bash_session, **fields}), name)


def test_long_poll_wakes_on_output(api: Api, bash_session: str) -> None:
    started = api.bash.start("read x; echo got $x; sleep 65", bash_session)
    woken: list[float] = []

    def poll() -> None:
        assert api.bash.output(bash_session, started.command_id, wait=True, wait_timeout=20).stdout == "got it\n"
        woken.append(time.monotonic())

    poller = threading.Thread(target=poll)
    poller.start()
    written = time.monotonic()
    api.bash.write(bash_session, "it\n")
    poller.join(allow(5))
    assert woken and woken[0] - written < allow(0.25)


def test_long_poll_wakes_on_the_end_and_gives_up_in_time(api: Api) -> None:
    quiet = api.bash.start("sleep 0.4")
    with Stopwatch() as watch:
        ended = api.bash.output(quiet.session_id, quiet.command_id, wait=True, wait_timeout=20)
    watch.assert_below(0.65)
    assert ended.command["status"] == "completed"
    mute = api.bash.start("sleep 64")
    with Stopwatch() as watch:
        nothing = api.bash.output(mute.session_id, mute.command_id, wait=True, wait_timeout=0.5)
    watch.assert_timeout(0.5)
    assert (nothing.stdout, nothing.command["status"]) == ("", "running")
    with Stopwatch() as watch:
        api.bash.output(mute.session_id, mute.command_id, wait=False)
    watch.assert_below(0.25)


def test_earlier_commands_stay_readable(api: Api, bash_session: str) -> None:
    ids = [api.bash.exec(f"echo number {n}; exit {n}", bash_session).command_id for n in range(4)]
    assert len(set(ids)) == 4
    for n, command_id in enumerate(ids):
        seen = api.bash.output(bash_session, command_id)
        assert (seen.stdout, seen.command["exit_code"]) == (f"number {n}\n", n)
    assert api.bash.output(bash_session).command["command_id"] == ids[-1]


def test_write_reaches_standard_input(api: Api, bash_session: str) -> None:
    started = api.bash.start("cat", bash_session)
    api.bash.write(bash_session, "grüße\n")
    api.bash.write(bash_session, "more\n", command_id=started.command_id)
    eventually(lambda: api.bash.output(bash_session).stdout == "grüße\nmore\n", "cat repeats it")
    api.bash.kill(bash_session)


def test_write_more_than_a_pipe_holds(api: Api, bash_session: str) -> None:
    """Input beyond the pipe's buffer waits for its reader and stalls nobody."""
    started = api.bash.start("read go; sleep 0.3; head -c 300000 | wc -c", bash_session)
    api.bash.write(bash_session, "go\n")
    with Stopwatch() as watch:
        for _ in range(6):
            api.bash.write(bash_session, "x" * 50_000)
    watch.assert_below(2.0)
    assert api.bash.finish(bash_session, started.command_id).stdout == "300000\n"


def test_write_to_nobody_is_refused(api: Api, bash_session: str) -> None:
    assert_refused(api.post("/v1/bash/write", {"session_id": bash_session, "input": "x"}))
    finished = api.bash.exec("true", bash_session)
    assert_refused(
        api.post("/v1/bash/write", {"session_id": bash_session, "command_id": finished.command_id, "input": "x"})
    )


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL", "SIGINT"])
def test_kill_ends_the_whole_group(api: Api, bash_session: str, signal: str) -> None:
    started = api.bash.start("sleep 63 & sleep 63; sleep 63", bash_session)
    eventually(lambda: api.bash.exec("pgrep -c -x -f 'sleep 63'").stdout == "2\n", "both run")
    with Stopwatch() as watch:
        api.bash.kill(bash_session, signal)
        finished = api.bash.finish(bash_session, started.command_id)
    watch.assert_below(1.0)
    # A program may take SIGINT for an orderly end; what it must not do is go on.
    ended = finished.command["status"], finished.command["exit_code"]
    assert ended[0] == "killed" or (signal == "SIGINT" and ended == ("completed", 130)), ended
    if signal != "SIGINT":  # a shell starts its background children with SIGINT ignored
        eventually(lambda: api.bash.exec("pgrep -x -f 'sleep 63'").exit_code == 1, "nobody is left", 3)
    else:
        api.bash.exec("pkill -x -f 'sleep 63'")


def test_kill_of_a_command_that_ignores_it(api: Api, bash_session: str) -> None:
    started = api.bash.start("trap '' TERM; echo ready; while :; do sleep 0.1; done", bash_session)
    eventually(lambda: api.bash.output(bash_session).stdout == "ready\n", "the trap is set")
    api.bash.kill(bash_session)
    assert api.bash.finish(bash_session, started.command_id).command["status"] == "killed"


def test_kill_names_an_unknown_signal(api: Api, bash_session: str) -> None:
    for signal in ("SIGNOPE", "", "9; reboot", "sigterm\0"):
        assert_invalid(api.post("/v1/bash/kill", {"session_id": bash_session, "signal": signal}), "signal")


def test_a_second_command_queues(gateway, api: Api, bash_session: str, workdir: str) -> None:
    """First in, first out; a queued one is pending, and nothing is interleaved."""
    first = api.bash.start(f"echo 0 >> {workdir}/order; read x", bash_session)
    eventually(lambda: api.file.call("read", file=f"{workdir}/order").success, "the first runs")
    second = api.bash.start(f"echo 1 >> {workdir}/order", bash_session)
    assert second.status == "pending"
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(RawConnection(gateway))
        body = json.dumps({"session_id": bash_session, "command": f"echo 2 >> {workdir}/order; echo third"}).encode()
        raw.send(
            raw.head("POST /v1/bash/exec HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
            + body
        )
        api.get("/healthz")
        assert api.bash.output(bash_session, second.command_id).command["status"] == "pending"
        api.bash.write(bash_session, "go\n", command_id=first.command_id)
        assert json.loads(raw.answer().body)["data"]["stdout"] == "third\n"
    assert api.file.read(f"{workdir}/order") == "0\n1\n2\n"


def test_a_queued_command_times_out_softly(api: Api, bash_session: str) -> None:
    api.bash.start("sleep 62", bash_session)
    with Stopwatch() as watch:
        queued = api.bash.exec("echo never", bash_session, timeout=0.4)
    watch.assert_timeout(0.4)
    assert (queued.status, queued.stdout) == ("pending", "")


def test_sessions_run_side_by_side(api: Api) -> None:
    with Stopwatch() as watch:
        threads = [threading.Thread(target=api.bash.exec, args=("sleep 1",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    watch.assert_below(1.8)


def test_long_output_keeps_head_and_tail(api: Api) -> None:
    command = "seq 1 30000; seq 1 30000 >&2"
    cut = api.bash.exec(command)
    for text in (cut.stdout, cut.stderr):
        assert 40_000 < len(text) < 52_000
        assert text.startswith("1\n2\n3\n") and text.endswith("29999\n30000\n")
    short = api.bash.exec(command, max_output_length=100).stdout
    assert len(short) < 300 and short.startswith("1\n2\n") and short.endswith("30000\n")
    whole = "".join(f"{n}\n" for n in range(1, 30001))
    full = api.bash.exec(command, max_output_length=0)
    assert (full.stdout, full.stderr) == (whole, whole)
    assert cut.offset == full.offset == len(whole)


def test_create_list_and_close(api: Api, workdir: str) -> None:
    name = unique("managed")
    made = api.bash.create(name, exec_dir=workdir)
    assert (made["session_id"], made["working_dir"], made["status"]) == (name, workdir, "ready")
    api.bash.exec("true", name)
    started = api.bash.start("sleep 61 & sleep 61", name)
    info = api.bash.sessions()[name]
    assert (info["command_count"], info["current_command"], info["status"]) == (2, "sleep 61 & sleep 61", "ready")
    eventually(lambda: api.bash.exec("pgrep -c -x -f 'sleep 61'").stdout == "2\n", "both run")
    assert api.bash.close(name).success
    eventually(lambda: api.bash.exec("pgrep -x -f 'sleep 61'").exit_code == 1, "both are gone")
    assert api.bash.sessions().get(name, {"status": "closed"})["status"] == "closed"
    assert started.command_id


def test_an_unknown_id_creates_the_session(api: Api) -> None:
    name = unique("named")
    assert api.bash.exec("true", name).session_id == name
    assert name in api.bash.sessions()


@pytest.mark.parametrize("path, fields", [("output", {}), ("write", {"input": "x"}), ("kill", {})])
def test_only_exec_creates_sessions(api: Api, path: str, fields: dict) -> None:
    assert_status(api.post(f"/v1/bash/{path}", {"session_id": unique("nobody"), **fields}), 404)
    assert_status(api.post(f"/v1/bash/sessions/{unique('nobody')}/close"), 404)


def test_an_unknown_command_is_not_found(api: Api, bash_session: str) -> None:
    api.bash.exec("true", bash_session)
    assert_status(api.post("/v1/bash/output", {"session_id": bash_session, "command_id": "nope"}), 404)


def test_snapshot_is_sourced_first(api: Api, workdir: str) -> None:
    api.file.write(f"{workdir}/snapshot.sh", 'greet() { echo "hello $1"; }\nexport FROM_SNAPSHOT=yes\n')
    session = api.bash.create(unique("snap"), snapshot_path=f"{workdir}/snapshot.sh")["session_id"]
    assert api.bash.exec("greet you; echo $FROM_SNAPSHOT", session).stdout == "hello you\nyes\n"
    assert_invalid(api.post("/v1/bash/sessions/create", {"snapshot_path": "relative.sh"}), "snapshot_path")


# Live events.


def test_events_arrive_while_the_command_runs(api: Api) -> None:
    arrived: list[tuple[str, float]] = []
    started = time.monotonic()
    events = []
    for event in api.bash.stream("echo one; sleep 0.8; echo two >&2; exit 4"):
        events.append(event)
        arrived.append((event.name, time.monotonic() - started))
    names = [event.name for event in events if event.name in ("stdout", "stderr", "exit")]
    assert names == ["stdout", "stderr", "exit"]
    times = dict(arrived)
    assert times["stdout"] < allow(0.4) and 0.75 < times["stderr"] < allow(1.2)
    assert [e.data["data"] for e in events if e.name in ("stdout", "stderr")] == ["one\n", "two\n"]
    assert events[-1].data["exit_code"] == 4 and events[-1].data["status"] == "completed"


def test_the_stream_carries_everything_whole(api: Api) -> None:
    """Big output in many events: joined it is exact, and no event splits a character."""
    joined = "".join(
        event.data["data"]
        for event in api.bash.stream('for ((n=0;n<20000;n++)); do echo "grüße 世界 $n"; done')
        if event.name == "stdout"
    )
    assert joined == "".join(f"grüße 世界 {n}\n" for n in range(20000))


def test_the_stream_reports_a_timeout(api: Api) -> None:
    with Stopwatch() as watch:
        last = list(api.bash.stream("echo x; sleep 60", hard_timeout=0.5))[-1]
    watch.assert_timeout(0.5)
    assert last.name == "exit" and last.data["status"] == "timed_out"


def test_a_listener_may_leave(api: Api, workdir: str) -> None:
    """Leaving the stream does not disturb the gateway; the command can still be found."""
    session = unique("left")
    events = api.bash.stream(f"echo here; sleep 0.5; echo survived > {workdir}/after", session_id=session)
    assert next(event for event in events if event.name == "stdout")
    events.close()
    assert api.bash.exec("echo ok").stdout == "ok\n"
    assert api.bash.sessions()[session]["command_count"] == 1
