"""The services tab and the tabs that show a service's page, with services of the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard import Dashboard
from services import Services
from waiting import allow, eventually

pytestmark = pytest.mark.local


@pytest.fixture
def services(tmp_path: Path) -> Services:
    folder = tmp_path / "services"
    folder.mkdir()
    return Services(folder)


@pytest.fixture
def run(services, start_gateway, new_context):
    """Starts a gateway with the services of the test and opens its dashboard."""

    def start(place: str = "#services") -> Dashboard:
        services.gateway = start_gateway(*services.arguments())
        return Dashboard(new_context(viewport={"width": 1280, "height": 800}).new_page(), services.gateway.url).open(place)

    return start


def press(board: Dashboard, name: str, verb: str) -> None:
    board.service(name).get_by_role("button", name=verb, exact=True).click()


def test_a_service_is_started_restarted_and_stopped_from_the_page(services, run) -> None:
    services.listener("web", memory_mb=64)
    board = run()
    board.service_is("web", "stopped")
    expect(board.service("web")).to_contain_text("about 64 MB")
    press(board, "web", "Start")
    board.service_is("web", "ready")
    first = services.get("web")["pid"]
    expect(board.service("web")).to_contain_text(f"pid {first}")
    press(board, "web", "Restart")
    expect(board.service("web")).not_to_contain_text(f"pid {first}")
    board.service_is("web", "ready")
    assert services.get("web")["pid"] != first
    press(board, "web", "Stop")
    board.service_is("web", "stopped")
    expect(board.service("web")).to_contain_text(re.compile("stopped by a client", re.I))
    assert services.states() == {"web": "stopped"}


def test_what_happens_elsewhere_shows_by_itself(services, run) -> None:
    services.listener("web")
    board = run()
    board.service_is("web", "stopped")
    services.start("web")
    board.service_is("web", "ready")


def test_a_service_that_fails_says_why_and_shows_its_log(services, run) -> None:
    services.add("broken", script='echo "no such luck <b>&amp;</b>"; exit 7', listen={"socket": True})
    board = run()
    board.service_is("broken", "stopped")
    press(board, "broken", "Start")
    board.service_is("broken", "failed")
    expect(board.service("broken")).to_contain_text(services.get("broken")["reason"], ignore_case=True)
    press(board, "broken", "Log")
    expect(board.page.locator(".log pre")).to_contain_text("no such luck <b>&amp;</b>")
    board.shot("service-failed")
    assert board.page.url.endswith("#services/broken")
    board.page.locator(".log pre").press("Escape")
    expect(board.page.locator(".log")).to_be_hidden()


def test_the_log_is_followed_live_until_one_reads_back(services, run, tmp_path) -> None:
    fifo = tmp_path / "said"
    services.add("talker", script=f'i=0; while [ $i -lt 300 ]; do i=$((i + 1)); printf "\\033[32mline $i\\033[0m\\n"; done; exec tail -n +1 -F "{fifo}" 2>/dev/null')
    fifo.write_text("")
    board = run("#services/talker")
    services.start("talker")
    text = board.page.locator(".log pre")
    expect(text).to_contain_text("line 300\n", timeout=allow(15) * 1000)
    assert "\x1b" not in text.inner_text() and "[32m" not in text.inner_text()
    at_end = "(pre) => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 30"
    eventually(lambda: text.evaluate(at_end), "it shows the end")
    text.evaluate("(pre) => { pre.scrollTop = 0; }")
    expect(board.page.locator(".log header")).to_contain_text("paused while you read")
    with fifo.open("a") as file:
        file.write("said later\n")
    expect(text).to_contain_text("said later", timeout=allow(15) * 1000)
    assert text.evaluate("(pre) => pre.scrollTop") == 0, "it does not run away under the reader"
    board.page.get_by_role("button", name="To the end").click()
    expect(board.page.locator(".log header")).to_contain_text("following")


# ---- the tabs of services ----


def test_a_service_that_is_not_installed(services, run) -> None:
    services.sleeper("other")
    board = run("#code")
    expect(board.pane("code")).to_contain_text("VS Code is not part of this installation")
    board.tab("jupyter")
    expect(board.pane("jupyter")).to_contain_text("JupyterLab is not part of this installation")
    board.shot("not-installed")


def test_a_tab_shows_how_its_service_starts_and_then_its_page(services, run) -> None:
    services.late("jupyter")
    board = run("")
    expect(board.page.locator("#tiles [data-service=jupyter]")).to_have_text("starts when opened")
    assert services.states() == {"jupyter": "stopped"}, "nothing starts before its tab is opened"
    pane = board.tab("jupyter")
    expect(pane).to_contain_text("JupyterLab is starting…")
    expect(pane.locator(".spinner")).to_be_visible()
    expect(pane).to_contain_text(services.get("jupyter")["reason"])
    board.shot("starting")
    services.state_file("jupyter", "go").write_text("")
    expect(pane.locator("iframe")).to_have_attribute("src", re.compile("/jupyter/lab$"), timeout=allow(15) * 1000)
    services.state_file("jupyter", "go").unlink()
    services.process("jupyter").kill()
    expect(pane.locator(".remark")).to_contain_text("JupyterLab is", timeout=allow(15) * 1000)
    services.state_file("jupyter", "go").write_text("")
    expect(pane.locator(".remark")).to_be_hidden(timeout=allow(20) * 1000)


def test_a_tab_whose_service_fails_says_why_and_tries_again(services, run) -> None:
    services.add("code", script='[ -e "$SERVICE_STATE/good" ] || { echo "out of luck" >&2; exit 3; }; exec python3 "$SERVICE_DIR/run.py"', listen={"socket": True})
    services.listener("spare")
    (services.folder / "code" / "run.py").write_text((services.folder / "spare" / "run.py").read_text())
    board = run("#code")
    pane = board.pane("code")
    expect(pane).to_contain_text("VS Code could not be started", timeout=allow(30) * 1000)
    expect(pane).to_contain_text(services.get("code")["reason"])
    board.shot("failed")
    pane.get_by_role("button", name="Show its log").click()
    expect(board.page.locator(".log pre")).to_contain_text("out of luck")
    services.state_file("code", "good").write_text("")
    board.tab("code").get_by_role("button", name="Try again").click()
    expect(pane.locator("iframe")).to_have_count(1, timeout=allow(20) * 1000)


def test_a_hidden_tab_does_not_start_its_service_again(services, run) -> None:
    services.listener("code")
    board = run("#code")
    expect(board.pane("code").locator("iframe")).to_have_count(1, timeout=allow(15) * 1000)
    board.tab("services")
    press(board, "code", "Stop")
    board.service_is("code", "stopped")
    pane = board.tab("code")
    expect(pane.locator(".remark")).to_contain_text("VS Code is not running", timeout=allow(10) * 1000)
    assert services.states()["code"] == "stopped"
    pane.locator(".remark").get_by_role("button", name="Start").click()
    expect(pane.locator(".remark")).to_be_hidden(timeout=allow(15) * 1000)
    assert services.states()["code"] == "ready"
