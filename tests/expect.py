"""What a refusal looks like: the assertions every noun's tests share."""

from __future__ import annotations

from client import Answer


def assert_invalid(answer: Answer, field: str) -> None:
    """A validation failure: 422 in the envelope, naming the field in its message and in FastAPI-style detail."""
    assert answer.status == 422, f"expected 422 for {field}, got {answer}"
    assert answer.success is False and answer.data is None, answer
    assert field in answer.message, f"the message does not name {field}: {answer}"
    places = [place for entry in answer.body["detail"] for place in entry["loc"]]
    assert field in places, f"detail does not name {field}: {answer}"
    assert all(entry["msg"] and entry["type"] for entry in answer.body["detail"]), answer


def assert_status(answer: Answer, status: int) -> None:
    """A refusal by status, still in the envelope and with words."""
    assert answer.status == status, f"expected {status}, got {answer}"
    assert answer.success is False and answer.message, answer


def assert_refused(answer: Answer) -> None:
    """Refused with a reason, where the issue leaves open whether by HTTP status or in the envelope alone."""
    assert answer.status == 200 or 400 <= answer.status < 500, answer
    assert answer.success is False and answer.message, answer


def assert_file_error(answer: Answer, error_type: str, errno_name: str, path: str, operation: str) -> None:
    """A failed file operation: HTTP 200, and an error a program and a person both understand."""
    assert answer.status == 200 and answer.success is False, answer
    data = answer.data
    assert (data["error_type"], data["errno_name"]) == (error_type, errno_name), answer
    assert data["path"] == path and operation in data["operation"], answer
    assert isinstance(data["errno"], int) and data["message"] and path in data["message"], answer
    assert answer.message, answer
