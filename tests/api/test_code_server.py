"""VS Code's addresses, with a service of the tests in its place: what is passed on, how it is switched off or moved."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable

import httpx
import pytest

from ports import free_port
from server import BINARY, clean_environment
from services import Services


@pytest.fixture
def editor(services: Services, run) -> Callable[..., Services]:
    services.echo(
        "code", listen={"socket": True, "port_from": "CODE_SERVER_PORT"}, disabled_by="DISABLE_CODE_SERVER"
    )

    def start(**options) -> Services:
        run(**options)
        return services

    return start


@pytest.mark.parametrize("base", ["/code-server", "/vscode"])
@pytest.mark.parametrize("rest", ["/", "/?a=%2f%20+b&a=&&c", "/stable-1/static/x%20y/..%2fz?q=%C3%A9", "/x//y", "/%2e/y"])
def test_the_prefix_is_taken_off_and_nothing_else(editor, base, rest) -> None:
    services = editor()
    services.start("code")
    answer = httpx.get(httpx.URL(services.api.url).copy_with(raw_path=f"{base}{rest}".encode())).json()
    headers = {name.lower(): value for name, value in answer["headers"]}
    assert answer["target"] == rest
    assert headers["x-forwarded-prefix"] == base and headers["host"] == "localhost"


@pytest.mark.parametrize("base", ["code-server", "vscode"])
def test_the_bare_name_leads_to_the_workspace(editor, base) -> None:
    services = editor()
    workspace = str(services.gateway.workspace)
    for query, leads in [
        ("", f"folder={workspace}"),
        ("?locale=de", f"folder={workspace}&locale=de"),
        ("?folder=/a%20b", "folder=/a%20b"),
        ("?ew=true", "ew=true"),
    ]:
        answer = services.api.get(f"/{base}{query}")
        assert (answer.status, answer.headers["Location"]) == (302, f"./{base}/?{leads}")
    assert services.get("code")["state"] == "stopped"


def test_a_workspace_with_odd_characters_is_written_for_an_address(services: Services, start_gateway, tmp_path: Path) -> None:
    folder = tmp_path / "a b&c=d#é"
    folder.mkdir()
    services.sleeper("code")
    gateway = start_gateway(*services.arguments(), "--workspace", str(folder))
    location = gateway.api.get("/vscode").headers["Location"]
    assert location.endswith("/a%20b%26c%3Dd%23%C3%A9") and re.fullmatch(r"[!-~]+", location)


def test_origins_of_others_are_refused_and_ours_is_kept_from_the_service(editor) -> None:
    services = editor()
    services.start("code")
    assert services.api.get("/code-server/x", headers={"Origin": "http://evil.example"}).status == 403
    assert services.api.get("/code-server/x", headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    answer = services.api.get("/code-server/x", headers={"Origin": services.gateway.url, "Sec-Fetch-Site": "same-origin"})
    assert "origin" not in {name.lower() for name, _ in answer.body["headers"]}


def test_only_what_the_editor_posts_is_passed_on(editor) -> None:
    services = editor()
    services.start("code")
    assert services.api.post("/code-server/mint-key").body["method"] == "POST"
    assert services.api.post("/code-server/other").status == 405


@pytest.mark.parametrize("value", ["true", "1", "YES", "on"])
def test_it_can_be_disabled(editor, value) -> None:
    services = editor(env={"DISABLE_CODE_SERVER": value})
    assert services.states() == {}
    assert services.api.get("/code-server/").status == 503


@pytest.mark.parametrize("value", ["", "false", "0", "No", "off"])
def test_a_switch_that_says_no_changes_nothing(editor, value) -> None:
    services = editor(env={"DISABLE_CODE_SERVER": value})
    assert services.states() == {"code": "stopped"}


def test_a_port_may_be_asked_for(editor) -> None:
    port = free_port()
    services = editor(env={"CODE_SERVER_PORT": str(port)})
    services.start("code")
    headers = dict(services.api.get("/code-server/").body["headers"])
    assert headers["Host"] == f"127.0.0.1:{port}"


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_an_error_at_the_start(services: Services, value: str, tmp_path: Path) -> None:
    services.sleeper("code", listen={"socket": True, "port_from": "CODE_SERVER_PORT"})
    command = [str(BINARY), "--listen", "127.0.0.1:0", "--state", str(tmp_path / "state"), *services.arguments()]
    env = clean_environment({"CODE_SERVER_PORT": value, "HOME": str(tmp_path)})
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "CODE_SERVER_PORT: must be a port" in done.stderr
