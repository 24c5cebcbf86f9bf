"""A Vite dev server in the sandbox, seen in a browser through the gateway: the page, and its hot updates."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from apps import App
from ports import free_port
from waiting import allow, eventually

pytestmark = pytest.mark.local

VITE = Path(__file__).resolve().parent / "vite"
INDEX = """<!doctype html><html><head><title>vite</title></head><body>
<h1 id="text"></h1><script type="module" src="/main.js"></script></body></html>"""
MAIN = """import "./style.css";
import { text } from "./text.js";
const show = (text) => { document.getElementById("text").textContent = text; };
show(text);
import.meta.hot.accept("./text.js", (fresh) => show(fresh.text));
"""


class Vite:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.write("index.html", INDEX)
        self.write("main.js", MAIN)
        self.write("text.js", 'export const text = "one";\n')
        self.write("style.css", "h1 { color: rgb(1, 2, 3) }\n")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def start(self, base: str) -> None:
        command = ["node", str(VITE / "node_modules" / "vite" / "bin" / "vite.js"), str(self.root)]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--strictPort", "--base", base]
        with (self.root / "vite.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.root)
        eventually(self._listens, "vite listens", 30)

    def _listens(self) -> bool:
        assert self._process and self._process.poll() is None, (self.root / "vite.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(allow(10))


@pytest.fixture
def vite(tmp_path: Path) -> Iterator[Vite]:
    """Not started yet."""
    server = Vite(tmp_path)
    yield server
    server.stop()


def watch_for_updates(page: Page, vite: Vite, shot: Callable[[Page, str], None], name: str) -> None:
    """Edits arrive in the page that is shown, which is not loaded again."""
    expect(page.locator("#text")).to_have_text("one")
    expect(page.locator("#text")).to_have_css("color", "rgb(1, 2, 3)")
    page.evaluate("window.mark = 'still here'")
    vite.write("text.js", 'export const text = "two";\n')
    expect(page.locator("#text")).to_have_text("two")
    vite.write("style.css", "h1 { color: rgb(4, 5, 6) }\n")
    expect(page.locator("#text")).to_have_css("color", "rgb(4, 5, 6)")
    assert page.evaluate("window.mark") == "still here"
    shot(page, name)


@pytest.mark.parametrize("style", ["absproxy", "host"])
def test_hot_updates(gateway, context: BrowserContext, vite: Vite, shot, style: str) -> None:
    host, path = f"127.0.0.1:{gateway.port}", f"/absproxy/{vite.port}/"
    if style == "host":
        host, path = f"{vite.port}-box.localhost:{gateway.port}", "/"
    vite.start(path)
    page, sockets, requests = context.new_page(), [], []
    page.on("websocket", lambda socket_: sockets.append(socket_.url))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"http://{host}{path}")
    watch_for_updates(page, vite, shot, f"vite-{style}")
    assert sockets and all(url.startswith(f"ws://{host}{path}") for url in sockets), sockets
    assert requests and all(url.startswith(f"http://{host}{path}") for url in requests), requests


def test_a_page_that_was_opened_too_early(gateway, context: BrowserContext, vite: Vite, shot) -> None:
    """Where nothing listens yet a page waits, and gives way to the app by itself."""
    page = context.new_page()
    with App() as other:
        page.goto(f"{gateway.url}/absproxy/{vite.port}/")
        expect(page.locator("h1")).to_have_text(f"Nothing listens on port {vite.port}")
        expect(page.get_by_role("link", name=str(other.port), exact=True)).to_be_visible()
        shot(page, "preview-nobody")
    vite.start(f"/absproxy/{vite.port}/")
    expect(page.locator("#text")).to_have_text("one")
