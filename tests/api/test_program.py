"""The program contract: its command line, its settings, its one line, and how it ends."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from server import BINARY, clean_environment
from terminal import Terminal
from waiting import Stopwatch, allow, eventually

pytestmark = pytest.mark.local

SETTINGS = (
    "--listen",
    "--home",
    "--workspace",
    "--state",
    "--services",
    "--web",
    "--allowed-hosts",
    "--version",
    "--help",
    "--check-config",
)


def run(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, *args], env=clean_environment(env), capture_output=True, text=True, timeout=allow(3))


def good_settings(tmp_path: Path) -> dict[str, str]:
    settings = {"--listen": "127.0.0.1:0", "--services": "none"}
    for name in ("home", "workspace", "state"):
        (tmp_path / name).mkdir(exist_ok=True)
        settings[f"--{name}"] = str(tmp_path / name)
    return settings


def words(settings: dict[str, str]) -> list[str]:
    return [word for pair in settings.items() for word in pair]


def test_version(gateway) -> None:
    result = run("--version")
    assert result.returncode == 0 and result.stderr == ""
    assert re.fullmatch(r"[^\n]*\d+\.\d+(\.\d+)?[^\n]*\n", result.stdout)
    assert gateway.api.get("/v1/sandbox").body["version"] in result.stdout


def test_help_names_every_setting() -> None:
    result = run("--help")
    assert result.returncode == 0 and result.stderr == ""
    assert [name for name in SETTINGS if name not in result.stdout] == []
    assert [name for name in ("WORKSPACE", "TZ", "SANDBOX_API_KEY") if name not in result.stdout] == []


def test_check_config_accepts_good_settings_without_serving(tmp_path: Path) -> None:
    with Stopwatch() as watch:
        result = run("--check-config", *words(good_settings(tmp_path)))
    watch.assert_below(2.0)
    assert result.returncode == 0 and "listening" not in result.stdout, result


BAD = [
    (["--listen", "nonsense"], {}, "listen"),
    (["--listen", "127.0.0.1:99999"], {}, "listen"),
    (["--listen", "127.0.0.1:-1"], {}, "listen"),
    (["--listen", "127.0.0.1:80x"], {}, "listen"),
    (["--listen", ""], {}, "listen"),
    (["--listen"], {}, "listen"),
    (["--home", "relative/dir"], {}, "home"),
    (["--workspace", "/dev/null/x"], {}, "workspace"),
    (["--state", "/dev/null/state"], {}, "state"),
    (["--services", "none,no-such-service"], {}, "services"),
    (["--services", "no-such-service"], {}, "no-such-service"),
    (["--frobnicate"], {}, "frobnicate"),
    (["stray"], {}, "stray"),
    (["--allowed-hosts", "http://x/"], {}, "allowed-hosts"),
    ([], {"WORKSPACE": "relative"}, "workspace"),
]


@pytest.mark.parametrize("args, env, name", BAD, ids=[" ".join(row[0]) or str(row[1]) for row in BAD])
@pytest.mark.parametrize("checking", [False, True], ids=["start", "check"])
def test_a_bad_setting_is_one_clear_line(tmp_path: Path, args, env, name, checking) -> None:
    good = good_settings(tmp_path)
    for replaced in (*args[:1], *(f"--{variable.lower()}" for variable in env)):
        good.pop(replaced, None)
    with Stopwatch() as watch:
        result = run(*(["--check-config"] if checking else []), *words(good), *args, env=env)
    watch.assert_below(2.0)
    assert result.returncode > 0, "ended by a signal" if result.returncode < 0 else result
    said = (result.stderr + result.stdout).strip("\n")
    assert said and said.count("\n") == 0, f"not one line: {said!r}"
    assert name in said.lower(), f"the line does not name {name}: {said!r}"
    assert "listening" not in result.stdout


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        result = run(*words({**good_settings(tmp_path), "--listen": address}))
    assert result.returncode > 0 and result.stdout == ""
    assert address in result.stderr.strip("\n") and result.stderr.strip("\n").count("\n") == 0, result.stderr


def test_stdout_carries_the_listening_line_alone(start_gateway) -> None:
    server = start_gateway()
    server.api.get("/v1/sandbox")
    server.api.bash.exec("true")
    server.stop()
    assert server.unread_stdout() == ""


def test_it_answers_the_moment_it_listens(start_gateway) -> None:
    server = start_gateway()
    with Stopwatch() as watch:
        assert server.api.bash.exec("echo ok").stdout == "ok\n"
    watch.assert_below(0.5)


def test_a_fixed_port_can_be_taken_again_at_once(start_gateway) -> None:
    """Connections of the last run in TIME_WAIT must not keep a restart from binding."""
    first = start_gateway()
    first.api.bash.exec("true")
    first.stop()
    again = start_gateway("--listen", f"127.0.0.1:{first.port}")
    assert again.port == first.port and again.api.get("/healthz").status == 200


# A machine may lack the second one.
LOOPBACKS = ["127.0.0.1"] + (
    ["[::1]"]
    if "00000000000000000000000000000001"
    in (Path("/proc/net/if_inet6").read_text() if Path("/proc/net/if_inet6").exists() else "")
    else []
)


@pytest.mark.parametrize("address", LOOPBACKS)
def test_each_loopback_can_be_listened_on(start_gateway, address: str) -> None:
    server = start_gateway("--listen", f"{address}:0")
    assert server.url == f"http://{address}:{server.port}"
    assert server.api.get("/healthz").status == 200


def test_settings_from_the_environment(start_gateway, tmp_path: Path) -> None:
    server = start_gateway(env={"WORKSPACE": str(tmp_path), "TZ": "Asia/Tokyo"}, without=("--workspace",))
    context = server.api.get("/v1/sandbox").body
    assert context["workspace"] == str(tmp_path)
    assert context["detail"]["system"]["timezone"] == "Asia/Tokyo"
    assert server.api.bash.exec("pwd; date +%Z").stdout == f"{tmp_path}\nJST\n"
    assert server.api.shell.exec("pwd; date +%Z").output == f"{tmp_path}\nJST\n"


def test_directories_are_honoured(start_gateway) -> None:
    server = start_gateway()
    assert server.api.get("/v1/sandbox").body["home_dir"] == str(server.home)
    assert server.api.bash.exec("echo $HOME; cd; pwd").stdout == f"{server.home}\n{server.home}\n"
    server.api.file.write(f"{server.workspace}/made", "here")
    assert (server.workspace / "made").read_text() == "here"
    assert list(server.state.iterdir()), "nothing was stored in the state directory"


CHILDREN = {
    "a shell command": lambda api: api.shell.exec("sleep 301", async_mode=True),
    "a shell with children of its own": lambda api: api.shell.exec("sleep 302 & sleep 303 & echo"),
    "a bash command": lambda api: api.bash.start("sleep 304 & sleep 305"),
    "one that ignores SIGTERM": lambda api: api.bash.start("trap '' TERM HUP INT; while :; do sleep 0.2; done"),
    "a shell that ignores SIGTERM": lambda api: api.shell.exec(
        "trap '' TERM HUP INT; while :; do sleep 0.2; done", async_mode=True
    ),
    "one that was stopped": lambda api: api.bash.start("kill -STOP $$"),
    "a session of its own": lambda api: api.bash.exec("setsid sleep 306 >/dev/null 2>&1 &"),
    "a daemon of a shell": lambda api: api.shell.exec("(setsid nohup sleep 307 >/dev/null 2>&1 &)"),
}


@pytest.mark.parametrize("start", CHILDREN.values(), ids=CHILDREN.keys())
def test_sigterm_ends_every_child(start_gateway, start) -> None:
    server = start_gateway()
    start(server.api)
    eventually(server.descendants, "the child runs")
    with Stopwatch() as watch:
        server.stop()  # asserts exit code 0 and that nobody is left
    watch.assert_below(5.0)


def test_sigterm_while_everything_is_in_use(start_gateway) -> None:
    """Requests in flight, a terminal open, an idle and a half-sent connection: it still ends in time."""
    server = start_gateway()
    term = Terminal(server)
    server.api.shell.exec("yes", async_mode=True)
    server.api.bash.start("yes > /dev/null")
    parked, half = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(2))
    body = b'{"command": "sleep 100"}'
    parked.sendall(
        b"POST /v1/bash/exec HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    half.sendall(b"GET /healthz HTTP/1.1\r\nHos")
    eventually(lambda: len(server.api.bash.sessions()) >= 2, "the parked request has started its command")
    with Stopwatch() as watch:
        server.stop()
    watch.assert_below(5.0)
    parked.settimeout(allow(2))
    parked.recv(65536)  # an answer or the end; not silence
    parked.close()
    half.close()
    term.until_end()


def test_a_second_sigterm_changes_nothing(start_gateway) -> None:
    server = start_gateway()
    server.api.bash.start("trap '' TERM; while :; do sleep 0.2; done")
    server.terminate()
    server.terminate()
    assert server.wait() == 0


def test_a_closed_log_does_not_end_it(tmp_path: Path) -> None:
    """Whoever read its stderr may go away: no SIGPIPE."""
    args = [str(BINARY), *words(good_settings(tmp_path))]
    process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    try:
        port = int(process.stdout.readline().decode().rsplit(":", 1)[1])
        process.stderr.close()
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET /no-such-thing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 404")
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(allow(10)) == 0
        process.stdout.close()


def test_too_many_connections_do_not_end_it(start_gateway) -> None:
    """Two thousand idle connections are carried, and a new client is still served."""
    server = start_gateway()
    idle = []
    try:
        for _ in range(2000):
            idle.append(socket.create_connection(("127.0.0.1", server.port), timeout=allow(5)))
        with Stopwatch() as watch:
            assert server.api.get("/healthz").status == 200
        watch.assert_below(0.5)
    finally:
        for connection in idle:
            connection.close()


def test_running_out_of_descriptors_does_not_end_it(start_gateway) -> None:
    server = start_gateway()
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (64, 64))
    crowd = []
    for _ in range(200):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", server.port))
        crowd.append(connection)
    before = cpu_seconds(server.pid)
    start = time.monotonic()
    eventually(lambda: time.monotonic() - start > 0.5, "half a second under siege", every=0.1)
    assert cpu_seconds(server.pid) - before < allow(0.4), "it spins on accept"
    for connection in crowd:
        connection.close()
    eventually(lambda: server.api.get("/healthz").status == 200, "it serves again")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_an_idle_gateway_rests(start_gateway) -> None:
    """No polling: idle sessions, a terminal and parked requests cost no processor time."""
    server = start_gateway()
    with Terminal(server):
        server.api.shell.exec("true")
        server.api.bash.start("sleep 100")
        before, start = cpu_seconds(server.pid), time.monotonic()
        eventually(lambda: time.monotonic() - start > 1.0, "a second of rest", every=0.2)
        assert cpu_seconds(server.pid) - before <= allow(0.03)


@pytest.mark.local
def test_two_gateways_do_not_share_a_state_directory(start_gateway) -> None:
    first = start_gateway()
    running = first.api.bash.start("sleep 50")
    second = subprocess.run(
        [BINARY, "--listen", "127.0.0.1:0", "--home", first.home, "--state", first.state, "--services", "none"],
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert second.returncode != 0
    assert second.stderr.count("\n") == 1 and "another gateway" in second.stderr, second.stderr
    assert first.api.bash.output(running.session_id).command["status"] == "running", "the first one's command was not touched"
