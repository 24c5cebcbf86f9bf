"""The audit log: who did what, when, with which result."""

from __future__ import annotations

import datetime
import json
import re
import threading
import time

import pytest

from audit import all_pages, entries, one, page
from client import Api, unique
from expect import assert_status
from terminal import Terminal
from waiting import allow, eventually


def who(gateway) -> str:
    return "key" if gateway.key else "anyone"


# ---- what each noun leaves ----


@pytest.mark.parametrize("noun", ["bash", "shell"])
def test_commands(gateway, api: Api, noun: str) -> None:
    mark = unique("mark")
    session = getattr(api, noun).exec(f"echo {mark}; (exit 3)").session_id
    entry = one(api, contains=mark)
    expected = {
        "who": who(gateway),
        "action": f"{noun}.exec",
        "subject": f"echo {mark}; (exit 3)",
        "session_id": session,
        "method": "POST",
        "path": f"/v1/{noun}/exec",
        "result": "ok",
        "status": 200,
        "exit_code": 3,
        "count": 1,
    }
    assert {name: entry[name] for name in expected} == expected
    assert entry["peer"] and entry["duration_ms"] >= 0
    begun = datetime.datetime.fromisoformat(entry["at"])
    assert abs(datetime.datetime.now(datetime.timezone.utc) - begun) < datetime.timedelta(minutes=2)


def test_a_streamed_command(api: Api) -> None:
    mark = unique("mark")
    assert [event.name for event in api.bash.stream(f": {mark}; exit 7")][-1] == "exit"
    entry = eventually(lambda: entries(api, contains=mark, result="ok"), "the stream's end is in the log")[0]
    assert (entry["action"], entry["exit_code"]) == ("bash.exec", 7)


def test_a_command_is_in_the_log_while_it_runs(api: Api, workdir: str) -> None:
    mark = unique("mark")
    runner = threading.Thread(target=api.bash.exec, args=(f"until [ -e {workdir}/go ]; do sleep 0.05; done; : {mark}",))
    runner.start()
    entry = one(api, contains=mark)
    assert (entry["result"], entry["exit_code"], entry["duration_ms"]) == ("running", None, None)
    api.file.write(f"{workdir}/go", "")
    runner.join()
    over = eventually(lambda: entries(api, contains=mark, result="ok"), "its end is in the log")[0]
    assert (over["id"], over["exit_code"]) == (entry["id"], 0)


def test_input_is_told_of_but_not_what_was_typed(api: Api, session: str) -> None:
    run = api.bash.start("cat")
    api.bash.write(run.session_id, "typed-hunter2\n")
    api.bash.kill(run.session_id, "SIGKILL")
    api.shell.write(session, "echo typed-hunter2")
    api.shell.write(session, "echo typed-hunter2 again")
    eventually(lambda: one(api, session_id=session, action="shell.input")["count"] == 2, "both are counted")
    assert one(api, session_id=run.session_id, action="bash.input")["subject"] is None
    assert one(api, session_id=run.session_id, action="bash.kill")["subject"] == "SIGKILL"
    assert one(api, session_id=session, action="shell.input")["subject"] is None
    assert entries(api, contains="typed-hunter2") == []


@pytest.mark.parametrize(
    "path, body, status",
    [("code", {"language": "bash"}, 200), ("nodejs", {}, 200), ("jupyter", {"kernel_name": "no-such"}, 422)],
)
def test_code(api: Api, path: str, body: dict, status: int) -> None:
    mark = unique("mark").replace("-", "_")
    code = f"{mark}=1"
    assert api.post(f"/v1/{path}/execute", {"code": code, **body}).status == status
    entry = one(api, contains=mark)
    result, exit_code = ("ok", 0) if status == 200 else ("failed", None)
    assert (entry["action"], entry["subject"], entry["status"]) == (f"{path}.execute", code, status)
    assert (entry["result"], entry["exit_code"]) == (result, exit_code)


def test_files(api: Api, workdir: str) -> None:
    path = f"{workdir}/a.txt"
    api.file.write(path, "one")
    api.file.ok("replace", file=path, old_str="one", new_str="two")
    assert api.file.edit("str_replace", path, old_str="two", new_str="three").success
    assert api.file.edit("view", path).success
    api.file.read(path)
    upload = api.post("/v1/file/upload", files={"file": ("x", b"data")}, data={"path": path})
    assert upload.success
    api.file.call("write", file=f"{workdir}/no/such/\0", content="")
    assert not api.file.call("replace", file=f"{workdir}/missing", old_str="a", new_str="b").success
    eventually(lambda: len(entries(api, contains=workdir, action="file.")) == 5, "five changes are in the log")
    seen = [(e["action"], e["subject"], e["result"]) for e in entries(api, contains=workdir, action="file.")]
    assert seen == [
        ("file.replace", f"{workdir}/missing", "failed"),
        ("file.upload", path, "ok"),
        ("file.edit", path, "ok"),
        ("file.replace", path, "ok"),
        ("file.write", path, "ok"),
    ]


def test_sessions(api: Api) -> None:
    shell, bash, node = unique("shell"), unique("bash"), unique("node")
    api.shell.create(shell)
    assert api.shell.delete(shell).success
    api.bash.create(bash)
    assert api.bash.close(bash).success
    api.node.create(node)
    assert api.node.update(node, max_idle_time=100).success
    assert api.node.delete(node).success
    for session, actions in (
        (shell, ["shell.close", "shell.create"]),
        (bash, ["bash.close", "bash.create"]),
        (node, ["nodejs.close", "nodejs.update", "nodejs.create"]),
    ):
        eventually(lambda: len(entries(api, session_id=session)) == len(actions), f"all of {actions} are in the log")
        assert [entry["action"] for entry in entries(api, session_id=session)] == actions
    made = api.get_ok("/v1/shell/terminal-url").rsplit("=", 1)[1]
    assert one(api, session_id=made)["action"] == "shell.create"


def test_a_terminal_from_its_opening_to_its_end(gateway, api: Api) -> None:
    name = unique("terminal")
    with Terminal(gateway, name) as term:
        entry = one(api, session_id=name)
        assert (entry["action"], entry["result"], entry["status"]) == ("terminal.open", "running", 101)
        term.run("echo typed")
    closed = eventually(lambda: entries(api, session_id=name, result="ok"), "its end is in the log")
    assert [(e["id"], e["status"]) for e in closed] == [(entry["id"], 101)]
    assert closed[0]["duration_ms"] is not None


def test_what_only_looks_is_not_in_the_log(api: Api, workdir: str) -> None:
    path = f"{workdir}/looked-at"
    api.file.write(path, "x")
    since = one(api, contains=path)["id"]
    api.file.read(path)
    api.file.ok("list", path=workdir)
    api.get_ok("/v1/shell/sessions")
    api.get_ok("/v1/services")
    assert entries(api, contains=workdir, after=since) == []


def test_a_caller_that_leaves(gateway, api: Api, workdir: str) -> None:
    from rawhttp import RawConnection

    mark = unique("mark")
    body = json.dumps({"command": f"touch {workdir}/begun; sleep 60; : {mark}"}).encode()
    with RawConnection(gateway) as raw:
        raw.send(raw.head("POST /v1/bash/exec HTTP/1.1", f"Content-Length: {len(body)}") + body)
        entry = one(api, contains=mark)
    over = eventually(lambda: entries(api, contains=mark, result="unanswered"), "that it left is in the log")
    assert over[0]["id"] == entry["id"]


# ---- masking ----


def test_secrets_are_masked(gateway, api: Api) -> None:
    mark = unique("mark")
    secrets = ["hunter2hunter2", "Zm9vYmFyYmF6cXV4", "ghp_abcdefghijklmnopqrstuvwxyz0123"]
    command = (
        f"API_TOKEN={secrets[0]} DB_PASSWORD='{secrets[0]} x' true; : {mark} -H 'Authorization: Bearer {secrets[1]}'"
        f" 'https://me:{secrets[0]}@host.example/?api_key={secrets[1]}&b=2' {secrets[2]}"
    )
    assert api.bash.exec(command).exit_code == 0
    subject = one(api, contains=mark)["subject"]
    assert not [secret for secret in secrets if secret in subject], subject
    assert f"true; : {mark} -H 'Authorization: ***'" in subject and "'https://me:***@host.example/?api_key=***&b=2' ***" in subject


def test_no_secret_reaches_the_disk(start_gateway) -> None:
    """Neither the database nor its log; the gateway's own history keeps commands as they are, so a path is used."""
    server = start_gateway(key="the-secret-k3y")
    secret = "ghp_" + "q7" * 15
    server.api.get(f"/v1/shell/terminal-url?api_key=the-secret-k3y&token={secret}")
    server.api.http.get(f"/v1/{secret}", headers={"X-AIO-API-Key": "wrong-" + secret})
    server.api.file.write(f"{server.workspace}/{secret}", "x")
    assert one(server.api, action="access.refused")["path"] == "/v1/***"
    assert one(server.api, action="file.write")["subject"] == f"{server.workspace}/***"
    for name in ("sandgate.db", "sandgate.db-wal"):
        content = (server.state / name).read_bytes()
        assert secret.encode() not in content and b"the-secret-k3y" not in content


def test_long_commands_are_cut(api: Api) -> None:
    mark = unique("mark")
    api.bash.exec(f": {mark} " + "ü" * 5000)
    subject = one(api, contains=mark)["subject"]
    assert 2046 <= len(subject.encode()) <= 2048 and set(subject.removeprefix(f": {mark} ")) == {"ü"}


# ---- asking ----


def test_filters(api: Api, workdir: str) -> None:
    session = unique("bash")
    before = int(time.time() * 1000) - 1
    for n in range(3):
        api.bash.exec(f": filter-{n} {workdir}", session)
    api.file.write(f"{workdir}/x", "")
    eventually(lambda: len(entries(api, contains=workdir)) >= 4, "all are in the log")
    mine = dict(contains=workdir, since=before)
    assert len(entries(api, **mine)) == 4
    assert len(entries(api, **mine, action="bash.")) == len(entries(api, **mine, action="bash.exec")) == 3
    assert len(entries(api, **mine, action="bash.exec.")) == 0
    assert len(entries(api, **mine, session_id=session)) == 3
    assert len(entries(api, **mine, result="ok")) == 4 and entries(api, **mine, result="failed") == []
    assert len(entries(api, **mine, limit=2)) == 2
    assert entries(api, **mine, who="nobody") == []
    newest, *_, oldest = entries(api, **mine)
    assert newest["id"] > oldest["id"] and newest["action"] == "file.write"
    assert entries(api, **mine, who=newest["who"])[0] == newest
    assert entries(api, contains=f"-0 {workdir}", until=before) == []
    assert len(entries(api, contains=workdir, since=oldest["at"], until="2100-01-01T00:00:00Z")) == 4
    assert len(entries(api, contains=workdir, since=oldest["at"].replace("Z", "+00:00"))) == 4
    assert [e["id"] for e in entries(api, **mine, after=oldest["id"], before=newest["id"])] == [
        e["id"] for e in entries(api, **mine)[1:-1]
    ]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "result=fine", "since=yesterday", "until=2023-02-30", "before=x", "after=-1"]
)
def test_what_cannot_be_asked(api: Api, query: str) -> None:
    answer = api.get(f"/v1/audit?{query}")
    assert_status(answer, 422)
    assert query.split("=")[0] in answer.message


def test_pages_while_others_write(api: Api) -> None:
    """Nothing is told twice and nothing left out, whatever is written meanwhile."""
    session, count = unique("paged"), 60
    for n in range(count):
        api.shell.exec(f": page {n}", session)
    eventually(lambda: len(entries(api, session_id=session, limit=1000)) == count, "all are in the log")
    stop = threading.Event()

    def write() -> None:
        other = unique("other")
        while not stop.is_set():
            api.bash.exec(":", other)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        listed = [int(e["subject"].split()[-1]) for e in all_pages(api, session_id=session, limit=7)]
        ids = [e["id"] for e in all_pages(api, limit=50)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert listed == list(range(count))[::-1]
    assert ids == sorted(set(ids), reverse=True) and len(ids) > count


def test_reading_on_from_an_entry(api: Api, workdir: str) -> None:
    api.file.write(f"{workdir}/first", "")
    last = one(api, contains=f"{workdir}/first")["id"]
    assert entries(api, after=last, contains=workdir) == []
    api.file.write(f"{workdir}/second", "")
    assert one(api, after=last, contains=workdir)["subject"] == f"{workdir}/second"
    assert page(api, after=last, contains=workdir)["next_before"] is None


# ---- the rows ----

# Rows of a method that may change something, which only look.
LOOK = {
    "POST /v1/bash/output": "reads what a command wrote",
    "POST /v1/shell/view": "reads what a terminal shows",
    "POST /v1/shell/wait": "waits",
    "POST /v1/file/read": "reads",
    "POST /v1/file/search": "reads",
    "POST /v1/file/find": "reads",
    "POST /v1/file/grep": "reads",
    "POST /v1/file/glob": "reads",
    "POST /v1/file/list": "reads",
}


def rows(api: Api) -> dict[str, dict]:
    paths = api.get("/v1/openapi.json").body["paths"]
    return {f"{method.upper()} {path}": row for path, methods in paths.items() for method, row in methods.items()}


def test_every_row_that_changes_something_is_recorded(api: Api) -> None:
    found = rows(api)
    changes = {
        name
        for name, row in found.items()
        if not name.startswith("GET ") or row.get("x-any-method") or "101" in row["responses"]
    }
    silent = {name for name in changes if "x-audit" not in found[name]}
    assert silent == set(LOOK), "give the row an .audit, or say above why it needs none"
    named = {row["x-audit"] for row in found.values() if "x-audit" in row}
    assert len(named) > 30 and all(re.fullmatch(r"[a-z]+(\.[a-z]+)+", name) for name in named), named


def test_only_administrators_read_it(api: Api) -> None:
    row = rows(api)["GET /v1/audit"]
    assert row["x-scopes"] == ["admin"] and "x-audit" not in row
    assert "/v1/audit" in api.get("/llms.txt").content.decode()
