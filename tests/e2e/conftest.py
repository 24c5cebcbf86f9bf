"""Fixtures of the browser tests: one Chromium for the session, one context per test, screenshots of failures.

Every page is watched: an uncaught error or a Content-Security-Policy violation fails the test, whatever it tests.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from relay import Relay
from screens import TerminalPage

ARTIFACTS = Path(__file__).resolve().parents[2] / "build" / "artifacts"
DESKTOP = {"width": 1100, "height": 640}
PHONE = {"width": 390, "height": 844}


def _chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "the browser tests need Chromium (Debian package chromium, or name it in CHROMIUM)"
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Root cannot use Chromium's sandbox; everyone else does.
        chromium = playwright.chromium.launch(executable_path=_chromium(), chromium_sandbox=os.geteuid() != 0)
        yield chromium
        chromium.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.when == "call":
        item.failed_in_browser = report.failed
    return report


@pytest.fixture
def new_context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., BrowserContext]]:
    """A factory of browser contexts (a context is a fresh profile); dark desktop unless told otherwise."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(**options) -> BrowserContext:
        options = {"color_scheme": "dark", "viewport": DESKTOP, **options}
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        context.set_default_timeout(15000)
        context.on("weberror", lambda error: troubles.append(f"uncaught: {error.error}"))
        context.on("console", lambda message: _note_violation(message.text, troubles))
        contexts.append(context)
        return context

    yield make
    if getattr(request.node, "failed_in_browser", False):
        _photograph(contexts, request.node.name)
    for context in contexts:
        context.close()
    assert not troubles, troubles


def _note_violation(text: str, troubles: list[str]) -> None:
    if "Content Security Policy" in text:
        troubles.append(text)


def _photograph(contexts: list[BrowserContext], name: str) -> None:
    pages = [page for context in contexts for page in context.pages]
    for number, page in enumerate(pages):
        screenshot(page, f"failed-{name}-{number}")


def screenshot(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Saves a screenshot in build/artifacts, for people to look at."""
    return screenshot


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    return new_context()


@pytest.fixture
def open_terminal(gateway, context: BrowserContext) -> Callable[..., TerminalPage]:
    """Opens /terminal of the shared gateway, or of the address given, and waits until it is connected."""

    def open_page(
        url: str | None = None, session: str | None = None, within: BrowserContext | None = None
    ) -> TerminalPage:
        terminal = TerminalPage((within or context).new_page(), url or gateway.url, getattr(gateway, "key", None))
        terminal.open(session)
        terminal.wait_state("connected")
        return terminal

    return open_page


@pytest.fixture
def terminal(open_terminal: Callable[..., TerminalPage]) -> TerminalPage:
    return open_terminal()


@pytest.fixture
def relay(gateway) -> Iterator[Relay]:
    """A TCP relay in front of the gateway whose connections a test can cut, stall or refuse."""
    with Relay(gateway.url) as relay:
        yield relay
