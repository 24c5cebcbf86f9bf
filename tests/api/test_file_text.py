"""/v1/file read, write, replace and search."""

from __future__ import annotations

import base64
import os
import stat
import threading

import pytest

from client import Api
from expect import assert_invalid, assert_refused
from waiting import Stopwatch

TEXTS = {
    "empty": "",
    "no newline at the end": "one\ntwo",
    "newline at the end": "one\ntwo\n",
    "carriage returns": "one\r\ntwo\r\n",
    "unicode": "Grüße, 世界, 👩‍👩‍👧, \u2028line separator\u2029, \ufeffBOM\n",
    "control characters": "bell\a escape\x1b[0m delete\x7f tab\t\n",
    "JSON inside": '{"a": "\\u0041\\n"}\n',
    "a megabyte": "0123456789abcdef" * 65536,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_survives_the_round_trip(api: Api, workdir: str, text: str) -> None:
    path = f"{workdir}/round trip.txt"
    written = api.file.write(path, text)
    assert written["file"] == path
    assert written["bytes_written"] == len(text.encode())
    data = api.file.ok("read", file=path)
    assert data["file"] == path
    assert data["content"] == text


def test_base64_carries_every_byte(api: Api, workdir: str) -> None:
    path, data = f"{workdir}/binary", bytes(range(256)) * 40
    written = api.file.write(path, base64.b64encode(data).decode(), encoding="base64")
    assert written["bytes_written"] == len(data)
    assert base64.b64decode(api.file.read(path, encoding="base64")) == data
    assert api.file.download(path).content == data


def test_base64_that_is_none_is_refused_and_writes_nothing(api: Api, workdir: str) -> None:
    path = f"{workdir}/binary"
    for content in ("not base64!", "QUJD=RA==", "QUI", "QUJDR", "QU\x7fD"):
        assert_invalid(api.file.call("write", file=path, content=content, encoding="base64"), "content")
    assert api.file.call("read", file=path).data["errno_name"] == "ENOENT"


def test_raw_writes_one_byte_per_character(api: Api, workdir: str) -> None:
    path = f"{workdir}/raw"
    api.file.write(path, "caf\xe9\xff", encoding="raw")
    assert api.file.download(path).content == b"caf\xe9\xff"
    assert_invalid(api.file.call("write", file=path, content="世", encoding="raw"), "content")


def test_reading_binary_as_text_says_what_it_is(api: Api, workdir: str) -> None:
    path = f"{workdir}/binary"
    api.file.write(path, base64.b64encode(b"ok\n\xff\xfe\n").decode(), encoding="base64")
    answer = api.file.call("read", file=path)
    assert answer.status == 200 and answer.success is False
    assert answer.data["error_type"] == "decode_error"
    assert "base64" in answer.message + answer.hint, "it does not say how to read the file instead"


@pytest.mark.parametrize(
    "span, expected",
    [
        ({"start_line": 0, "end_line": 1}, ["l0"]),
        ({"start_line": 1, "end_line": 3}, ["l1", "l2"]),
        ({"start_line": 3}, ["l3", "l4"]),
        ({"end_line": 2}, ["l0", "l1"]),
        ({"start_line": 4, "end_line": 99}, ["l4"]),
        ({"start_line": 5}, []),
        ({"start_line": 1000, "end_line": 1001}, []),
        ({"start_line": 2, "end_line": 2}, []),
        ({"start_line": None, "end_line": None}, ["l0", "l1", "l2", "l3", "l4"]),
    ],
)
def test_line_ranges_count_from_zero_and_exclude_their_end(api: Api, workdir: str, span, expected) -> None:
    for ending in ("\n", ""):
        api.file.write(f"{workdir}/lines", "l0\nl1\nl2\nl3\nl4" + ending)
        assert api.file.read(f"{workdir}/lines", **span).splitlines() == expected


def test_line_range_of_a_big_file_is_quick(api: Api, workdir: str) -> None:
    api.bash.exec(f"seq 0 3000000 > {workdir}/big")
    with Stopwatch() as watch:
        assert api.file.read(f"{workdir}/big", start_line=2_999_999, end_line=3_000_001).split() == [
            "2999999",
            "3000000",
        ]
    watch.assert_below(1.0)


def test_append_adds_and_write_replaces(api: Api, workdir: str) -> None:
    path = f"{workdir}/log"
    api.file.write(path, "a\n", append=True)
    assert api.file.write(path, "bc\n", append=True)["bytes_written"] == 3
    assert api.file.read(path) == "a\nbc\n"
    api.file.write(path, "new")
    assert api.file.read(path) == "new"


def test_newlines_around_what_is_written(api: Api, workdir: str) -> None:
    path = f"{workdir}/newlines"
    api.file.write(path, "a", trailing_newline=True)
    assert api.file.read(path) == "a\n"
    api.file.write(path, "b", append=True, leading_newline=True, trailing_newline=True)
    assert api.file.read(path) == "a\n\nb\n"


def test_parents_are_created(api: Api, workdir: str) -> None:
    path = f"{workdir}/a/b/ü c/d.txt"
    api.file.write(path, "deep")
    assert api.file.read(path) == "deep"


def test_mode_and_link_are_kept(api: Api, workdir: str) -> None:
    path = f"{workdir}/script"
    api.bash.exec(f"cd {workdir} && echo old > script && chmod 750 script && ln -s script link")
    api.file.write(path, "new\n")
    assert api.bash.exec(f"stat -c %a {path}").stdout == "750\n"
    api.file.write(f"{workdir}/link", "through\n")
    assert api.bash.exec(f"readlink {workdir}/link; cat {path}; stat -c %a {path}").stdout == "script\nthrough\n750\n"
    api.file.ok("replace", file=path, old_str="through", new_str="replaced")
    assert api.bash.exec(f"stat -c %a {path}; cat {path}").stdout == "750\nreplaced\n"


def test_a_new_file_honours_the_umask(api: Api, workdir: str) -> None:
    api.file.write(f"{workdir}/plain", "x")
    expected = api.bash.exec(f"cd {workdir}; : > by-shell; stat -c %a by-shell").stdout
    assert api.bash.exec(f"stat -c %a {workdir}/plain").stdout == expected


@pytest.mark.local
def test_readers_never_see_half_a_file(api: Api, workdir: str) -> None:
    """Atomic: while the file is rewritten, every look at it finds one whole version, and no temporary file stays."""
    path, versions = f"{workdir}/atomic", ["a" * 400_000, "b" * 300_000]
    api.file.write(path, versions[0])
    broken: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with open(path) as file:
                if file.read() not in versions:
                    broken.append("half a file")

    reader = threading.Thread(target=look)
    reader.start()
    for round_number in range(60):
        api.file.write(path, versions[round_number % 2])
    done.set()
    reader.join()
    assert not broken
    assert os.listdir(workdir) == ["atomic"]


@pytest.mark.local
def test_a_write_that_fails_leaves_the_old_file(api: Api, workdir: str) -> None:
    """A directory in the way of the rename: the old tree stays and no temporary file is left."""
    os.mkdir(f"{workdir}/target")
    answer = api.file.call("write", file=f"{workdir}/target", content="x")
    assert answer.data["errno_name"] == "EISDIR"
    assert os.listdir(workdir) == ["target"] and stat.S_ISDIR(os.stat(f"{workdir}/target").st_mode)


def test_many_writers_of_one_file_leave_one_whole_version(api: Api, workdir: str) -> None:
    path = f"{workdir}/contended"
    versions = [chr(ord("a") + n) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=api.file.write, args=(path, text)) for text in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.file.read(path) in versions
    assert api.bash.exec(f"ls -A {workdir}").stdout == "contended\n"


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty"])
def test_devices_are_no_files_to_read(api: Api, path: str) -> None:
    with Stopwatch() as watch:
        assert_refused(api.file.call("read", file=path))
    watch.assert_below(1.0)


def test_a_fifo_does_not_hang_the_reader(api: Api, workdir: str) -> None:
    api.bash.exec(f"mkfifo {workdir}/fifo")
    with Stopwatch() as watch:
        assert_refused(api.file.call("read", file=f"{workdir}/fifo"))
        assert api.file.download(f"{workdir}/fifo").status in (400, 403, 404, 409, 422)
        assert_refused(api.file.call("search", file=f"{workdir}/fifo", regex="x"))
    watch.assert_below(2.0)


def test_files_without_a_size_are_readable(api: Api) -> None:
    """/proc files say size 0 and have content."""
    assert api.file.read("/proc/version").startswith("Linux version")
    assert api.file.download("/proc/version").content.startswith(b"Linux version")


def test_a_file_too_big_for_one_answer_is_refused_not_swallowed(api: Api, workdir: str) -> None:
    api.bash.exec(f"truncate -s 3G {workdir}/huge")
    with Stopwatch() as watch:
        assert_refused(api.file.call("read", file=f"{workdir}/huge", encoding="base64"))
    watch.assert_below(2.0)


def test_replace_counts_every_occurrence(api: Api, workdir: str) -> None:
    path = f"{workdir}/replace"
    api.file.write(path, "one two one\nüone.*\n")
    data = api.file.ok("replace", file=path, old_str="one", new_str="1\n")
    assert (data["file"], data["replaced_count"]) == (path, 3)
    assert api.file.read(path) == "1\n two 1\n\nü1\n.*\n"


def test_replace_takes_its_text_literally(api: Api, workdir: str) -> None:
    path = f"{workdir}/literal"
    api.file.write(path, "a.c abc $1 \\1 &\n")
    assert api.file.ok("replace", file=path, old_str="a.c", new_str="$1 \\1 & a.c")["replaced_count"] == 1
    assert api.file.read(path) == "$1 \\1 & a.c abc $1 \\1 &\n"


def test_replace_of_text_that_is_absent_changes_nothing(api: Api, workdir: str) -> None:
    path = f"{workdir}/absent"
    api.file.write(path, "unchanged\n")
    answer = api.file.call("replace", file=path, old_str="not there", new_str="x")
    assert answer.status == 200
    assert answer.success is False or answer.data["replaced_count"] == 0
    assert api.file.read(path) == "unchanged\n"


def test_replace_of_nothing_is_refused(api: Api, workdir: str) -> None:
    api.file.write(f"{workdir}/f", "abc")
    assert_invalid(api.file.call("replace", file=f"{workdir}/f", old_str="", new_str="x"), "old_str")


def test_replace_of_a_large_file(api: Api, workdir: str) -> None:
    path = f"{workdir}/large"
    api.bash.exec(f"yes 'needle hay' | head -n 200000 > {path}")
    with Stopwatch() as watch:
        assert api.file.ok("replace", file=path, old_str="needle", new_str="pin")["replaced_count"] == 200_000
    watch.assert_below(2.0)
    assert api.bash.exec(f"sort -u {path}").stdout == "pin hay\n"


def test_search_gives_lines_and_their_numbers(api: Api, workdir: str) -> None:
    path = f"{workdir}/search"
    api.file.write(path, "alpha\nbeta 1\ngamma\nbeta 22\nünï beta\n")
    data = api.file.ok("search", file=path, regex=r"^beta \d+$")
    assert data["file"] == path
    assert data["matches"] == ["beta 1", "beta 22"]
    first, second = data["line_numbers"]
    assert second - first == 2 and first in (1, 2)
    assert api.file.ok("search", file=path, regex="nowhere")["matches"] == []
    assert len(api.file.ok("search", file=path, regex="beta")["line_numbers"]) == 3


@pytest.mark.parametrize("regex", ["(", "[a", "a{2,1}", "(?P<x"])
def test_search_names_a_bad_pattern(api: Api, workdir: str, regex: str) -> None:
    api.file.write(f"{workdir}/f", "abc\n")
    answer = api.file.call("search", file=f"{workdir}/f", regex=regex)
    assert_refused(answer)
    assert "regex" in answer.message or "pattern" in answer.message


def test_a_pattern_cannot_become_an_option(api: Api, workdir: str) -> None:
    api.file.write(f"{workdir}/f", "x --files y\n-e\n")
    assert api.file.ok("search", file=f"{workdir}/f", regex="--files")["matches"]
    assert api.file.ok("search", file=f"{workdir}/f", regex="-e$")["matches"] == ["-e"]


def test_a_hostile_pattern_does_not_stall_the_gateway(api: Api, workdir: str) -> None:
    """Nested quantifiers take exponential time in a backtracking matcher."""
    api.file.write(f"{workdir}/f", "a" * 40 + "!\n")
    with Stopwatch() as watch:
        assert api.file.ok("search", file=f"{workdir}/f", regex="^(a+)+$")["matches"] == []
    watch.assert_below(1.0)
