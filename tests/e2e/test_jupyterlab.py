"""JupyterLab in real Chromium, through the gateway: a cell runs, its output is seen, and the notebook is kept."""

from __future__ import annotations

import json
import socket
import time
from typing import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from client import unique
from relay import Relay
from ports import free_port
from server import REPO, Server
from waiting import allow, eventually

INSTALLED = REPO / "build" / "services" / "jupyter" / "installed"
CODE = "import sys; print('hello from', sys.implementation.name, 6 * 7)"
FIRST_VISIT = 90000

pytestmark = pytest.mark.local


@pytest.fixture
def lab(start_gateway: Callable[..., Server]) -> Server:
    assert INSTALLED.is_dir(), "make services installs JupyterLab"
    return start_gateway("--services", "jupyter")


def write_notebook(server: Server, name: str) -> None:
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "source": CODE, "outputs": [], "execution_count": None}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (server.workspace / name).write_text(json.dumps(notebook))


def saved_outputs(server: Server, name: str) -> list[dict]:
    try:
        return json.loads((server.workspace / name).read_text())["cells"][0]["outputs"]
    except ValueError:
        return []  # it is being written


def run_the_cell(page: Page) -> None:
    """Waits for the kernel, since a cell that is run before is only queued, then runs the first cell."""
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_be_visible(timeout=FIRST_VISIT)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=FIRST_VISIT)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output").first
    expect(output).to_have_text("hello from cpython 42", timeout=FIRST_VISIT)


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> Iterator[BrowserContext]:
    yield new_context(viewport={"width": 1280, "height": 800})


def test_a_cell_runs_in_jupyterlab(lab: Server, context: BrowserContext, shot: Callable[[Page, str], None]) -> None:
    name = f"{unique('notebook')}.ipynb"
    write_notebook(lab, name)
    page = context.new_page()
    missing = watch(page, lab.url)
    # The first visit is shown that the service starts; the page comes by itself.
    page.goto(f"{lab.url}/jupyter/lab/tree/{name}")
    run_the_cell(page)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")  # as the browser wants it
    shot(page, "jupyterlab")
    page.keyboard.press("Control+s")
    outputs = eventually(lambda: saved_outputs(lab, name), "it is saved")
    assert outputs[0]["text"] == ["hello from cpython 42\n"]
    assert not missing, missing
    assert not context.cookies() or all(c["name"] == "_xsrf" for c in context.cookies()), "nobody signs in"
    # While the page is open the service is in use.
    assert lab.api.get_ok("/v1/services/jupyter")["state"] == "ready"


def test_jupyterlab_below_a_prefix(lab: Server, context: BrowserContext) -> None:
    name = f"{unique('prefixed')}.ipynb"
    write_notebook(lab, name)
    with Relay(lab.url, "/far/away") as relay:
        context.set_extra_http_headers({"X-Forwarded-Prefix": "/far/away"})
        page = context.new_page()
        missing = watch(page, relay.url)
        page.goto(f"{relay.url}/jupyter")
        page.wait_for_url(f"{relay.url}/jupyter/lab**", timeout=FIRST_VISIT)
        page.goto(f"{relay.url}/jupyter/lab/tree/{name}")
        run_the_cell(page)
        assert not missing, missing


def test_it_can_be_left_out_and_its_api_stays(start_gateway: Callable[..., Server]) -> None:
    api = start_gateway("--services", "jupyter", env={"DISABLE_JUPYTER": "true"}).api
    assert api.get_ok("/v1/services") == [] and api.get("/jupyter/lab").status == 503
    assert api.jupyter.run("6 * 7").value == "42"


def test_it_listens_where_it_is_told(start_gateway: Callable[..., Server]) -> None:
    port = free_port()
    api = start_gateway("--services", "jupyter", env={"JUPYTER_LAB_PORT": str(port)}).api
    assert api.get("/jupyter/api").status == 200
    with socket.create_connection(("127.0.0.1", port)):
        assert api.get(f"/proxy/{port}/").status == 403, "a service's port is nobody's preview"


def watch(page: Page, base: str) -> list[str]:
    """Requests of the page that left the gateway's address, or found nothing there."""
    troubles: list[str] = []
    socket_base = "ws" + base.removeprefix("http")

    def answered(response) -> None:
        starting = response.status == 503 and response.request.is_navigation_request()
        # Lab also asks for workspaces and settings that are not there yet.
        missing = response.status == 404 and "/static/" in response.url
        if missing or (response.status >= 500 and not starting):
            troubles.append(f"{response.status} {response.url}")

    def asked(request) -> None:
        if not request.url.startswith((base, "data:", "blob:")):
            troubles.append(request.url)

    def connected(socket) -> None:
        if not socket.url.startswith(socket_base):
            troubles.append(socket.url)

    page.on("response", answered)
    page.on("request", asked)
    page.on("websocket", connected)
    return troubles


def test_a_busy_kernel_keeps_the_server(start_gateway: Callable[..., Server], tmp_path) -> None:
    """Idleness as the manifest has it, with a shorter time: a server that computes is left alone, then it stops."""
    manifest = json.loads((REPO / "services" / "jupyter" / "manifest.json").read_text())
    folder = tmp_path / "services" / "jupyter"
    folder.mkdir(parents=True)
    for part in ("run", "server.py", "installed"):
        (folder / part).symlink_to(REPO / "build" / "services" / "jupyter" / part)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "idle_stop_seconds": 1}))
    server = start_gateway("--services", "jupyter", "--services-dir", str(tmp_path / "services"))
    api = server.api
    kernel = api.post("/jupyter/api/kernels", {"name": "python3"})
    assert kernel.status == 201, kernel

    def state() -> str:
        return api.get_ok("/v1/services/jupyter")["state"]

    flag = tmp_path / "flag"
    code = f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.05)"
    run_in_lab(server, kernel.body["id"], code)
    begun = time.monotonic()
    eventually(lambda: time.monotonic() - begun > 4 or state() != "ready", "a few idle times pass", 10)
    assert state() == "ready", "a busy kernel is not idleness"
    flag.touch()
    eventually(lambda: state() == "stopped", "it stops once nothing is done", allow(20))
    assert "not used" in api.get_ok("/v1/services/jupyter")["reason"]


def run_in_lab(server: Server, kernel: str, code: str) -> None:
    """Over the kernel's WebSocket, as the page does; it is closed again at once."""
    from websockets.sync.client import connect

    header = {"msg_id": unique("m"), "session": unique("s"), "username": "t", "msg_type": "execute_request",
              "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
               "buffers": []}  # fmt: skip
    with connect(f"ws{server.url.removeprefix('http')}/jupyter/api/kernels/{kernel}/channels") as socket:
        socket.send(json.dumps(message))
        while True:
            told = json.loads(socket.recv(allow(60)))
            if told["msg_type"] == "status" and told["parent_header"].get("msg_id") == header["msg_id"]:
                return
