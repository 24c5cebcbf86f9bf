"""/v1/shell: one bash on a terminal per session; what persists, what is answered, who waits for whom."""

from __future__ import annotations

import contextlib
import json

import pytest

from client import Api, unique
from expect import assert_invalid, assert_refused, assert_status
from rawhttp import RawConnection
from waiting import Stopwatch, eventually


def test_output_is_what_the_command_printed(api: Api) -> None:
    result = api.shell.exec("printf 'a\\nb'; echo c >&2")
    assert (result.status, result.exit_code, result.output) == ("completed", 0, "a\nbc\n")
    assert result.command == "printf 'a\\nb'; echo c >&2"
    assert result.session_id


@pytest.mark.parametrize(
    "command, code",
    [
        ("true", 0),
        ("false", 1),
        ("(exit 42)", 42),
        ("no-such-command-x", 127),
        ("/etc", 126),
        ("bash -c 'kill -9 $$'", 137),
        ("false | true", 0),
    ],
)
def test_exit_codes(api: Api, session: str, command: str, code: int) -> None:
    result = api.shell.exec(command, session)
    assert (result.status, result.exit_code) == ("completed", code)


def test_the_shell_remembers(api: Api, session: str) -> None:
    for command in (
        "cd /usr",
        "export EXPORTED='a b'",
        "plain=1",
        'f() { echo "f $1"; }',
        "declare -A map=([k]='v w')",
        "list=(x 'y z')",
        "alias hi='echo alias'",
        "shopt -s nullglob",
        "set -o pipefail",
        "umask 027",
    ):
        assert api.shell.exec(command, session).exit_code == 0, command
    report = api.shell.exec(
        "pwd; sh -c 'echo $EXPORTED'; echo $plain; f 1; echo ${map[k]}; echo \"${list[1]}\"\n"
        "hi; echo /nothing*; umask",
        session,
    )
    assert report.output == "/usr\na b\n1\nf 1\nv w\ny z\nalias\n\n0027\n"
    assert api.shell.exec("false | true", session).exit_code == 1


def test_last_exit_code_and_last_argument_carry_over(api: Api, session: str) -> None:
    api.shell.exec("(exit 7)", session)
    assert api.shell.exec("echo $?", session).output == "7\n"


def test_sessions_are_apart(api: Api) -> None:
    one, two = api.shell.exec("cd /usr; v=1"), api.shell.exec("cd /etc; v=2")
    assert one.session_id != two.session_id
    assert api.shell.exec("pwd; echo $v", one.session_id).output == "/usr\n1\n"
    assert api.shell.exec("pwd; echo $v", two.session_id).output == "/etc\n2\n"


def test_an_unknown_id_creates_the_session(api: Api) -> None:
    name = unique("named")
    assert api.shell.exec("v=here", name).session_id == name
    assert api.shell.exec("echo $v", name).output == "here\n"
    assert name in api.shell.sessions()


def test_a_shell_starts_in_the_workspace_with_a_terminal(api: Api, workspace: str) -> None:
    result = api.shell.exec("pwd; test -t 0 && test -t 1 && test -t 2 && echo tty; echo $-; echo $TERM")
    where, tty, flags, term = result.output.splitlines()
    assert (where, tty) == (workspace, "tty") and "i" in flags and term.startswith("xterm")


def test_exec_dir(api: Api, workdir: str, session: str) -> None:
    assert api.shell.exec("pwd", session, exec_dir=workdir).output == f"{workdir}\n"
    assert_invalid(api.post("/v1/shell/exec", {"command": "pwd", "exec_dir": "relative"}), "exec_dir")


def test_exec_dir_that_is_absent(api: Api, workdir: str, session: str) -> None:
    api.shell.exec(f"cd {workdir}", session)
    lax = api.shell.exec("pwd", session, exec_dir=f"{workdir}/no")
    assert (lax.status, lax.output) == ("completed", f"{workdir}\n")
    strict = api.post(
        "/v1/shell/exec", {"id": session, "command": "echo ran > ran", "exec_dir": f"{workdir}/no", "strict": True}
    )
    assert_refused(strict)
    assert "exec_dir" in strict.message or f"{workdir}/no" in strict.message
    assert api.bash.exec(f"ls {workdir}").stdout == ""


def test_preserve_symlinks(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; mkdir real; ln -s real link")
    assert api.shell.exec("pwd", exec_dir=f"{workdir}/link").output == f"{workdir}/real\n"
    assert api.shell.exec("pwd", exec_dir=f"{workdir}/link", preserve_symlinks=True).output == f"{workdir}/link\n"


def test_long_output_is_truncated_unless_told_not_to(api: Api, session: str) -> None:
    whole = "".join(f"{n}\n" for n in range(1, 20001))
    assert api.shell.exec("seq 1 20000", session, truncate=False).output == whole
    cut = api.shell.exec("seq 1 20000", session).output
    assert 20_000 < len(cut) < 33_000
    assert cut.startswith("1\n2\n") and cut.endswith("19999\n20000\n")


def test_soft_timeout_answers_and_lets_run(api: Api, session: str) -> None:
    with Stopwatch() as watch:
        result = api.shell.exec("echo begun; sleep 1.2; echo done", session, timeout=0.5)
    watch.assert_timeout(0.5)
    assert (result.status, result.exit_code, result.output) == ("running", None, "begun\n")
    with Stopwatch() as watch:
        assert api.shell.wait(session, 5) == "completed"
    watch.assert_below(1.2, "wait answers when the command ends")
    seen = api.shell.view(session)
    assert (seen.status, seen.exit_code) == ("completed", 0) and "begun\ndone\n" in seen.output
    assert api.shell.exec("echo ok", session).output == "ok\n"


def test_hard_timeout_ends_the_whole_group(api: Api, session: str, workdir: str) -> None:
    with Stopwatch() as watch:
        result = api.shell.exec(
            f"echo begun; (sleep 77; echo late > {workdir}/late) | sleep 78", session, hard_timeout=0.6
        )
    watch.assert_timeout(0.6)
    assert (result.status, result.output.startswith("begun\n")) == ("hard_timeout", True)
    eventually(lambda: api.bash.exec("pgrep -x -f 'sleep 7[78]'").exit_code == 1, "both sleeps are gone", 3)
    with Stopwatch() as watch:
        assert api.shell.exec("echo ok", session).output == "ok\n"
    watch.assert_below(0.5)


def test_hard_timeout_of_a_command_that_ignores_signals(api: Api, session: str) -> None:
    command = "bash -c 'echo $$; trap \"\" TERM INT HUP; while :; do sleep 0.1; done'"
    with Stopwatch() as watch:
        result = api.shell.exec(command, session, hard_timeout=0.5)
    watch.assert_timeout(0.5)
    assert result.status == "hard_timeout"
    pid = result.output.split()[0]
    eventually(lambda: api.bash.exec(f"kill -0 {pid}").exit_code == 1, "it is killed", 5)
    with Stopwatch() as watch:
        assert api.shell.exec("echo ok", session).output == "ok\n"
    watch.assert_below(0.5)


def test_no_change_timeout_counts_from_the_last_output(api: Api, session: str) -> None:
    with Stopwatch() as watch:
        result = api.shell.exec("for n in 1 2 3; do echo $n; sleep 0.5; done; sleep 50", session, no_change_timeout=1)
    assert (result.status, result.output) == ("no_change_timeout", "1\n2\n3\n")
    assert 1.98 < watch.seconds < 2.5
    api.shell.kill(session)


def test_no_change_timeout_of_the_session(api: Api) -> None:
    session = api.shell.create(unique("quiet"), no_change_timeout=1)["session_id"]
    with Stopwatch() as watch:
        assert api.shell.exec("sleep 50", session).status == "no_change_timeout"
    watch.assert_timeout(1)
    api.shell.kill(session)
    api.post_ok("/v1/shell/sessions/update", {"id": session, "no_change_timeout": 2})
    with Stopwatch() as watch:
        assert api.shell.exec("sleep 50", session).status == "no_change_timeout"
    watch.assert_timeout(2)
    api.shell.kill(session)


def test_async_returns_at_once(api: Api, session: str) -> None:
    with Stopwatch() as watch:
        result = api.shell.exec("echo begun; sleep 50", session, async_mode=True)
    watch.assert_below(0.25)
    assert (result.status, result.exit_code) == ("running", None)
    seen = eventually(lambda: "\nbegun\n" in (v := api.shell.view(session)).output and v, "the output is seen")
    assert seen.status == "running" and seen.command == "echo begun; sleep 50"
    api.shell.kill(session)


def test_wait_gives_up_in_time(api: Api, session: str) -> None:
    api.shell.exec("sleep 50", session, async_mode=True)
    for fields in ({"seconds": 1}, {"max_wait_seconds": 1}):
        with Stopwatch() as watch:
            assert api.post_ok("/v1/shell/wait", {"id": session, **fields})["status"] == "running"
        watch.assert_timeout(1)
    api.shell.kill(session)


def test_an_occupied_session_refuses(api: Api, session: str) -> None:
    api.shell.exec("sleep 50", session, async_mode=True)
    with Stopwatch() as watch:
        answer = api.post("/v1/shell/exec", {"id": session, "command": "echo second"})
    watch.assert_below(0.25)
    assert_status(answer, 409)
    assert "sleep 50" in answer.message or session in answer.message or "running" in answer.message
    api.shell.kill(session)
    assert api.shell.exec("echo free", session).output == "free\n"


def test_synchronous_execs_queue_in_order(gateway, api: Api, session: str, workdir: str) -> None:
    """Each waits for the one before: nothing is interleaved and nobody overtakes."""
    with contextlib.ExitStack() as stack:
        waiting = []
        for n in range(5):
            raw = stack.enter_context(RawConnection(gateway))
            body = json.dumps(
                {"id": session, "command": f"echo {n} >> {workdir}/order; sleep 0.1; echo out-{n}"}
            ).encode()
            raw.send(
                raw.head(
                    "POST /v1/shell/exec HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}"
                )
                + body
            )
            waiting.append(raw)
            api.get("/healthz")  # answered after the request before it was read, so that order is certain
        outputs = [json.loads(raw.answer().body)["data"]["output"] for raw in waiting]
    assert outputs == [f"out-{n}\n" for n in range(5)]
    assert api.bash.exec(f"cat {workdir}/order").stdout.split() == ["0", "1", "2", "3", "4"]


def test_write_answers_a_prompt(api: Api, session: str) -> None:
    api.shell.exec("read -p 'name? ' name; echo \"<$name>\"", session, async_mode=True)
    eventually(lambda: "name? " in api.shell.view(session).output, "the prompt")
    api.shell.write(session, "Ada L", press_enter=False)
    api.shell.write(session, "ovelace", press_enter=True)
    assert api.shell.wait(session, 5) == "completed"
    assert "<Ada Lovelace>" in api.shell.view(session).output
    assert api.shell.exec("echo $name", session).output == "Ada Lovelace\n"


@pytest.mark.parametrize("warm", [True, False], ids=["in a living shell", "in a new one"])
def test_input_right_behind_an_async_exec_reaches_it(api: Api, warm: bool) -> None:
    """Exec answers before the shell has taken the command up; what is written then waits for it."""
    lost = []
    for n in range(20):
        name = unique("eager")
        if warm:
            api.shell.exec("true", name)
        api.shell.exec("read x; echo got $x", name, async_mode=True)
        api.shell.write(name, "it")
        if api.shell.wait(name, 1) != "completed" or "got it\n" not in api.shell.view(name).output:
            lost.append(n)
        api.shell.delete(name)
    assert not lost, f"{len(lost)} of 20 lost their input"


def test_kill_ends_the_command_and_keeps_the_shell(api: Api, session: str) -> None:
    api.shell.exec("v=kept", session)
    api.shell.exec("sleep 76 & sleep 76", session, async_mode=True)
    eventually(lambda: api.bash.exec("pgrep -c -x -f 'sleep 76'").stdout == "2\n", "both run")
    with Stopwatch() as watch:
        killed = api.shell.kill(session)
    watch.assert_below(1.0)
    assert killed["status"] == "terminated"
    assert isinstance(killed["returncode"], int), "clients of the first SDK require a number"
    assert api.shell.exec("echo $v", session).output == "kept\n"


def test_kill_of_an_idle_session_harms_nothing(api: Api, session: str) -> None:
    api.shell.exec("v=kept", session)
    answer = api.post("/v1/shell/kill", {"id": session})
    assert answer.status in (200, 404, 409), answer
    assert api.shell.exec("echo $v", session).output == "kept\n"


def test_view_shows_the_session(api: Api, session: str) -> None:
    api.shell.exec("echo first", session)
    api.shell.exec("echo second; (exit 4)", session)
    seen = api.shell.view(session)
    assert (seen.session_id, seen.status, seen.exit_code) == (session, "completed", 4)
    assert seen.command == "echo second; (exit 4)"
    assert [record["command"] for record in seen.console] == ["echo first", "echo second; (exit 4)"]
    assert [record["output"].strip() for record in seen.console] == ["first", "second"]
    assert "first" in seen.output and "second" in seen.output


@pytest.mark.parametrize(
    "verb, fields",
    [("view", {}), ("wait", {"seconds": 1}), ("kill", {}), ("write", {"input": "x", "press_enter": True})],
)
def test_only_exec_creates_sessions(api: Api, verb: str, fields: dict) -> None:
    name = unique("nobody")
    assert_status(api.post(f"/v1/shell/{verb}", {"id": name, **fields}), 404)
    assert name not in api.shell.sessions()


def test_create_update_list_stats_delete(api: Api, workdir: str) -> None:
    name = unique("managed")
    made = api.shell.create(name, exec_dir=workdir)
    assert (made["session_id"], made["working_dir"]) == (name, workdir)
    assert api.shell.create(name)["session_id"] == name, "creating it again gives the session there is"
    api.shell.exec("cd /usr", name)
    info = api.shell.sessions()[name]
    assert info["working_dir"] == "/usr" and info["current_command"] is None and info["age_seconds"] >= 0
    stats = api.shell.stats()
    assert stats["total_sessions"] == len(api.shell.sessions()) == stats["active_sessions"] + stats["idle_sessions"]
    assert stats["max_sessions"] >= 200 and stats["usage_ratio"] == pytest.approx(
        stats["total_sessions"] / stats["max_sessions"], abs=0.01
    )
    assert api.shell.delete(name).success
    assert name not in api.shell.sessions()
    assert_status(api.shell.delete(name), 404)
    assert_status(api.post("/v1/shell/sessions/update", {"id": name, "no_change_timeout": 5}), 404)


def test_a_running_command_is_listed_and_deleting_ends_it(api: Api, session: str) -> None:
    api.shell.exec("sleep 75 & sleep 75", session, async_mode=True)
    assert api.shell.sessions()[session]["current_command"] == "sleep 75 & sleep 75"
    eventually(lambda: api.bash.exec("pgrep -c -x -f 'sleep 75'").stdout == "2\n", "both run")
    api.shell.delete(session)
    eventually(lambda: api.bash.exec("pgrep -x -f 'sleep 75'").exit_code == 1, "both are gone")


def test_delete_all(api: Api) -> None:
    for _ in range(3):
        api.shell.create()
    assert len(api.shell.sessions()) >= 3
    assert api.delete("/v1/shell/sessions").success
    assert api.shell.sessions() == {} and api.shell.stats()["total_sessions"] == 0


def test_terminal_url_opens_a_page_on_this_gateway(api: Api) -> None:
    url = api.get_ok("/v1/shell/terminal-url")
    assert url.startswith(api.url + "/") and "/terminal" in url
    page = api.get(url.removeprefix(api.url))
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    session = url.rsplit("session_id=", 1)[1].split("&")[0]
    assert session in api.shell.sessions()


@pytest.mark.parametrize("name", ["a/b", "x" * 5000, "new\nline", "nul\0", "../up"])
def test_session_names_are_plain(api: Api, name: str) -> None:
    assert_invalid(api.post("/v1/shell/sessions/create", {"id": name}), "id")
    assert_invalid(api.post("/v1/shell/exec", {"id": name, "command": "true"}), "id")
