"""A person with a gateway on this machine looks at somebody else's page, which tries everything."""

from __future__ import annotations

import os
import re
import shutil
from typing import Iterator

import pytest
from playwright.sync_api import Browser, Page

from attacker import PAGE, Attacker
from box import KEY, Box
from waiting import eventually

pytestmark = pytest.mark.local

# Names of the attacker's, which lead to this machine as a rebinding name server would have them do.
RULES = "MAP *.attacker.test 127.0.0.1"
# What newer Chromium itself keeps of pages from elsewhere is off, as in browsers that know nothing of it.
OFF = "LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,BlockInsecurePrivateNetworkRequests"


@pytest.fixture(scope="module")
def victim(browser: Browser) -> Iterator[Browser]:
    """A Chromium of a person who meets the attacker's names."""
    chromium = browser.browser_type.launch(
        executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
        chromium_sandbox=os.geteuid() != 0,
        args=[f"--host-resolver-rules={RULES}", f"--disable-features={OFF}"],
    )
    yield chromium
    chromium.close()


@pytest.fixture
def page(victim: Browser) -> Iterator[Page]:
    context = victim.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Attacker]:
    with Attacker() as attacker:
        yield attacker


LOG = {"SANDGATE_LOG_LEVEL": "debug"}
ASKED = re.compile(r" debug ([A-Z]+) (/\S*) status=(\d+) ")


def answers(box: Box) -> list[tuple[str, str, int]]:
    """Every request so far, and its status."""
    return [(method, path, int(status)) for method, path, status in ASKED.findall(box.server.log())]


def attack(box: Box, page: Page, base: str, preview: str) -> dict[str, str]:
    values = {"base": base, "preview": preview, "app": box.recorder.port, "mark": box.place.mark}
    return page.evaluate("values => attack(values)", values)


def assert_kept_out(box: Box, tried: dict[str, str], before: int, statuses: set[int], least: int = 25) -> None:
    """The page got nothing, and it did try: the gateway refused it many times."""
    eventually(lambda: len(answers(box)) - before >= least, f"the attacks arrive: {tried}")
    asked = answers(box)[before:]
    let_in = [row for row in asked if row[2] not in statuses]
    assert not let_in, let_in
    assert not [name for name, end in tried.items() if end == "open" or end.startswith("read 2")], tried
    box.assert_nothing_happened()


def test_another_port_of_this_machine(tmp_path, site: Attacker, page: Page) -> None:
    """To the browser it is the same site, so that cookies and referrers would go along."""
    with Box(tmp_path, env=LOG) as box:
        page.goto(f"http://127.0.0.1:{site.port}/")
        before = len(answers(box))
        tried = attack(box, page, box.server.url, f"http://{box.recorder.port}-x.localhost:{box.server.port}")
        assert_kept_out(box, tried, before, {403})


@pytest.mark.parametrize(
    "name, reached_by", [("localhost.attacker.test", "127.0.0.1"), ("127.0.0.1.attacker.test", "localhost")]
)
def test_another_name(tmp_path, site: Attacker, page: Page, name: str, reached_by: str) -> None:
    with Box(tmp_path, env=LOG) as box:
        page.goto(f"http://{name}:{site.port}/")
        before = len(answers(box))
        base = f"http://{reached_by}:{box.server.port}"
        tried = attack(box, page, base, f"http://{box.recorder.port}-x.localhost:{box.server.port}")
        assert_kept_out(box, tried, before, {403})


@pytest.mark.parametrize("label", ["", "{app}-", "{gateway}-"])
def test_a_name_that_is_rebound(tmp_path, page: Page, label: str) -> None:
    """The page came from elsewhere; now its name leads to the gateway, and to the browser all is one origin."""
    with Box(tmp_path, env=LOG) as box:
        label = label.format(app=box.recorder.port, gateway=box.server.port)
        origin = f"http://{label}rebound.attacker.test:{box.server.port}"
        page.route(f"{origin}/attack.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page.goto(f"{origin}/attack.html")
        before = len(answers(box))
        preview = f"http://{box.recorder.port}-rebound.attacker.test:{box.server.port}"
        tried = attack(box, page, origin, preview)
        assert_kept_out(box, tried, before, {403})


@pytest.mark.parametrize("where", ["another port", "another name", "rebound"])
def test_a_browser_that_holds_the_cookie(tmp_path, site: Attacker, page: Page, where: str) -> None:
    """The person has signed in: the browser could speak for them, and does not for this page."""
    with Box(tmp_path, key=KEY, env=LOG) as box:
        page.goto(f"{box.server.url}/?api_key={KEY}")
        assert any(cookie["name"].startswith("sandgate_session") for cookie in page.context.cookies())
        assert page.evaluate("() => fetch('/v1/services').then(r => r.status)") == 200
        base, name = box.server.url, {"another port": "127.0.0.1", "another name": "x.attacker.test"}.get(where)
        start = f"http://{name}:{site.port}/"
        if where == "rebound":
            base = f"http://rebound.attacker.test:{box.server.port}"
            start = f"{base}/attack.html"
            page.route(start, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page.goto(start)
        before = len(answers(box))
        tried = attack(box, page, base, f"http://{box.recorder.port}-x.localhost:{box.server.port}")
        assert_kept_out(box, tried, before, {401, 403})


def test_the_same_page_of_the_gateways_own_would_get_in(tmp_path, page: Page) -> None:
    """The attacks are none in name only: from the gateway's own origin they work."""
    with Box(tmp_path, env=LOG) as box:
        origin = box.server.url
        page.route(f"{origin}/attack.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page.goto(f"{origin}/attack.html")
        tried = attack(box, page, origin, f"http://{box.recorder.port}-x.localhost:{box.server.port}")
        assert tried["command as JSON"] == "read 200" and tried["terminal"] == "open", tried
        assert box.recorder.requests and box.sessions() and list(box.server.workspace.iterdir())
