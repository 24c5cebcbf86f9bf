"""One-time tickets: made with a credential, used up by what they open first, and the sessions they begin."""

from __future__ import annotations

import json
import re
import subprocess

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from apps import App, STYLES, ask
from client import Api
from expect import assert_status
from rawhttp import RawConnection
from server import Server, clean_environment
from terminal import Terminal
from tokens import Signer, bearer
from waiting import allow, eventually

KEY = "a-key-that-makes-tickets"
PAGE = {"Accept": "text/html"}
ALL = "read exec desktop admin"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def server(signer):
    gateway = Server(key=KEY, env={"JWT_PUBLIC_KEY": signer.setting})
    try:
        yield gateway.start()
        gateway.stop()
    finally:
        gateway.discard()


@pytest.fixture
def browser(server):
    """What keeps cookies, and has none yet; it follows nothing by itself."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        yield client


def make(server, headers: dict[str, str] | None = None, **fields) -> str:
    answer = httpx.post(f"{server.url}/tickets", headers=headers or {"X-AIO-API-Key": KEY}, json=fields, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["ticket"]


def status(server, path: str, **headers: str) -> int:
    return httpx.get(server.url + path, headers={n.replace("_", "-"): v for n, v in headers.items()}, trust_env=False).status_code


def cookie_of(answer: httpx.Response) -> str:
    """name=value, as a browser sends it back."""
    return answer.headers["set-cookie"].split(";")[0]


# Making them.


def test_the_answer(server) -> None:
    answer = server.api.post("/tickets")
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    ticket = answer.body.pop("ticket")
    assert re.fullmatch(r"[0-9a-f]{64}", ticket) and ticket != make(server)
    assert {**answer.body, "ticket": ""} == {"ticket": "", "expires_in": 30, "path": "/", "scope": ALL, "hint": None}
    bound = server.api.post("/tickets", {"path": "/vnc/", "scopes": ["desktop", "read"]}).body
    assert (bound["path"], bound["scope"]) == ("/vnc", "read desktop")


@pytest.mark.parametrize("body", [None, "{}", '{"path": null, "scopes": null}'])
def test_nothing_need_be_said(server, body: str | None) -> None:
    answer = server.api.http.post("/tickets", content=body)
    assert answer.status_code == 200 and answer.json()["scope"] == ALL


@pytest.mark.parametrize(
    "body",
    [
        {"path": "vnc"},
        {"path": "/a/../b"},
        {"path": "/a//b"},
        {"path": "/a?b=1"},
        {"path": "/a#b"},
        {"path": "/" + "a" * 300},
        {"path": 1},
        {"scopes": "read"},
        {"scopes": ["root"]},
        {"scopes": ["sandgate:read"]},
    ],
)
def test_what_is_no_ticket(server, body) -> None:
    assert_status(server.api.post("/tickets", body), 422)


def test_a_ticket_gives_no_more_than_its_maker_has(server, signer: Signer) -> None:
    reader = bearer(signer.token(scope="read", sub="reader"))
    assert server.api.http.get("/auth", headers={"X-AIO-API-Key": KEY}).json()["user"] == "key"
    with Api(server.url).http as stranger:
        assert stranger.post("/tickets", headers=reader, json={"scopes": ["exec"]}).status_code == 403
    ticket = make(server, reader)
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.post(f"/v1/bash/exec?ticket={ticket}", json={"command": "true"}).status_code == 403
        # What was refused used nothing up.
        assert client.get(f"/v1/sandbox?ticket={ticket}").status_code == 200
        assert client.post("/v1/bash/exec", json={"command": "true"}).status_code == 403
        assert client.get("/auth").json() == {"user": "jwt:reader", "scope": "read"}
        # Nor can the session make more of it.
        assert client.post("/tickets", json={"scopes": ["exec"]}).status_code == 403
        assert client.post("/tickets").json()["scope"] == "read"


@pytest.mark.local  # one that runs elsewhere may be locked
def test_without_authentication_there_are_tickets_too(api: Api) -> None:
    """Clients written for a locked gateway work with an open one."""
    ticket = api.post("/tickets").body["ticket"]
    for _ in range(2):
        assert api.get(f"/v1/sandbox?ticket={ticket}").status == 200
    assert api.get("/auth").body == {"user": "anyone", "scope": ALL}


# Using them.


def test_a_ticket_opens_one_thing_once(server) -> None:
    ticket = make(server)
    assert status(server, f"/v1/sandbox?ticket={ticket}") == 200
    assert status(server, f"/v1/sandbox?ticket={ticket}") == 401
    assert status(server, f"/v1/sandbox?ticket={make(server)}&x=1") == 200


def test_wrong_tickets_answer_like_wrong_keys(server, signer: Signer) -> None:
    def answer(query: str = "", **headers: str) -> tuple[int, bytes]:
        got = httpx.get(f"{server.url}/v1/sandbox{query}", headers=headers, trust_env=False)
        return got.status_code, got.content

    used = make(server)
    assert status(server, f"/healthz?ticket={used}") == 200
    wrong = answer("?api_key=wrong")
    assert wrong[0] == 401
    for value in ("", "x", used, used[:-1], used + "0", KEY, "0" * 64):
        assert answer(f"?ticket={value}") == wrong, value
    # A wrong one is refused even beside a right key; one that does not look like ours is none.
    for value, status_ in ((used, 401), ("0" * 64, 401), ("ST-1-x", 200)):
        assert answer(f"?ticket={value}", **{"X-AIO-API-Key": KEY})[0] == status_, value
    page = httpx.get(f"{server.url}/?ticket=x", headers=PAGE, trust_env=False)
    assert page.status_code == 401 and 'name="api_key"' in page.text and page.headers["referrer-policy"] == "no-referrer"


def test_an_app_may_have_tickets_of_its_own(server) -> None:
    with App() as app:
        own = "/x?ticket=ST-1-abc&b=%20&ticket=" + "0" * 63
        seen = httpx.get(f"{server.url}/proxy/{app.port}{own}", headers={"X-AIO-API-Key": KEY}, trust_env=False)
    assert seen.status_code == 200 and seen.json()["target"] == own


def test_it_runs_out(start_gateway) -> None:
    server = start_gateway(key=KEY, env={"TICKET_TTL_SECONDS": "1"})
    tickets = server.api.post("/tickets").body
    assert tickets["expires_in"] == 1
    # The bound prefix is wrong for this path, so asking uses nothing up: 403 while it lives, then 401.
    bound = make(server, path="/vnc")
    assert status(server, f"/v1/sandbox?ticket={bound}") in (401, 403)
    eventually(lambda: status(server, f"/v1/sandbox?ticket={bound}") == 401, "the ticket runs out")
    assert status(server, f"/v1/sandbox?ticket={tickets['ticket']}") == 401


@pytest.mark.parametrize("seconds", ["0", "3601", "x"])
def test_the_time_to_live_has_bounds(seconds: str) -> None:
    gateway = Server(["--check-config"], env={"TICKET_TTL_SECONDS": seconds})
    try:
        done = subprocess.run(
            gateway.command_line(), env=clean_environment(gateway.env), capture_output=True, text=True, timeout=allow(20)
        )
    finally:
        gateway.discard()
    assert done.returncode == 1 and "TICKET_TTL_SECONDS" in done.stderr


def test_it_begins_a_session(server, browser: httpx.Client) -> None:
    ticket = make(server)
    first = browser.get(f"/v1/sandbox?ticket={ticket}")
    assert first.status_code == 200
    attributes = first.headers["set-cookie"].split("; ")
    assert attributes[0].startswith("sandgate_session=") and ticket not in attributes[0]
    assert attributes[1:] == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert browser.get("/v1/sandbox").status_code == 200
    # The ticket is good beside the cookie it made, as often as a page likes, and makes no other.
    for _ in range(3):
        again = browser.get(f"/v1/sandbox?ticket={ticket}")
        assert again.status_code == 200 and "set-cookie" not in again.headers
    assert status(server, f"/v1/sandbox?ticket={ticket}") == 401
    # Beside another session's cookie it is not.
    other = cookie_of(httpx.get(f"{server.url}/healthz?ticket={make(server, scopes=['read'])}", trust_env=False))
    assert status(server, "/v1/sandbox", Cookie=other) == 200
    assert status(server, f"/v1/sandbox?ticket={ticket}", Cookie=other) == 401


def test_more_tickets_for_one_browser_make_one_session(server, browser: httpx.Client) -> None:
    tickets = [make(server) for _ in range(3)]
    cookies = [browser.get(f"/healthz?ticket={ticket}").headers.get("set-cookie") for ticket in tickets]
    assert cookies[0] and cookies[1:] == [None, None]
    for ticket in tickets:
        assert browser.get(f"/v1/sandbox?ticket={ticket}").status_code == 200
        assert status(server, f"/v1/sandbox?ticket={ticket}") == 401


def test_websockets(server, browser: httpx.Client) -> None:
    ticket = make(server)
    with Terminal(server, headers={"X-A": "b"}, query={"ticket": ticket}) as term:
        assert term.run("echo ok") == "ok\r\n"
        assert ticket not in term.run("env")
        cookie = term.socket.response.headers["Set-Cookie"].split(";")[0]
    with pytest.raises(InvalidStatus) as refusal:
        Terminal(server, headers={"X-A": "b"}, query={"ticket": ticket})
    assert refusal.value.response.status_code == 401
    with Terminal(server, headers={"Cookie": cookie}, query={"ticket": ticket}) as term:
        assert term.run("echo ok") == "ok\r\n"


# Pages.


def test_a_page_leads_to_itself_without_the_ticket(server, browser: httpx.Client) -> None:
    ticket = make(server)
    given = browser.get(f"/vnc/index.html?autoconnect=1&ticket={ticket}&path=websockify%3Fticket%3D{ticket}", headers=PAGE)
    assert given.status_code == 303 and given.headers["cache-control"] == "no-store"
    assert given.headers["location"] == f"./index.html?autoconnect=1&path=websockify%3Fticket%3D{ticket}"
    assert given.headers["referrer-policy"] == "no-referrer"
    assert browser.get(f"/vnc/index.html?autoconnect=1", headers=PAGE).status_code in (200, 503)
    # Its socket names the same ticket again, as the address said: let in, and there is no desktop.
    assert browser.get(f"/websockify?ticket={ticket}").status_code == 503
    # So does the page, when somebody goes back to its first address.
    back = browser.get(f"/vnc/index.html?ticket={ticket}", headers=PAGE)
    assert back.status_code == 303 and back.headers["location"] == "./index.html" and "set-cookie" not in back.headers


@pytest.mark.parametrize("name", ["ticket", "tick%65t"])
def test_names_may_be_escaped(server, browser: httpx.Client, name: str) -> None:
    given = browser.get(f"/?{name}={make(server)}&a=%20", headers=PAGE)
    assert given.status_code == 303 and given.headers["location"] == "./?a=%20"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Upgrade-Insecure-Requests": "1"},
    ],
)
def test_from_another_site_a_document_leads_on(server, browser: httpx.Client, headers) -> None:
    """A strict cookie is not sent where a redirect leads that another site began."""
    given = browser.get(f"/terminal?ticket={make(server)}&x=%22%3E&y='", headers={**PAGE, **headers})
    assert given.status_code == 200 and "set-cookie" in given.headers
    assert 'content="0;url=./terminal?x=%22%3E&amp;y=&#39;"' in given.text
    assert given.headers["content-security-policy"] == "default-src 'none'"


def test_behind_a_prefix_with_tls(server) -> None:
    headers = {"X-Forwarded-Prefix": "/box/1", "X-Forwarded-Proto": "https"}
    answer = httpx.get(f"{server.url}/healthz?ticket={make(server)}", headers=headers, trust_env=False)
    assert answer.headers["set-cookie"].split("; ")[1:] == ["Path=/box/1/", "HttpOnly", "SameSite=Strict", "Secure"]


# Bounds.


def test_a_bound_ticket_opens_its_page_and_what_that_needs(server, browser: httpx.Client) -> None:
    ticket = make(server, path="/vnc/")
    for path in ("/", "/v1/sandbox", "/terminal", "/vncx", "/cdp/json", "/no-such-path", "/tickets", "/v1/openapi.json"):
        assert browser.get(f"{path}?ticket={ticket}").status_code in (403, 404, 405), path
    assert not browser.cookies
    given = browser.get(f"/vnc/index.html?ticket={ticket}", headers=PAGE)
    assert given.status_code == 303
    assert re.match(r"sandgate_session_[0-9a-f]{8}=", given.headers["set-cookie"])
    assert browser.get("/websockify").status_code == 503  # let in: there is no desktop here
    assert browser.get("/v1/browser/info").status_code == 503
    for path in ("/vnc/", "/vnc/x.js", "/static/x.js", "/favicon.ico", "/healthz", "/auth"):
        assert browser.get(path).status_code not in (401, 403), path
    for path in ("/", "/v1/sandbox", "/terminal", "/vncx", "/cdp/json", "/v1/shell/ws", "/readyz", "/metrics"):
        assert browser.get(path).status_code in (403, 404), path
    assert browser.post("/tickets").status_code == 403
    assert browser.post("/v1/bash/exec", json={"command": "true"}).status_code == 403


@pytest.mark.parametrize("path", ["/vnc/../v1/sandbox", "/vnc/%2e%2e/v1/sandbox", "/vnc%2f..%2fv1/sandbox", "//v1/sandbox", "/vnc/;/../../v1/sandbox"])
def test_no_way_of_writing_leads_out_of_the_bound(server, path: str) -> None:
    cookie = cookie_of(httpx.get(f"{server.url}/vnc/?ticket={make(server, path='/vnc')}", trust_env=False))
    with RawConnection(server) as raw:
        raw.key = None
        raw.send(raw.head(f"GET {path} HTTP/1.1", f"Cookie: {cookie}"))
        answer = raw.answer()
    assert answer.status in (400, 403, 404) and b"home" not in answer.body


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_bound_to_a_port(server, style) -> None:
    with App() as app, App() as other:
        bound = f"/absproxy/{app.port}" if style.name == "absproxy" else f"/proxy/{app.port}"
        cookie = cookie_of(
            httpx.get(server.url + style.path(app.port, f"/a?ticket={make(server, path=bound)}"), headers=style.headers(app.port), trust_env=False)
        )
        key, server.key = server.key, None
        try:
            seen = ask(server, style, app.port, "/b", Cookie=f"{cookie}; own=1")
            assert seen.status == 200 and ["Cookie", "own=1"] in json.loads(seen.body)["headers"]
            assert ask(server, style, other.port, "/b", Cookie=cookie).status == 403
        finally:
            server.key = key
        assert status(server, "/v1/sandbox", Cookie=cookie) == 403


def test_bounds_stand_beside_each_other(server, browser: httpx.Client) -> None:
    """Two tabs of one browser, each with a ticket of its own, do not take each other's session away."""
    vnc, terminal = make(server, path="/vnc"), make(server, path="/terminal", scopes=["exec"])
    assert browser.get(f"/vnc/x?ticket={vnc}").status_code == 404
    assert browser.get(f"/terminal?ticket={terminal}").status_code in (200, 503)
    assert len(browser.cookies) == 2
    assert browser.get("/websockify").status_code == 503
    assert browser.get("/v1/shell/ws").status_code == 400  # let in: this is no handshake
    assert browser.get(f"/vnc/y?ticket={vnc}").status_code == 404
    assert browser.get("/v1/sandbox").status_code == 403


# Ends.


def test_a_session_ends_with_the_token_that_began_it(server, signer: Signer, browser: httpx.Client) -> None:
    """exp passed 29 s ago, and 30 s of leeway are given: ticket and session end a second later, too."""
    headers = bearer(signer.token(exp=-27))
    answer = httpx.post(f"{server.url}/tickets", headers=headers, trust_env=False)
    if answer.status_code == 401:
        return  # on a machine so slow, the token ran out first
    assert answer.json()["expires_in"] <= 3
    if browser.get(f"/healthz?ticket={answer.json()['ticket']}").status_code == 200:
        eventually(lambda: browser.get("/healthz").status_code == 401, "the session ends with the token", 10, every=0.05)


def test_sessions_die_with_the_gateway(start_gateway) -> None:
    server = start_gateway(key=KEY)
    cookie = cookie_of(httpx.get(f"{server.url}/healthz?ticket={make(server)}", trust_env=False))
    assert status(server, "/healthz", Cookie=cookie) == 200
    server.stop()
    server.start()
    assert status(server, "/healthz", Cookie=cookie) == 401


def test_tickets_reach_neither_apps_nor_the_log(server) -> None:
    with App() as app:
        ticket = make(server)
        referer = {"Referer": f"{server.url}/x?ticket={ticket}&a=1"}
        answer = httpx.get(f"{server.url}/proxy/{app.port}/x?a=%20+&ticket={ticket}&b", headers=referer, trust_env=False)
        assert answer.status_code == 200 and answer.json()["target"] == "/x?a=%20+&b"
        assert ticket not in answer.text and "a=1" in answer.text
        cookie = cookie_of(answer)
        assert cookie.split("=")[1] not in httpx.get(
            f"{server.url}/proxy/{app.port}/y", headers={"Cookie": cookie}, trust_env=False
        ).text
    assert ticket not in server.log()
    assert not [p for p in server.state.rglob("*") if p.is_file() and ticket.encode() in p.read_bytes()]
