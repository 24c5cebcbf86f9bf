"""/v1/nodejs: JavaScript in single runs and in sessions that keep their state."""

from __future__ import annotations

import concurrent.futures
import json
import threading
import time

import pytest

from client import Api, CodeResult, unique
from expect import assert_invalid, assert_refused
from rawhttp import RawConnection
from waiting import Stopwatch, eventually

EXECUTE = "/v1/nodejs/execute"


# Single runs.


def test_a_run(api: Api) -> None:
    result = api.node.run("console.log('out', 6 * 7); console.error('err')")
    assert (result.status, result.exit_code, result.stdout, result.stderr) == ("ok", 0, "out 42\n", "err\n")
    streams = {o["name"]: o["text"] for o in result.outputs if o["output_type"] == "stream"}
    assert streams == {"stdout": "out 42\n", "stderr": "err\n"} and result.session_id is None


def test_runs_share_nothing(api: Api) -> None:
    first = api.node.run("globalThis.x = 1; require('fs').writeFileSync('left', ''); console.log(process.cwd())")
    second = api.node.run("console.log(typeof x, require('fs').existsSync('left'), process.cwd())")
    kind, exists, folder = second.stdout.split()
    assert (kind, exists) == ("undefined", "false") and folder != first.stdout.strip()
    assert api.bash.exec(f"ls -d {first.stdout.strip()} {folder}").exit_code == 2, "the directories are gone"


@pytest.mark.parametrize(
    "code, out",
    [
        ("const fs = require('fs'); console.log(await Promise.resolve(fs.existsSync('/')))", "true\n"),
        ("import fs, { existsSync as e } from 'fs'; console.log(e('/') && fs.existsSync('/'))", "true\n"),
        ("import 'fs'\nexport const x = await 4\nconsole.log(x, import.meta.url.startsWith('file:'))", "4 true\n"),
        ("if (require.main === module) console.log('main', process.argv.length)", "main 2\n"),
        ("console.log((await import('node:path')).sep, __dirname === process.cwd())", "/ true\n"),
        ("async function main() { await null; console.log('done') }\nmain()", "done\n"),
        ("setTimeout(() => console.log('late'), 50); console.log('now')", "now\nlate\n"),
        ("console.log('☃ 𝒳 \\ud83d')", "☃ 𝒳 \ufffd\n"),
        ("console.log('before'); return; console.log('after')", "before\n"),
        ("#!/usr/bin/env node\nconsole.log('shebang')", "shebang\n"),
    ],
)
def test_every_kind_of_program(api: Api, code: str, out: str) -> None:
    result = api.node.run(code)
    assert (result.status, result.stdout, result.stderr) == ("ok", out, "")


@pytest.mark.parametrize(
    "code, name, message, line",
    [
        ("\nthrow new TypeError('wrong');", "TypeError", "wrong", "main.js:2:7"),
        ("Promise.reject(new RangeError('nobody'))", "RangeError", "nobody", "main.js:1:16"),
        ("await 1;\n\nnull.x", "TypeError", "Cannot read properties of null (reading 'x')", "main.js:3:6"),
        ("let a = ;", "SyntaxError", "Unexpected token ';'", "main.js:1"),
        ("import 'not-there'", "Error", "not-there", "ERR_MODULE_NOT_FOUND"),
        ("process.nextTick(() => { throw new Error('tick') })", "Error", "tick", "main.js:1:32"),
    ],
)
def test_errors_of_a_run(api: Api, code: str, name: str, message: str, line: str) -> None:
    result = api.node.run(code)
    assert (result.status, result.exit_code) == ("error", 1)
    error = result.error
    assert error["ename"] == name and message in error["evalue"]
    trace = "\n".join(error["traceback"])
    assert line in trace and "services/node" not in trace and "node:internal" not in trace
    assert message in result.stderr and "services/node" not in result.stderr


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_exit_codes(api: Api, code: int) -> None:
    result = api.node.run(f"process.stdout.write('x'.repeat(200000)); process.exit({code})")
    assert (result.exit_code, result.status) == (code, "ok" if code == 0 else "error")
    assert len(result.stdout) == 200000, "all of what was written before the exit"


def test_an_error_that_code_caught_is_none(api: Api) -> None:
    result = api.node.run("process.on('uncaughtException', e => console.log('mine', e.message)); throw new Error('q')")
    assert (result.status, result.stdout, result.error) == ("ok", "mine q\n", None)


def test_awaiting_for_ever_is_node_s_exit_13(api: Api) -> None:
    result = api.node.run("await new Promise(() => {})")
    assert (result.status, result.exit_code) == ("error", 13) and "unsettled" in result.stderr


@pytest.mark.parametrize("session", [None, "named"])
def test_stdin(api: Api, session: str | None) -> None:
    session = session and unique(session)
    text = "eins\nzwei\n☃\n"
    lines = (
        "{ const rl = require('readline').createInterface({ input: process.stdin }); let n = 0;"
        " rl.on('line', l => n++).on('close', () => console.log(n)) }"
    )
    for _ in range(2):
        assert api.node.run(lines, session, stdin=text).stdout == "3\n"
        assert api.node.run("console.log(fs.readFileSync(0, 'utf8'))", session or unique("s"), stdin=text).stdout == (
            text + "\n"
        )
    piped = "require('child_process').execSync('cat', { stdio: 'inherit' })"
    assert api.node.run(piped, session, stdin=text).stdout == text
    assert api.node.run(piped, session).stdout == "", "no input is an empty one"


@pytest.mark.parametrize("session", [None, "named"])
def test_files(api: Api, workdir: str, session: str | None) -> None:
    session = session and unique(session)
    files = {"config.json": '{"k": "ü"}', "deep/er/lib.js": "module.exports = 5", "deep/m.mjs": "export default 6"}
    code = "console.log(require('./config.json').k, require('./deep/er/lib'), (await import('./deep/m.mjs')).default)"
    assert api.node.run(code, session, files=files, cwd=workdir).stdout == "ü 5 6\n"
    assert api.file.read(f"{workdir}/config.json") == '{"k": "ü"}', "a directory that was named is kept"
    if not session:
        assert api.node.run(code, files=files).stdout == "ü 5 6\n"


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "a/..", "..", ".", "", "a//b", "a/", "./a", "a/./b", "n" * 300]
)
def test_files_stay_below(api: Api, name: str) -> None:
    assert_invalid(api.post(EXECUTE, {"code": "1", "files": {name: "x"}}), "files")


@pytest.mark.parametrize("files", [{"a": None}, {"a": 1}, ["a"], "a", {"a\0b": "x"}, {"a": "x\0"}])
def test_files_that_are_none(api: Api, files) -> None:
    assert_refused(api.post(EXECUTE, {"code": "1", "files": files}))


@pytest.mark.parametrize("session", [None, "named"])
def test_files_do_not_follow_links_out(api: Api, workdir: str, session: str | None) -> None:
    api.bash.exec(f"mkdir {workdir}/in {workdir}/out; ln -s ../out {workdir}/in/link; ln -s ../out/f {workdir}/in/file")
    for name in ("link/x", "file"):
        result = api.node.run("1", session and unique(session), cwd=f"{workdir}/in", files={name: "escaped"})
        assert result.status == "error", name
    assert api.bash.exec(f"ls -A {workdir}/out").stdout == ""


def test_cwd(api: Api, workdir: str) -> None:
    assert api.node.run("console.log(process.cwd())", cwd=workdir).stdout == f"{workdir}\n"
    api.bash.exec(
        f"mkdir -p {workdir}/node_modules/here; echo 'module.exports = 7' > {workdir}/node_modules/here/index.js"
    )
    assert api.node.run("console.log(require('here'))", cwd=workdir).stdout == "7\n"
    assert api.node.run("import x from 'here'; console.log(x)", cwd=workdir).stdout == "7\n"
    assert api.bash.exec(f"ls -A {workdir}").stdout == "node_modules\n", "nothing of ours stays there"
    for cwd in (f"{workdir}/absent", "/etc/passwd"):
        assert_invalid(api.post(EXECUTE, {"code": "1", "cwd": cwd}), "cwd")
        assert_invalid(api.post(EXECUTE, {"code": "1", "cwd": cwd, "stateful": True}), "cwd")


def test_global_packages_are_found(api: Api) -> None:
    packages = [p["name"] for p in api.get_ok("/v1/nodejs/info")["global_packages"]]
    assert packages, "a machine with npm has npm itself"
    code = f"console.log(require('{packages[0]}/package.json').name)"
    assert api.node.run(code).stdout == f"{packages[0]}\n"
    assert api.node.run(code, unique("s")).stdout == f"{packages[0]}\n"


@pytest.mark.parametrize(
    "fields, name",
    [
        ({"code": 1}, "code"),
        ({}, "code"),
        ({"code": "1", "timeout": 0}, "timeout"),
        ({"code": "1", "timeout": 301}, "timeout"),
        ({"code": "1", "timeout": "1"}, "timeout"),
        ({"code": "1", "session_id": "a/b"}, "session_id"),
        ({"code": "1", "cwd": "relative"}, "cwd"),
        ({"code": "1", "stateful": 1}, "stateful"),
        ({"code": "1", "stdin": 5}, "stdin"),
        ({"code": "1", "version": "latest"}, "version"),
        ({"code": "1", "version": "node1"}, "version"),
        ({"code": "1", "version": "20x"}, "version"),
        ({"code": "1", "files": {f"f{n}": "" for n in range(257)}}, "files"),
    ],
)
def test_fields_are_checked(api: Api, fields: dict, name: str) -> None:
    assert_invalid(api.post(EXECUTE, fields), name)


def test_version(api: Api) -> None:
    info = api.get_ok("/v1/nodejs/info")
    current = info["current_version"]
    assert current in info["available_versions"] and current == f"node{info['node_version'].split('.')[0]}"
    for version in (current, current[4:]):
        for session in (None, unique("v")):
            result = api.node.run("console.log(process.version)", session, version=version)
            assert result.stdout == f"v{info['node_version']}\n"


def test_nul_bytes(api: Api, node_session: str) -> None:
    for session in (None, node_session):
        result = api.node.run("process.stdout.write(Buffer.from([97, 0, 98, 255, 10]))", session)
        assert result.stdout == "a\0b\ufffd\n"
        failed = api.node.run("throw new Error('a\\0b')", session)
        assert failed.status == "error" and failed.error["evalue"] == "a\ufffdb"
    assert api.node.run("'a\\0b'", node_session).value == "'a\\x00b'"
    assert_refused(api.post(EXECUTE, {"code": "'\0'"}))


# Sessions.


def test_a_session_keeps_everything(api: Api, node_session: str) -> None:
    run = lambda code: api.node.run(code, node_session)  # noqa: E731
    first = run(
        "const c = 1; let l = 2; var v = 3; class A { m() { return c } }; function f() { return l }; void (g = 4)"
    )
    assert (first.status, first.value) == ("ok", None)
    assert run("l += 10; [c, l, v, g, f(), new A().m()]").value == "[ 1, 12, 3, 4, 12, 1 ]"
    assert run("const { a, b: [d] } = await Promise.resolve({ a: 5, b: [6] }); a + d").value == "11"
    assert run("a * d").value == "30"
    assert run("const c = 'again'; class A {}; c").value == "'again'", "running a cell twice is no error"
    assert run("import path, { join as j } from 'node:path'\nconst os = await import('node:os')").status == "ok"
    assert run("j('x', 'y') + path.sep + typeof os.EOL").value == "'x/y/string'"
    assert run("{ k: new Map([[1, { z: [] }]]) }").value == "{ k: Map(1) { 1 => { z: [] } } }"
    assert run("fs.existsSync('/') && typeof require === 'function'").value == "true"


@pytest.mark.parametrize(
    "code, value",
    [
        ("undefined", None),
        ("null", "null"),
        ("-0", "-0"),
        ("10n ** 20n", "100000000000000000000n"),
        ("NaN", "NaN"),
        ("Symbol('s')", "Symbol(s)"),
        ("'text'", "'text'"),
        ("(async () => 7)()", "7"),
        ("let x = 5; x", "5"),
        ("({ [Symbol.for('nodejs.util.inspect.custom')]() { throw 1 } })", "[a value that cannot be shown: 1]"),
        (
            "`${'`import(1)`'} // ${/import(/.source ?? 1}`".replace("import(/", "import\\(/"),
            "'`import(1)` // import\\\\('",
        ),
        ("", None),
        ("// only words", None),
    ],
)
def test_values(api: Api, node_session: str, code: str, value: str | None) -> None:
    result = api.node.run(code, node_session)
    assert (result.status, result.value) == ("ok", value), result


def test_code_is_echoed_and_calls_are_counted(api: Api, node_session: str) -> None:
    for n in (1, 2, 3):
        data = api.post_ok(EXECUTE, {"code": f"{n}", "session_id": node_session})
        assert (data["language"], data["code"], data["execution_count"], data["session_id"]) == (
            "javascript",
            f"{n}",
            n,
            node_session,
        )


def test_stateful_without_a_name_makes_a_session(api: Api) -> None:
    first = api.node.run("let kept = 'k'", stateful=True)
    assert first.session_id in api.node.sessions()
    assert api.node.run("kept", first.session_id).value == "'k'"


@pytest.mark.parametrize(
    "code, name, message, place",
    [
        ("\nthrow new TypeError('wrong')", "TypeError", "wrong", "call-1.js:2:7"),
        ("await Promise.reject(new RangeError('r'))", "RangeError", "r", "call-1.js:1:22"),
        ("let a =\n ) 3", "SyntaxError", "Unexpected token ')'", "call-1.js:2:2"),
        ("absent()", "ReferenceError", "absent is not defined", "call-1.js:1:1"),
        ("Promise.reject(new Error('nobody')); 1", "Error", "nobody", "call-1.js:1:16"),
        ("(async () => { throw new Error('inside') })()", "Error", "inside", "call-1.js:1:22"),
        ("setTimeout(() => { throw new Error('t') }, 1); await new Promise(() => {})", "Error", "t", "call-1.js:1:26"),
        ("throw 'text'", "string", "'text'", "Uncaught 'text'"),
        ("throw { get message() { throw 1 }, toString() { throw 2 } }", "object", "", "Uncaught"),
    ],
)
def test_errors_of_a_call(api: Api, node_session: str, code: str, name: str, message: str, place: str) -> None:
    result = api.node.run(code, node_session)
    assert (result.status, result.exit_code) == ("error", 1)
    trace = "\n".join(result.error["traceback"])
    assert result.error["ename"] == name and message in result.error["evalue"] and place in trace
    assert "node:internal" not in trace and "repl.js" not in trace and place in result.stderr
    assert api.node.run("1 + 1", node_session).value == "2", "the session goes on"


def test_output_belongs_to_its_call(api: Api, node_session: str) -> None:
    first = api.node.run("setTimeout(() => console.log('late'), 30); console.log('first')", node_session)
    assert first.stdout == "first\n"
    second = api.node.run("await new Promise(r => setTimeout(r, 100)); console.log('second')", node_session)
    assert second.stdout == "late\nsecond\n"
    assert api.node.run("console.log('third')", node_session).stdout == "third\n"
    shell = api.node.run(
        "require('child_process').execSync('echo sub; echo bad >&2', { stdio: 'inherit' }); 0", node_session
    )
    assert (shell.stdout, shell.stderr) == ("sub\n", "bad\n")


def test_huge_output(api: Api, node_session: str) -> None:
    for session in (None, node_session):
        exact = api.node.run("process.stdout.write('é'.repeat(1 << 20)); console.error('e')", session)
        assert exact.stdout == "é" * (1 << 20) and exact.stderr == "e\n"
        flood = api.node.run(
            "for (let i = 0; i < 40; i++) process.stdout.write('x'.repeat(1 << 20)); console.log('END')", session
        )
        assert flood.status == "ok" and flood.stdout.startswith("xxx") and flood.stdout.endswith("xEND\n")
        assert len(flood.stdout) < 9 << 20 and "left out" in flood.hint
    value = api.node.run("Array.from({ length: 99 }, () => 'y'.repeat(9000))", node_session).value
    assert len(value) < 1 << 20 and "more characters" in value
    assert api.node.run("throw new Error('z'.repeat(9000000))", node_session).status == "error"


@pytest.mark.parametrize(
    "code", ["for (;;) {}", "await new Promise(() => {})", "require('child_process').execSync('sleep 60')"]
)
def test_a_timeout_keeps_the_state(api: Api, node_session: str, code: str) -> None:
    api.node.run("let kept = 'still'", node_session)
    with Stopwatch() as watch:
        result = api.node.run(f"console.log('begun'); {code}", node_session, timeout=1)
    watch.assert_timeout(1.0)
    assert (result.status, result.exit_code, result.stdout) == ("timeout", 124, "begun\n")
    assert "kept" in result.hint
    assert api.node.run("kept", node_session).value == "'still'"


@pytest.mark.parametrize(
    "code",
    [
        "await 1; for (;;) {}",
        "setImmediate(() => { for (;;) {} }); await new Promise(() => {})",
        "process.kill(process.pid, 'SIGSTOP'); await new Promise(() => {})",
    ],
)
def test_what_cannot_be_interrupted_is_replaced(api: Api, node_session: str, code: str) -> None:
    api.node.run("let kept = 1", node_session)
    with Stopwatch() as watch:
        result = api.node.run(f"console.log('begun'); {code}", node_session, timeout=1)
    watch.assert_timeout(1.0)
    assert (result.status, result.stdout) == ("timeout", "begun\n") and "killed" in result.hint
    assert api.node.run("typeof kept", node_session).value == "'undefined'"


def test_timeout_of_a_run(api: Api) -> None:
    pids = []
    for code in ("for (;;) {}", "process.on('SIGTERM', () => {}); await new Promise(r => setTimeout(r, 60000))"):
        with Stopwatch() as watch:
            result = api.node.run(f"console.log(process.pid); {code}", timeout=1)
        watch.assert_timeout(1.0)
        assert (result.status, result.exit_code) == ("timeout", 124)
        pids.append(result.stdout.strip())
    for pid in pids:
        assert api.bash.exec(f"kill -0 {pid}").exit_code == 1, "it is gone"


@pytest.mark.parametrize(
    "code, status, exit_code",
    [
        ("process.exit(1)", "error", 1),
        ("process.exit(0)", "ok", 0),
        ("process.kill(process.pid, 'SIGKILL')", "error", 137),
    ],
)
def test_a_process_that_ends_is_reported_and_replaced(
    api: Api, node_session: str, code: str, status: str, exit_code: int
) -> None:
    api.node.run("let kept = 1", node_session)
    result = api.node.run(f"console.log('last words'); {code}; await new Promise(() => {{}})", node_session)
    assert (result.status, result.exit_code, result.stdout) == (status, exit_code, "last words\n")
    assert result.error["ename"] == "ProcessExit" and "state is gone" in result.hint
    after = api.node.run("typeof kept", node_session)
    assert (after.value, after.hint) == ("'undefined'", "")


def test_a_process_killed_between_calls_is_told_of(api: Api, node_session: str) -> None:
    pid = api.node.run("globalThis.kept = 1; process.pid", node_session).value
    assert api.bash.exec(f"kill -9 {pid}").exit_code == 0
    eventually(lambda: api.bash.exec(f"kill -0 {pid}").exit_code == 1, "it is gone")
    after = api.node.run("typeof kept", node_session)
    assert after.value == "'undefined'" and "signal 9" in after.hint and "state is gone" in after.hint


@pytest.mark.parametrize(
    "code",
    [
        "fs.writeSync(3, Buffer.from([255, 255, 255, 255, 1, 2, 3]))",
        "fs.writeSync(3, 'GET / HTTP/1.1\\r\\n\\r\\n')",
        "fs.closeSync(3)",
        "for (let i = 0; i < 1000; i++) fs.writeSync(3, Buffer.from('\\0\\0\\0\\u0002{}', 'latin1'))",
        "fs.writeSync(3, Buffer.concat([Buffer.from([0, 0, 0, 9]), Buffer.from('{\"id\": 9}')]))",
        "Object.prototype.toJSON = () => 1",
        "process.removeAllListeners(); JSON.stringify = null; Buffer.concat = null",
        "process.stdout.destroy(); process.stdout.end(); process.stdin.destroy()",
    ],
)
def test_code_that_attacks_its_own_session(api: Api, gateway, node_session: str, code: str) -> None:
    """Whatever it does to its process, it gets an answer in time, and everybody else is served."""
    other = api.node.create()["session_id"]
    api.node.run("let mine = 1", other)
    with Stopwatch() as watch:
        api.node.run(code, node_session, timeout=2)
    watch.assert_below(2.5)
    assert api.node.run("mine", other).value == "1"
    again = api.node.run("1 + 1", node_session, timeout=2)
    assert again.value == "2" or api.node.run("1 + 1", node_session).value == "2"


def test_an_abandoned_await_does_no_harm(api: Api, node_session: str) -> None:
    """What can never settle any more is garbage: collecting it must not end the process, whatever is going on then."""
    api.node.run("globalThis.kept = 1", node_session)
    assert api.node.run("await new Promise(() => {})", node_session, timeout=1).status == "timeout"
    busy = "require('child_process').execSync('true'); Array.from({ length: 2e5 }, (_, i) => ({ i })).length"
    for _ in range(20):
        assert api.node.run(busy, node_session).value == "200000"
    assert api.node.run("kept", node_session).value == "1"


def test_twenty_sessions_at_once_do_not_mix(api: Api) -> None:
    def one(n: int) -> list[CodeResult]:
        session = unique(f"many-{n}")
        code = f"for (let i = 0; i < 50; i++) {{ console.log('s{n}-' + i); await new Promise(r => setTimeout(r, 2)) }}"
        return [api.node.run(f"let me = {n}", session), api.node.run(code, session), api.node.run("me", session)]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for n, (_, printed, value) in enumerate(pool.map(one, range(20))):
            assert printed.stdout == "".join(f"s{n}-{i}\n" for i in range(50)) and value.value == str(n)


def test_twenty_runs_at_once_do_not_mix(api: Api) -> None:
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: api.node.run(f"console.log({n}); console.error(-{n})"), range(20)))
    assert [(r.stdout, r.stderr) for r in results] == [(f"{n}\n", f"-{n}\n") for n in range(20)]


def test_calls_of_one_session_queue(api: Api, node_session: str) -> None:
    api.node.run("let order = []", node_session)
    begun = threading.Event()

    def slow() -> CodeResult:
        begun.set()
        return api.node.run("await new Promise(r => setTimeout(r, 400)); order.push('slow')", node_session)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        first = pool.submit(slow)
        begun.wait()
        eventually(lambda: api.node.sessions()[node_session]["state"] == "busy", "the first is under way")
        rest = [pool.submit(api.node.run, f"order.push({n})", node_session) for n in range(3)]
        assert first.result().status == "ok" and all(r.result().status == "ok" for r in rest)
    value = api.node.run("order", node_session).value
    assert value.startswith("[ 'slow', ") and sorted(value) == sorted("[ 'slow', 0, 1, 2 ]")


def test_a_client_that_leaves_gives_up_its_place(api: Api, gateway, node_session: str) -> None:
    api.node.run("globalThis.ran = []", node_session)
    blocker = threading.Thread(
        target=api.node.run, args=("await new Promise(r => setTimeout(r, 1500)); ran.push('first')", node_session)
    )
    blocker.start()
    eventually(lambda: api.node.sessions()[node_session]["state"] == "busy", "the first is under way")
    body = json.dumps({"code": "ran.push('abandoned')", "session_id": node_session}).encode()
    headers = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if gateway.key:
        headers.append(f"X-AIO-API-Key: {gateway.key}")
    with RawConnection(gateway) as connection:
        connection.send(connection.head(f"POST {EXECUTE} HTTP/1.1", *headers) + body)
        time.sleep(0.5)  # long enough to be queued and watched: it is the leaving that is tested
    blocker.join()
    assert api.node.run("ran", node_session).value == "[ 'first' ]"
