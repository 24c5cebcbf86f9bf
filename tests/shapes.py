"""The published shapes of the API's requests and answers, as facts in api/contract.json, and a checker for them."""

from __future__ import annotations

import datetime
import functools
import json
import re
from pathlib import Path
from typing import Any

CONTRACT = json.loads((Path(__file__).parent / "api" / "contract.json").read_text())
ROUTES: dict[str, dict[str, Any]] = CONTRACT["routes"]
MODELS: dict[str, dict[str, Any]] = CONTRACT["models"]

_PYTHON_TYPES = {"string": str, "array": list, "object": dict, "boolean": bool}


@functools.cache
def route_of(method: str, path: str) -> dict[str, Any] | None:
    """The contract's row for a concrete path, or None for a path that is ours alone."""
    for row, facts in ROUTES.items():
        verb, pattern = row.split(" ")
        if verb == method and re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", pattern), path.split("?")[0]):
            return facts
    return None


def check_answer(method: str, path: str, answer: Any) -> None:
    """Hold a JSON answer against its shape; anything that is not JSON of a known route passes."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return
    route = route_of(method, path)
    if route is None or (answer.status in (200, 206) and not {"data", "answer"} & route.keys()):
        return  # a download may well be a JSON file
    problems = check_envelope(answer.body)
    if not problems and answer.status == 200:
        problems = _check_success(route, answer.body) if answer.body["success"] else _check_failure(answer.body)
    assert not problems, f"{method} {path} answered outside its shape: {problems}\n{answer}"


def check_envelope(body: Any) -> list[str]:
    if not isinstance(body, dict):
        return ["the answer is not an object"]
    expected = {"success": bool, "message": str, "hint": (str, type(None))}
    problems = [
        f"{name} is {body.get(name)!r}" for name, kind in expected.items() if not isinstance(body.get(name), kind)
    ]
    return problems + ([] if "data" in body else ["data is absent"])


def _check_success(route: dict[str, Any], body: dict[str, Any]) -> list[str]:
    if "answer" in route:
        return check_model(route["answer"], body, "answer")
    return check(route["data"], body["data"], "data") if "data" in route else []


def _check_failure(body: dict[str, Any]) -> list[str]:
    """A failed file operation explains itself in a FileOperationError; other nouns may leave data null."""
    if not body["message"]:
        return ["a failure without a message"]
    if isinstance(body["data"], dict) and "error_type" in body["data"]:
        return check_model("FileOperationError", body["data"], "data")
    return []


def check_model(model: str, value: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is {value!r}, not a {model}"]
    problems = []
    for name, field in MODELS[model].items():
        if name not in value:
            if field.get("required"):
                problems.append(f"{where}.{name} is absent")
            continue
        problems += check(field["is"], value[name], f"{where}.{name}")
    return problems


def check(alternatives: list[dict[str, Any]], value: Any, where: str) -> list[str]:
    """Problems of the best fitting alternative; none when one of them fits."""
    attempts = [_check_one(alternative, value, where) for alternative in alternatives]
    return min(attempts, key=len)


def _check_one(kind: dict[str, Any], value: Any, where: str) -> list[str]:
    if "model" in kind:
        return check_model(kind["model"], value, where)
    if "enum" in kind:
        return [] if value in kind["enum"] else [f"{where} is {value!r}, not one of {kind['enum']}"]
    if not _is_of_type(kind["type"], value):
        return [f"{where} is {value!r}, not of type {kind['type']}"]
    if kind["type"] == "array":
        return [p for i, item in enumerate(value) for p in check(kind["items"], item, f"{where}[{i}]")]
    if kind["type"] == "object":
        return [p for key, item in value.items() for p in check(kind["values"], item, f"{where}[{key!r}]")]
    if kind.get("format") == "date-time":
        return _check_time(value, where)
    return []


def _is_of_type(name: str, value: Any) -> bool:
    if name == "any":
        return True
    if name == "null":
        return value is None
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, _PYTHON_TYPES[name])


def _check_time(value: str, where: str) -> list[str]:
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return [f"{where} is {value!r}, not a date and time"]
    return []
