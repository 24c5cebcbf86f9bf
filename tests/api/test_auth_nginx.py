"""GET /auth, which a proxy in front asks before it passes a request on: bare, and asked by a real nginx."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from apps import App
from nginx import BEGINNING, Nginx
from server import Server
from tokens import Signer, bearer
from waiting import allow

KEY = "a-key-behind-nginx"
ALL = "read exec desktop admin"

# As the README shows it: one location asks for the gateway below a prefix, one for another program's pages.
CONFIGURATION = BEGINNING + """        proxy_http_version 1.1;
        location = /ask-for-box {{
            internal;
            proxy_pass http://127.0.0.1:{gateway}/auth?prefix={prefix};
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix "{prefix}";
        }}
        location {prefix}/ {{
            auth_request /ask-for-box;
            proxy_pass http://127.0.0.1:{gateway}/;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix "{prefix}";
        }}
        location = /ask {{
            internal;
            proxy_pass http://127.0.0.1:{gateway}/auth;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
        location /other/ {{
            auth_request /ask;
            auth_request_set $session $upstream_http_set_cookie;
            auth_request_set $user $upstream_http_x_auth_user;
            auth_request_set $scopes $upstream_http_x_auth_scopes;
            add_header Set-Cookie $session;
            proxy_pass http://127.0.0.1:{other}/;
            proxy_set_header X-Auth-User $user;
            proxy_set_header X-Auth-Scopes $scopes;
        }}
    }}
}}
"""


class AskingNginx(Nginx):
    configuration = CONFIGURATION


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def gateway(signer):
    server = Server(key=KEY, env={"JWT_PUBLIC_KEY": signer.setting})
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


@pytest.fixture(scope="module")
def other():
    with App() as app:
        yield app


@pytest.fixture(scope="module")
def front(gateway, other, tmp_path_factory):
    with AskingNginx(gateway, tmp_path_factory.mktemp("nginx"), "/box/1", other=other.port) as nginx:
        yield nginx


@pytest.fixture
def person(front):
    """A browser's cookies, over TLS; addresses are below the site's root."""
    url = f"https://{front.host}"
    with httpx.Client(base_url=url, verify=front.trust(), trust_env=False, timeout=allow(20)) as client:
        yield client


@pytest.fixture
def program(gateway):
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=allow(20)) as client:
        yield client


def ticket_of(gateway, **fields) -> str:
    answer = gateway.api.post("/tickets", fields)
    assert answer.status == 200, answer
    return answer.body["ticket"]


def about(uri: str, method: str = "GET", **headers: str) -> dict[str, str]:
    return {"X-Original-URI": uri, "X-Original-Method": method, **headers}


KEYED = {"X-AIO-API-Key": KEY}


def test_the_answer(program: httpx.Client, signer: Signer) -> None:
    answer = program.get("/auth", headers=KEYED)
    assert answer.status_code == 200 and answer.json() == {"user": "key", "scope": ALL}
    assert (answer.headers["x-auth-user"], answer.headers["x-auth-scopes"]) == ("key", ALL)
    token = bearer(signer.token(sub="böse\r\nX: y", scope="exec"))
    assert program.get("/auth", headers=token).headers["x-auth-user"] == "jwt:b??se??X: y"
    for headers in ({}, {"X-AIO-API-Key": "wrong"}, about("/"), about("/?api_key=wrong"), about("/?ticket=x")):
        refused = program.get("/auth", headers=headers)
        assert refused.status_code == 401 and "x-auth-user" not in refused.headers, headers


@pytest.mark.parametrize(
    "uri, method, scope, status",
    [
        ("/v1/sandbox", "GET", "read", 200),
        ("/v1/sandbox?x=y", "HEAD", "read", 200),
        ("/v1/sandbox", "GET", "exec", 403),
        ("/v1/bash/exec", "POST", "exec", 200),
        ("/v1/bash/exec", "POST", "read", 403),
        ("/v1/bash/exec", "GET", "read exec", 403),  # no such row: for who may do everything
        ("/v1/b%61sh/exec", "POST", "read", 403),
        ("/proxy/3000/x%20y", "PUT", "exec", 200),
        ("/proxy/3000/x%2f..", "PUT", "exec", 403),  # a proxy may make something else of these
        ("/static/../other", "GET", "read", 403),
        ("/static/%2e%2E/other", "GET", "read", 403),
        ("/static//x.js", "GET", "read", 403),
        ("/static/./x.js", "GET", "read", 403),
        ("/static/x.js", "GET", "read", 200),
        ("/static/../other", "GET", ALL, 200),
        ("/proxy/3000/x", "PUT", "read", 403),
        ("/websockify", "GET", "desktop", 200),
        ("/v1/services/x/stop", "POST", "exec desktop", 403),
        ("/v1/services/x/stop", "POST", "admin", 200),
        ("/healthz", "GET", "", 200),
        ("/of/another/program", "GET", "read exec desktop", 403),
        ("/of/another/program", "GET", ALL, 200),
        ("/%ff", "GET", "read", 403),
        ("/%zz", "GET", "read", 403),
        ("nonsense", "GET", ALL, 403),
        ("http://x/", "GET", ALL, 403),
    ],
)
def test_scopes_of_the_other_request(program, signer: Signer, uri: str, method: str, scope: str, status: int) -> None:
    answer = program.get("/auth", headers=about(uri, method, **bearer(signer.token(scope=scope))))
    assert answer.status_code == status, answer.text


def test_credentials_of_the_other_address(program: httpx.Client, signer: Signer) -> None:
    assert program.get("/auth", headers=about(f"/?a=b&api_key={KEY}")).status_code == 200
    assert program.get("/auth", headers=about(f"/?%61pi_key={KEY.replace('-', '%2D')}")).status_code == 200
    assert program.get("/auth", headers=about(f"/?api_key={signer.token()}")).status_code == 200
    assert program.get("/auth", headers=about(f"/x/api_key={KEY}")).status_code == 401
    # A page is asked about like anything else: the answer is for the proxy, not for the person.
    given = program.get("/auth", headers=about(f"/?api_key={KEY}", Accept="text/html"))
    assert given.status_code == 200 and "set-cookie" not in given.headers


def test_a_ticket_is_looked_at_once_and_used_once(gateway, program: httpx.Client) -> None:
    ticket = ticket_of(gateway)
    asked = about(f"/v1/sandbox?ticket={ticket}")
    looked = program.get("/auth", headers=asked)
    assert looked.status_code == 200
    cookie = looked.headers["set-cookie"].split(";")[0]
    program.cookies.clear()
    assert program.get("/auth", headers=asked).status_code == 401
    again = program.get("/auth", headers={**asked, "Cookie": cookie})
    assert again.status_code == 200 and "set-cookie" not in again.headers
    assert program.get(f"/v1/sandbox?ticket={ticket}").status_code == 200
    program.cookies.clear()
    assert program.get(f"/v1/sandbox?ticket={ticket}").status_code == 401
    assert program.get("/auth", headers=asked).status_code == 401
    assert program.get("/auth", headers={**asked, "Cookie": cookie}).status_code == 200
    assert program.get(f"/v1/sandbox?ticket={ticket}", headers={"Cookie": cookie}).status_code == 200


def test_a_bound_ticket_is_judged_by_the_other_path(gateway, program: httpx.Client) -> None:
    ticket = ticket_of(gateway, path="/vnc")
    for uri in ("/vnc/../x", "/vnc/%2e%2e/x", "/vnc//x", "/vnc/%ff"):
        assert program.get("/auth", headers=about(f"{uri}?ticket={ticket}")).status_code == 403, uri
    for uri, status in (("/v1/sandbox", 403), ("/vncx", 403), ("/", 403), ("/vnc/", 200)):
        assert program.get("/auth", headers=about(f"{uri}?ticket={ticket}")).status_code == status, uri
    assert program.get("/auth", headers=about("/websockify")).status_code == 200
    assert program.get("/auth", headers=about("/v1/sandbox")).status_code == 403
    assert program.get("/v1/sandbox").status_code == 403


def test_the_prefix_is_the_proxys_word(program: httpx.Client, signer: Signer) -> None:
    reader = bearer(signer.token(scope="read"))
    asked = about("/box/1/v1/sandbox", **reader)
    for query, status in (("?prefix=/box/1", 200), ("?prefix=/box/1/", 200), ("", 403), ("?prefix=/box", 403)):
        assert program.get("/auth" + query, headers=asked).status_code == status, query
    # A header that a client may have sent says nothing.
    assert program.get("/auth", headers={**asked, "X-Forwarded-Prefix": "/box/1"}).status_code == 403


# Asked by nginx.


def test_nginx_lets_in_whom_the_gateway_lets_in(person: httpx.Client, signer: Signer) -> None:
    assert person.get("/box/1/v1/sandbox").status_code == 401
    assert person.get("/box/1/v1/sandbox", headers={"X-AIO-API-Key": "wrong"}).status_code == 401
    assert person.get("/box/1/v1/sandbox", headers=KEYED).status_code == 200
    assert person.get("/box/1/v1/sandbox", headers=bearer(signer.token(scope="read"))).status_code == 200
    run = {"json": {"command": "echo hi"}, "headers": bearer(signer.token(scope="read"))}
    assert person.post("/box/1/v1/bash/exec", **run).status_code == 403
    run["headers"] = bearer(signer.token(scope="exec"))
    assert person.post("/box/1/v1/bash/exec", **run).json()["data"]["stdout"] == "hi\n"


def test_nginx_and_then_the_gateway_take_one_ticket(gateway, front, person: httpx.Client) -> None:
    ticket = ticket_of(gateway)
    page = {"Accept": "text/html", "Sec-Fetch-Site": "none"}
    given = person.get(f"/box/1/?ticket={ticket}", headers=page)
    assert given.status_code == 303 and given.headers["location"] == "./"
    assert "; Path=/box/1/; HttpOnly; SameSite=Strict; Secure" in given.headers["set-cookie"]
    assert person.get("/box/1/", headers=page).status_code in (200, 503)
    assert person.get("/box/1/v1/sandbox").status_code == 200
    assert person.get(f"/box/1/v1/sandbox?ticket={ticket}").status_code == 200
    person.cookies.clear()
    assert person.get(f"/box/1/v1/sandbox?ticket={ticket}").status_code == 401


def test_a_socket_through_nginx(gateway, front) -> None:
    origin, ticket = f"https://{front.host}", ticket_of(gateway)
    url = f"wss://{front.host}/box/1/v1/shell/ws?ticket={ticket}"
    with connect(url, ssl=front.trust(), proxy=None, origin=origin, open_timeout=allow(10), legacy=True) as socket_:
        assert "session_id" in socket_.recv(timeout=allow(10))
    with pytest.raises(InvalidStatus) as refusal:
        connect(url, ssl=front.trust(), proxy=None, origin=origin, open_timeout=allow(10), legacy=True)
    assert refusal.value.response.status_code == 401


def test_another_program_behind_the_same_question(gateway, other, person: httpx.Client, signer: Signer) -> None:
    assert person.get("/other/x").status_code == 401
    seen = person.get("/other/x", headers=bearer(signer.token(sub="alice"))).json()
    told = {name.lower(): value for name, value in seen["headers"]}
    assert (told["x-auth-user"], told["x-auth-scopes"]) == ("jwt:alice", ALL)
    assert person.get("/other/x", headers=bearer(signer.token(scope="read"))).status_code == 403
    # Whatever else the client says does not move the question elsewhere: to an app of its own that says yes.
    runner = bearer(signer.token(scope="exec"))
    for more in ({"X-AIO-Proxy-Port": str(other.port)}, {"Host": f"{other.port}-x.localhost"}, {"X-Forwarded-Prefix": "/other"}):
        assert person.get("/other/healthz", headers={**runner, **more}).status_code == 403, more
    for path in ("/static/../other/x", "/static/%2e%2e/other/x", f"/proxy/{other.port}/../../other/x"):
        person.headers.update(runner)
        request = person.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        assert person.send(request).status_code == 403, path
        del person.headers["Authorization"]
    bound = ticket_of(gateway, path=f"/proxy/{other.port}")
    assert person.get(f"/other/x?ticket={bound}", headers={"X-AIO-Proxy-Port": str(other.port)}).status_code == 403
    ticket = ticket_of(gateway)
    assert person.get(f"/other/x?ticket={ticket}").status_code == 200
    assert person.get("/other/style.css").status_code == 200
    assert person.get(f"/other/x?ticket={ticket}").status_code == 200
    person.cookies.clear()
    assert person.get(f"/other/x?ticket={ticket}").status_code == 401
