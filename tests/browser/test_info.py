"""GET /v1/browser/info: where everything else starts from, warm and cold."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from client import Api
from desk import Desk
from expect import assert_status
from waiting import Stopwatch

CDP = r"ws://{}/cdp/devtools/browser/[0-9a-f-]{{36}}"
VNC = "http://{}/vnc/index.html?autoconnect=true"


def authority(api: Api) -> str:
    return httpx.URL(api.url).netloc.decode()


def test_fields(desk, tab):
    info = desk.info
    assert info["user_agent"] == tab.evaluate("navigator.userAgent")
    assert "Chrome/" in info["user_agent"] and "Headless" not in info["user_agent"]
    assert info["viewport"]["width"] > 0 and info["viewport"]["height"] > 0
    assert re.fullmatch(CDP.format(re.escape(authority(desk.api))), info["cdp_url"])
    assert info["vnc_url"] == VNC.format(authority(desk.api))


def test_viewport_is_the_screen_and_page_viewport_the_page(desk, board):
    info = desk.info
    screen = board.tab.evaluate("({width: screen.width, height: screen.height})")
    page = board.tab.evaluate("({width: innerWidth, height: innerHeight})")
    assert info["viewport"] == screen
    assert info["page_viewport"] == page
    assert page["width"] == screen["width"], "the window fills the screen"
    assert screen["height"] - 200 < page["height"] < screen["height"], "the window has its bars"


FORWARDED = [
    ({}, "ws", "http", None),
    ({"Host": "localhost:4321"}, "ws", "http", "localhost:4321"),
    ({"X-Forwarded-Host": "box.example.com"}, "ws", "http", "box.example.com"),
    ({"X-Forwarded-Host": "box.example.com:8443", "X-Forwarded-Proto": "https"}, "wss", "https", "box.example.com:8443"),
    ({"X-Forwarded-Proto": "https"}, "wss", "https", None),
    (
        {"X-Forwarded-Host": "a.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/box/7"},
        "wss",
        "https",
        "a.example/box/7",
    ),
    ({"X-Forwarded-Prefix": "/box/7/"}, "ws", "http", "{}/box/7"),
]


@pytest.mark.parametrize("headers, ws, http, place", FORWARDED)
def test_addresses_are_those_the_client_used(api, headers, ws, http, place):
    place = (place or "{}").format(authority(api))
    info = api.get_ok("/v1/browser/info", headers=headers)
    assert re.fullmatch(f"{ws}://{re.escape(place)}/cdp/devtools/browser/[0-9a-f-]{{36}}", info["cdp_url"]), info
    assert info["vnc_url"] == f"{http}://{place}/vnc/index.html?autoconnect=true"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": 'x"><script>'},
        {"X-Forwarded-Host": "a b"},
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Prefix": "/a b"},
        {"X-Forwarded-Prefix": "//evil.example"},
    ],
)
def test_forged_forwarding_cannot_forge_addresses(api, headers):
    """Refused or passed over, but never copied into the answer."""
    answer = api.get("/v1/browser/info", headers=headers)
    assert answer.status in (200, 400), answer
    if answer.status == 200:
        assert not re.search(r"""[\s"<>]|javascript|evil""", answer.data["cdp_url"] + answer.data["vnc_url"]), answer.data


def test_info_is_quick_once_warm(desk):
    _ = desk.info
    with Stopwatch() as watch:
        for _ in range(5):
            _ = desk.info
    watch.assert_below(5 * 0.4, "for five")


def test_info_does_not_need_a_page(desk, site):
    """With every tab on an error page or closed, there is still an answer."""
    tab = desk.tab()
    tab.call("Page.navigate", url="http://127.0.0.1:9/")
    assert desk.info["viewport"]["width"] > 0
    tab.close()
    desk.close_page(tab.target)
    assert desk.info["user_agent"]


@pytest.mark.local
def test_cold_requests_at_once_share_one_start(start_desktop):
    server = start_desktop()
    desk = Desk(server.api)
    assert {s["state"] for s in desk.services().values()} == {"stopped"}, "lazy: nothing runs before it is wanted"
    assert all(s["pid"] is None and s["reason"] for s in desk.services().values())
    with Stopwatch() as watch, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.api.get("/v1/browser/info"), range(8)))
    assert [answer.status for answer in answers] == [200] * 8, answers
    assert len({answer.data["cdp_url"] for answer in answers}) == 1
    # Chromium's own start is the same in every build, and dominates.
    assert watch.seconds < 12, f"cold answers took {watch.seconds:.1f} s"
    for name in ("display", "windows", "desktop", "browser"):
        service = desk.service(name)
        assert (service["state"], service["restarts"]) == ("ready", 0), service
    mains = [p for p in server.descendants() if is_main_chromium(p)]
    assert len(mains) == 1, [p.cmdline() for p in mains]


def is_main_chromium(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return any(w.startswith("--remote-debugging") for w in words) and not any(w.startswith("--type=") for w in words)


@pytest.mark.local
def test_a_cold_screenshot_and_a_cold_action_start_what_they_need(start_desktop):
    server = start_desktop()
    desk = Desk(server.api)
    assert desk.photograph().headers["content-type"] == "image/png"
    desk.act("MOVE_TO", x=10, y=10)
    assert desk.service("desktop")["state"] == "ready"


@pytest.mark.local
@pytest.mark.parametrize(
    "name, value, service", [("BROWSER_ALLOW_FILE_SELECTION_DIALOGS", "maybe", "browser"), ("DISPLAY_WIDTH", "wide", "display")]
)
def test_what_cannot_start_is_told_with_its_reason(start_desktop, name, value, service):
    """The sentence of the program itself comes back, soon; and nothing claims to be ready."""
    server = start_desktop(env={name: value})
    with Stopwatch() as watch:
        answer = server.api.get("/v1/browser/info")
    assert_status(answer, 503)
    assert name in answer.message + answer.hint, answer
    assert watch.seconds < 25
    told = Desk(server.api).service(service)
    assert told["state"] in ("backoff", "failed", "starting") and name in told["reason"], told
    assert Desk(server.api).service("browser")["state"] != "ready"
    assert server.api.get("/healthz").status == 200


@pytest.mark.local
def test_chromium_uses_its_own_sandbox_where_it_can(start_desktop):
    """As a normal user where user namespaces are allowed; without it only where they are not."""
    user = 12345 if os.geteuid() == 0 else None
    server = start_desktop(user=user)
    assert Desk(server.api).info["user_agent"]
    main = next(p for p in server.descendants() if is_main_chromium(p))
    allowed = os.system(f"setpriv {f'--reuid {user} --regid {user} --clear-groups' if user else ''} unshare -U true") == 0
    assert ("--no-sandbox" not in main.cmdline()) == allowed, main.cmdline()
    own = os.readlink(f"/proc/{main.pid}/ns/user")
    renderers = [p for p in main.children(recursive=True) if "--type=renderer" in p.cmdline()]
    assert renderers
    if allowed:
        assert all(os.readlink(f"/proc/{p.pid}/ns/user") != own for p in renderers), "renderers are namespaced"
