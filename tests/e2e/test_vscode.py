"""VS Code in a real Chromium: the installed code-server behind the gateway."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import BrowserContext, expect

from editor import Editor
from relay import Relay
from server import BINARY, Server
from waiting import Stopwatch, allow, eventually

KEY = "vscode-k3y+/="
INSTALLED = BINARY.parent / "services" / "code"

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]


@pytest.fixture
def start(start_gateway) -> Callable[..., Server]:
    return lambda *args, **options: start_gateway("--services", "code", *args, **options)


@pytest.fixture
def editor(new_context) -> Callable[..., Editor]:
    def open_page(url: str, path: str = "/code-server", within: BrowserContext | None = None) -> Editor:
        context = within or new_context(viewport={"width": 1280, "height": 800})
        return Editor(context.new_page(), url).open(path)

    return open_page


def service(gateway: Server) -> dict:
    return gateway.api.get_ok("/v1/services/code")


def memory_of(gateway: Server) -> float:
    """What the service takes, in MB; what its processes share counts once."""
    process = psutil.Process(service(gateway)["pid"])
    return sum(_share_of(each) for each in [process, *process.children(recursive=True)]) / 1e6


def _share_of(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except (psutil.NoSuchProcess, FileNotFoundError):  # what git or a probe of the editor took is gone with it
        return 0


def settings_file(gateway: Server) -> Path:
    return gateway.home / ".local/share/code-server/User/settings.json"


# ---- what it is for ----


def test_it_shows_a_file_of_the_api_and_its_terminal_works_in_the_same_place(start, editor, shot) -> None:
    gateway = start()
    path = f"{gateway.workspace}/hello.py"
    gateway.api.post_ok("/v1/file/write", {"file": path, "content": "print('naïve 漢字 from the API')\n"})
    code = editor(gateway.url)
    code.show("hello.py")
    code.expect_text("print('naïve 漢字 from the API')")
    code.run("echo made-by-$((40 + 2)) > made.txt; echo $SHELL > shell.txt")
    read = lambda name: gateway.api.post("/v1/file/read", {"file": f"{gateway.workspace}/{name}"})
    eventually(lambda: read("shell.txt").success and read("shell.txt").data["content"], "the terminal ran it", 20)
    assert read("made.txt").data["content"] == "made-by-42\n"
    assert read("shell.txt").data["content"] == "/bin/bash\n"
    expect(code.file("made.txt")).to_be_visible()
    expect(code.page.locator(".monaco-workbench")).to_have_class(re.compile(r"\bvs-dark\b"))  # as the browser wants it
    shot(code.page, "vscode")


def test_what_is_typed_is_saved(start, editor) -> None:
    gateway = start()
    (gateway.workspace / "note.txt").write_text("")
    code = editor(gateway.url, "/vscode")
    code.show("note.txt")
    code.write("typed in the browser")
    saved = lambda: (gateway.workspace / "note.txt").read_text().startswith("typed in the browser")
    eventually(saved, "the file holds what was typed", 20)


def test_git_and_previews_work(start, editor) -> None:
    gateway = start()
    (gateway.workspace / "README.md").write_text("# A title\n\n*leaning*\n")
    assert gateway.api.bash.exec(f"cd {gateway.workspace} && git init -q && git add .").exit_code == 0
    code = editor(gateway.url)
    expect(code.page.locator(".statusbar-item[id^='status.scm']").first).to_be_visible(timeout=allow(30) * 1000)
    code.show("README.md")
    code.page.get_by_role("button", name="Open Preview").first.click()
    preview = code.page.frame_locator("iframe.webview.ready").frame_locator("iframe#active-frame")
    expect(preview.locator("h1")).to_have_text("A title", timeout=allow(30) * 1000)
    expect(preview.locator("em")).to_have_text("leaning")


def test_nothing_stands_in_the_way_and_nobody_else_is_asked(start, editor) -> None:
    gateway = start()
    (gateway.workspace / "a.txt").write_text("first\n")
    code = editor(gateway.url)
    code.show("a.txt")
    code.expect_text("first")
    expect(code.page.locator(".tabs-container .tab")).to_have_count(1)
    for intrusion in (".monaco-dialog-box", ".gettingStartedContainer", ".notification-toast", ".part.auxiliarybar"):
        expect(code.page.locator(intrusion).locator("visible=true")).to_have_count(0)
    others = {urlsplit(url).netloc for url in code.requests if urlsplit(url).scheme not in ("data", "blob")}
    assert others == {urlsplit(gateway.url).netloc}


# ---- where it is served ----


def test_it_works_below_a_prefix(start, editor) -> None:
    gateway = start()
    (gateway.workspace / "deep.txt").write_text("below a prefix\n")
    with Relay(gateway.url, "/box/7") as relay:
        code = editor(relay.url)
        code.show("deep.txt")
        code.expect_text("below a prefix")
        code.run("echo here > there.txt")
        eventually(lambda: (gateway.workspace / "there.txt").exists(), "the terminal ran it", 20)
        paths = [urlsplit(url).path for url in code.requests if url.startswith(("http", "ws"))]
        assert paths and all(path.startswith("/box/7/code-server") for path in paths), paths


def test_with_a_key_it_is_asked_for_once(start, new_context, editor) -> None:
    gateway = start(key=KEY)
    (gateway.workspace / "secret.txt").write_text("for those who have the key\n")
    context = new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    assert page.goto(f"{gateway.url}/code-server").status == 401
    assert service(gateway)["state"] == "stopped"
    page.fill("#k", KEY)
    page.click("button")
    code = Editor(page, gateway.url).wait_until_it_is_there()
    code.show("secret.txt")
    code.expect_text("for those who have the key")
    assert "api_key" not in page.url
    code.run("env > seen.txt; echo end >> seen.txt")
    seen = gateway.workspace / "seen.txt"
    eventually(lambda: seen.exists() and seen.read_text().endswith("end\n"), "the terminal ran it", 20)
    assert KEY not in seen.read_text()


# ---- over time ----


def test_a_second_start_keeps_the_users_settings(start, editor) -> None:
    gateway = start()
    gateway.api.post_ok("/v1/services/code/start", {"timeout": 60})
    assert json.loads(settings_file(gateway).read_text())["workbench.startupEditor"] == "none"
    settings_file(gateway).write_text('{"workbench.colorTheme": "Monokai", "workbench.startupEditor": "none"}')
    gateway.api.post_ok("/v1/services/code/restart", {"timeout": 60})
    code = editor(gateway.url)
    expect(code.page.locator(".monaco-workbench")).to_have_class(
        re.compile("monokai", re.IGNORECASE), timeout=allow(20) * 1000
    )
    assert "Monokai" in settings_file(gateway).read_text()


def test_it_stops_when_nobody_looks_any_more(start, new_context, editor, tmp_path) -> None:
    gateway = start("--services-dir", str(services_that_stop_after(tmp_path, 2)))
    context = new_context()
    code = editor(gateway.url, within=context)
    with Stopwatch() as watch:
        # Longer than its idle time.
        eventually(lambda: watch.seconds > 4, "some time passes", 10, every=0.1)
    assert service(gateway)["state"] == "ready", "a page that is open holds it"
    pid = service(gateway)["pid"]
    code.page.close()
    eventually(lambda: service(gateway)["state"] == "stopped", "it stops", 20)
    assert service(gateway)["reason"] == "not used for 2 s" and not psutil.pid_exists(pid)


def services_that_stop_after(folder: Path, seconds: float) -> Path:
    place = folder / "services" / "code"
    shutil.copytree(INSTALLED, place, ignore=shutil.ignore_patterns("installed"))
    (place / "installed").symlink_to((INSTALLED / "installed").resolve())
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "idle_stop_seconds": seconds}))
    return place.parent


def test_cold_start_and_memory(start, editor, record_property) -> None:
    gateway = start()
    (gateway.workspace / "a.txt").write_text("first\n")
    with Stopwatch() as watch:
        gateway.api.post_ok("/v1/services/code/start", {"timeout": 60})
    watch.assert_below(10, "from nothing to ready")
    idle = memory_of(gateway)
    with Stopwatch() as opening:
        code = editor(gateway.url)
    code.run("true")
    busy = memory_of(gateway)
    figures = {"ready_s": watch.seconds, "open_s": opening.seconds, "idle_mb": idle, "open_mb": busy}
    for name, value in figures.items():
        record_property(name, round(value, 2))
    print({name: round(value, 2) for name, value in figures.items()})
    assert idle < 250 and busy < 800, figures
