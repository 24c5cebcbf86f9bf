"""Limits and bad input. The sweeps read the route rows from the gateway's own OpenAPI document, so a new route is
tested for policy before anyone writes a test for it."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

import pytest

from client import Answer, Api, unique
from expect import assert_invalid, assert_refused, assert_status
from rawhttp import RawConnection
from shapes import check_envelope
from waiting import Stopwatch


class Row:
    """One operation of the OpenAPI document."""

    def __init__(self, document: dict, path: str, method: str, operation: dict) -> None:
        self.document, self.path, self.method, self.operation = document, path, method.upper(), operation

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def concrete_path(self) -> str:
        return re.sub(r"\{\w+\}", "x", self.path)

    def body_schema(self, media: str = "application/json") -> dict | None:
        content = self.operation.get("requestBody", {}).get("content", {})
        return self.resolve(content[media]["schema"]) if media in content else None

    def resolve(self, schema: dict) -> dict:
        while "$ref" in schema:
            node = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                node = node[step]
            schema = node
        return schema

    def body_ceiling(self) -> int | None:
        """The documented ceiling in bytes."""
        return self.operation.get("x-max-body-bytes")

    def minimal_body(self) -> dict[str, Any]:
        schema = self.body_schema() or {}
        return {name: sample(name, self.resolve(schema["properties"][name])) for name in schema.get("required", [])}


def sample(name: str, schema: dict) -> Any:
    """A harmless valid value for a required field."""
    known = {
        "command": "true",
        "file": "/nonexistent/x",
        "path": "/nonexistent",
        "pattern": "x",
        "glob": "*",
        "regex": "x",
        "old_str": "a",
        "new_str": "b",
        "content": "x",
        "input": "x",
        "press_enter": False,
    }
    if "enum" in schema:
        return schema["enum"][0]
    if name in known:
        return known[name]
    return {"string": "x", "integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}[types_of(schema)[0]]


def types_of(schema: dict) -> list[str]:
    """JSON types a field takes, whether written as type, as a list of types or as anyOf."""
    if "anyOf" in schema:
        return [name for part in schema["anyOf"] for name in types_of(part)]
    if "enum" in schema and "type" not in schema:
        return ["string"]
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


@pytest.fixture
def rows(api: Api) -> list[Row]:
    document = api.get("/v1/openapi.json").body
    found = [
        Row(document, path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in ("get", "post", "put", "delete", "patch", "head")
    ]
    assert len(found) > 30, "the document lists too few routes to be the table"
    return found


def json_rows(rows: list[Row]) -> Iterator[Row]:
    found = [row for row in rows if row.body_schema() is not None]
    assert len(found) > 15
    return iter(found)


def sweep(problems: list[str]) -> None:
    assert not problems, f"{len(problems)} rows fail:\n" + "\n".join(problems)


def send_json(api: Api, row: Row, body: Any) -> Answer:
    return api.request(row.method, row.concrete_path, json=body)


def test_every_route_refuses_the_anonymous(start_gateway, rows) -> None:
    server = start_gateway(key="the-secret-key")
    client, problems = Api(server.url), []
    for row in rows:
        answer = client.request(row.method, row.concrete_path)
        if answer.status != 401 or check_envelope(answer.body) or answer.body["success"]:
            problems.append(f"{row}: {answer}")
    client.close()
    sweep(problems)


ABSURD = 1 << 40  # a terabyte announced is refused by its head; nobody waits for it
SENDABLE = 64 << 20


def test_every_body_has_a_documented_ceiling_that_holds(gateway, rows) -> None:
    """Far too much announced; one byte too much, of known length and in chunks; and the ceiling itself, which is not."""
    problems = []
    for row in rows:
        if "requestBody" not in row.operation:
            continue
        ceiling = row.body_ceiling()
        if ceiling is None:
            problems.append(f"{row}: no documented ceiling")
            continue
        announced = status_of(gateway, row, [], f"Content-Length: {max(ABSURD, ceiling + 1)}")
        if announced != 413:
            problems.append(f"{row}: {max(ABSURD, ceiling + 1)} bytes announced: {announced}")
        if row.body_schema() is not None and ceiling <= SENDABLE:
            problems += around_the_ceiling(gateway, row, ceiling)
    sweep(problems)


def around_the_ceiling(gateway, row: Row, ceiling: int) -> list[str]:
    minimal = json.dumps(row.minimal_body()).encode()
    over = minimal + b" " * (ceiling + 1 - len(minimal))
    parts = [over[at : at + (1 << 20)] for at in range(0, len(over), 1 << 20)]
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]
    problems = []
    if (status := status_of(gateway, row, parts, f"Content-Length: {len(over)}")) != 413:
        problems.append(f"{row}: {ceiling} + 1 bytes: {status}")
    if (status := status_of(gateway, row, chunks, "Transfer-Encoding: chunked")) != 413:
        problems.append(f"{row}: {ceiling} + 1 bytes in chunks: {status}")
    if (status := status_of(gateway, row, [over[:-1]], f"Content-Length: {ceiling}")) in (413, None):
        problems.append(f"{row}: {ceiling} bytes, the ceiling itself: {status}")
    return problems


def status_of(gateway, row: Row, parts: list[bytes], framing: str) -> int | str | None:
    """The status of a request sent part by part; None when the gateway hung up without one."""
    media = next(iter(row.operation["requestBody"]["content"]))
    kind = media + ("; boundary=x" if media.startswith("multipart") else "")
    with RawConnection(gateway, timeout=2) as raw:
        raw.send(raw.head(f"{row.method} {row.concrete_path} HTTP/1.1", f"Content-Type: {kind}", framing))
        try:
            for part in parts:
                raw.send(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the end, which is better still
        try:
            answer = raw.answer_or_end()
        except TimeoutError:
            return "no answer, it waits for the body"
        return answer.status if answer else None


def test_every_route_reports_unknown_fields(api: Api, rows) -> None:
    problems = []
    for row in json_rows(rows):
        answer = send_json(api, row, {**row.minimal_body(), "zz_unknown": 1, "Command": "x"})
        hint = answer.body.get("hint") or ""
        if not ("zz_unknown" in hint and "Command" in hint):
            problems.append(f"{row}: {answer}")
    sweep(problems)


def test_every_required_field_is_missed_by_name(api: Api, rows) -> None:
    problems = []
    for row in json_rows(rows):
        for name in row.body_schema().get("required", []):
            body = row.minimal_body()
            del body[name]
            problems += invalid(row, name, send_json(api, row, body), "missing")
            if "null" not in types_of(row.resolve(row.body_schema()["properties"][name])):
                problems += invalid(row, name, send_json(api, row, {**body, name: None}), "null")
    sweep(problems)


WRONG_VALUES = {
    "string": [5, True, [], {}],
    "integer": ["5", 1.5, True, [], 1e300],
    "number": ["5", True, {}],
    "boolean": ["true", 1, []],
    "array": ["x", 5, {}],
    "object": ["x", 5, []],
}


def test_every_field_refuses_wrong_types_by_name(api: Api, rows) -> None:
    problems = []
    for row in json_rows(rows):
        for name, schema in row.body_schema()["properties"].items():
            kinds = [kind for kind in types_of(row.resolve(schema)) if kind != "null"]
            for value in WRONG_VALUES[kinds[0]] if len(kinds) == 1 else []:
                answer = send_json(api, row, {**row.minimal_body(), name: value})
                problems += invalid(row, name, answer, repr(value))
    sweep(problems)


def test_every_range_and_choice_is_kept(api: Api, rows) -> None:
    problems, tried = [], 0
    for row in json_rows(rows):
        for name, schema in row.body_schema()["properties"].items():
            for value in beyond(row.resolve(schema), row):
                tried += 1
                problems += invalid(
                    row, name, send_json(api, row, {**row.minimal_body(), name: value}), repr(value)[:50]
                )
    assert tried > 20, "the document says too little about its fields"
    sweep(problems)


def beyond(schema: dict, row: Row) -> list[Any]:
    """Values one step outside what the schema allows."""
    values: list[Any] = []
    for part in [row.resolve(p) for p in schema.get("anyOf", [])] + [schema]:
        if "enum" in part:
            values.append("zz-no-such-choice")
        if "minimum" in part:
            values.append(part["minimum"] - 1)
        if "maximum" in part:
            values.append(part["maximum"] + 1)
        if "maxLength" in part and part["maxLength"] <= 1 << 20:
            values.append("x" * (part["maxLength"] + 1))
        if "maxItems" in part and part["maxItems"] <= 10_000:
            values.append(["x"] * (part["maxItems"] + 1))
    return values


def invalid(row: Row, name: str, answer: Answer, what: str) -> list[str]:
    try:
        assert_invalid(answer, name)
    except AssertionError as error:
        return [f"{row}: {name} = {what}: {str(error).splitlines()[0][:300]}"]
    return []


def test_every_string_refuses_nul_and_lone_surrogates(api: Api, rows) -> None:
    problems = []
    for row in json_rows(rows):
        for name, schema in row.body_schema()["properties"].items():
            schema = row.resolve(schema)
            if types_of(schema)[0] != "string" or "enum" in schema:
                continue
            body = row.minimal_body()
            for text in ('"a\\u0000b"', '"/a\\ud800b"', '"/a\\udc00\\ud800b"'):
                raw = json.dumps({**body, name: "@"}).replace('"@"', text)
                answer = api.request(
                    row.method, row.concrete_path, content=raw, headers={"Content-Type": "application/json"}
                )
                # Content to be written may hold a NUL: that is a byte like any other.
                if "0000" in text and name in CARRIERS:
                    continue
                # Half a surrogate pair is no JSON text at all (400); a NUL is a value, refused by the field's name.
                refused = 400 <= answer.status < 500 and answer.success is False
                if not refused or ("0000" in text and name not in answer.message):
                    problems.append(f"{row}: {name} = {text}: {answer}")
    sweep(problems)


CARRIERS = ("content", "input", "file_text", "old_str", "new_str")


def test_every_route_wants_json_objects(api: Api, rows) -> None:
    problems = []
    for row in json_rows(rows):
        for body, statuses in MALFORMED:
            answer = api.request(
                row.method, row.concrete_path, content=body, headers={"Content-Type": "application/json"}
            )
            if body == b"" and answer.status in (200, 404, 503) and not row.minimal_body():
                continue  # nothing is required, so nothing may be sent; what it is for need not be there
            if answer.status not in statuses or check_envelope(answer.body) or answer.success:
                problems.append(f"{row}: {body[:40]!r}: {answer}")
        answer = api.request(row.method, row.concrete_path, content=b"{}", headers={"Content-Type": "text/plain"})
        if answer.status != 415:
            problems.append(f"{row}: text/plain: {answer}")
    sweep(problems)


MALFORMED = [
    (b"{", (400,)),
    (b'{"a":}', (400,)),
    (b"{'a': 1}", (400,)),
    (b'{"a": 1,}', (400,)),
    (b'{"a": 01}', (400,)),
    (b'{"a": NaN}', (400,)),
    (b'{"a": 1} trailing', (400,)),
    (b"\xff\xfe{}", (400,)),
    (b'{"a": "\xff"}', (400,)),
    (b'{"a": "\xc0\xaf"}', (400,)),
    (b'{"a": "\xed\xa0\x80"}', (400,)),
    (b'{"a": "\n"}', (400,)),
    (b'{"a": "\\x"}', (400,)),
    (b'{"a": "\0"}', (400,)),
    (b"{}\0", (400,)),
    (b"[" * 100_000, (400, 413)),
    (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, (400, 413)),
    (b"", (400, 422)),
    (b"[]", (400, 422)),
    (b'"text"', (400, 422)),
    (b"null", (400, 422)),
    (b"42", (400, 422)),
]


def test_content_types_with_parameters_are_taken(api: Api) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"):
        answer = api.post("/v1/bash/exec", content=b'{"command": "echo ok"}', headers={"Content-Type": kind})
        assert answer.status == 200, (kind, answer)


def pattern(concrete: str) -> str:
    """What a row with placeholders takes; the last one may take the rest of the path."""
    return re.sub(r"\bx\b", "[^/]+", re.sub(r"\bx$", ".+", concrete))


def test_every_path_says_405_and_allow_to_other_methods(api: Api, rows) -> None:
    allowed: dict[str, set[str]] = {}
    every = {"GET", "POST", "PUT", "DELETE", "PATCH"}
    for row in rows:
        takes = every if row.operation.get("x-any-method") else {row.method}
        allowed.setdefault(row.concrete_path, set()).update(takes)
    problems = []
    for path, methods in allowed.items():
        for method in every - methods:
            if any(
                other != path and re.fullmatch(pattern(other), path) and method in allowed[other]
                for other in allowed
            ):
                continue  # another row with a placeholder takes it
            answer = api.request(method, path)
            named = {name.strip() for name in answer.headers.get("allow", "").split(",")}
            if answer.status != 405 or not methods <= named or check_envelope(answer.body):
                problems.append(f"{method} {path}: {answer}, Allow: {named}")
    sweep(problems)


def test_depth_bombs_are_quick(api: Api) -> None:
    with Stopwatch() as watch:
        for bomb in (b"[" * 900_000, b'{"a":' * 150_000, b"[" * 900_000 + b"]" * 900_000):
            answer = api.post("/v1/bash/exec", content=bomb, headers={"Content-Type": "application/json"})
            assert answer.status in (400, 413) and answer.success is False
    watch.assert_below(1.0)
    assert api.bash.exec("echo ok").stdout == "ok\n"


def test_duplicate_keys_are_not_guessed(api: Api) -> None:
    """Two values for one field: whichever a parser picks, some reader picked the other."""
    answer = api.post(
        "/v1/bash/exec",
        content=b'{"command": "echo one", "command": "echo two"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status in (400, 422) and answer.success is False


@pytest.mark.parametrize(
    "path, fields, name",
    [
        ("/v1/bash/exec", {"timeout": -1}, "timeout"),
        ("/v1/bash/exec", {"hard_timeout": -0.5}, "hard_timeout"),
        ("/v1/bash/exec", {"max_output_length": -1}, "max_output_length"),
        ("/v1/shell/exec", {"timeout": -1}, "timeout"),
        ("/v1/shell/exec", {"no_change_timeout": -1}, "no_change_timeout"),
        ("/v1/bash/exec", {"timeout": 1e300}, "timeout"),
    ],
)
def test_numbers_without_sense_are_refused(api: Api, path: str, fields: dict, name: str) -> None:
    assert_invalid(api.post(path, {"command": "true", **fields}), name)


def test_numbers_beyond_json_are_refused(api: Api) -> None:
    for number in (b"1e999", b"-1e999", b"123456789012345678901234567890"):
        answer = api.post(
            "/v1/bash/exec",
            content=b'{"command": "true", "max_output_length": %s}' % number,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status in (400, 422) and answer.success is False, answer


def test_the_hint_lists_unknown_fields_once_and_safely(api: Api) -> None:
    answer = api.post("/v1/bash/exec", {"command": "echo ok", "foo": 1, "bar": {}, 'b"a\n<z>': 2})
    assert answer.status == 200 and answer.data["stdout"] == "ok\n"
    assert "foo" in answer.hint and "bar" in answer.hint and "command" not in answer.hint
    many = api.post("/v1/bash/exec", {"command": "echo ok", **{f"field{n}": n for n in range(3000)}})
    assert many.status in (200, 400, 422) and len(many.content) < 100_000


# Ceilings of counts.


def test_shell_sessions_have_a_ceiling(start_gateway) -> None:
    """Idle ones may make room; when all of them are at work, one more is refused and none is ended."""
    api = start_gateway().api
    ceiling = api.shell.stats()["max_sessions"]
    assert 200 <= ceiling <= 4096
    names = [unique("s") for _ in range(ceiling)]
    for name in names:
        assert api.shell.exec("read x", name, async_mode=True).status == "running"
    refused = api.post("/v1/shell/sessions/create", {"id": unique("one-more")})
    assert_status(refused, 429)
    assert str(ceiling) in refused.message
    assert_status(api.post("/v1/shell/exec", {"command": "true"}), 429)
    assert set(api.shell.sessions()) == set(names)
    assert api.shell.delete(names[0]).success
    assert api.shell.exec("echo ok").output == "ok\n"


def test_the_queue_of_a_session_has_a_ceiling(api: Api, bash_session: str) -> None:
    api.bash.start("sleep 100", bash_session)
    for _ in range(5000):
        answer = api.post("/v1/bash/exec", {"session_id": bash_session, "command": "true", "async_mode": True})
        if answer.status != 200:
            break
    assert_status(answer, 429)
    assert api.bash.exec("echo ok").stdout == "ok\n", "other sessions are not concerned"


def test_running_commands_have_a_ceiling(start_gateway) -> None:
    """However many sessions are named, processes do not grow without end."""
    api = start_gateway().api
    for n in range(5000):
        answer = api.post("/v1/bash/exec", {"session_id": f"p{n}", "command": "exec sleep 300", "async_mode": True})
        if answer.status != 200:
            break
    assert_status(answer, 429)
    assert api.get("/healthz").status == 200
    api.bash.kill("p0", "SIGKILL")


def test_oversize_fields_are_refused(api: Api) -> None:
    assert_refused(api.post("/v1/bash/exec", {"command": "true", "env": {f"V{n}": "x" for n in range(100_000)}}))
    assert_refused(api.post("/v1/bash/exec", {"command": "true", "exec_dir": "/" + "d/" * 10_000}))
    assert_refused(api.file.call("glob", path="/tmp", pattern="*" * 100_000))
    assert_refused(api.file.call("grep", path="/tmp", pattern="x", include=["*"] * 100_000))
