"""JSON Web Tokens instead of the key, or beside it: what they open, what narrows them, what is no token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess

import pytest
from websockets.exceptions import InvalidStatus

from apps import App
from client import Api, unique
from expect import assert_status
from rawhttp import RawConnection
from server import Server, clean_environment
from terminal import Terminal
from tokens import Signer, base64url, bearer
from waiting import allow

KEY = "a-key-beside-tokens"


@pytest.fixture(scope="module")
def signers() -> dict[str, Signer]:
    return {alg: Signer(alg) for alg in ("RS256", "ES256", "EdDSA")}


@pytest.fixture(scope="module")
def signer(signers) -> Signer:
    return signers["ES256"]


@pytest.fixture(scope="module")
def server(signers):
    """One that takes a token of any of the three keys, and no API key."""
    pems = "".join(s.pem for s in signers.values())
    gateway = Server(env={"JWT_PUBLIC_KEY": base64.b64encode(pems.encode()).decode()})
    try:
        yield gateway.start()
        gateway.stop()
    finally:
        gateway.discard()


@pytest.fixture
def client(server):
    api = Api(server.url)
    yield api
    api.close()


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_each_kind_of_key_lets_its_tokens_in(server, client: Api, signers, alg: str) -> None:
    token = signers[alg].token(sub="alice")
    for _ in range(2):
        assert client.get("/v1/sandbox", headers=bearer(token)).status == 200
    assert client.post("/v1/bash/exec", {"command": "echo hi"}, headers=bearer(token)).data["stdout"] == "hi\n"
    assert client.get("/auth", headers=bearer(token)).body == {"user": "jwt:alice", "scope": "read exec desktop admin"}
    with Terminal(server, headers=bearer(token)) as term:
        assert term.run("echo ok") == "ok\r\n"


def test_without_a_token_nothing_is_open(client: Api) -> None:
    for path in ("/", "/healthz", "/v1/sandbox", "/nothing", "/auth", "/tickets", "/static/x", "/proxy/3000/"):
        for method in ("GET", "POST", "OPTIONS", "BREW"):
            answer = client.request(method, path)
            assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer", (method, path)


def wrong_tokens(signer: Signer, stranger: Signer) -> dict[str, str]:
    good = signer.token()
    head, payload, signature = good.split(".")
    none, hs256 = (base64url(json.dumps({"alg": alg}).encode()) for alg in ("none", "HS256"))
    hs256 = f"{hs256}.{payload}"
    mac = base64url(hmac.new(signer.pem.encode(), hs256.encode(), hashlib.sha256).digest())
    return {
        "expired": signer.token(exp=-31),
        "without exp": signer.token(exp=None),
        "too early": signer.token(nbf=4102444800),
        "a stranger's": stranger.token(),
        "alg none": f"{none}.{payload}.",
        "alg none, signed": f"{none}.{payload}.{signature}",
        "HS256 with the public key": f"{hs256}.{mac}",
        "another algorithm": signer.token(header={"alg": "RS256"}),
        "crit": signer.token(header={"alg": signer.alg, "crit": ["exp"]}),
        "truncated": good[:-1],
        "padded": good + "=",
        "without signature": f"{head}.{payload}.",
        "two parts": f"{head}.{payload}",
        "five parts": f"{good}.x.y",
        "other payload": f"{head}.{base64url(b'{}')}.{signature}",
        "too long": signer.token(x="x" * 8192),
        "nothing": "",
        "noise": "~" * 10 + "." * 10,
    }


def test_a_wrong_token_is_401(server, client: Api, signer: Signer) -> None:
    """And says the same as none at all."""
    nobody = client.get("/v1/sandbox").content
    for name, token in wrong_tokens(signer, Signer()).items():
        with RawConnection(server) as raw:
            raw.send(raw.head("GET /v1/sandbox HTTP/1.1", f"Authorization: Bearer {token}"))
            answer = raw.answer()
        assert answer.status == 401 and answer.body == nobody, name


def test_a_token_is_no_key(client: Api, signer: Signer) -> None:
    token = signer.token()
    assert client.get("/v1/sandbox", headers={"X-AIO-API-Key": token}).status == 401
    assert client.get("/v1/sandbox", headers={"Authorization": f"Basic {token}"}).status == 401
    assert client.get("/v1/sandbox", headers={"Authorization": token}).status == 401
    assert client.get("/v1/sandbox", headers={"Cookie": f"sandgate_session={token}"}).status == 401
    # What the form of a page sends.
    assert client.get(f"/v1/sandbox?api_key={token}").status == 200


ROWS = [
    ("GET", "/v1/sandbox", None, "read"),
    ("GET", "/v1/shell/sessions", None, "read"),
    ("GET", "/v1/services", None, "read"),
    ("POST", "/v1/file/read", {"file": "/proc/version"}, "read"),
    ("POST", "/v1/bash/exec", {"command": "true"}, "exec"),
    ("POST", "/v1/file/write", {"file": "/tmp/x", "content": ""}, "exec"),
    ("POST", "/v1/code/execute", {"language": "python", "code": "1"}, "exec"),
    ("GET", "/proxy/1/", None, "exec"),
    ("GET", "/jupyter", None, "exec"),
    ("GET", "/code-server/", None, "exec"),
    ("GET", "/v1/shell/ws", None, "exec"),
    ("GET", "/v1/browser/screenshot", None, "desktop"),
    ("POST", "/v1/browser/actions", {"action_type": "WAIT", "duration": 0}, "desktop"),
    ("GET", "/websockify", None, "desktop"),
    ("GET", "/cdp/json/version", None, "desktop"),
    ("POST", "/v1/services/browser/start", None, "admin"),
    ("POST", "/v1/services/browser/stop", None, "admin"),
    ("POST", "/v1/browser/restart", None, "admin"),
]


@pytest.mark.parametrize("method, path, body, scope", ROWS, ids=[row[1] for row in ROWS])
def test_a_scope_opens_its_rows_and_no_others(client: Api, signer: Signer, method, path, body, scope) -> None:
    others = " ".join({"read", "exec", "desktop", "admin"} - {scope})
    for claims, allowed in (
        ({"scope": scope}, True),
        ({"scopes": [f"sandgate:{scope}"]}, True),
        ({"scope": others}, False),
        ({"scope": "openid profile"}, False),
        ({"scp": []}, False),
        ({"scope": scope, "scp": others.split()}, False),
    ):
        status = client.request(method, path, json=body, headers=bearer(signer.token(**claims))).status
        assert (status != 403) is allowed and status != 401, (claims, status)


def test_health_and_pages_need_no_scope(client: Api, signer: Signer) -> None:
    token = bearer(signer.token(scope=""))
    for path in ("/healthz", "/readyz", "/v1/openapi.json", "/llms.txt"):
        assert client.get(path, headers=token).status == 200, path


def test_reading_as_root_takes_more_than_reading(client: Api, signer: Signer) -> None:
    for verb, more in (("read", {}), ("search", {"regex": "Linux"})):
        body = {"file": "/proc/version", **more}
        reader, runner = (bearer(signer.token(scope=scope)) for scope in ("read", "read exec"))
        assert client.post(f"/v1/file/{verb}", body, headers=reader).status == 200
        assert_status(client.post(f"/v1/file/{verb}", {**body, "sudo": True}, headers=reader), 403)
        assert client.post(f"/v1/file/{verb}", {**body, "sudo": True}, headers=runner).status == 200


def test_paths_and_methods_are_told_to_the_credentialed_alone(client: Api, signer: Signer) -> None:
    token = bearer(signer.token())
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/v1/sandbox", 405), ("OPTIONS", "/v1/sandbox", 405)):
        assert client.request(method, path).status == 401
        assert client.request(method, path, headers=token).status == status


@pytest.mark.parametrize("target", ["/%ff", "/v1/%00", "/a?%zz", "/" + "?a" * 2 + "&b" * 70])
def test_malformed_targets_are_401_too(server, target: str) -> None:
    with RawConnection(server) as raw:
        raw.send(raw.head(f"GET {target} HTTP/1.1"))
        assert raw.answer().status == 401


def test_of_two_credentials_each_narrows(start_gateway, signer: Signer) -> None:
    gateway = start_gateway(key=KEY, env={"JWT_PUBLIC_KEY": signer.pem})
    api = Api(gateway.url)
    narrow, key = bearer(signer.token(scope="read")), {"X-AIO-API-Key": KEY}
    assert api.get("/v1/sandbox", headers=key).status == 200
    assert api.get("/v1/sandbox", headers=bearer(KEY)).status == 200
    assert api.get("/v1/sandbox", headers=narrow).status == 200
    run = {"command": "true"}
    assert api.post("/v1/bash/exec", run, headers=key).status == 200
    assert api.post("/v1/bash/exec", run, headers=narrow).status == 403
    assert api.post("/v1/bash/exec", run, headers={**key, **narrow}).status == 403
    assert api.post("/v1/bash/exec", run, headers={**key, **bearer("wrong")}).status == 401
    assert api.post("/v1/bash/exec", run, headers={"X-AIO-API-Key": "wrong", **narrow}).status == 401
    api.close()


def test_children_do_not_know_the_token_key(server, client: Api, signer: Signer) -> None:
    token = bearer(signer.token())
    for command in ("env", f"tr '\\0' '\\n' < /proc/{server.pid}/environ", f"cat /proc/{server.pid}/cmdline"):
        text = client.post("/v1/bash/exec", {"command": command}, headers=token).data["stdout"]
        assert text and signer.setting[:40] not in text and server.env["JWT_PUBLIC_KEY"][:40] not in text
        assert command != "env" or "JWT_PUBLIC_KEY" not in text


def test_no_token_reaches_an_app_or_the_log(server, client: Api, signer: Signer) -> None:
    token = signer.token(sub=unique("who"))
    with App() as app:
        headers = {**bearer(token), "Referer": f"{server.url}/x?a=1&api_key={token}", "X-Original-URI": f"/?api_key={token}&b"}
        answer = client.get(f"/proxy/{app.port}/x?api_key={token}&a=%20+", headers=headers)
    assert answer.status == 200 and answer.body["target"] == "/x?a=%20+"
    assert token not in answer.content.decode() and "authorization" not in answer.content.decode().lower()
    assert ["referer", f"{server.url}/x?a=1"] in [[n.lower(), v] for n, v in answer.body["headers"]]
    assert ["x-original-uri", "/?b"] in [[n.lower(), v] for n, v in answer.body["headers"]]
    assert token not in server.log()


# The setting.


def start_fails(setting: str, *args: str) -> str:
    gateway = Server(args, env={"JWT_PUBLIC_KEY": setting})
    try:
        done = subprocess.run(
            gateway.command_line(),
            env=clean_environment(gateway.env),
            capture_output=True,
            text=True,
            timeout=allow(20),
        )
        assert done.returncode == 1 and done.stdout == "", done
        return done.stderr
    finally:
        gateway.discard()


def test_a_bad_setting_is_one_clear_error() -> None:
    weak = Signer("weak")
    private = base64.b64encode(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").decode()
    for setting, says in (
        ("nonsense", "PEM"),
        (weak.setting, "2048"),
        (private, "PUBLIC KEY"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
    ):
        for args in ((), ("--check-config",)):
            error = start_fails(setting, *args)
            assert error.startswith("sandgate: JWT_PUBLIC_KEY: ") and says in error and error.count("\n") == 1, error


def test_the_setting_may_be_pem_or_wrapped_base64(start_gateway, signer: Signer) -> None:
    wrapped = base64.encodebytes(signer.pem.encode()).decode()
    for setting in (signer.pem, wrapped):
        gateway = start_gateway(env={"JWT_PUBLIC_KEY": setting})
        api = Api(gateway.url)
        assert api.get("/v1/sandbox", headers=bearer(signer.token())).status == 200
        assert api.get("/v1/sandbox").status == 401
        api.close()
