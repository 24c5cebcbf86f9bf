"""/v1/file/str_replace_editor: the edit tool agents are trained on."""

from __future__ import annotations

import pytest

from client import Answer, Api
from expect import assert_file_error, assert_invalid, assert_refused

TEXT = "line one\nline two\nline three\nline two\n"


@pytest.fixture
def path(api: Api, workdir: str) -> str:
    api.file.write(f"{workdir}/edited.txt", TEXT)
    return f"{workdir}/edited.txt"


def done(answer: Answer) -> dict:
    assert answer.status == 200 and answer.success, answer
    assert not answer.data.get("error"), answer
    return answer.data


def test_create(api: Api, workdir: str) -> None:
    path = f"{workdir}/new/created.txt"
    data = done(api.file.edit("create", path, file_text="hello\n"))
    assert (data["path"], data["prev_exist"], data["new_content"]) == (path, False, "hello\n")
    assert data["output"] and not data["old_content"]
    assert api.file.read(path) == "hello\n"


def test_view_numbers_the_lines(api: Api, path: str) -> None:
    output = done(api.file.edit("view", path))["output"]
    numbered = [line.split(maxsplit=1) for line in output.splitlines() if "line " in line and line.strip()[0].isdigit()]
    assert numbered == [["1", "line one"], ["2", "line two"], ["3", "line three"], ["4", "line two"]]


@pytest.mark.parametrize(
    "view_range, shown, hidden",
    [
        ([2, 3], ["line two", "line three"], ["line one"]),
        ([3, -1], ["line three", "line two"], ["line one"]),
        ([1, 1], ["line one"], ["line two", "line three"]),
    ],
)
def test_view_range_counts_from_one_and_includes_its_end(api: Api, path: str, view_range, shown, hidden) -> None:
    output = done(api.file.edit("view", path, view_range=view_range))["output"]
    assert all(text in output for text in shown) and not any(text in output for text in hidden)


@pytest.mark.parametrize("view_range", [[0, 2], [3, 2], [99, 100], [1], [1, 2, 3], [-1, 2]])
def test_view_range_outside_the_file_is_refused(api: Api, path: str, view_range) -> None:
    answer = api.file.edit("view", path, view_range=view_range)
    assert_refused(answer)
    assert "view_range" in answer.message


def test_view_of_a_directory_lists_it(api: Api, path: str) -> None:
    output = done(api.file.edit("view", path.rsplit("/", 1)[0]))["output"]
    assert "edited.txt" in output


def test_str_replace_wants_one_match(api: Api, path: str) -> None:
    data = done(api.file.edit("str_replace", path, old_str="line three", new_str="LINE 3\nand more"))
    assert (data["prev_exist"], data["old_content"]) == (True, TEXT)
    assert data["new_content"] == api.file.read(path) == "line one\nline two\nLINE 3\nand more\nline two\n"
    answer = api.file.edit("str_replace", path, old_str="line two", new_str="x")
    assert_refused(answer)
    assert "2" in answer.message, "it does not say which lines or how many there are"
    assert "line two" in api.file.read(path)


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("ALL", "line one\nX\nline three\nX\n"),
        ("FIRST", "line one\nX\nline three\nline two\n"),
        ("LAST", "line one\nline two\nline three\nX\n"),
    ],
)
def test_replace_mode_chooses_among_several(api: Api, path: str, mode: str, expected: str) -> None:
    done(api.file.edit("str_replace", path, old_str="line two", new_str="X", replace_mode=mode))
    assert api.file.read(path) == expected


def test_str_replace_without_new_str_removes(api: Api, path: str) -> None:
    done(api.file.edit("str_replace", path, old_str="line one\n"))
    assert api.file.read(path) == TEXT.removeprefix("line one\n")


def test_str_replace_of_absent_text(api: Api, path: str) -> None:
    assert_refused(api.file.edit("str_replace", path, old_str="line four", new_str="x"))
    assert api.file.read(path) == TEXT


@pytest.mark.parametrize(
    "line, expected",
    [
        (0, "NEW\nline one\nline two\nline three\nline two\n"),
        (2, "line one\nline two\nNEW\nline three\nline two\n"),
        (4, "line one\nline two\nline three\nline two\nNEW\n"),
    ],
)
def test_insert_goes_after_the_line(api: Api, path: str, line: int, expected: str) -> None:
    for text in ("NEW", "NEW\n"):
        api.file.write(path, TEXT)
        done(api.file.edit("insert", path, insert_line=line, new_str=text))
        assert [row for row in api.file.read(path).splitlines() if row] == expected.splitlines()


@pytest.mark.parametrize("line", [5, -1, 10**9])
def test_insert_outside_the_file_is_refused(api: Api, path: str, line: int) -> None:
    answer = api.file.edit("insert", path, insert_line=line, new_str="x")
    assert_refused(answer)
    assert "insert_line" in answer.message
    assert api.file.read(path) == TEXT


def test_undo_walks_back_edit_by_edit(api: Api, path: str) -> None:
    done(api.file.edit("str_replace", path, old_str="line one", new_str="first"))
    after_first = api.file.read(path)
    done(api.file.edit("insert", path, insert_line=1, new_str="second"))
    done(api.file.edit("undo_edit", path))
    assert api.file.read(path) == after_first
    data = done(api.file.edit("undo_edit", path))
    assert data["new_content"] == api.file.read(path) == TEXT
    assert_refused(api.file.edit("undo_edit", path))
    assert api.file.read(path) == TEXT


def test_undo_without_an_edit_is_refused(api: Api, path: str) -> None:
    assert_refused(api.file.edit("undo_edit", path))


def test_edits_keep_the_mode(api: Api, path: str) -> None:
    api.bash.exec(f"chmod 755 {path}")
    done(api.file.edit("str_replace", path, old_str="line one", new_str="x"))
    done(api.file.edit("undo_edit", path))
    assert api.bash.exec(f"stat -c %a {path}").stdout == "755\n"


@pytest.mark.parametrize(
    "command, fields, name",
    [
        ("create", {}, "file_text"),
        ("str_replace", {"new_str": "x"}, "old_str"),
        ("insert", {"new_str": "x"}, "insert_line"),
        ("insert", {"insert_line": 1}, "new_str"),
        ("str_replace", {"old_str": "x", "new_str": "y", "replace_mode": "SOME"}, "replace_mode"),
        ("rewrite", {}, "command"),
    ],
)
def test_what_a_command_lacks_is_named(api: Api, path: str, command, fields, name) -> None:
    assert_invalid(api.file.edit(command, path, **fields), name)
    assert api.file.read(path) == TEXT


def test_missing_files_are_file_errors(api: Api, workdir: str) -> None:
    path = f"{workdir}/missing"
    for command, fields in (
        ("view", {}),
        ("str_replace", {"old_str": "a", "new_str": "b"}),
        ("insert", {"insert_line": 0, "new_str": "x"}),
    ):
        assert_file_error(api.file.edit(command, path, **fields), "not_found", "ENOENT", path, "")
