"""/v1/file find, grep, glob and list: whole trees."""

from __future__ import annotations

import base64
import datetime

import pytest

from client import Api
from expect import assert_file_error, assert_invalid, assert_refused
from waiting import Stopwatch


@pytest.fixture
def tree(api: Api, workdir: str) -> str:
    """A small project: sources, a hidden file, a vendored folder, a binary, an odd name."""
    files = {
        "main.py": "import os\nTODO one\nprint('todo')\n",
        "lib/util.py": "def f():\n    # TODO two\n    return 1\n",
        "lib/util.ts": "// TODO three\nconst a = 1\n",
        "lib/deep/er.json": '{"a.b": 1, "axb": 2}\n',
        "node_modules/x/index.py": "TODO vendored\n",
        ".hidden.py": "hidden\n",
        "ünï cödé.txt": "TODO größer\n",
    }
    for name, content in files.items():
        api.file.write(f"{workdir}/{name}", content)
    api.file.write(f"{workdir}/blob.bin", base64.b64encode(b"TODO\0\xff\xfe" * 10).decode(), encoding="base64")
    return workdir


def names(found: list, root: str) -> list[str]:
    """Paths of strings or of objects with a path, relative to the tree, sorted."""
    return sorted((f if isinstance(f, str) else f["path"]).removeprefix(root + "/") for f in found)


def test_find_by_name(api: Api, tree: str) -> None:
    data = api.file.ok("find", path=tree, glob="*.py")
    assert data["path"] == tree
    assert all(f.startswith(tree + "/") and f.endswith(".py") for f in data["files"])
    assert "main.py" in names(data["files"], tree)
    assert names(api.file.ok("find", path=tree, glob="ma?n.[p]y")["files"], tree) == ["main.py"]
    assert names(api.file.ok("find", path=tree, glob="ünï*")["files"], tree) == ["ünï cödé.txt"]
    assert api.file.ok("find", path=tree, glob="*.nothing")["files"] == []


def test_find_in_a_directory_that_is_absent(api: Api, tree: str) -> None:
    assert_file_error(api.file.call("find", path=f"{tree}/no", glob="*"), "not_found", "ENOENT", f"{tree}/no", "find")


def test_grep_gives_file_line_and_number(api: Api, tree: str) -> None:
    data = api.file.ok("grep", path=tree, pattern=r"TODO t\w+")
    found = sorted((m["file"].removeprefix(tree + "/"), m["line_number"], m["line_content"]) for m in data["matches"])
    assert found == [("lib/util.py", 2, "    # TODO two"), ("lib/util.ts", 1, "// TODO three")]
    assert (data["path"], data["pattern"], data["match_count"]) == (tree, r"TODO t\w+", 2)
    assert data["files_matched"] == 2 and data["truncated"] is False


def test_grep_one_file(api: Api, tree: str) -> None:
    data = api.file.ok("grep", path=f"{tree}/main.py", pattern="TODO")
    assert [(m["file"], m["line_number"]) for m in data["matches"]] == [(f"{tree}/main.py", 2)]


def test_grep_filters(api: Api, tree: str) -> None:
    def files(**fields) -> list[str]:
        return names([m["file"] for m in api.file.ok("grep", path=tree, pattern="TODO", **fields)["matches"]], tree)

    assert files(include=["*.ts"]) == ["lib/util.ts"]
    assert files(include=["*.py", "*.ts"], exclude=["node_modules"]) == ["lib/util.py", "lib/util.ts", "main.py"]
    assert files(type="ts") == ["lib/util.ts"]
    assert "lib/util.py" not in files(recursive=False) and "main.py" in files(recursive=False)
    assert "ünï cödé.txt" in files()


def test_grep_matches_as_told(api: Api, tree: str) -> None:
    def count(pattern: str, **fields) -> int:
        return api.file.ok(
            "grep", path=f"{tree}", pattern=pattern, include=["*.py", "*.json"], exclude=["node_modules"], **fields
        )["match_count"]

    assert count("todo") == 1
    assert count("todo", case_insensitive=True) == 3
    assert count("a.b") == 1
    assert count("axb.. 2") == 1 and count("axb.. 2", fixed_strings=True) == 0
    assert count("a.b", fixed_strings=True) == 1
    assert count(r"def f\(\):\n.*two", multiline=True) == 1
    assert count(r"(", fixed_strings=True) == 2


def test_grep_context(api: Api, tree: str) -> None:
    fields = {"path": f"{tree}/lib/util.py", "pattern": "two"}
    match = api.file.ok("grep", **fields, context_before=1, context_after=1)["matches"][0]
    assert (match["context_before"], match["context_after"]) == (["def f():"], ["    return 1"])
    bare = api.file.ok("grep", **fields)["matches"][0]
    assert not bare["context_before"] and not bare["context_after"]


def test_grep_pages_through_many_matches(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; seq -f 'match %g' 1 1200 > many")
    first = api.file.ok("grep", path=workdir, pattern="match")
    assert len(first["matches"]) == 500 and first["truncated"] is True
    pages = [api.file.ok("grep", path=workdir, pattern="match", max_results=500, offset=o) for o in (0, 500, 1000)]
    lines = [m["line_number"] for page in pages for m in page["matches"]]
    assert lines == list(range(1, 1201))
    assert pages[-1]["truncated"] is False


def test_grep_passes_over_big_files(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; (echo needle; head -c 2M /dev/zero | tr '\\0' x) > big; echo needle > small")
    found = api.file.ok("grep", path=workdir, pattern="needle")["matches"]
    assert names([m["file"] for m in found], workdir) == ["small"]
    found = api.file.ok("grep", path=workdir, pattern="needle", max_file_size="5M")["matches"]
    assert names([m["file"] for m in found], workdir) == ["big", "small"]


@pytest.mark.parametrize("pattern", ["--files", "-e", "--pre=/bin/false", "-uuu"])
def test_grep_patterns_are_never_options(api: Api, workdir: str, pattern: str) -> None:
    api.file.write(f"{workdir}/f", f"x {pattern} y\nother\n")
    for fixed in (True, False):
        matches = api.file.ok("grep", path=workdir, pattern=pattern, fixed_strings=fixed)["matches"]
        assert [m["line_content"] for m in matches] == [f"x {pattern} y"]


def test_grep_filters_are_never_options(api: Api, workdir: str) -> None:
    """ripgrep's --pre runs a program on every file: no filter may become it."""
    api.file.write(f"{workdir}/f", "needle\n")
    for fields in (
        {"include": [f"--pre=touch {workdir}/ran"]},
        {"exclude": [f"--pre=touch {workdir}/ran"]},
        {"type": f"--pre=touch {workdir}/ran"},
        {"max_file_size": f"--pre=touch {workdir}/ran"},
    ):
        answer = api.file.call("grep", path=workdir, pattern="needle", **fields)
        assert answer.status in (200, 422)
    assert api.bash.exec(f"ls {workdir}").stdout == "f\n"


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"pattern": "("}, "pattern"),
        ({"pattern": "x", "type": "no-such-type"}, "type"),
        ({"pattern": "x", "max_file_size": "huge"}, "max_file_size"),
    ],
)
def test_grep_names_what_it_cannot_use(api: Api, tree: str, fields, name) -> None:
    answer = api.file.call("grep", path=tree, **fields)
    assert_refused(answer)
    assert name in answer.message or "regex" in answer.message, answer


def test_grep_survives_lines_that_are_no_text(api: Api, workdir: str) -> None:
    api.bash.exec(
        f"cd {workdir}; printf 'needle \\xff\\xfe tail\\n' > latin; mkdir $'bad\\xffdir'; echo needle > $'bad\\xffdir/f'"
    )
    matches = api.file.ok("grep", path=workdir, pattern="needle")["matches"]
    latin = [m for m in matches if m["file"].endswith("/latin")]
    assert latin[0]["line_content"] == "needle \ufffd\ufffd tail"
    assert len(matches) == 2


def test_grep_of_a_long_line_answers(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; (head -c 900000 /dev/zero | tr '\\0' x; echo needle) > line")
    with Stopwatch() as watch:
        assert api.file.ok("grep", path=workdir, pattern="needle")["match_count"] == 1
    watch.assert_below(2.0)


def test_glob_patterns(api: Api, tree: str) -> None:
    def found(pattern: str, **fields) -> list[str]:
        return names(api.file.ok("glob", path=tree, pattern=pattern, **fields)["files"], tree)

    assert found("*.py") == ["main.py"]
    assert found("**/*.py") == ["lib/util.py", "main.py", "node_modules/x/index.py"]
    assert found("**/*.py", exclude=["node_modules/**"]) == ["lib/util.py", "main.py"]
    assert found("**/*.py", exclude=["node_modules/**"], include_hidden=True) == [
        ".hidden.py",
        "lib/util.py",
        "main.py",
    ]
    assert found("lib/util.[pt][ys]") == ["lib/util.py", "lib/util.ts"]
    assert found("lib/deep/e?.json") == ["lib/deep/er.json"]
    assert found("lib/*", files_only=False) == ["lib/deep", "lib/util.py", "lib/util.ts"]
    assert found("*.nothing") == []


def test_glob_metadata(api: Api, tree: str) -> None:
    entry = api.file.ok("glob", path=tree, pattern="main.py")["files"][0]
    assert (entry["path"], entry["name"], entry["is_directory"]) == (f"{tree}/main.py", "main.py", False)
    assert entry["size"] == 33
    modified = datetime.datetime.fromisoformat(entry["modified_time"])
    now = datetime.datetime.now(modified.tzinfo)
    assert abs((now - modified).total_seconds()) < 3600 * 24
    bare = api.file.ok("glob", path=tree, pattern="main.py", include_metadata=False)["files"][0]
    assert bare.get("size") is None and bare.get("modified_time") is None


def test_glob_sorts_and_limits(api: Api, workdir: str) -> None:
    api.bash.exec(
        f"cd {workdir}; for n in 1 2 3; do head -c $((400 - n*100)) /dev/zero > f$n; touch -d @$((n*1000)) f$n; done"
    )

    def order(**fields) -> list[str]:
        return [f["name"] for f in api.file.ok("glob", path=workdir, pattern="*", **fields)["files"]]

    assert order() == order(sort_by="name") == order(sort_by="path") == ["f1", "f2", "f3"]
    assert order(sort_by="size") == ["f3", "f2", "f1"]
    assert order(sort_by="modified", sort_desc=True) == ["f3", "f2", "f1"]
    data = api.file.ok("glob", path=workdir, pattern="*", max_results=2)
    assert len(data["files"]) == 2 and data["truncated"] is True
    whole = api.file.ok("glob", path=workdir, pattern="*")
    assert (whole["total_count"], whole["truncated"]) == (3, False)


def test_list_one_level(api: Api, tree: str) -> None:
    data = api.file.ok("list", path=tree)
    assert [f["name"] for f in data["files"]] == sorted(f["name"] for f in data["files"])
    assert names(data["files"], tree) == sorted(
        [".hidden.py", "blob.bin", "lib", "main.py", "node_modules", "ünï cödé.txt"]
    )
    assert (data["path"], data["total_count"], data["directory_count"], data["file_count"]) == (tree, 6, 2, 4)
    main = next(f for f in data["files"] if f["name"] == "main.py")
    assert (main["path"], main["is_directory"], main["size"]) == (f"{tree}/main.py", False, 33)
    assert main["extension"] in (".py", "py") and main.get("permissions") is None


def test_list_options(api: Api, tree: str) -> None:
    def listed(**fields) -> list[str]:
        return names(api.file.ok("list", path=tree, **fields)["files"], tree)

    assert ".hidden.py" not in listed(show_hidden=False)
    assert "lib/deep/er.json" in listed(recursive=True)
    assert "lib/deep" in listed(recursive=True, max_depth=2)
    assert "lib/deep/er.json" not in listed(recursive=True, max_depth=2)
    only = [name for name in listed(recursive=True, file_types=[".ts", ".json"]) if "." in name.rsplit("/", 1)[-1]]
    assert only == ["lib/deep/er.json", "lib/util.ts"]


def test_list_details(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; echo 1 > f; chmod 640 f")
    entry = api.file.ok("list", path=workdir, include_permissions=True)["files"][0]
    assert "640" in entry["permissions"] or "rw-r-----" in entry["permissions"]
    assert api.file.ok("list", path=workdir, include_size=False)["files"][0].get("size") is None


def test_list_sorts(api: Api, workdir: str) -> None:
    api.bash.exec(
        f"cd {workdir}; for n in 1 2 3; do head -c $((400 - n*100)) /dev/zero > f$n; touch -d @$((n*1000)) f$n; done"
    )

    def order(**fields) -> list[str]:
        return [f["name"] for f in api.file.ok("list", path=workdir, **fields)["files"]]

    assert order() == ["f1", "f2", "f3"] and order(sort_desc=True) == ["f3", "f2", "f1"]
    assert order(sort_by="size") == ["f3", "f2", "f1"]
    assert order(sort_by="modified") == ["f1", "f2", "f3"]
    assert_invalid(api.file.call("list", path=workdir, sort_by="colour"), "sort_by")


def test_list_shows_links_and_odd_entries_without_following(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; ln -s . loop; ln -s nowhere dangling; mkfifo pipe; touch $'new\\nline' $'bad\\xff'")
    with Stopwatch() as watch:
        data = api.file.ok("list", path=workdir, recursive=True)
    watch.assert_below(1.0)
    assert {"loop", "dangling", "pipe", "new\nline", "bad\ufffd"} == {f["name"] for f in data["files"]}


def test_list_of_a_large_directory(api: Api, workdir: str) -> None:
    api.bash.exec(f"cd {workdir}; seq -f 'file-%05g' 1 5000 | xargs touch")
    with Stopwatch() as watch:
        assert api.file.ok("list", path=workdir)["total_count"] == 5000
    watch.assert_below(2.0)


def test_list_of_a_file_and_of_nothing(api: Api, tree: str) -> None:
    assert_refused(api.file.call("list", path=f"{tree}/main.py"))
    assert_file_error(api.file.call("list", path=f"{tree}/no"), "not_found", "ENOENT", f"{tree}/no", "list")
    assert_file_error(
        api.file.call("glob", path=f"{tree}/no", pattern="*"), "not_found", "ENOENT", f"{tree}/no", "glob"
    )
    assert_file_error(
        api.file.call("grep", path=f"{tree}/no", pattern="x"), "not_found", "ENOENT", f"{tree}/no", "grep"
    )
