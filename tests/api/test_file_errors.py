"""Failures of file operations: one table of what the system says and how the answer puts it; and sudo."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from client import Api
from expect import assert_file_error, assert_invalid, assert_status
from server import BINARY
from waiting import Stopwatch

NOBODY = 65534

# What to prepare, the operation with its fields, and what must come back. {d} is the test's directory.
TABLE = [
    ("read of a missing file", "true", "read", {"file": "{d}/x"}, "not_found", "ENOENT"),
    ("read in a missing directory", "true", "read", {"file": "{d}/no/x"}, "not_found", "ENOENT"),
    ("read of a directory", "mkdir {d}/x", "read", {"file": "{d}/x"}, "invalid_target", "EISDIR"),
    ("read below a file", "touch {d}/f", "read", {"file": "{d}/f/x"}, "invalid_target", "ENOTDIR"),
    ("read of a link to itself", "ln -s x {d}/x", "read", {"file": "{d}/x"}, "invalid_path", "ELOOP"),
    ("read of a name too long", "true", "read", {"file": "{d}/" + "n" * 300}, "invalid_path", "ENAMETOOLONG"),
    ("write to a directory", "mkdir {d}/x", "write", {"file": "{d}/x", "content": ""}, "invalid_target", "EISDIR"),
    ("write below a file", "touch {d}/f", "write", {"file": "{d}/f/x", "content": ""}, "invalid_target", "ENOTDIR"),
    (
        "write where nobody may",
        "true",
        "write",
        {"file": "/sys/sandgate-test", "content": ""},
        "permission_denied",
        "EACCES",
    ),
    (
        "write of a name too long",
        "true",
        "write",
        {"file": "{d}/" + "n" * 300, "content": ""},
        "invalid_path",
        "ENAMETOOLONG",
    ),
    (
        "replace in a missing file",
        "true",
        "replace",
        {"file": "{d}/x", "old_str": "a", "new_str": "b"},
        "not_found",
        "ENOENT",
    ),
    ("search in a missing file", "true", "search", {"file": "{d}/x", "regex": "a"}, "not_found", "ENOENT"),
    ("search in a directory", "mkdir {d}/x", "search", {"file": "{d}/x", "regex": "a"}, "invalid_target", "EISDIR"),
    ("find in a file", "touch {d}/f", "find", {"path": "{d}/f", "glob": "*"}, "invalid_target", "ENOTDIR"),
    ("glob in a file", "touch {d}/f", "glob", {"path": "{d}/f", "pattern": "*"}, "invalid_target", "ENOTDIR"),
    ("list of a file", "touch {d}/f", "list", {"path": "{d}/f"}, "invalid_target", "ENOTDIR"),
    ("list of a missing directory", "true", "list", {"path": "{d}/no"}, "not_found", "ENOENT"),
]


@pytest.mark.parametrize(
    "prepare, verb, fields, error_type, errno_name", [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_errors_are_named_for_programs_and_people(
    api: Api, workdir: str, prepare, verb, fields, error_type, errno_name
) -> None:
    api.bash.exec(prepare.format(d=workdir))
    fields = {name: value.format(d=workdir) for name, value in fields.items()}
    path = fields.get("file") or fields["path"]
    if path.startswith("/sys/") and api.bash.exec("grep ' /sys .* ro[, ]' /proc/mounts").exit_code == 0:
        error_type, errno_name = "read_only_filesystem", "EROFS"  # as in a container
    answer = api.file.call(verb, **fields)
    assert_file_error(answer, error_type, errno_name, path, verb)
    assert answer.data["errno"] == getattr(errno, errno_name)


def test_enoent_is_called_what_python_clients_expect(api: Api, workdir: str) -> None:
    data = api.file.call("read", file=f"{workdir}/x").data
    assert (data["exception_type"], data["retryable"]) == ("FileNotFoundError", False)
    assert "No such file or directory" in data["message"]


PATH_FIELDS = [
    ("read", "file", {}),
    ("write", "file", {"content": ""}),
    ("replace", "file", {"old_str": "a", "new_str": "b"}),
    ("search", "file", {"regex": "a"}),
    ("find", "path", {"glob": "*"}),
    ("grep", "path", {"pattern": "a"}),
    ("glob", "path", {"pattern": "*"}),
    ("list", "path", {}),
    ("str_replace_editor", "path", {"command": "view"}),
]


@pytest.mark.parametrize("verb, name, fields", PATH_FIELDS, ids=[row[0] for row in PATH_FIELDS])
def test_paths_that_are_none_are_refused_by_name(api: Api, verb: str, name: str, fields: dict) -> None:
    for path in ("relative/path", "./x", "", "~/x", "/tmp/nul\0byte", "/tmp/" + "d/" * 3000):
        assert_invalid(api.file.call(verb, **{name: path}, **fields), name)


@pytest.mark.parametrize(
    "path, status",
    [
        ("{d}/missing", 404),
        ("{d}", 400),
        ("{d}/f/x", 404),
        ("relative", 422),
        ("", 422),
        ("/tmp/a%00b", 400),
        ("{d}/" + "n" * 300, 400),
    ],
)
def test_download_refuses_by_status(api: Api, workdir: str, path: str, status: int) -> None:
    api.file.write(f"{workdir}/f", "")
    answer = api.get("/v1/file/download?path=" + path.format(d=workdir))
    if status == 400:
        assert 400 <= answer.status < 500, answer
    else:
        assert_status(answer, status)
    assert answer.message


def test_download_without_a_path_names_it(api: Api) -> None:
    answer = api.get("/v1/file/download")
    assert_invalid(answer, "path")
    assert_invalid(
        api.get("/v1/file/download", params={"path": "/etc/passwd", "change_policy": "sometimes"}), "change_policy"
    )


@pytest.fixture
def humble(start_gateway):
    """A gateway that runs as an ordinary user without any way to sudo, and root's secrets beside it."""
    if os.geteuid() != 0:
        yield start_gateway()
        return
    program = Path(tempfile.mkdtemp(prefix="sandgate-bin-"))
    program.chmod(0o755)
    try:
        shutil.copy2(BINARY, program / "sandgate")
        yield start_gateway(user=NOBODY, binary=program / "sandgate")
    finally:
        shutil.rmtree(program)


@pytest.mark.local
def test_denied_is_denied(humble) -> None:
    api, root = humble.api, "/etc/shadow"
    assert_file_error(api.file.call("read", file=root), "permission_denied", "EACCES", root, "read")
    assert_file_error(
        api.file.call("write", file="/etc/sandgate-test", content=""),
        "permission_denied",
        "EACCES",
        "/etc/sandgate-test",
        "write",
    )
    assert_status(api.file.download(root), 403)


@pytest.mark.local
def test_sudo_without_the_right_is_refused_at_once(humble) -> None:
    """No password prompt may hang, and asking for sudo must not be ignored silently either."""
    before = os.stat("/etc/shadow")
    for verb, fields in (
        ("read", {}),
        ("write", {"content": "x"}),
        ("replace", {"old_str": "a", "new_str": "b"}),
        ("search", {"regex": "root"}),
    ):
        with Stopwatch() as watch:
            answer = humble.api.file.call(verb, file="/etc/shadow", sudo=True, **fields)
        watch.assert_below(2.0)
        assert answer.status in (200, 403) and answer.success is False, answer
        assert "sudo" in answer.message or "ermission" in answer.message, answer
    assert os.stat("/etc/shadow") == before


def test_sudo_works_where_the_caller_may(api: Api, workdir: str) -> None:
    """Root may, and so may a user with password-less sudo; for others the refusal above holds."""
    may = api.bash.exec("test $(id -u) = 0 || sudo -n true").exit_code == 0
    answer = api.file.call("read", file="/etc/shadow", sudo=True)
    assert answer.success is may, answer
    if may:
        assert "root:" in answer.data["content"]
        api.file.write(f"{workdir}/by-root", "x", sudo=True)
        assert (
            api.file.ok("replace", file=f"{workdir}/by-root", old_str="x", new_str="y", sudo=True)["replaced_count"]
            == 1
        )
        assert api.file.ok("search", file=f"{workdir}/by-root", regex="y", sudo=True)["matches"] == ["y"]
        assert api.bash.exec(f"stat -c %u {workdir}/by-root").stdout == "0\n"
