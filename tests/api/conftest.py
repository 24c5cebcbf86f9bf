"""Fixtures of the API tests: the client, a directory in the sandbox, and no session left for the next test."""

from __future__ import annotations

import shlex
from typing import Any, Callable, Iterator, Sequence

import pytest

from client import Api, unique
from server import Server
from services import Services


@pytest.fixture
def api(gateway) -> Api:
    return gateway.api


@pytest.fixture
def workspace(gateway, api: Api) -> str:
    """The gateway's workspace: known where it was started here, asked for where it was not."""
    return str(gateway.workspace) if hasattr(gateway, "workspace") else api.get("/v1/sandbox").body["workspace"]


@pytest.fixture
def workdir(workspace: str, api: Api) -> Iterator[str]:
    """A fresh directory inside the sandbox, made and removed through the API so that a container works too."""
    path = f"{workspace}/{unique('test')}"
    assert api.bash.exec(f"mkdir -p {shlex.quote(path)}").exit_code == 0
    yield path
    api.bash.exec(f"chmod -R u+rwx {shlex.quote(path)}; rm -rf {shlex.quote(path)}")


@pytest.fixture(autouse=True)
def no_sessions_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Sessions of one test neither use up the ceiling nor disturb the clock of the next."""
    if "gateway" not in request.fixturenames:
        yield
        return
    shared = request.getfixturevalue("gateway")
    yield
    if not shared.running:
        return
    assert shared.api.delete("/v1/shell/sessions").success
    for session in shared.api.node.sessions():
        shared.api.node.delete(session)
    assert shared.api.delete("/v1/jupyter/sessions").success
    for session, info in shared.api.bash.sessions().items():
        if info["status"] != "closed":
            shared.api.bash.close(session)


@pytest.fixture
def session(api: Api) -> str:
    """A shell session with its bash already running."""
    return api.shell.create(unique("shell"))["session_id"]


@pytest.fixture
def bash_session(api: Api) -> str:
    return api.bash.create(unique("bash"))["session_id"]


@pytest.fixture
def services(tmp_path) -> Services:
    folder = tmp_path / "services"
    folder.mkdir()
    return Services(folder)


@pytest.fixture
def run(services: Services, start_gateway) -> Callable[..., Server]:
    """Starts a gateway with the services of the test, which are then asked for through it."""

    def start(select: str = "all", args: Sequence[str] = (), **options: Any) -> Server:
        services.gateway = start_gateway(*services.arguments(select), *args, **options)
        return services.gateway

    return start


@pytest.fixture
def node_session(api: Api) -> str:
    return api.node.create(unique("node"))["session_id"]


@pytest.fixture
def kernel(api: Api) -> str:
    """A Jupyter session; its kernel starts with its first call."""
    return unique("kernel")
