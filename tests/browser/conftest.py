"""Fixtures of the desktop tests: one gateway with every service for the session, the site its Chromium looks at, and a
tab of its own for each test.

Tests that kill, restart or need settings start gateways of their own with `start_desktop`.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from client import Api
from desk import Board, Desk
from devtools import Tab
from frontdoor import Certificate
from server import RemoteGateway, Server
from site_pages import Site
from waiting import eventually

HERE = Path(__file__).resolve().parent
BOARD = HERE / "pages" / "board.html"
REMOTE_URL = os.environ.get("SANDGATE_URL")
SERVICES = ("--services", "all")


@pytest.fixture(scope="session")
def gateway() -> Iterator[Server | RemoteGateway]:
    """The gateway most tests share, with the desktop and the browser."""
    if REMOTE_URL:
        yield RemoteGateway(REMOTE_URL, os.environ.get("SANDGATE_KEY"))
        return
    server = Server(SERVICES)
    try:
        yield server.start()
        if server.running:
            assert_clean_services(server)
            server.stop()
    finally:
        server.discard()


@pytest.fixture
def start_desktop() -> Iterator[Callable[..., Server]]:
    """A factory for gateways with every service and settings of their own; each is stopped, and its stop checked."""
    yield from desktops()


@pytest.fixture(scope="module")
def start_module_desktop() -> Iterator[Callable[..., Server]]:
    yield from desktops()


def desktops() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*args: str, **options) -> Server:
        server = Server((*SERVICES, *args), **options)
        servers.append(server)
        return server.start()

    try:
        yield start
        for server in servers:
            if server.running:
                assert_clean_services(server)
                server.stop()
    finally:
        for server in servers:
            server.discard()


def assert_clean_services(server: Server) -> None:
    """The programs of the services are sanitised too; what they had to say is in their logs."""
    desk = Desk(server.api)
    for name in desk.services():
        log = desk.service_log(name)
        for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
            assert sign not in log, f"the sanitiser spoke up in {name}:\n{log[-6000:]}"


@pytest.fixture
def api(gateway) -> Api:
    return gateway.api


@pytest.fixture
def desk(api: Api) -> Desk:
    return Desk(api)


@pytest.fixture(scope="session")
def site(gateway) -> Iterator[str]:
    """The address of the tests' own web site, as Chromium reaches it."""
    if not REMOTE_URL:
        with Site(BOARD.read_bytes()) as site:
            yield site.url
        return
    folder = "/tmp/sandgate-test-site"
    for path in (HERE / "site_pages.py", BOARD):
        gateway.api.file.write(f"{folder}/{path.name}", path.read_text())
    command = gateway.api.bash.start(f"exec python3 {folder}/site_pages.py {shlex.quote(f'{folder}/{BOARD.name}')}")
    port = eventually(lambda: gateway.api.bash.output(command.session_id, command.command_id).stdout.strip(), "a port")
    yield f"http://127.0.0.1:{port}"
    gateway.api.bash.kill(command.session_id)


@pytest.fixture
def tab(desk: Desk) -> Iterator[Tab]:
    """A tab in front. It is closed afterwards, however the test left it."""
    tab = desk.tab()
    yield tab
    tab.close()
    desk.close_page(tab.target)


@pytest.fixture
def board(desk: Desk, tab: Tab, site: str) -> Iterator[Board]:
    yield Board(desk, tab, f"{site}/board")
    desk.release_everything()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def playwright(certificate: Certificate) -> Iterator[Playwright]:
    """Playwright, whose own program trusts the tests' certificate."""
    os.environ["NODE_EXTRA_CA_CERTS"] = str(certificate.path)
    try:
        with sync_playwright() as playwright:
            yield playwright
    finally:
        del os.environ["NODE_EXTRA_CA_CERTS"]


@pytest.fixture(scope="session")
def viewer_browser(playwright: Playwright) -> Iterator[Browser]:
    """A second Chromium: the one of a person who watches the first."""
    # Root cannot use Chromium's sandbox; everyone else does.
    options = {"executable_path": os.environ.get("CHROMIUM", "/usr/bin/chromium"), "chromium_sandbox": os.geteuid() != 0}
    browser = playwright.chromium.launch(**options)
    yield browser
    browser.close()
