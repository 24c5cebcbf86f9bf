"""The pages behind nginx that ends TLS at a path prefix, in real Chromium: everything a person uses, on one visit."""

from __future__ import annotations

import json
from typing import Iterator

import pytest
from playwright.sync_api import Frame, Page, expect

from dashboard import Dashboard
from nginx import Nginx
from server import Server
from waiting import allow, eventually

KEY = "nginx k3y+/=&"
PREFIX = "/teams/box-7"
SLOW = allow(60) * 1000

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]


@pytest.fixture
def server(start_gateway) -> Server:
    return start_gateway("--services", "all", key=KEY)


@pytest.fixture
def front(server: Server, tmp_path) -> Iterator[Nginx]:
    with Nginx(server, tmp_path, PREFIX) as nginx:
        yield nginx


@pytest.fixture
def page(front: Nginx, new_context) -> Page:
    """Admitted: the key was asked for, once, by the page at the prefix."""
    # Chromium does not know who signed nginx' certificate.
    context = new_context(viewport={"width": 1280, "height": 800}, ignore_https_errors=True)
    page = context.new_page()
    assert page.goto(f"{front.url}/").status == 401
    page.fill("#k", KEY)
    page.keyboard.press("Enter")
    expect(page.locator("[data-gauge=disk] > span")).to_contain_text("free", timeout=SLOW)
    assert page.url == f"{front.url}/"
    return page


@pytest.fixture
def strays(page: Page, front: Nginx) -> list[str]:
    """Addresses the pages ask for that are not below the prefix, or found nothing there."""
    found: list[str] = []
    sockets = "wss" + front.url.removeprefix("https")

    def asked(url: str) -> None:
        if not url.startswith((front.url + "/", sockets + "/", "data:", "blob:", "about:")):
            found.append(url)

    def answered(response) -> None:
        # Lab asks for settings that are not there yet; vsda is in Microsoft's own builds of VS Code only.
        missing = response.status == 404 and ("/static/" in response.url or response.url.endswith((".js", ".css")))
        if missing and "/vsda/" not in response.url:
            found.append(f"404 {response.url}")

    page.on("request", lambda request: asked(request.url))
    page.on("websocket", lambda socket: asked(socket.url))
    page.on("response", answered)
    return found


def run_in_editor(page: Page, frame: Frame, command: str) -> None:
    frame.locator(".explorer-folders-view .monaco-list").click()
    page.keyboard.press("Control+`")
    terminal = frame.locator(".terminal-wrapper.active .xterm-helper-textarea")
    terminal.focus(timeout=SLOW)
    page.keyboard.type(command + "\n")


def write_notebook(server: Server) -> None:
    code = "print('hello from', 6 * 7)"
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "source": code, "outputs": [], "execution_count": None}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (server.workspace / "note.ipynb").write_text(json.dumps(notebook))


def test_every_page_works(server: Server, front: Nginx, page: Page, strays: list[str], shot) -> None:
    board = Dashboard(page, front.url)
    (server.workspace / "made-before.txt").write_text("through nginx\n")
    write_notebook(server)
    expect(page.locator("#address")).to_have_text(f"{front.url}/")

    board.tab("code")
    code = board.frame("code-server/")
    expect(code.get_by_role("treeitem", name="made-before.txt")).to_be_visible(timeout=SLOW)
    run_in_editor(page, code, "echo from-vscode > vscode.txt")
    eventually(lambda: (server.workspace / "vscode.txt").exists(), "VS Code's terminal ran it", 20)

    board.tab("terminal")
    terminal = board.frame("/terminal?")
    expect(terminal.locator("body")).to_have_attribute("data-link", "connected", timeout=SLOW)
    expect(terminal.locator("textarea.xterm-helper-textarea")).to_be_focused()
    page.keyboard.type("echo from-terminal > terminal.txt\n")
    eventually(lambda: (server.workspace / "terminal.txt").exists(), "the terminal ran it", 10)

    board.tab("browser")
    expect(board.frame("vnc/").locator("html[data-state=connected]")).to_be_visible(timeout=SLOW)

    board.tab("files")
    board.sees("made-before.txt", "note.ipynb", "terminal.txt", "vscode.txt")
    board.drop(("dropped.txt", "by drag and drop"))
    expect(board.row("dropped.txt")).to_be_visible(timeout=SLOW)
    assert (server.workspace / "dropped.txt").read_text() == "by drag and drop"

    board.tab("services")
    for name in ("code", "browser", "desktop"):
        board.service_is(name, "ready")
    shot(page, "nginx-services")
    assert not strays, "\n".join(strays)


def test_each_page_by_its_own_address(server: Server, front: Nginx, page: Page, strays: list[str], shot) -> None:
    write_notebook(server)
    page.goto(f"{front.url}/jupyter/lab/tree/note.ipynb")
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=SLOW)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_have_text("hello from 42", timeout=SLOW)
    shot(page, "nginx-jupyter")
    page.goto(f"{front.url}/vnc/index.html?autoconnect=true")
    expect(page.locator("html[data-state=connected]")).to_be_visible(timeout=SLOW)
    page.goto(f"{front.url}/vscode")
    expect(page.locator(".explorer-folders-view .monaco-list")).to_be_visible(timeout=SLOW)
    page.goto(f"{front.url}/v1/docs")
    expect(page.get_by_text("/v1/bash/exec").first).to_be_visible(timeout=SLOW)
    page.goto(f"{front.url}/terminal")
    expect(page.locator("#status")).to_have_attribute("data-state", "connected", timeout=SLOW)
    assert page.url.startswith(f"{front.url}/terminal?session_id=")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    ours = [cookie for name, cookie in cookies.items() if "sandgate" in name.lower()]
    assert ours and all(cookie["httpOnly"] and cookie["secure"] for cookie in ours), cookies
    assert not strays, "\n".join(strays)
