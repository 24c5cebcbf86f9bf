"""/v1/jupyter: code in Jupyter kernels, in sessions that keep their state and without."""

from __future__ import annotations

import base64
import concurrent.futures
import os
import signal
import threading
import time

import psutil
import pytest

from client import Api, KernelResult, unique
from expect import assert_invalid, assert_status
from server import Server, is_alive
from waiting import Stopwatch, allow, eventually

EXECUTE = "/v1/jupyter/execute"
PNG = b"\x89PNG\r\n\x1a\n"


# Sessions, and none.


def test_a_session_keeps_its_state(api: Api, kernel: str) -> None:
    first = api.jupyter.run("import math\nx = 40\ndef f(n): return n + 2", kernel)
    assert (first.status, first.outputs, first.execution_count) == ("ok", [], 1)
    second = api.jupyter.run("f(x)", kernel)
    assert (second.value, second.execution_count, second.session_id) == ("42", 2, kernel)
    assert second.kernel_name == "python3"


def test_without_a_session_nothing_stays(api: Api) -> None:
    first = api.jupyter.run("x = 1; print('one')")
    assert (first.status, first.stdout, first.session_id) == ("ok", "one\n", "")
    second = api.jupyter.run("x")
    assert (second.status, second.error["ename"], second.execution_count) == ("error", "NameError", 1)
    assert api.jupyter.sessions() == {}


def test_the_shape_of_an_answer(api: Api, kernel: str) -> None:
    answer = api.post(EXECUTE, {"code": "print('a'); 7", "session_id": kernel})
    assert answer.data["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "a\n"},
        {"output_type": "execute_result", "data": {"text/plain": "7"}, "metadata": {}, "execution_count": 1},
    ]
    assert answer.data["code"] == "print('a'); 7" and answer.data["msg_id"] and answer.hint == ""


def test_await_magics_and_shell_lines(api: Api, kernel: str, workdir: str) -> None:
    code = "import asyncio\nawait asyncio.sleep(0)\n%cd -q " + workdir + "\n!echo from a shell\n%pwd"
    result = api.jupyter.run(code, kernel)
    # IPython runs shell lines in a terminal of its own, as in any notebook.
    assert result.stdout.replace("\r\n", "\n") == "from a shell\n" and result.value == repr(workdir)


def test_both_streams_in_their_order(api: Api, kernel: str) -> None:
    code = "import sys\nfor i in range(2):\n    print(i, flush=True)\n    print(-i, file=sys.stderr, flush=True)"
    outputs = api.jupyter.run(code, kernel).outputs
    assert [(o["name"], o["text"]) for o in outputs] == [
        ("stdout", "0\n"), ("stderr", "0\n"), ("stdout", "1\n"), ("stderr", "-1\n"),
    ]  # fmt: skip


def test_what_is_below_python_is_heard_too(api: Api, kernel: str) -> None:
    code = "import os, subprocess, sys\nos.write(1, b'raw\\n')\nsubprocess.run(['echo', 'child'])\nsys.stdout.flush()"
    first = api.jupyter.run(code, kernel)
    # Such output comes by a pipe that the kernel reads when it gets to it.
    rest = eventually(lambda: "child" in (first.stdout + api.jupyter.run("0", kernel).stdout), "the child's output")
    assert rest


# What is shown.


def test_a_plot_comes_as_png(api: Api, kernel: str) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.title('squares')\nplt.show()"
    result = api.jupyter.run(code, kernel, timeout=120)
    assert result.status == "ok", result
    (image,) = result.shown("display_data", "image/png")
    assert base64.b64decode(image).startswith(PNG) and len(image) > 5000
    assert result.shown("display_data") == ["<Figure size 640x480 with 1 Axes>"]


def test_numpy_and_pandas_are_there(api: Api, kernel: str) -> None:
    code = "import numpy as np, pandas as pd\npd.DataFrame({'n': np.arange(3) ** 2})"
    result = api.jupyter.run(code, kernel, timeout=120)
    assert "4" in result.value and "<table" in result.shown("execute_result", "text/html")[0]


def test_displays_are_updated_and_cleared(api: Api, kernel: str) -> None:
    code = """
from IPython.display import HTML, JSON, clear_output, display
print('gone'); clear_output()
handle = display(HTML('<b>1</b>'), display_id=True)
display(JSON({'a': [1, None, True]}))
handle.update(HTML('<b>2</b>'))
"""
    result = api.jupyter.run(code, kernel)
    assert result.stdout == "" and result.shown("display_data", "text/html") == ["<b>2</b>"]
    assert result.shown("display_data", "application/json") == [{"a": [1, None, True]}]
    progress = "for i in range(50):\n    clear_output(wait=True)\n    print(i)"
    assert api.jupyter.run(progress, kernel).stdout == "49\n"


def test_any_text_and_any_bytes(api: Api, kernel: str) -> None:
    code = "print('naïve 漢字 🎉 \\x00\\x1b[31m\\u2028'); 'ключ'"
    result = api.jupyter.run(code, kernel)
    assert result.stdout == "naïve 漢字 🎉 \0\x1b[31m\u2028\n" and result.value == "'ключ'"
    assert api.jupyter.run("'\\ud83d'", kernel).value == "'\\ud83d'"
    raw = api.jupyter.run("import sys\nsys.stdout.buffer.write(bytes(range(256)))\nprint()", kernel)
    assert raw.status in ("ok", "error"), "whatever the kernel makes of it, the answer is JSON"
    assert api.jupyter.run("6 * 7", kernel).value == "42"


def test_much_output(api: Api, kernel: str) -> None:
    one = api.jupyter.run("print('x' * 1_000_000)", kernel)
    assert one.stdout == "x" * 1_000_000 + "\n" and one.hint == ""
    lines = api.jupyter.run("for i in range(20000):\n    print(f'{i:049}')", kernel)
    assert lines.stdout == "".join(f"{i:049}\n" for i in range(20000))


def test_output_beyond_the_ceiling_loses_its_middle(api: Api, kernel: str) -> None:
    code = "print('first')\nfor i in range(300):\n    print(f'{i:0100000}')\nprint('last')"
    result = api.jupyter.run(code, kernel, timeout=60)
    assert result.status == "ok" and "left out" in result.hint
    assert result.stdout.startswith("first\n") and result.stdout.endswith("last\n")
    assert "bytes left out" in result.stdout and len(result.stdout) < 9 * 1024 * 1024


def test_too_many_displays(api: Api, kernel: str) -> None:
    code = "from IPython.display import display\nfor i in range(5000): display(i)"
    result = api.jupyter.run(code, kernel, timeout=60)
    assert len(result.outputs) == 4096 and "left out" in result.hint
    assert api.jupyter.run("1", kernel).value == "1"


# Errors.


def test_an_error_has_its_traceback(api: Api, kernel: str) -> None:
    result = api.jupyter.run("print('before')\ndef f():\n    return 1 / 0\nf()\nprint('after')", kernel)
    assert (result.status, result.stdout) == ("error", "before\n")
    error = result.error
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert "return" in "\n".join(error["traceback"]) and len(error["traceback"]) > 1
    assert api.jupyter.run("f.__name__", kernel).value == "'f'"


def test_a_syntax_error(api: Api, kernel: str) -> None:
    result = api.jupyter.run("x = = 1", kernel)
    assert (result.status, result.error["ename"]) == ("error", "SyntaxError")


def test_input_is_refused_at_once(api: Api, kernel: str) -> None:
    with Stopwatch() as watch:
        result = api.jupyter.run("name = input('who? ')", kernel)
    assert (result.status, result.error["ename"]) == ("error", "StdinNotImplementedError")
    watch.assert_below(10, "with the start of the kernel")
    assert api.jupyter.run("1", kernel).value == "1"


# Time.


@pytest.fixture
def warm(api: Api, kernel: str) -> str:
    """A session whose kernel runs and has shown an error before, so that a clock measures the code alone: what a
    traceback needs is loaded with the first one."""
    assert api.jupyter.run("ready = True; 1/0", kernel).status == "error"
    return kernel


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(60)", "import os\nos.system('sleep 60')"])
def test_a_timeout_interrupts_and_keeps_the_state(api: Api, warm: str, code: str) -> None:
    with Stopwatch() as watch:
        result = api.jupyter.run("print('begun', flush=True)\n" + code, warm, timeout=1)
    watch.assert_timeout(1.0)
    assert (result.status, result.stdout) == ("timeout", "begun\n") and "time limit passed" in result.hint
    after = api.jupyter.run("ready", warm)
    assert (after.value, after.hint) == ("True", "")


def test_code_that_will_not_be_interrupted(api: Api, warm: str) -> None:
    code = "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        print('no')"
    with Stopwatch() as watch:
        result = api.jupyter.run(code, warm, timeout=1)
    watch.assert_timeout(1.2)
    assert result.status == "timeout" and "killed" in result.hint
    with Stopwatch() as watch:
        after = api.jupyter.run("'ready' in globals()", warm)
    watch.assert_below(15, "the kernel is killed within seconds and another one starts")
    assert after.value == "False" and "state is gone" in after.hint


def test_code_that_stops_late_keeps_its_state(api: Api, warm: str) -> None:
    code = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    time.sleep(1); late = 'done'"
    result = api.jupyter.run(code, warm, timeout=1)
    assert result.status == "timeout" and "killed" in result.hint
    after = api.jupyter.run("late, ready", warm)
    assert (after.value, after.hint) == ("('done', True)", "")


def test_a_timeout_without_a_session(api: Api) -> None:
    api.jupyter.run("1")
    result = api.jupyter.run("while True: pass", timeout=1)
    assert result.status == "timeout"


# Kernels that end.


@pytest.mark.parametrize(
    "code, how", [("import os; os._exit(1)", "exit code 1"), ("import os; os.kill(os.getpid(), 9)", "SIGKILL")]
)
def test_a_kernel_that_dies_is_told_of_and_replaced(api: Api, warm: str, code: str, how: str) -> None:
    with Stopwatch() as watch:
        result = api.jupyter.run("print('last words', flush=True)\n" + code, warm)
    watch.assert_below(2)
    assert (result.status, result.error["ename"]) == ("error", "DeadKernelError")
    assert how in result.error["evalue"] and "state is gone" in result.hint
    after = api.jupyter.run("'ready' in globals()", warm)
    assert (after.value, after.execution_count, after.hint) == ("False", 1, "")


@pytest.mark.local
def test_a_kernel_that_dies_between_calls(api: Api, warm: str) -> None:
    pid = int(api.jupyter.run("import os; os.getpid()", warm).value)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid), "the kernel is reaped")
    after = api.jupyter.run("'ready' in globals()", warm)
    assert after.value == "False" and "SIGKILL" in after.hint and "since the last call" in after.hint


def test_exit_ends_the_kernel_in_good_order(api: Api, warm: str) -> None:
    assert api.jupyter.run("exit()", warm).status == "ok"
    after = eventually(
        lambda: (r := api.jupyter.run("'ready' in globals()", warm)).value == "False" and r, "a new kernel"
    )
    assert after.execution_count == 1


@pytest.mark.local
def test_what_a_session_started_ends_with_it(api: Api, warm: str) -> None:
    code = "import subprocess\n[subprocess.Popen(['sleep', '1000'], start_new_session=n).pid for n in (False, True)]"
    pids = [int(word) for word in api.jupyter.run(code, warm).value.strip("[]").split(",")]
    assert all(psutil.pid_exists(pid) for pid in pids)
    assert api.jupyter.delete(warm).success
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids), "both are gone")


@pytest.mark.local
def test_a_deleted_kernel_may_put_things_away(api: Api, warm: str, tmp_path) -> None:
    api.jupyter.run(f"import atexit\natexit.register(lambda: open({str(tmp_path / 'left')!r}, 'w').write('bye'))", warm)
    assert api.jupyter.delete(warm).success
    eventually(lambda: (tmp_path / "left").exists() and (tmp_path / "left").read_text() == "bye", "atexit ran")


# Several at once.


def test_twenty_sessions_do_not_mix(api: Api) -> None:
    barrier = threading.Barrier(20)

    def one(n: int) -> list[KernelResult]:
        name = unique(f"many-{n}")
        first = api.jupyter.run(f"mine = {n}", name, timeout=120)
        barrier.wait(allow(100))
        code = f"for i in range(200):\n    print({n}, flush=i % 20 == 0)\nmine"
        return [first, *(api.jupyter.run(code, name) for _ in range(3))]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for n, results in enumerate(pool.map(one, range(20))):
            assert [r.status for r in results] == ["ok"] * 4, results
            for result in results[1:]:
                assert result.stdout == f"{n}\n" * 200 and result.value == str(n)
    assert len(api.jupyter.sessions()) == 20


def test_calls_of_one_session_take_turns(api: Api, warm: str) -> None:
    api.jupyter.run("seen = []", warm)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        code = "import time\nseen.append('in'); time.sleep(0.02); seen.append('out'); len(seen)"
        results = list(pool.map(lambda _: api.jupyter.run(code, warm), range(8)))
    assert sorted(int(r.value) for r in results) == [2 * n for n in range(1, 9)]
    assert api.jupyter.run("seen == ['in', 'out'] * 8", warm).value == "True"


@pytest.mark.local
def test_sessions_have_a_ceiling(start_gateway) -> None:
    server: Server = start_gateway("--max-jupyter-sessions", "2")
    kept = server.api.jupyter.create(unique("kept"))["session_id"]
    for _ in range(3):
        server.api.jupyter.create()  # nameless ones make room for each other
    assert kept in server.api.jupyter.sessions() and len(server.api.jupyter.sessions()) == 2
    server.api.jupyter.create(unique("second"))
    assert_status(server.api.post(EXECUTE, {"code": "1", "session_id": unique("third")}), 429)
    assert_status(server.api.post(EXECUTE, {"code": "1"}), 429)


@pytest.mark.local
def test_idle_sessions_end(start_gateway) -> None:
    server: Server = start_gateway("--jupyter-idle-seconds", "1")
    name = unique("idle")
    pid = int(server.api.jupyter.run("import os; os.getpid()", name).value)
    with Stopwatch() as watch:
        server.api.jupyter.run("import time; time.sleep(1.5)", name)
        assert name in server.api.jupyter.sessions(), "a busy session is not idle"
    eventually(lambda: not server.api.jupyter.sessions(), "the session ends", 15)
    watch.assert_below(30)
    eventually(lambda: not psutil.pid_exists(pid), "so does its kernel")


# The table of sessions.


def test_sessions_are_made_listed_and_deleted(api: Api) -> None:
    name = unique("listed")
    made = api.jupyter.create(name)
    assert (made["session_id"], made["kernel_name"]) == (name, "python3")
    entry = api.jupyter.sessions()[name]
    assert entry["kernel_name"] == "python3" and abs(entry["last_used"] - time.time()) < 30
    assert 0 <= entry["age_seconds"] < 30
    assert api.jupyter.create(name)["session_id"] == name, "it is found again"
    assert api.jupyter.info()["active_sessions"] == 1
    assert api.jupyter.delete(name).success
    assert_status(api.jupyter.delete(name), 404)
    nameless = api.jupyter.create()["session_id"]
    assert api.jupyter.run("1", nameless).value == "1"
    assert api.delete("/v1/jupyter/sessions").success and api.jupyter.sessions() == {}


def test_deleting_a_busy_session_ends_its_call(api: Api, warm: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        busy = pool.submit(api.jupyter.run, "import time; time.sleep(100)", warm)
        eventually(lambda: api.jupyter.sessions()[warm].get("state") == "busy", "the call is under way")
        queued = pool.submit(api.jupyter.run, "1", warm)
        assert api.jupyter.delete(warm).success
        assert (busy.result().status, busy.result().error["evalue"]) == ("error", "the session was deleted")
        assert queued.result().status in ("ok", "error")


def test_cwd(api: Api, kernel: str, workspace: str, workdir: str) -> None:
    odd = f"{workdir}/it's \"odd\" – 漢"
    assert api.bash.exec(f"mkdir -p {workdir}/sub \"$ODD\"", env={"ODD": odd}).exit_code == 0
    where = "import os; os.getcwd()"
    assert api.jupyter.run(where, kernel).value == repr(workspace)
    assert api.jupyter.run(where, kernel, cwd=workdir).value == repr(workdir)
    assert api.jupyter.run(where, kernel).value == repr(workdir), "a session stays there"
    moved = api.jupyter.run(where, kernel, cwd=odd)
    assert (moved.value, moved.execution_count) == (repr(odd), 4)
    assert api.jupyter.run(where, cwd=workdir).value == repr(workdir)
    name = api.jupyter.create(cwd=f"{workdir}/sub")["session_id"]
    assert api.jupyter.run(where, name).value == repr(f"{workdir}/sub")
    assert_invalid(api.post(EXECUTE, {"code": "1", "cwd": f"{workdir}/no"}), "cwd")


def test_kernels_have_names(api: Api, kernel: str) -> None:
    info = api.jupyter.info()
    assert info["default_kernel"] == "python3" and info["max_sessions"] > 0 and info["session_timeout_seconds"] > 0
    for name in info["available_kernels"]:
        assert api.jupyter.run("1 + 1", kernel_name=name).value == "2"
    assert any(name.startswith("python3.") for name in info["available_kernels"])
    assert_invalid(api.post(EXECUTE, {"code": "1", "kernel_name": "cobol"}), "kernel_name")
    api.jupyter.create(kernel)
    assert_invalid(api.post(EXECUTE, {"code": "1", "session_id": kernel, "kernel_name": "cobol"}), "kernel_name")


@pytest.mark.parametrize(
    "fields, name",
    [
        ({}, "code"),
        ({"code": 1}, "code"),
        ({"code": "1", "timeout": 0}, "timeout"),
        ({"code": "1", "timeout": 301}, "timeout"),
        ({"code": "1", "cwd": "relative"}, "cwd"),
        ({"code": "1", "session_id": "a/b"}, "session_id"),
    ],
)
def test_fields_are_checked(api: Api, fields: dict, name: str) -> None:
    assert_invalid(api.post(EXECUTE, fields), name)


# The gateway.


@pytest.mark.local
def test_nothing_runs_before_the_first_call(start_gateway) -> None:
    server: Server = start_gateway()
    server.api.jupyter.info()
    assert server.descendants() == []
    server.api.jupyter.run("1")
    eventually(server.descendants, "a kernel is kept warm")


@pytest.mark.local
def test_a_killed_gateway_leaves_no_kernel(start_gateway) -> None:
    server: Server = start_gateway()
    pid = int(server.api.jupyter.run("import os; os.getpid()", unique("left")).value)
    server.kill()
    eventually(lambda: not psutil.pid_exists(pid) or not is_alive(psutil.Process(pid)), "the kernel ends")
    eventually(lambda: not server.descendants(), "and so does the spare one")


@pytest.mark.local
def test_a_long_state_path_is_no_hindrance(start_gateway, tmp_path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 60)
    deep.mkdir(parents=True)
    server: Server = start_gateway("--state", str(deep))
    assert server.api.jupyter.run("6 * 7").value == "42"
    link = os.readlink(deep / "kernels")
    server.stop()
    assert not os.path.lexists(link), "nothing stays in /tmp"


@pytest.mark.local
def test_without_a_kernel_it_says_what_to_do(start_gateway, tmp_path) -> None:
    server: Server = start_gateway("--services-dir", str(tmp_path), "--home", str(tmp_path))
    if not server.api.jupyter.info()["available_kernels"]:
        answer = server.api.post(EXECUTE, {"code": "1"})
        assert_status(answer, 503)
        assert "install" in answer.message


@pytest.mark.local
def test_a_kernel_that_cannot_start_says_why(start_gateway, tmp_path) -> None:
    spec = tmp_path / ".local/share/jupyter/kernels/broken"
    spec.mkdir(parents=True)
    words = '["/bin/sh", "-c", "echo the reason >&2; exit 3", "{connection_file}"]'
    (spec / "kernel.json").write_text('{"argv": %s, "display_name": "Broken", "language": "none"}' % words)
    server: Server = start_gateway("--home", str(tmp_path))
    assert "broken" in server.api.jupyter.info()["available_kernels"]
    result = server.api.jupyter.run("1", kernel_name="broken")
    assert result.status == "error" and "exit code 3: the reason" in result.error["evalue"]
