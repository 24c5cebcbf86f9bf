"""The matrix of test_trust_matrix.py with tokens and tickets: wrong ones are strangers', narrow ones open their rows and
no others, whatever the path is made to look like."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any, Callable, Iterator

import pytest

from box import KEY, Box, admitted, assert_alike, assert_mute, refused, run
from client import Api
from matrix import (
    GHOSTS,
    Case,
    Row,
    Trick,
    cases,
    header,
    method_tricks,
    one_at_a_time,
    pairwise,
    path_tricks,
    query,
    rows,
)
from pipelined import Told
from tokens import Signer, base64url, bearer
from waiting import eventually

pytestmark = pytest.mark.local

SCOPES = ("read", "exec", "desktop", "admin")


@pytest.fixture(scope="module")
def all_rows() -> list[Row]:
    return rows()


@pytest.fixture(scope="module")
def signers() -> dict[str, Signer]:
    return {alg: Signer(alg) for alg in ("RS256", "ES256", "EdDSA")}


@pytest.fixture
def box(tmp_path, signers) -> Iterator[Callable[..., Box]]:
    def make(ticket_seconds: int = 30) -> Box:
        pems = "".join(signer.pem for signer in signers.values())
        setting = base64.b64encode(pems.encode()).decode()
        return Box(tmp_path, key=KEY, env={"JWT_PUBLIC_KEY": setting, "TICKET_TTL_SECONDS": str(ticket_seconds)})

    yield make


def authorization(token: str) -> Callable[..., None]:
    return header(f"Authorization: Bearer {token}")


def ticket(box: Box, maker: str | None = None, **fields: Any) -> str:
    with Api(box.server.url).http as http:
        headers = bearer(maker) if maker else {"X-AIO-API-Key": KEY}
        return http.post("/tickets", headers=headers, json=fields).json()["ticket"]


def session(box: Box, secret: str, path: str) -> str:
    """The cookie that a browser gets for the ticket."""
    with Api(box.server.url).http as http:
        answer = http.get(path, params={"ticket": secret}, headers={"Accept": "text/html"})
    return re.match(r"[^;]+", answer.headers["set-cookie"])[0]


def wrong_tokens(signers: dict[str, Signer]) -> dict[str, str]:
    signer = signers["ES256"]
    head, payload, signature = signer.token().split(".")
    none, other = base64url(b'{"alg":"none"}'), base64url(b'{"exp":9999999999}')
    confused = f"{base64url(json.dumps({'alg': 'HS256'}).encode())}.{payload}"
    mac = hmac.new(signers["RS256"].pem.encode(), confused.encode(), hashlib.sha256).digest()
    return {
        **{f"expired, {alg}": s.token(exp=-3600) for alg, s in signers.items()},
        **{f"a stranger's, {alg}": Signer(alg).token() for alg in signers},
        "for later": signer.token(nbf=int(time.time()) + 3600),
        "without an end": signer.token(exp=None),
        "of no algorithm": f"{none}.{payload}.",
        "of no algorithm, signed": f"{none}.{payload}.{signature}",
        "signed with the public key": f"{confused}.{base64url(mac)}",
        "of another algorithm": signer.token(header={"alg": "RS256", "typ": "JWT"}),
        "with other claims": f"{head}.{other}.{signature}",
        "cut short": f"{head}.{payload}",
    }


def wrong_credentials(box: Box, signers: dict[str, Signer]) -> list[Trick]:
    right = signers["EdDSA"].token()
    used = ticket(box)
    assert box.server.api.http.get("/healthz", params={"ticket": used}).status_code == 200
    late = ticket(box)
    made = time.monotonic()
    eventually(lambda: time.monotonic() > made + 1.1, "the ticket's second passes")
    tokens = wrong_tokens(signers)
    tricks = {f"a token {name}": authorization(token) for name, token in tokens.items()}
    tricks |= {f"in the query, a token {name}": query(f"api_key={token}") for name, token in list(tokens.items())[::4]}
    tricks |= {
        "a token as the key": header(f"X-AIO-API-Key: {right}"),
        "a token as a ticket": query(f"ticket={right}"),
        "a token as the cookie": header(f"Cookie: sandgate_session={right}"),
        "a token and a wrong key": header("X-AIO-API-Key: wrong", f"Authorization: Bearer {right}"),
        "a ticket that was used": query(f"ticket={used}"),
        "a ticket that is late": query(f"ticket={late}"),
        "a ticket of nobody": query("ticket=" + "0" * 64),
        "an empty ticket": query("ticket="),
        "a used ticket and a token": lambda d: (query(f"ticket={used}")(d), authorization(right)(d)),
        "the key as a ticket": query(f"ticket={KEY}"),
        "a ticket as bearer": authorization(late),
        "a ticket as the cookie": header(f"Cookie: sandgate_session={late}"),
    }
    return [Trick(name, apply, right=False) for name, apply in tricks.items()]


def test_wrong_tokens_and_tickets_are_told_nothing(box, all_rows, signers) -> None:
    with box(ticket_seconds=1) as b:
        wrong = wrong_credentials(b, signers)
        asked = cases([*all_rows, *GHOSTS], b.place, pairwise([wrong, method_tricks()]))
        told = run(b, asked, refused)
        assert_alike(asked, told)
        assert_mute(told)
        b.assert_nothing_happened()


def test_right_tokens_and_tickets_are_admitted_everywhere(box, all_rows, signers) -> None:
    with box() as b:
        tokens = {alg: signer.token(sub=alg) for alg, signer in signers.items()}
        tricks = [Trick(f"a token, {alg}", authorization(token)) for alg, token in tokens.items()]
        tricks.append(Trick("a token in the query", query(f"api_key={tokens['RS256']}")))
        tricks.append(Trick("a token and the key", header(f"X-AIO-API-Key: {KEY}", *lines_of(tokens["ES256"]))))
        tricks.append(Trick("a session", header(f"Cookie: {session(b, ticket(b, tokens['EdDSA']), '/')}")))
        asked = cases(all_rows, b.place, one_at_a_time([tricks]), harmless=True)
        # A ticket opens one thing, so each row has its own.
        for row in all_rows:
            asked += cases([row], b.place, [(Trick("a ticket", query(f"ticket={ticket(b)}")),)], harmless=True)
        run(b, asked, admitted)


def lines_of(token: str) -> list[str]:
    return [f"{name}: {value}" for name, value in bearer(token).items()]


def test_a_narrow_credential_opens_its_rows_and_no_others(box, all_rows, signers) -> None:
    with box() as b:
        for scopes in ((), *((scope,) for scope in SCOPES), ("read", "desktop"), ("exec", "admin")):
            token = signers["RS256"].token(scope=" ".join(scopes))
            narrow = [
                (Trick(f"a token for {scopes}", authorization(token)),),
                (Trick(f"a session for {scopes}", header(f"Cookie: {session(b, ticket(b, token), '/')}")),),
            ]
            open_to = [row for row in all_rows if set(row.scopes) <= set(scopes)]
            closed = [row for row in all_rows if row not in open_to]
            assert closed and open_to
            run(b, cases(open_to, b.place, narrow, harmless=True), admitted)
            reached = b.recorder.connections
            run(b, cases(closed, b.place, narrow), wrong_scope)
            assert b.recorder.connections == reached
        assert not list(b.server.workspace.iterdir()) and not b.sessions()


def wrong_scope(case: Case, answer: Told) -> str | None:
    return None if answer.status == 403 else f"without the scope, and told {answer.status}"


def test_what_is_bound_to_a_path_leads_nowhere_else(box, all_rows, signers) -> None:
    """Whatever is put before, behind or into the path."""
    with box() as b:
        cookie = session(b, ticket(b, path="/vnc"), "/vnc/index.html")
        bound = [
            Trick("a session of /vnc", header(f"Cookie: {cookie}")),
            Trick("a ticket for /vnc", query(f"ticket={ticket(b, path='/vnc')}")),
        ]
        inside = [
            Trick(name, lambda d, before=before: setattr(d, "path", before + d.path))
            for name, before in {
                "above it": "/vnc/..",
                "above it, encoded": "/vnc/%2e%2e",
                "above it with a slash encoded": "/vnc%2f..",
                "above it with a parameter": "/vnc/..;",
                "beside it": "/vncx/..",
                "behind two slashes": "//vnc/..",
            }.items()
        ]
        # Parts of a page go with it: those of /vnc, and those of every page.
        beyond = [row for row in all_rows if not row.serves and not row.path.startswith("/vnc")]
        run(b, cases(beyond, b.place, pairwise([bound, [*path_tricks(), *inside]])), kept_inside)
        b.recorder.assert_untouched()
        assert not list(b.server.workspace.iterdir()) and not b.sessions()
        for service in b.api.get_ok("/v1/services"):
            assert service["name"] == "desktop" or service["state"] == "stopped", service


def kept_inside(case: Case, answer: Told) -> str | None:
    return None if answer.status in (0, 400, 401, 403, 404, 405) else f"beyond its path, and told {answer.status}"
