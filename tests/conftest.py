"""Fixtures every folder of tests shares: one gateway for the session, and more for tests that need their own.

With SANDGATE_URL (and SANDGATE_KEY) the tests talk to a gateway that already runs, a container for instance;
tests marked `local` look at the process, its disk or its settings and are then left out.
"""

from __future__ import annotations

import os
from typing import Callable, Iterator

import pytest

from server import RemoteGateway, Server, measure_binary

REMOTE_URL = os.environ.get("SANDGATE_URL")

measure_binary()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "local: needs the gateway's process, disk or settings on this machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not REMOTE_URL:
        return
    local = [item for item in items if _needs_local(item)]
    config.hook.pytest_deselected(items=local)
    items[:] = [item for item in items if not _needs_local(item)]
    print(f"\n{len(local)} tests left out: they need a gateway of their own, and SANDGATE_URL names a running one")


def _needs_local(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("local") is not None or any(name.startswith("start_") for name in names)


@pytest.fixture(scope="session")
def gateway() -> Iterator[Server | RemoteGateway]:
    """The gateway most tests share."""
    if REMOTE_URL:
        yield RemoteGateway(REMOTE_URL, os.environ.get("SANDGATE_KEY"))
        return
    server = Server()
    try:
        yield server.start()
        if server.running:
            server.stop()
    finally:
        server.discard()


@pytest.fixture(scope="module")
def whole() -> Iterator[Server | RemoteGateway]:
    """A whole installation, with every service."""
    if REMOTE_URL:
        yield RemoteGateway(REMOTE_URL, os.environ.get("SANDGATE_KEY"))
        return
    server = Server(("--services", "all"))
    try:
        yield server.start()
        server.stop()
    finally:
        server.discard()


@pytest.fixture
def start_gateway() -> Iterator[Callable[..., Server]]:
    """A factory for gateways with settings of their own; each is stopped, and its stop checked, after the test."""
    servers: list[Server] = []

    def start(*args: str, **options) -> Server:
        server = Server(args, **options)
        servers.append(server)
        return server.start()

    try:
        yield start
        for server in servers:
            if server.running:
                server.stop()
    finally:
        for server in servers:
            server.discard()


@pytest.fixture(autouse=True)
def gateway_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test did to the shared gateway must not have ended it. A dead one is replaced for the next test."""
    if "gateway" not in request.fixturenames:
        yield
        return
    shared = request.getfixturevalue("gateway")
    yield
    shared.assert_clean_log()
    if not shared.running:
        log = shared.log()
        shared.start()
        pytest.fail(f"the gateway ended during this test\n{log[-4000:]}")
