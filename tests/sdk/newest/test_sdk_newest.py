"""The published Python SDK, newest version: its own client and typed models against the gateway."""

from __future__ import annotations

import asyncio
import datetime
import importlib.metadata

import pydantic
import pytest
from agent_sandbox import AsyncSandbox, Sandbox
from agent_sandbox.core.api_error import ApiError
from agent_sandbox.errors import UnprocessableEntityError

from client import unique
from tokens import Signer, bearer
from waiting import Stopwatch, eventually


@pytest.fixture
def sdk(gateway) -> Sandbox:
    headers = {"X-AIO-API-Key": gateway.key} if gateway.key else None
    return Sandbox(base_url=gateway.url, headers=headers, timeout=30)


@pytest.fixture
def workdir(sdk: Sandbox):
    path = f"{sdk.sandbox.get_context().workspace}/{unique('sdk')}"
    yield path
    sdk.bash.exec(command=f"rm -rf {path}")


def test_this_is_the_version_meant() -> None:
    assert importlib.metadata.version("agent-sandbox") == "0.0.30"


def test_sandbox_context(sdk: Sandbox) -> None:
    context = sdk.sandbox.get_context()
    assert context.success and context.home_dir.startswith("/") and context.version
    assert context.detail.system.arch and context.detail.system.occupied_ports is not None
    assert isinstance(context.detail.runtime.python, list) and isinstance(context.detail.utils, list)
    assert sdk.sandbox.get_python_packages().success
    assert sdk.sandbox.get_nodejs_packages().success in (True, False)


def test_files(sdk: Sandbox, workdir: str) -> None:
    path = f"{workdir}/deep/notes.txt"
    assert sdk.file.write_file(file=path, content="alpha\nbeta\n").data.bytes_written == 11
    sdk.file.write_file(file=path, content="gamma", append=True, trailing_newline=True)
    assert sdk.file.read_file(file=path).data.content == "alpha\nbeta\ngamma\n"
    assert sdk.file.read_file(file=path, start_line=1, end_line=2).data.content.strip() == "beta"
    assert sdk.file.replace_in_file(file=path, old_str="beta", new_str="BETA").data.replaced_count == 1
    assert sdk.file.search_in_file(file=path, regex="^BETA$").data.matches == ["BETA"]
    assert sdk.file.find_files(path=f"{workdir}/deep", glob="*.txt").data.files == [path]


def test_trees(sdk: Sandbox, workdir: str) -> None:
    for name in ("a.py", "b.ts", "sub/c.py"):
        sdk.file.write_file(file=f"{workdir}/{name}", content="TODO me\nrest\n")
    grep = sdk.file.grep_files(path=workdir, pattern="TODO", include=["*.py"], context_after=1).data
    assert grep.match_count == 2
    assert {(m.file, m.line_number, m.line_content) for m in grep.matches} == {
        (f"{workdir}/a.py", 1, "TODO me"),
        (f"{workdir}/sub/c.py", 1, "TODO me"),
    }
    assert grep.matches[0].context_after == ["rest"]
    glob = sdk.file.glob_files(path=workdir, pattern="**/*.py", sort_by="path").data
    assert [f.path for f in glob.files] == [f"{workdir}/a.py", f"{workdir}/sub/c.py"] and glob.files[0].size == 13
    listing = sdk.file.list_path(path=workdir, include_permissions=True).data
    assert (listing.file_count, listing.directory_count) == (2, 1)
    assert [f.name for f in listing.files if not f.is_directory] == ["a.py", "b.ts"]


def test_editor(sdk: Sandbox, workdir: str) -> None:
    path = f"{workdir}/edited.py"
    assert sdk.file.str_replace_editor(command="create", path=path, file_text="one\ntwo\n").data.prev_exist is False
    edited = sdk.file.str_replace_editor(command="str_replace", path=path, old_str="two", new_str="2").data
    assert (edited.old_content, edited.new_content) == ("one\ntwo\n", "one\n2\n")
    sdk.file.str_replace_editor(command="insert", path=path, insert_line=1, new_str="middle")
    assert "middle" in sdk.file.str_replace_editor(command="view", path=path, view_range=[1, 3]).data.output
    sdk.file.str_replace_editor(command="undo_edit", path=path)
    sdk.file.str_replace_editor(command="undo_edit", path=path)
    assert sdk.file.read_file(file=path).data.content == "one\ntwo\n"


def test_upload_and_download(sdk: Sandbox, workdir: str) -> None:
    data, path = bytes(range(256)) * 5000, f"{workdir}/up.bin"
    uploaded = sdk.file.upload_file(file=("local.bin", data), path=path).data
    assert (uploaded.file_path, uploaded.file_size, uploaded.success) == (path, len(data), True)
    assert b"".join(sdk.file.download_file(path=path)) == data


def test_shell(sdk: Sandbox, workdir: str) -> None:
    made = sdk.shell.create_session(exec_dir="/usr").data
    assert made.working_dir == "/usr"
    session = made.session_id
    first = sdk.shell.exec_command(id=session, command="cd /tmp && export V='a b'; pwd").data
    assert (first.session_id, first.status, first.exit_code, first.output) == (session, "completed", 0, "/tmp\n")
    assert sdk.shell.exec_command(id=session, command="pwd; echo $V").data.output == "/tmp\na b\n"
    started = sdk.shell.exec_command(id=session, command="read x; echo got $x", async_mode=True).data
    assert started.status == "running"
    sdk.shell.write_to_process(id=session, input="it", press_enter=True)
    assert sdk.shell.wait_for_process(id=session, seconds=5).data.status == "completed"
    seen = sdk.shell.view(id=session).data
    assert "got it" in seen.output and seen.exit_code == 0 and seen.console[-1].command == "read x; echo got $x"
    assert sdk.shell.update_session(id=session, no_change_timeout=60).success
    info = sdk.shell.list_sessions().data.sessions[session]
    assert info.working_dir == "/tmp" and isinstance(info.created_at, datetime.datetime)
    assert sdk.shell.get_session_stats().data.total_sessions >= 1
    assert sdk.shell.get_terminal_url().data.startswith("http")
    assert sdk.shell.cleanup_session(session).success
    assert session not in sdk.shell.list_sessions().data.sessions


def test_shell_timeouts_and_kill(sdk: Sandbox) -> None:
    with Stopwatch() as watch:
        running = sdk.shell.exec_command(command="sleep 100", timeout=0.5).data
    watch.assert_below(0.8)
    assert running.status == "running"
    killed = sdk.shell.kill_process(id=running.session_id).data
    assert killed.status == "terminated"
    assert (
        sdk.shell.exec_command(id=running.session_id, command="sleep 100", hard_timeout=0.3).data.status
        == "hard_timeout"
    )
    assert sdk.shell.exec_command(id=running.session_id, command="exit 3").data.exit_code == 3
    assert sdk.shell.exec_command(id=running.session_id, command="echo ok").data.output == "ok\n"
    assert sdk.shell.cleanup_all_sessions().success


def test_bash(sdk: Sandbox, workdir: str) -> None:
    done = sdk.bash.exec(command="echo out; echo err >&2; exit 4", env={"A": "b"}).data
    assert (done.status, done.stdout, done.stderr, done.exit_code) == ("completed", "out\n", "err\n", 4)
    session = sdk.bash.create_session(exec_dir="/usr").data
    assert session.status == "ready" and isinstance(session.created_at, datetime.datetime)
    started = sdk.bash.exec(
        session_id=session.session_id, command="read x; echo got $x; pwd; sleep 100", async_mode=True
    ).data
    sdk.bash.write(session_id=session.session_id, input="it\n")
    output = eventually(
        lambda: (
            o := sdk.bash.output(
                session_id=session.session_id, command_id=started.command_id, wait=True, wait_timeout=5
            ).data
        ).stdout.endswith("/usr\n")
        and o,
        "its output",
    )
    assert output.stdout == "got it\n/usr\n" and output.command.status == "running"
    assert sdk.bash.kill(session_id=session.session_id, signal="SIGTERM").success
    ended = eventually(
        lambda: (o := sdk.bash.output(session_id=session.session_id).data).command.status != "running" and o, "its end"
    )
    assert ended.command.status == "killed"
    assert session.session_id in [s.session_id for s in sdk.bash.sessions().data]
    assert sdk.bash.close_session(session.session_id).success


def test_nodejs(sdk: Sandbox, workdir: str) -> None:
    once = sdk.nodejs.execute_code(
        code="console.log(require('fs').readFileSync('in.txt', 'utf8'), require('fs').readFileSync(0, 'utf8'))",
        files={"in.txt": "from a file"},
        stdin="from stdin",
        timeout=10,
    ).data
    assert (once.status, once.stdout, once.exit_code) == ("ok", "from a file from stdin\n", 0)
    assert (once.language, once.session_id, once.outputs[0].output_type) == ("javascript", None, "stream")
    name = unique("sdk")
    made = sdk.nodejs.create_session(session_id=name, max_idle_time=600).data
    assert (made.session_id, made.created, made.session.max_idle_time) == (name, True, 600)
    assert sdk.nodejs.execute_code(code="globalThis.count = 1", session_id=name).data.execution_count == 1
    second = sdk.nodejs.execute_code(code="globalThis.count += await 1", session_id=name, stateful=True).data
    assert (second.session_id, second.outputs[0].data) == (name, {"text/plain": "2"})
    failed = sdk.nodejs.execute_code(code="throw new Error('Something went wrong')", session_id=name).data
    error = next(o for o in failed.outputs if o.output_type == "error")
    assert (failed.status, error.ename, error.evalue) == ("error", "Error", "Something went wrong") and error.traceback
    assert sdk.nodejs.update_session(name, max_idle_time=60).data.session.max_idle_time == 60
    assert sdk.nodejs.get_session(name).data.session.state == "idle"
    assert name in sdk.nodejs.list_sessions().data.sessions
    assert sdk.nodejs.delete_session(name).data.deleted is True
    with pytest.raises(ApiError) as gone:
        sdk.nodejs.get_session(name)
    assert gone.value.status_code == 404
    info = sdk.nodejs.get_info().data
    assert info.node_version and info.npm_version and info.current_version in info.available_versions


def test_code(sdk: Sandbox) -> None:
    python = sdk.code.execute_code(language="python", code="print(sum([1, 2, 3]))").data
    assert (python.language, python.status, python.stdout, python.exit_code) == ("python", "ok", "6\n", 0)
    script = sdk.code.execute_code(language="javascript", code="console.log(6)", timeout=10).data
    assert (script.language, script.status, script.outputs[0]["text"]) == ("javascript", "ok", "6\n")
    kept = sdk.code.execute_code(language="javascript", code="let kept = 5", stateful=True).data
    assert kept.session_id
    again = sdk.code.execute_code(language="javascript", code="kept", stateful=True, session_id=kept.session_id).data
    assert again.outputs[0]["data"] == {"text/plain": "5"}
    failed = sdk.code.execute_code(language="python", code="1 / 0").data
    assert failed.status == "error" and failed.traceback[-1] == "ZeroDivisionError: division by zero"
    languages = {entry.language: entry for entry in sdk.code.get_info().data.languages}
    assert {"python", "javascript"} <= languages.keys() and languages["python"].default_timeout == 30
    sdk.nodejs.delete_session(kept.session_id)


def test_jupyter(sdk: Sandbox) -> None:
    info = sdk.jupyter.get_info().data
    assert info.default_kernel == "python3" and "python3" in info.available_kernels
    name = unique("sdk")
    made = sdk.jupyter.create_session(session_id=name, kernel_name="python3").data
    assert (made.session_id, made.kernel_name) == (name, "python3")
    ran = sdk.jupyter.execute_code(code="x = 40\nprint('out')\nx + 2", session_id=name, timeout=60).data
    assert (ran.status, ran.session_id, ran.execution_count) == ("ok", name, 1)
    stream, result = ran.outputs
    assert (stream.output_type, stream.name, stream.text) == ("stream", "stdout", "out\n")
    assert (result.output_type, result.data, result.execution_count) == ("execute_result", {"text/plain": "42"}, 1)
    failed = sdk.jupyter.execute_code(code="1/0", session_id=name).data
    assert (failed.status, failed.outputs[0].ename) == ("error", "ZeroDivisionError") and failed.outputs[0].traceback
    session = sdk.jupyter.list_sessions().data.sessions[name]
    assert session.kernel_name == "python3" and session.age_seconds >= 0 and session.last_used > 1e9
    kept = sdk.code.execute_code(language="python", code="x", session_id=name).data
    assert kept.outputs[0]["data"] == {"text/plain": "40"}
    assert sdk.jupyter.delete_session(name).success and sdk.jupyter.delete_sessions().success


def test_validation_errors_are_typed(sdk: Sandbox) -> None:
    with pytest.raises(UnprocessableEntityError) as refusal:
        sdk.file.read_file(file="relative/path")
    assert refusal.value.status_code == 422
    first = refusal.value.body.detail[0]
    assert "file" in first.loc and first.msg and first.type
    with pytest.raises(UnprocessableEntityError):
        sdk.bash.exec(command="true", max_output_length=-5)


def test_http_errors_are_typed(sdk: Sandbox, workdir: str) -> None:
    with pytest.raises(ApiError) as missing:
        list(sdk.file.download_file(path=f"{workdir}/missing"))
    assert missing.value.status_code == 404 and missing.value.body["success"] is False
    busy = sdk.shell.exec_command(command="sleep 100", async_mode=True).data
    with pytest.raises(ApiError) as conflict:
        sdk.shell.exec_command(id=busy.session_id, command="echo")
    assert conflict.value.status_code == 409
    sdk.shell.cleanup_session(busy.session_id)
    with pytest.raises(ApiError) as unknown:
        sdk.shell.view(id=unique("nobody"))
    assert unknown.value.status_code == 404


def test_file_errors_reach_the_caller(sdk: Sandbox, workdir: str) -> None:
    """This SDK's models have no place for a FileOperationError: it either parses beside them or is in the complaint."""
    try:
        answer = sdk.file.read_file(file=f"{workdir}/missing")
        assert answer.success is False and answer.data.errno_name == "ENOENT"
    except pydantic.ValidationError as complaint:
        assert any(entry["input"].get("errno_name") == "ENOENT" for entry in complaint.errors())


def test_wrong_key_is_401(start_gateway) -> None:
    server = start_gateway(key="the-secret-key")
    with pytest.raises(ApiError) as refused:
        Sandbox(base_url=server.url).sandbox.get_context()
    assert refused.value.status_code == 401
    assert Sandbox(base_url=server.url, headers={"X-AIO-API-Key": "the-secret-key"}).sandbox.get_context().success
    assert (
        Sandbox(base_url=server.url, headers={"Authorization": "Bearer the-secret-key"})
        .bash.exec(command="echo ok")
        .data.stdout
        == "ok\n"
    )


def test_tokens_and_tickets(start_gateway) -> None:
    signer = Signer("RS256")
    server = start_gateway(env={"JWT_PUBLIC_KEY": signer.setting})
    sdk = Sandbox(base_url=server.url, headers=bearer(signer.token(sub="alice")))
    assert sdk.bash.exec(command="echo ok").data.stdout == "ok\n"
    assert sdk.auth.authenticate() == {"user": "jwt:alice", "scope": "read exec desktop admin"}
    ticket = sdk.auth.create_ticket()
    assert ticket["expires_in"] == 30
    reader = Sandbox(base_url=server.url, headers=bearer(signer.token(scope="read")))
    assert reader.sandbox.get_context().success
    with pytest.raises(ApiError) as refused:
        reader.bash.exec(command="true")
    assert refused.value.status_code == 403


def test_async_client_runs_in_parallel(gateway) -> None:
    async def main() -> list[str]:
        headers = {"X-AIO-API-Key": gateway.key} if gateway.key else None
        sdk = AsyncSandbox(base_url=gateway.url, headers=headers)
        results = await asyncio.gather(*(sdk.bash.exec(command=f"sleep 0.5; echo {n}") for n in range(8)))
        return [result.data.stdout for result in results]

    with Stopwatch() as watch:
        assert asyncio.run(main()) == [f"{n}\n" for n in range(8)]
    watch.assert_below(1.5)
