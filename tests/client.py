"""A small typed client of the gateway: what a test says to it, and what came back.

`Api.post/get/...` return an `Answer` whatever the status is. `api.shell`, `api.bash`, `api.file` and `api.node` insist
on success and return typed results. Every successful JSON answer is held against the API's published shapes
(`shapes.py`), so each test that calls a route also proves that the answer parses in a typed client.
"""

from __future__ import annotations

import dataclasses
import json
import ssl
import uuid
from typing import Any, Iterator

import httpx

import shapes

# Loading the certificates takes longer than most tests: once is enough.
TLS = ssl.create_default_context()

KEY_HEADER = "X-AIO-API-Key"


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    content: bytes
    seconds: float

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def success(self) -> bool:
        return self.body["success"]

    @property
    def message(self) -> str:
        return self.body["message"]

    @property
    def data(self) -> Any:
        return self.body["data"]

    @property
    def hint(self) -> str:
        return self.body["hint"] or ""

    def __str__(self) -> str:
        return f"{self.status} {self.content[:2000]!r}"


class Api:
    """One HTTP client. Keep-alive connections are shared by threads; nothing is read from proxy variables."""

    def __init__(self, url: str, key: str | None = None, timeout: float = 120.0) -> None:
        headers = {KEY_HEADER: key} if key else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self.url, self.key = url, key
        self.http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, trust_env=False, limits=limits, verify=TLS
        )
        self.shell, self.bash, self.file = ShellApi(self), BashApi(self), FileApi(self)
        self.node = NodeApi(self)
        self.jupyter = JupyterApi(self)

    def close(self) -> None:
        self.http.close()

    def request(self, method: str, path: str, **kwargs: Any) -> Answer:
        response = self.http.request(method, path, **kwargs)
        answer = Answer(response.status_code, response.headers, response.content, response.elapsed.total_seconds())
        shapes.check_answer(method, path, answer)
        return answer

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        if body is not None:
            kwargs["json"] = body
        return self.request("POST", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Answer:
        return self.request("DELETE", path, **kwargs)

    def post_ok(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        """The `data` of a call that must succeed."""
        answer = self.post(path, body, **kwargs)
        assert answer.status == 200 and answer.success, f"POST {path} {str(body)[:500]}: {answer}"
        return answer.data

    def get_ok(self, path: str, **kwargs: Any) -> Any:
        answer = self.get(path, **kwargs)
        assert answer.status == 200 and answer.success, f"GET {path}: {answer}"
        return answer.data


@dataclasses.dataclass(frozen=True)
class ShellResult:
    session_id: str
    command: str | None
    status: str
    output: str
    exit_code: int | None
    console: list[dict[str, str]]

    @classmethod
    def of(cls, data: dict[str, Any]) -> "ShellResult":
        return cls(
            data["session_id"],
            data.get("command"),
            data["status"],
            data["output"] or "",
            data.get("exit_code"),
            data.get("console") or [],
        )


class ShellApi:
    def __init__(self, api: Api) -> None:
        self._api = api

    def exec(self, command: str, session: str | None = None, **fields: Any) -> ShellResult:
        if session is not None:
            fields["id"] = session
        return ShellResult.of(self._api.post_ok("/v1/shell/exec", {"command": command, **fields}))

    def view(self, session: str) -> ShellResult:
        return ShellResult.of(self._api.post_ok("/v1/shell/view", {"id": session}))

    def wait(self, session: str, seconds: int) -> str:
        return self._api.post_ok("/v1/shell/wait", {"id": session, "seconds": seconds})["status"]

    def write(self, session: str, text: str, press_enter: bool = True) -> str:
        body = {"id": session, "input": text, "press_enter": press_enter}
        return self._api.post_ok("/v1/shell/write", body)["status"]

    def kill(self, session: str) -> dict[str, Any]:
        return self._api.post_ok("/v1/shell/kill", {"id": session})

    def create(self, session: str | None = None, **fields: Any) -> dict[str, Any]:
        if session is not None:
            fields["id"] = session
        return self._api.post_ok("/v1/shell/sessions/create", fields)

    def sessions(self) -> dict[str, dict[str, Any]]:
        return self._api.get_ok("/v1/shell/sessions")["sessions"]

    def stats(self) -> dict[str, Any]:
        return self._api.get_ok("/v1/shell/sessions/stats")

    def delete(self, session: str) -> Answer:
        return self._api.delete(f"/v1/shell/sessions/{session}")


@dataclasses.dataclass(frozen=True)
class BashResult:
    session_id: str
    command_id: str
    status: str
    stdout: str
    stderr: str
    exit_code: int | None
    offset: int
    stderr_offset: int

    @classmethod
    def of(cls, data: dict[str, Any]) -> "BashResult":
        return cls(
            data["session_id"],
            data["command_id"],
            data["status"],
            data["stdout"] or "",
            data["stderr"] or "",
            data["exit_code"],
            data["offset"],
            data["stderr_offset"],
        )


@dataclasses.dataclass(frozen=True)
class BashOutput:
    stdout: str
    stderr: str
    offset: int
    stderr_offset: int
    command: dict[str, Any]

    @classmethod
    def of(cls, data: dict[str, Any]) -> "BashOutput":
        return cls(data["stdout"], data["stderr"], data["offset"], data["stderr_offset"], data["command"] or {})


class BashApi:
    def __init__(self, api: Api) -> None:
        self._api = api

    def exec(self, command: str, session: str | None = None, **fields: Any) -> BashResult:
        if session is not None:
            fields["session_id"] = session
        return BashResult.of(self._api.post_ok("/v1/bash/exec", {"command": command, **fields}))

    def start(self, command: str, session: str | None = None, **fields: Any) -> BashResult:
        return self.exec(command, session, async_mode=True, **fields)

    def output(self, session: str, command_id: str | None = None, **fields: Any) -> BashOutput:
        if command_id is not None:
            fields["command_id"] = command_id
        return BashOutput.of(self._api.post_ok("/v1/bash/output", {"session_id": session, **fields}))

    def finish(self, session: str, command_id: str, deadline: float = 10.0) -> BashOutput:
        """The whole output of a command once it has ended, gathered by long-polls over the offsets."""
        stdout = stderr = ""
        offset = stderr_offset = 0
        while True:
            part = self.output(
                session, command_id, offset=offset, stderr_offset=stderr_offset, wait=True, wait_timeout=deadline
            )
            stdout, stderr = stdout + part.stdout, stderr + part.stderr
            moved = (part.offset, part.stderr_offset) != (offset, stderr_offset)
            offset, stderr_offset = part.offset, part.stderr_offset
            if part.command["status"] not in ("pending", "running") and not moved:
                return dataclasses.replace(part, stdout=stdout, stderr=stderr)
            assert moved or part.command["status"] not in (
                "pending",
                "running",
            ), f"no output and no end within {deadline} s: {part}"

    def write(self, session: str, text: str, **fields: Any) -> None:
        self._api.post_ok("/v1/bash/write", {"session_id": session, "input": text, **fields})

    def kill(self, session: str, signal: str = "SIGTERM") -> None:
        self._api.post_ok("/v1/bash/kill", {"session_id": session, "signal": signal})

    def create(self, session: str | None = None, **fields: Any) -> dict[str, Any]:
        if session is not None:
            fields["session_id"] = session
        return self._api.post_ok("/v1/bash/sessions/create", fields)

    def sessions(self) -> dict[str, dict[str, Any]]:
        return {s["session_id"]: s for s in self._api.get_ok("/v1/bash/sessions")}

    def close(self, session: str) -> Answer:
        return self._api.post(f"/v1/bash/sessions/{session}/close")

    def stream(self, command: str, **fields: Any) -> Iterator["Event"]:
        """The server-sent events of an exec, as they arrive."""
        request = self._api.http.stream(
            "POST", "/v1/bash/exec", json={"command": command, **fields}, headers={"Accept": "text/event-stream"}
        )
        with request as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield from parse_events(response.iter_lines())


@dataclasses.dataclass(frozen=True)
class CodeResult:
    """What /v1/nodejs/execute and /v1/code/execute have in common."""

    status: str
    stdout: str
    stderr: str
    exit_code: int
    outputs: list[dict[str, Any]]
    session_id: str | None
    hint: str

    @classmethod
    def of(cls, answer: Answer) -> "CodeResult":
        assert answer.status == 200 and answer.success, answer
        data = answer.data
        names = ("status", "stdout", "stderr", "exit_code", "outputs", "session_id")
        return cls(*(data[name] for name in names), answer.hint)

    @property
    def value(self) -> str | None:
        """What the last expression was worth, as text."""
        results = [o["data"]["text/plain"] for o in self.outputs if o["output_type"] == "execute_result"]
        return results[0] if results else None

    @property
    def error(self) -> dict[str, Any] | None:
        errors = [o for o in self.outputs if o["output_type"] == "error"]
        return errors[0] if errors else None


class NodeApi:
    def __init__(self, api: Api) -> None:
        self._api = api

    def run(self, code: str, session: str | None = None, **fields: Any) -> CodeResult:
        if session is not None:
            fields["session_id"] = session
        return CodeResult.of(self._api.post("/v1/nodejs/execute", {"code": code, **fields}))

    def create(self, session: str | None = None, **fields: Any) -> dict[str, Any]:
        if session is not None:
            fields["session_id"] = session
        return self._api.post_ok("/v1/nodejs/sessions", fields)

    def sessions(self) -> dict[str, dict[str, Any]]:
        return self._api.get_ok("/v1/nodejs/sessions")["sessions"]

    def session(self, session: str) -> Answer:
        return self._api.get(f"/v1/nodejs/sessions/{session}")

    def update(self, session: str, **fields: Any) -> Answer:
        return self._api.request("PATCH", f"/v1/nodejs/sessions/{session}", json=fields)

    def delete(self, session: str) -> Answer:
        return self._api.delete(f"/v1/nodejs/sessions/{session}")


@dataclasses.dataclass(frozen=True)
class KernelResult:
    """What /v1/jupyter/execute tells."""

    status: str
    outputs: list[dict[str, Any]]
    execution_count: int | None
    session_id: str | None
    kernel_name: str
    hint: str

    @classmethod
    def of(cls, answer: Answer) -> "KernelResult":
        assert answer.status == 200 and answer.success, answer
        data = answer.data
        names = ("status", "outputs", "execution_count", "session_id", "kernel_name")
        return cls(*(data[name] for name in names), answer.hint)

    def stream(self, name: str) -> str:
        return "".join(o["text"] for o in self.outputs if o["output_type"] == "stream" and o["name"] == name)

    @property
    def stdout(self) -> str:
        return self.stream("stdout")

    def shown(self, kind: str, mime: str = "text/plain") -> list[str]:
        """What outputs of a kind hold of a media type."""
        return [o["data"][mime] for o in self.outputs if o["output_type"] == kind and mime in o["data"]]

    @property
    def value(self) -> str | None:
        results = self.shown("execute_result")
        return results[0] if results else None

    @property
    def error(self) -> dict[str, Any] | None:
        errors = [o for o in self.outputs if o["output_type"] == "error"]
        return errors[0] if errors else None


class JupyterApi:
    def __init__(self, api: Api) -> None:
        self._api = api

    def run(self, code: str, session: str | None = None, **fields: Any) -> KernelResult:
        if session is not None:
            fields["session_id"] = session
        return KernelResult.of(self._api.post("/v1/jupyter/execute", {"code": code, **fields}))

    def create(self, session: str | None = None, **fields: Any) -> dict[str, Any]:
        if session is not None:
            fields["session_id"] = session
        return self._api.post_ok("/v1/jupyter/sessions/create", fields)

    def info(self) -> dict[str, Any]:
        return self._api.get_ok("/v1/jupyter/info")

    def sessions(self) -> dict[str, dict[str, Any]]:
        return self._api.get_ok("/v1/jupyter/sessions")["sessions"]

    def delete(self, session: str) -> Answer:
        return self._api.delete(f"/v1/jupyter/sessions/{session}")


@dataclasses.dataclass(frozen=True)
class Event:
    name: str
    data: Any


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events: fields until an empty line; comment lines (keep-alives) are passed over."""
    name, data = "message", []
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield Event(name, json.loads("\n".join(data)))
            name, data = "message", []


class FileApi:
    def __init__(self, api: Api) -> None:
        self._api = api

    def call(self, verb: str, **fields: Any) -> Answer:
        return self._api.post(f"/v1/file/{verb}", fields)

    def ok(self, verb: str, **fields: Any) -> dict[str, Any]:
        return self._api.post_ok(f"/v1/file/{verb}", fields)

    def read(self, file: str, **fields: Any) -> str:
        return self.ok("read", file=file, **fields)["content"]

    def write(self, file: str, content: str, **fields: Any) -> dict[str, Any]:
        return self.ok("write", file=file, content=content, **fields)

    def download(self, path: str, **kwargs: Any) -> Answer:
        return self._api.get("/v1/file/download", params={"path": path}, **kwargs)

    def edit(self, command: str, path: str, **fields: Any) -> Answer:
        return self.call("str_replace_editor", command=command, path=path, **fields)
