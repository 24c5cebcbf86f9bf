"""One page of the sandbox's Chromium, spoken to by the DevTools protocol through the gateway.

Small and synchronous, and every answer has a deadline: that is what tests need which hang, crash and kill the browser.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from client import KEY_HEADER
from waiting import allow, eventually

DEADLINE = 10.0


class DevtoolsError(Exception):
    pass


class Devtools:
    """A DevTools connection: of the browser, or of one page."""

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {KEY_HEADER: key} if key else {}
        self.url, self._number = url, 0
        self._link: ClientConnection = connect(
            url, additional_headers=headers, max_size=None, proxy=None, open_timeout=allow(DEADLINE), legacy=True
        )

    def call(self, method: str, *, deadline: float = DEADLINE, **params: Any) -> dict[str, Any]:
        self._number += 1
        self._link.send(json.dumps({"id": self._number, "method": method, "params": params}))
        end = time.monotonic() + allow(deadline)
        while True:
            message = json.loads(self._link.recv(timeout=max(end - time.monotonic(), 0)))
            if message.get("id") == self._number:
                break
        if "error" in message:
            raise DevtoolsError(f"{method}: {message['error']}")
        return message["result"]

    def close(self) -> None:
        self._link.close()


class Tab(Devtools):
    """A page. `evaluate` awaits promises and returns plain values."""

    @property
    def target(self) -> str:
        return self.url.rsplit("/", 1)[1]

    def evaluate(self, expression: str, *arguments: Any, deadline: float = DEADLINE) -> Any:
        """The value of an expression; with arguments, of the function it is, called with them."""
        if arguments:
            expression = f"({expression})({', '.join(json.dumps(argument) for argument in arguments)})"
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
            deadline=deadline,
        )
        if "exceptionDetails" in answer:
            raise DevtoolsError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        """Go there, and wait until the page has loaded and been painted."""
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer}"
        self.wait_for(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")
        self.painted()

    def painted(self) -> None:
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def wait_for(self, expression: str, deadline: float = DEADLINE) -> Any:
        def probe() -> Any:
            try:
                return self.evaluate(expression, deadline=deadline)
            except DevtoolsError:
                return None  # the page is between two documents

        return eventually(probe, f"in the page: {expression}", deadline)


def browser_link(cdp_url: str, key: str | None = None) -> Devtools:
    return Devtools(cdp_url, key)


def new_tab(cdp_url: str, key: str | None = None) -> Tab:
    """Opens a tab in front and connects to it."""
    link = browser_link(cdp_url, key)
    try:
        target = link.call("Target.createTarget", url="about:blank")["targetId"]
    finally:
        link.close()
    return attach(cdp_url, target, key)


def attach(cdp_url: str, target: str, key: str | None = None) -> Tab:
    return Tab(f"{cdp_url.rsplit('/', 2)[0]}/page/{target}", key)


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0
