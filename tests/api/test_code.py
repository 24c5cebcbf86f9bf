"""/v1/code: one entrance for code in any language of a table."""

from __future__ import annotations

import concurrent.futures

import pytest

from client import Api, CodeResult, unique
from expect import assert_invalid, assert_status
from waiting import Stopwatch

EXECUTE = "/v1/code/execute"


def run(api: Api, language: str, code: str, **fields) -> CodeResult:
    return CodeResult.of(api.post(EXECUTE, {"language": language, "code": code, **fields}))


@pytest.mark.parametrize(
    "language, code",
    [
        ("python", "import sys\nprint(sum([1, 2, 3]))\nprint('err', file=sys.stderr)"),
        ("javascript", "console.log([1, 2, 3].reduce((a, b) => a + b, 0)); console.error('err')"),
        ("bash", "echo $((1 + 2 + 3)); echo err >&2"),
    ],
)
def test_every_language(api: Api, language: str, code: str) -> None:
    answer = api.post(EXECUTE, {"language": language, "code": code})
    assert (answer.data["language"], answer.data["code"]) == (language, code)
    result = CodeResult.of(answer)
    assert (result.status, result.exit_code, result.stdout, result.stderr) == ("ok", 0, "6\n", "err\n")
    assert [(o["name"], o["text"]) for o in result.outputs] == [("stdout", "6\n"), ("stderr", "err\n")]


@pytest.mark.parametrize(
    "language, code, name, message, place",
    [
        ("python", "def f():\n    return 1 / 0\nf()", "ZeroDivisionError", "division by zero", 'File "<code>", line 2'),
        ("python", "x = = 1", "SyntaxError", "invalid syntax", "x = = 1"),
        ("python", "raise KeyError('k')", "KeyError", "'k'", "KeyError: 'k'"),
        ("javascript", "throw new RangeError('far')", "RangeError", "far", "main.js:1:7"),
    ],
)
def test_errors(api: Api, language: str, code: str, name: str, message: str, place: str) -> None:
    answer = api.post(EXECUTE, {"language": language, "code": code})
    result = CodeResult.of(answer)
    assert (result.status, result.exit_code) == ("error", 1)
    assert result.error["ename"] == name and message in result.error["evalue"]
    assert result.error["traceback"] == answer.data["traceback"]
    assert place in "\n".join(answer.data["traceback"]) and "run." not in "\n".join(answer.data["traceback"])
    assert message in result.stderr


@pytest.mark.parametrize(
    "code, value",
    [("6 * 7", "42"), ("x = 1\nx + 1", "2"), ("x = 1", None), ("None", None), ("'a\\0b'", "'a\\x00b'"), ("", None)],
)
def test_the_value_of_python(api: Api, code: str, value: str | None) -> None:
    result = run(api, "python", code)
    assert (result.status, result.value) == ("ok", value)


def test_python_is_a_program_as_usual(api: Api, workspace: str) -> None:
    code = """
import dataclasses, os, sys
@dataclasses.dataclass
class Point:
    x: int
if __name__ == "__main__":
    print(os.getcwd(), Point(1), sys.argv, open(0).read() == "")
"""
    assert run(api, "python", code).stdout == f"{workspace} Point(x=1) [''] True\n"


@pytest.mark.parametrize(
    "language, code", [("python", "import sys; sys.exit(3)"), ("javascript", "process.exit(3)"), ("bash", "exit 3")]
)
def test_exit_codes(api: Api, language: str, code: str) -> None:
    result = run(api, language, code)
    assert (result.status, result.exit_code, result.error) == ("error", 3, None)


@pytest.mark.parametrize(
    "language, code",
    [
        ("python", "print('on', flush=True)\nwhile True: pass"),
        ("javascript", "console.log('on'); for (;;) {}"),
        ("bash", "echo on; trap '' TERM; while :; do :; done"),
    ],
)
def test_timeouts(api: Api, language: str, code: str) -> None:
    with Stopwatch() as watch:
        result = run(api, language, code, timeout=1)
    watch.assert_timeout(1.0)
    assert (result.status, result.stdout, result.exit_code) == ("timeout", "on\n", 124)


@pytest.mark.parametrize(
    "language, code",
    [
        ("python", "import os; print(os.getcwd())"),
        ("javascript", "console.log(process.cwd())"),
        ("bash", "pwd"),
    ],
)
def test_cwd(api: Api, workdir: str, language: str, code: str) -> None:
    assert run(api, language, code, cwd=workdir).stdout == f"{workdir}\n"
    assert_invalid(api.post(EXECUTE, {"language": language, "code": code, "cwd": f"{workdir}/no"}), "cwd")


def test_javascript_has_the_sessions_of_nodejs(api: Api) -> None:
    name = unique("code")
    assert run(api, "javascript", "let kept = 3", session_id=name).session_id == name
    assert run(api, "javascript", "kept", session_id=name, stateful=True).value == "3"
    assert api.node.run("kept + 1", name).value == "4"


def test_python_has_the_sessions_of_jupyter(api: Api, kernel: str) -> None:
    assert run(api, "python", "kept = 3; print('out')", session_id=kernel).session_id == kernel
    assert run(api, "python", "kept", session_id=kernel, stateful=True).value == "3"
    assert api.jupyter.run("kept + 1", kernel).value == "4"
    answer = api.post(EXECUTE, {"language": "python", "code": "print('é'); 1/0", "session_id": kernel})
    failed = CodeResult.of(answer)
    assert (failed.status, failed.exit_code, failed.stdout, failed.stderr) == ("error", 1, "é\n", "")
    assert failed.error["ename"] == "ZeroDivisionError" and answer.data["traceback"] == failed.error["traceback"]
    with Stopwatch() as watch:
        late = run(api, "python", "print('on', flush=True)\nwhile True: pass", session_id=kernel, timeout=1)
    watch.assert_timeout(1.0)
    assert (late.status, late.exit_code, late.stdout) == ("timeout", 124, "on\n")


def test_a_session_without_a_name_gets_one(api: Api) -> None:
    name = run(api, "python", "x = 5", stateful=True).session_id
    assert name and run(api, "python", "x", session_id=name).value == "5"


def test_a_language_without_sessions_says_so(api: Api) -> None:
    assert_invalid(api.post(EXECUTE, {"language": "bash", "code": "1", "stateful": True}), "stateful")
    assert_invalid(api.post(EXECUTE, {"language": "bash", "code": "1", "session_id": "s"}), "session_id")


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"code": "1"}, "language"),
        ({"language": "cobol", "code": "1"}, "language"),
        ({"language": "python"}, "code"),
        ({"language": "python", "code": "1", "timeout": 0}, "timeout"),
        ({"language": "python", "code": "1", "timeout": 301}, "timeout"),
        ({"language": "python", "code": "1", "cwd": "x"}, "cwd"),
    ],
)
def test_fields_are_checked(api: Api, fields: dict, name: str) -> None:
    assert_invalid(api.post(EXECUTE, fields), name)


def test_long_code_and_much_output(api: Api) -> None:
    padding = "#" + "x" * 1_000_000 + "\n"
    for language, code in (
        ("python", "print('é' * 1000000)"),
        ("bash", "head -c 2000000 /dev/zero | tr '\\0' y; echo"),
    ):
        assert len(run(api, language, padding + code).stdout.encode()) == 2_000_001
    binary = run(api, "bash", "printf 'a\\0b\\377'")
    assert binary.stdout == "a\0b\ufffd"


def test_many_at_once(api: Api) -> None:
    def one(n: int) -> str:
        language = ("python", "javascript", "bash")[n % 3]
        code = {"python": f"print({n})", "javascript": f"console.log({n})", "bash": f"echo {n}"}[language]
        return run(api, language, code).stdout

    with concurrent.futures.ThreadPoolExecutor(18) as pool:
        assert list(pool.map(one, range(18))) == [f"{n}\n" for n in range(18)]


def test_info(api: Api) -> None:
    languages = {entry["language"]: entry for entry in api.get_ok("/v1/code/info")["languages"]}
    assert list(languages) == ["python", "javascript", "bash"]
    for entry in languages.values():
        assert entry["description"] and entry["runtime_version"] and entry["details"]["available"] is True
        assert (entry["default_timeout"], entry["max_timeout"]) == (30, 300)
    assert [name for name, entry in languages.items() if entry["details"]["stateful"]] == ["python", "javascript"]


@pytest.mark.local
def test_a_language_that_is_not_installed(start_gateway, tmp_path) -> None:
    server = start_gateway(env={"PATH": str(tmp_path)})
    for language in ("python", "javascript", "bash"):
        assert_status(server.api.post(EXECUTE, {"language": language, "code": "1"}), 503)
    assert all(
        entry["runtime_version"] is None and entry["details"]["available"] is False
        for entry in server.api.get_ok("/v1/code/info")["languages"]
    )
