"""What is asked of a gateway while its calls fail. Each operation checks what it is told: success must be true, and
whatever is not success must be a clear refusal."""

from __future__ import annotations

import dataclasses
import json
import traceback
from typing import Any, Callable

import httpx
from websockets.exceptions import WebSocketException

from apps import App
from client import Api, unique
from server import Server
from terminal import Terminal

# A request that is not answered within this is one that hangs.
DEADLINE = 30.0


class Refused(Exception):
    """The gateway said that, and why, it did not do what it was asked."""


class Dropped(Exception):
    """The gateway hung up: there was not even what an answer takes."""


class World:
    """The gateway, what stands around it, and the ways to ask it."""

    def __init__(self, server: Server, app: App) -> None:
        self.server, self.app = server, app
        self.api = Api(server.url, timeout=DEADLINE)

    def renew(self) -> None:
        """A new connection, so that one the gateway has closed is not taken for one it closes now."""
        self.api.close()
        self.api = Api(self.server.url, timeout=DEADLINE)

    def path(self, name: str = "file") -> str:
        return f"{self.server.workspace}/{unique(name)}"

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `data` of a successful answer."""
        answer = self.raw(method, path, body, **options)
        told = answer.body
        if answer.status == 200 and told["success"]:
            return told["data"]
        assert told["success"] is False and told["message"], f"neither a success nor a refusal: {answer}"
        raise Refused(f"{answer.status} {told['message']}")

    def raw(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        if body is not None:
            options["json"] = body
        try:
            return self.api.request(method, path, **options)
        except httpx.TimeoutException:
            raise AssertionError(f"{method} {path} hangs") from None
        except httpx.TransportError as why:
            raise Dropped(f"{method} {path}: {why}") from None

    def post(self, route: str, **body: Any) -> Any:
        return self.ask("POST", route, body)


@dataclasses.dataclass(frozen=True)
class Operation:
    name: str
    run: Callable[[World], None]
    # Brings the world back to what it was, with nothing failing.
    tidy: Callable[[World], None] = lambda world: None
    slow: bool = False


OPERATIONS: list[Operation] = []


def operation(tidy: Callable[[World], None] = lambda world: None, slow: bool = False) -> Callable:
    def add(run: Callable[[World], None]) -> Callable:
        OPERATIONS.append(Operation(run.__name__, run, tidy, slow))
        return run

    return add


# ---- small answers ----


@operation()
def health(world: World) -> None:
    assert world.raw("GET", "/healthz").status in (200, 500, 503)


@operation()
def openapi(world: World) -> None:
    answer = world.raw("GET", "/v1/openapi.json")
    assert answer.status != 200 or answer.body["paths"], answer


@operation()
def page(world: World) -> None:
    answer = world.raw("GET", "/terminal")
    assert answer.status != 200 or b"</html>" in answer.content, answer


@operation()
def resources(world: World) -> None:
    assert world.ask("GET", "/v1/sandbox/resources")["memory"]


# ---- files ----


@operation()
def write_and_read(world: World) -> None:
    path, text = world.path(), "a line\n" * 3000
    world.post("/v1/file/write", file=path, content=text)
    assert world.post("/v1/file/read", file=path)["content"] == text
    assert world.post("/v1/file/replace", file=path, old_str="a line", new_str="b")["replaced_count"] == 3000
    assert open(path).read() == "b\n" * 3000


@operation()
def look_for(world: World) -> None:
    folder = world.server.workspace / "tree"
    if not folder.exists():
        folder.mkdir()
        for name in ("one.txt", "two.txt"):
            (folder / name).write_text("needle\nhay\n")
    listed = world.post("/v1/file/list", path=str(folder))
    assert sorted(entry["name"] for entry in listed["files"]) == ["one.txt", "two.txt"], listed
    assert len(world.post("/v1/file/find", path=str(folder), glob="*.txt")["files"]) == 2
    # What does not fit is left out of these, and told.
    found = world.post("/v1/file/search", file=str(folder / "one.txt"), regex="needle")
    assert found.get("truncated") or len(found["matches"]) == 1, found
    found = world.post("/v1/file/grep", path=str(folder), pattern="needle")
    assert found["truncated"] or len(found["matches"]) == 2, found
    found = world.post("/v1/file/glob", path=str(folder), pattern="**/*.txt")
    assert len(found["files"]) == 2, found


@operation()
def edit(world: World) -> None:
    path = world.path()
    world.post("/v1/file/str_replace_editor", command="create", path=path, file_text="one\ntwo\n")
    world.post("/v1/file/str_replace_editor", command="str_replace", path=path, old_str="two", new_str="2")
    world.post("/v1/file/str_replace_editor", command="undo_edit", path=path)
    assert open(path).read() == "one\ntwo\n"


@operation()
def upload_and_download(world: World) -> None:
    path, data = world.path(), bytes(range(256)) * 400
    told = world.ask("POST", "/v1/file/upload", files={"file": ("name", data)}, data={"path": path})
    assert told["file_size"] == len(data), told
    answer = world.raw("GET", "/v1/file/download", params={"path": path})
    assert answer.status != 200 or answer.content == data, answer.status


# ---- commands ----


@operation()
def bash(world: World) -> None:
    told = world.post("/v1/bash/exec", command="echo out; echo err >&2; exit 3")
    if told["status"] != "completed":
        raise Refused(f"the command was {told['status']}")
    assert (told["stdout"], told["stderr"], told["exit_code"]) == ("out\n", "err\n", 3), told


@operation(tidy=lambda world: end_sessions(world, "bash"))
def bash_session(world: World) -> None:
    name = unique("bash")
    world.post("/v1/bash/sessions/create", session_id=name)
    told = world.post("/v1/bash/exec", command="read x; echo got $x", session_id=name, async_mode=True)
    world.post("/v1/bash/write", session_id=name, input="it\n")
    seen = world.post("/v1/bash/output", session_id=name, command_id=told["command_id"], wait=True, wait_timeout=10)
    assert seen["command"]["status"] in ("running", "completed", "killed"), seen
    world.post("/v1/bash/kill", session_id=name)
    world.ask("GET", f"/v1/bash/sessions/{name}/commands")
    world.ask("POST", f"/v1/bash/sessions/{name}/close")


@operation(tidy=lambda world: end_sessions(world, "shell"))
def shell(world: World) -> None:
    name = unique("shell")
    for command, output, code in (("v=kept; echo one", "one\n", 0), ("echo $v; (exit 4)", "kept\n", 4)):
        told = world.post("/v1/shell/exec", id=name, command=command, hard_timeout=10)
        if told["status"] != "completed":
            raise Refused(f"the command was {told['status']}")
        assert told["exit_code"] == code and told["output"].endswith(output), told
    world.post("/v1/shell/exec", id=name, command="sleep 100", async_mode=True)
    world.post("/v1/shell/view", id=name)
    world.post("/v1/shell/kill", id=name)
    world.ask("DELETE", f"/v1/shell/sessions/{name}")


@operation(tidy=lambda world: end_sessions(world, "shell"))
def terminal(world: World) -> None:
    try:
        with Terminal(world.server, unique("terminal")) as seen:
            assert seen.run("echo $((6*7))") == "42\r\n"
    except (WebSocketException, OSError, EOFError) as why:
        raise Refused(f"the WebSocket: {why!r}") from None
    except AssertionError as why:
        # An error says that what was typed is lost; the client asserts when it is refused before it has asked.
        if "'type': 'error'" not in str(why) and "websockets" not in traceback.extract_tb(why.__traceback__)[-1].filename:
            raise
        raise Refused(str(why)) from None


@operation()
def code(world: World) -> None:
    told = world.post("/v1/code/execute", language="bash", code="echo ran; exit 5")
    if told["exit_code"] != 5:
        raise Refused(f"the code was {told['status']}")
    assert told["stdout"] == "ran\n", told


@operation(tidy=lambda world: end_sessions(world, "nodejs"), slow=True)
def node(world: World) -> None:
    told = world.post("/v1/nodejs/execute", code="6 * 7", session_id=unique("node"))
    if told["status"] != "ok":
        raise Refused(f"the code was {told['status']}")
    assert "42" in json.dumps(told["outputs"]), told


# ---- services and proxies ----


@operation(tidy=lambda world: world.server.api.post("/v1/services/echo/stop", {}))
def service(world: World) -> None:
    assert world.post("/v1/services/echo/start")["state"] == "ready"
    assert world.post("/v1/services/echo/stop")["state"] == "stopped"


@operation()
def proxied(world: World) -> None:
    for method, body in (("GET", None), ("POST", b"x" * 50_000)):
        answer = world.raw(method, f"/proxy/{world.app.port}/asked?x=1", content=body)
        if answer.status != 200:
            assert answer.status >= 500 and answer.content, answer
            raise Refused(str(answer.status))
        assert answer.body["target"] == "/asked?x=1", answer


@operation()
def proxied_websocket(world: World) -> None:
    from websockets.sync.client import connect

    url = f"{world.server.url.replace('http', 'ws', 1)}/proxy/{world.app.port}/socket"
    try:
        with connect(url, proxy=None, open_timeout=DEADLINE, close_timeout=5, compression=None) as socket:
            socket.send("there and back")
            assert socket.recv(timeout=DEADLINE) == "there and back"
    except TimeoutError:
        raise AssertionError("the tunnel hangs") from None
    except (WebSocketException, OSError, EOFError) as why:
        raise Refused(f"the WebSocket: {why!r}") from None


# ---- tidying ----


def end_sessions(world: World, kind: str) -> None:
    api = world.server.api
    if kind == "bash":
        for name, info in api.bash.sessions().items():
            if info["status"] != "closed":
                api.bash.close(name)
    elif kind == "nodejs":
        for name in api.node.sessions():
            api.node.delete(name)
    else:
        assert api.delete("/v1/shell/sessions").success
