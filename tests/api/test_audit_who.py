"""The audit log names its callers: by key, by token, by ticket."""

from __future__ import annotations

import base64

import httpx
import pytest

from audit import entries, one
from client import Api, unique
from tokens import Signer, bearer
from waiting import eventually

pytestmark = pytest.mark.local

KEY = "audit-k3y"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("ES256")


@pytest.fixture
def server(signer: Signer, start_gateway):
    return start_gateway(key=KEY, env={"JWT_PUBLIC_KEY": base64.b64encode(signer.pem.encode()).decode()})


@pytest.fixture
def stranger(server):
    api = Api(server.url)
    yield api
    api.close()


def test_tokens_are_named_by_their_subject(server, stranger: Api, signer: Signer) -> None:
    mark = unique("mark")
    token = signer.token(sub="alice")
    assert stranger.post("/v1/bash/exec", {"command": f": {mark}"}, headers=bearer(token)).status == 200
    assert one(server.api, contains=mark)["who"] == "jwt:alice"
    assert [e["who"] for e in entries(server.api, who="jwt:alice")] == ["jwt:alice"]
    assert token.split(".")[2] not in str(entries(server.api))


def test_what_a_scope_does_not_permit_is_told_of_its_holder(server, stranger: Api, signer: Signer) -> None:
    token = signer.token(sub="reader", scope="read")
    for n in range(3):
        body = {"file": f"{server.workspace}/{n}", "content": ""}
        assert stranger.post("/v1/file/write", body, headers=bearer(token)).status == 403
    assert stranger.get("/v1/audit", headers=bearer(token)).status == 403
    eventually(lambda: one(server.api, who="jwt:reader", action="file.write")["count"] == 3, "all are counted")
    refused = one(server.api, who="jwt:reader", action="file.write")
    assert (refused["result"], refused["status"]) == ("refused", 403)
    looked = one(server.api, who="jwt:reader", action="access.refused")
    assert looked["path"] == "/v1/audit"


def test_tickets_from_their_making_to_their_use(server, stranger: Api) -> None:
    ticket = server.api.post("/tickets", {"path": "/terminal"}).body["ticket"]
    made = one(server.api, action="ticket.create")
    assert (made["who"], made["subject"], made["result"]) == ("key", "/terminal", "ok")
    page = httpx.get(
        f"{server.url}/terminal", params={"ticket": ticket}, headers={"Accept": "text/html"}, trust_env=False
    )
    assert page.status_code == 303, page
    login = one(server.api, action="login")
    assert (login["path"], login["who"]) == ("/terminal", made["who"])
    again = stranger.get("/terminal", params={"ticket": ticket})
    assert again.status == 401
    assert one(server.api, action="access.refused")["path"] == "/terminal"
    assert ticket not in str(entries(server.api))
