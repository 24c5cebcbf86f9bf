"""/v1/shell/ws: the terminal as JSON messages; viewers come and go, the shell stays."""

from __future__ import annotations

import hashlib
import json
import socket
import threading

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from client import Api, unique
from rawhttp import RawConnection
from terminal import Terminal
from waiting import Stopwatch, allow, eventually


def test_greeting_input_and_output(gateway) -> None:
    with Stopwatch() as watch, Terminal(gateway) as term:
        assert term.session
        assert term.run("echo hello; tty >/dev/null && echo tty") == "hello\r\ntty\r\n"
    watch.assert_below(1.5)


def test_the_session_is_listed_and_lives_on(gateway, api: Api) -> None:
    with Terminal(gateway) as term:
        assert term.session in api.shell.sessions()
        term.run("v=kept")
    assert term.session in api.shell.sessions()
    assert api.shell.exec("echo $v", term.session).output == "kept\n"


def test_a_name_of_ones_own(gateway, api: Api) -> None:
    name = unique("named")
    with Terminal(gateway, name) as term:
        assert term.session == name
    assert name in api.shell.sessions()


def test_reattaching_replays_the_scrollback(gateway) -> None:
    with Terminal(gateway) as first:
        first.run("echo before-$((20+3)); seq 1 500")
    with Terminal(gateway, first.session) as again:
        assert "before-23" in again.replay and "\r\n499\r\n500\r\n" in again.replay
        assert again.run("echo after") == "after\r\n"


def test_the_scrollback_is_bounded_and_keeps_the_newest(gateway) -> None:
    with Terminal(gateway) as first:
        first.run("seq 1 2000000", deadline=60)
    with Stopwatch() as watch, Terminal(gateway, first.session) as again:
        assert "2000000\r\n" in again.replay
        assert len(again.replay) < 5_000_000
        assert "\ufffd" not in again.replay
    watch.assert_below(2.0)


def test_replay_starts_with_a_whole_character(gateway) -> None:
    """The ring forgets bytes, but what is replayed is text from its first character on."""
    with Terminal(gateway) as first:
        first.run("for ((n=0; n<60000; n++)); do printf 'grüße世界%s' x; done", deadline=60)
    with Terminal(gateway, first.session) as again:
        assert "\ufffd" not in again.replay and "grüße世界x" in again.replay


def test_output_that_comes_while_nobody_looks_is_replayed(gateway, api: Api) -> None:
    with Terminal(gateway) as term:
        term.type("read x; echo unseen-$((30+4)); echo > /dev/null\n")
        term.wait_heard()
    api.shell.write(term.session, "go")
    eventually(lambda: "unseen-34" in api.shell.view(term.session).output, "it ran")
    with Terminal(gateway, term.session) as again:
        assert "unseen-34" in again.replay


def test_several_viewers_see_and_type(gateway) -> None:
    with Terminal(gateway) as one, Terminal(gateway, one.session) as two:
        one.type("echo from-one-$((40+2))\n")
        assert "from-one-42" in two.read_until("from-one-42")
        one.read_until("from-one-42")
        two.type("echo from-two-$((40+3))\n")
        assert "from-two-43" in one.read_until("from-two-43")
        two.close()
        assert one.run("echo alone") == "alone\r\n"


def test_rest_and_terminal_are_views_of_one_session(gateway, api: Api) -> None:
    with Terminal(gateway) as term:
        assert api.shell.exec("echo rest-$((40+2)); v=shared", term.session).output == "rest-42\n"
        term.read_until("rest-42")
        assert term.run("echo $v") == "shared\r\n"
        term.type("echo typed-$((40+4))\n")
        term.read_until("typed-44")
        assert "typed-44" in api.shell.view(term.session).output


def test_size_is_given_and_changed(gateway) -> None:
    with Terminal(gateway, cols=101, rows=37) as term:
        assert term.run("stty size") == "37 101\r\n"
        term.type("sh -c 'trap \"echo resized-$((1+1))\" WINCH; echo armed-$((1+0)); while :; do sleep 0.05; done'\n")
        term.read_until("armed-1")
        term.resize(120, 40)
        term.read_until("resized-2")
        term.type("\x03")
        assert term.run("stty size") == "40 120\r\n"


# What bash's readline does before each prompt, with the resize in between: reads the size, and sets what it read.
PUTS_BACK = """
import fcntl, termios
read = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
print("has", "read", flush=True)
while fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)) == read:
    pass
fcntl.ioctl(0, termios.TIOCSWINSZ, read)
print("has", "put-back", flush=True)
"""


def test_a_size_that_a_program_undoes_by_accident_holds(gateway, api: Api) -> None:
    program = f"/tmp/{unique('size')}.py"
    api.file.write(program, PUTS_BACK)
    with Terminal(gateway, cols=101, rows=37) as term:
        term.type(f"python3 {program}\n")
        term.read_until("has read")
        term.resize(120, 40)
        term.read_until("has put-back")
        eventually(lambda: term.run("stty size") == "40 120\r\n", "the size is the one asked for")


def test_a_size_that_somebody_sets_is_left_alone(gateway) -> None:
    with Terminal(gateway, cols=101, rows=37) as term:
        term.resize(120, 40)
        assert term.run("stty cols 90 rows 20; sleep 1.3; stty size") == "20 90\r\n"


def test_a_new_terminal_has_its_size_from_the_start(gateway) -> None:
    """Not the usual one first, which whatever starts early would take for it."""
    with Terminal(gateway, cols=93, rows=31) as term:
        assert term.run("echo $LINES $COLUMNS $(stty size)") == "31 93 31 93\r\n"


@pytest.mark.parametrize(
    "cols, rows", [(0, 24), (80, 0), (-1, 24), (80, 1_000_000), ("80", 24), (None, None), (80.5, 24), ([], {})]
)
def test_sizes_that_are_none_are_answered_and_ignored(gateway, cols, rows) -> None:
    with Terminal(gateway, cols=90, rows=30) as term:
        term.resize(cols, rows)
        message = term.next_but_output()
        assert message["type"] == "error" and message["data"]
        assert term.run("stty size") == "30 90\r\n"


def test_ping_is_answered(gateway) -> None:
    with Terminal(gateway) as term:
        term.send(type="ping", timestamp=1)
        assert term.next_but_output()["type"] == "pong"


def test_pongs_in_both_spellings_are_taken(gateway) -> None:
    with Terminal(gateway) as term:
        term.send(type="pong", data={"timestamp": 1})
        term.send(type="pong", timestamp=1)
        assert term.run("echo ok") == "ok\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "42",
        "null",
        "{}",
        '{"type":"nope"}',
        '{"type":5}',
        '{"type":"input"}',
        '{"type":"input","data":5}',
        '{"type":"resize"}',
        "[" * 100_000,
        '{"type":"input","data":"a\\u0000b\\ud800"}',
    ],
)
def test_messages_that_are_none_are_answered_and_ignored(gateway, text: str) -> None:
    with Terminal(gateway) as term:
        term.socket.send(text)
        message = term.next_but_output()
        assert message["type"] == "error" and message["data"]
        assert term.run("echo ok") == "ok\r\n"


def test_binary_messages_harm_nothing(gateway, api: Api) -> None:
    with Terminal(gateway) as term:
        term.socket.send(b"\xff\xfe\x00")
        ended_or_error(term)
    assert api.shell.exec("echo ok", term.session).output == "ok\n"


def test_a_message_beyond_the_ceiling_is_refused(gateway, api: Api) -> None:
    """Sixteen megabytes at once are no typing; the session outlives the refusal."""
    with Terminal(gateway) as term:
        try:
            term.send(type="input", data="x" * 16_000_000)
        except (ConnectionClosed, OSError):
            pass
        ended_or_error(term)
    assert api.shell.exec("echo ok", term.session).output == "ok\n"


def ended_or_error(term: Terminal) -> None:
    try:
        assert term.next_but_output()["type"] == "error"
    except (ConnectionClosed, ConnectionError):
        pass


def test_invalid_utf8_on_the_wire_ends_only_that_viewer(gateway, api: Api) -> None:
    """RFC 6455: a text message that is not UTF-8 fails the connection (1007)."""
    with Terminal(gateway) as good, Terminal(gateway, good.session) as bad:
        bad.socket.socket.sendall(bytes([0x81, 0x84]) + b"\0\0\0\0" + b"\xff\xfe\xfd\xfc")
        ended_or_error(bad)
        assert good.run("echo ok") == "ok\r\n"


def test_pasting_a_lot(gateway) -> None:
    """More than the terminal's input queue holds: everything arrives, in order."""
    with Terminal(gateway) as term:
        term.run("stty -echo")
        lines = "".join(f"line {n} {'x' * 60}\n" for n in range(4000))
        term.type("cat > /tmp/$$.pasted\n")
        term.wait_heard()
        for at in range(0, len(lines), 50_000):
            term.type(lines[at : at + 50_000])
        term.type("\x04")
        digest = hashlib.md5(lines.encode()).hexdigest()
        assert term.run("md5sum < /tmp/$$.pasted; rm /tmp/$$.pasted", deadline=20).split()[0] == digest


def test_characters_split_over_reads_arrive_whole(gateway) -> None:
    with Terminal(gateway) as term:
        term.run("stty -echo")
        term.type("printf '<\\xe2\\x82'; read x; printf '\\xac>'\n")
        term.read_until("<")
        term.type("\n")
        got = term.read_until(">")
        assert "€>" in got and "\ufffd" not in got


def test_a_lot_of_unicode_arrives_exact(gateway) -> None:
    with Terminal(gateway) as term:
        text = term.run("for ((n=0; n<30000; n++)); do printf '%s€😀' $n; done", deadline=30)
        assert text == "".join(f"{n}€😀" for n in range(30000))


def test_invalid_output_becomes_replacement_characters(gateway) -> None:
    with Terminal(gateway) as term:
        assert term.run("printf 'a\\xff\\xc3(b'") == "a\ufffd\ufffd(b"


@pytest.mark.parametrize("command, code, signal", [("exit 0", 0, None), ("exit 7", 7, None), ("kill -9 $$", None, 9)])
def test_the_end_of_the_shell_is_told(gateway, command: str, code: int | None, signal: int | None) -> None:
    with Terminal(gateway) as one, Terminal(gateway, one.session) as two:
        with Stopwatch() as watch:
            one.type(f"{command}\n")
            for term in (one, two):
                end = term.next_but_output()
                assert end["type"] == "exit" and end["data"]["signal"] == signal
                assert code is None or end["data"]["exit_code"] == code
        watch.assert_below(1.0)


def test_attaching_after_the_end_gives_a_fresh_shell(gateway) -> None:
    with Terminal(gateway) as term:
        term.run("echo old-$((1+1))")
        term.type("exit\n")
        assert term.next_but_output()["type"] == "exit"
    with Terminal(gateway, term.session) as again:
        assert again.session == term.session
        assert again.run("echo fresh") == "fresh\r\n"


def test_deleting_the_session_ends_its_viewers(gateway, api: Api) -> None:
    with Terminal(gateway) as term:
        api.shell.delete(term.session)
        with Stopwatch() as watch:
            term.until_end()
        watch.assert_below(1.0)


def test_ctrl_c_and_job_control(gateway) -> None:
    with Terminal(gateway) as term:
        # One process that tells and then sleeps: between two commands of a line Ctrl-C would find bash itself.
        term.type("bash -c 'echo asleep-$((1+1)); exec sleep 100'\n")
        term.read_until("asleep-2")
        with Stopwatch() as watch:
            term.type("\x03")
            term.read_until("^C")
            term.type("echo code-$?\n")
            term.read_until("code-130")
        watch.assert_below(1.0)
        term.type("echo cat-$((1+1)); cat\n")
        term.read_until("cat-2")
        term.type("typed\n")
        term.read_until("typed\r\ntyped")
        term.type("\x1a")
        term.read_until("Stopped")
        assert "cat" in term.run("jobs")
        term.run("kill %1")


def test_a_slow_viewer_holds_the_output_back_and_loses_nothing(gateway, api: Api) -> None:
    """It reads nothing while much is printed; other sessions do not notice, and in the end it has every byte."""
    with Terminal(gateway, max_queue=1) as slow:
        slow.type("echo; for ((n=0; n<400000; n++)); do echo $n; done; echo all-$((1+1))\n")
        for n in range(50):
            with Stopwatch() as watch:
                assert api.shell.exec(f"echo {n}", "bystander").output == f"{n}\n"
            watch.assert_below(0.25)
        text = slow.read_until("all-2", deadline=60)
    # The first number stands behind the shell's end of bracketed paste.
    numbers = [line for line in text.replace("\x1b[?2004l\r", "").split("\r\n") if line.isdigit()]
    assert numbers == [str(n) for n in range(400_000)]


@pytest.mark.local
def test_a_viewer_that_never_reads_costs_no_memory(start_gateway) -> None:
    server = start_gateway()
    with Terminal(server) as warm:
        warm.run("seq 1 300000", deadline=30)
    server.reset_peak_memory()
    before = server.memory()
    with Terminal(server, max_queue=1) as stuck:
        stuck.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.type("head -c 100M /dev/zero | tr '\\0' x; echo\n")
        for _ in range(100):
            server.api.get("/healthz")
        assert server.peak_memory() - before < allow(16_000_000)
        server.api.shell.delete(stuck.session)


@pytest.mark.local
def test_a_viewer_that_vanishes_frees_the_others(start_gateway) -> None:
    """A stuck viewer pauses the shell; when its connection breaks, the shell goes on for the rest."""
    server = start_gateway()
    with Terminal(server) as reader:
        stuck = Terminal(server, reader.session, max_queue=1)
        reader.type("seq 1 300000; echo all-$((1+1))\n")
        stuck.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stuck.socket.socket.close()
        reader.read_until("all-2", deadline=30)


def test_many_terminals_at_once(gateway) -> None:
    outputs: dict[int, str] = {}

    def use(n: int) -> None:
        with Terminal(gateway) as term:
            outputs[n] = term.run(f"for i in 1 2 3; do echo term-{n}-$i; done")

    threads = [threading.Thread(target=use, args=(n,)) for n in range(24)]
    with Stopwatch() as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    watch.assert_below(8)
    assert outputs == {n: f"term-{n}-1\r\nterm-{n}-2\r\nterm-{n}-3\r\n" for n in range(24)}


def test_session_names_are_plain(gateway) -> None:
    for name in ("a/b", "x" * 5000, "new\nline", "nul\0"):
        with pytest.raises(InvalidStatus) as refusal:
            Terminal(gateway, name)
        assert refusal.value.response.status_code in (400, 414, 422)


def test_the_route_wants_an_upgrade(gateway, api: Api) -> None:
    answer = api.get("/v1/shell/ws")
    assert answer.status in (400, 426) and answer.success is False
    with RawConnection(gateway) as raw:
        raw.send(
            raw.head(
                "GET /v1/shell/ws HTTP/1.1",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 8",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            )
        )
        assert raw.answer().status in (400, 426)
    with RawConnection(gateway) as raw:
        raw.send(raw.head("POST /v1/shell/ws HTTP/1.1", "Content-Length: 0"))
        assert raw.answer().status == 405


def test_input_sent_with_the_handshake_is_not_lost(gateway) -> None:
    """A client may send its first frame in the same packet as the upgrade request."""
    frame = json.dumps({"type": "input", "data": "echo early-$((40+2))\n"}).encode()
    masked = bytes([0x81, 0x80 | len(frame)]) + b"\0\0\0\0" + frame
    with RawConnection(gateway) as raw:
        raw.send(
            raw.head(
                "GET /v1/shell/ws HTTP/1.1",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            )
            + masked
        )
        answer = raw.answer()
        assert answer.status == 101 and answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert raw.read_until(b"early-42")


def test_what_is_typed_and_not_taken_is_told(gateway) -> None:
    """A program that does not read has a mebibyte waiting; what does not fit any more is refused aloud."""
    size, sent, lost = 60_000, 30, 0
    with Terminal(gateway) as term:
        term.type("stty raw -echo; echo g''o; exec sleep 1000\n")
        term.read_until("go\n")
        for _ in range(sent):
            term.type("x" * size)
        term.send(type="ping")
        while (message := term.next())["type"] != "pong":
            assert message["type"] == "error" and "1048576 bytes" in message["data"], message
            lost += 1
    fits = (1 << 20) // size
    assert sent - fits - 2 <= lost <= sent - fits, "but for what the kernel holds"
