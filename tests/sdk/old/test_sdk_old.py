"""The published Python SDK of the 0.0.6 era: fewer routes, stricter models, still to be served unchanged."""

from __future__ import annotations

import importlib.metadata

import pydantic
import pytest
from agent_sandbox import Sandbox
from agent_sandbox.core.api_error import ApiError
from agent_sandbox.errors import UnprocessableEntityError

from client import unique


@pytest.fixture
def sdk(gateway) -> Sandbox:
    headers = {"X-AIO-API-Key": gateway.key} if gateway.key else None
    return Sandbox(base_url=gateway.url, headers=headers, timeout=30)


@pytest.fixture
def workdir(gateway, sdk: Sandbox):
    path = f"{gateway.api.get('/v1/sandbox').body['workspace']}/{unique('sdk')}"
    yield path
    sdk.shell.exec_command(command=f"rm -rf {path}")


def test_this_is_the_version_meant() -> None:
    assert importlib.metadata.version("agent-sandbox") == "0.0.6"


def test_sandbox_context(sdk: Sandbox) -> None:
    context = sdk.sandbox.get_sandbox_context()
    assert context.home_dir.startswith("/") and context.version and context.success
    assert sdk.sandbox.python_packages().success


def test_files(sdk: Sandbox, workdir: str) -> None:
    path = f"{workdir}/deep/notes.txt"
    assert sdk.file.write_file(file=path, content="alpha\nbeta\n").data.bytes_written == 11
    assert sdk.file.read_file(file=path, start_line=0, end_line=1).data.content.strip() == "alpha"
    assert sdk.file.replace_in_file(file=path, old_str="beta", new_str="BETA").data.replaced_count == 1
    assert sdk.file.search_in_file(file=path, regex="^BETA$").data.matches == ["BETA"]
    assert sdk.file.find_files(path=f"{workdir}/deep", glob="*.txt").data.files == [path]
    listing = sdk.file.list_path(path=f"{workdir}/deep").data
    assert [(f.name, f.is_directory) for f in listing.files] == [("notes.txt", False)]


def test_upload_and_download(sdk: Sandbox, workdir: str) -> None:
    """This SDK reads every download as JSON, so JSON is what it can download."""
    path = f"{workdir}/data.json"
    assert sdk.file.upload_file(file=("x.json", b'{"a": [1, 2]}'), path=path).data.file_size == 13
    assert sdk.file.download_file(path=path) == {"a": [1, 2]}


def test_editor(sdk: Sandbox, workdir: str) -> None:
    path = f"{workdir}/edited.txt"
    sdk.file.str_replace_editor(command="create", path=path, file_text="one\ntwo\n")
    assert (
        sdk.file.str_replace_editor(command="str_replace", path=path, old_str="two", new_str="2").data.new_content
        == "one\n2\n"
    )
    assert "one" in sdk.file.str_replace_editor(command="view", path=path).data.output
    sdk.file.str_replace_editor(command="undo_edit", path=path)
    assert sdk.file.read_file(file=path).data.content == "one\ntwo\n"


def test_shell(sdk: Sandbox) -> None:
    first = sdk.shell.exec_command(command="cd /usr; v=kept; pwd", exec_dir="/tmp").data
    assert (first.status, first.exit_code, first.output) == ("completed", 0, "/usr\n")
    session = first.session_id
    assert sdk.shell.exec_command(id=session, command="echo $v").data.output == "kept\n"
    assert sdk.shell.exec_command(id=session, command="read x; echo got $x", async_mode=True).data.status == "running"
    assert sdk.shell.write_to_process(id=session, input="it", press_enter=True).data.status in ("running", "completed")
    assert sdk.shell.wait_for_process(id=session, seconds=5).data.status == "completed"
    seen = sdk.shell.view_shell(id=session).data
    assert "got it" in seen.output and seen.console[-1].command == "read x; echo got $x"


def test_nodejs(sdk: Sandbox) -> None:
    ran = sdk.nodejs.execute_nodejs_code(
        code="console.log(require('./data.json').n, require('fs').readFileSync(0, 'utf8'))",
        files={"data.json": '{"n": 7}'},
        stdin="input",
        timeout=10,
    ).data
    assert (ran.status, ran.stdout, ran.exit_code) == ("ok", "7 input\n", 0)
    failed = sdk.nodejs.execute_nodejs_code(code="throw new Error('Something went wrong');").data
    error = next(output for output in failed.outputs if output.output_type == "error")
    assert (failed.status, failed.exit_code, error.ename, error.evalue) == ("error", 1, "Error", "Something went wrong")
    info = sdk.nodejs.info().data
    assert info.node_version and info.npm_version and info.supported_languages == ["javascript"]


def test_jupyter(sdk: Sandbox) -> None:
    name = unique("old")
    assert "python3" in sdk.jupyter.info().data.available_kernels
    ran = sdk.jupyter.execute_jupyter_code(code="x = 40\nprint('out')\nx + 2", session_id=name, timeout=60).data
    assert ran.status == "ok" and ran.outputs[0].text == "out\n" and ran.outputs[1].data == {"text/plain": "42"}
    assert name in sdk.jupyter.list_sessions().data.sessions
    assert sdk.jupyter.cleanup_session(name).success


def test_kill_carries_the_number_this_sdk_requires(sdk: Sandbox) -> None:
    started = sdk.shell.exec_command(command="sleep 100", async_mode=True).data
    killed = sdk.shell.kill_process(id=started.session_id).data
    assert killed.status == "terminated" and isinstance(killed.returncode, int)


def test_errors_are_typed(sdk: Sandbox, workdir: str) -> None:
    with pytest.raises(UnprocessableEntityError) as refusal:
        sdk.file.read_file(file="relative/path")
    assert "file" in refusal.value.body.detail[0].loc
    with pytest.raises(ApiError) as missing:
        sdk.file.download_file(path=f"{workdir}/missing")
    assert missing.value.status_code == 404
    try:
        answer = sdk.file.read_file(file=f"{workdir}/missing")
        assert answer.success is False and answer.data.errno_name == "ENOENT"
    except pydantic.ValidationError as complaint:
        assert any(entry["input"].get("errno_name") == "ENOENT" for entry in complaint.errors())


def test_the_terminal_page_is_served(sdk: Sandbox) -> None:
    """This SDK has a call for the page, and reads it as JSON: its complaint must carry the page."""
    with pytest.raises(ApiError) as page:
        sdk.serve_terminal_terminal_get()
    assert page.value.status_code == 200 and "<html" in page.value.body.lower()
