"""What a browser sees while a service starts, and when it does not: with services of the tests behind VS Code's row."""

from __future__ import annotations

import threading

import httpx
import pytest

from services import Services
from waiting import Stopwatch, allow

PAGE = "/code-server/?folder=/x"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
KEY = "progress-k3y"

WAIT = 'while [ ! -e "$SERVICE_STATE/go" ]; do sleep 0.01; done; exec python3 "$SERVICE_DIR/run.py"'


@pytest.fixture
def late(services: Services):
    """VS Code's place is taken by a service that is ready once the test says so."""
    services.echo("code")
    services.add("code", script=WAIT, title="Editor <&> more", listen={"socket": True})
    return services


def go(services: Services) -> None:
    services.state_file("code", "go").parent.mkdir(parents=True, exist_ok=True)
    services.state_file("code", "go").touch()


def test_a_page_shows_that_it_starts_and_asks_again(late: Services, run) -> None:
    run()
    with Stopwatch() as watch:
        answer = late.api.get(PAGE, headers=BROWSER)
    assert watch.seconds >= 0.65
    watch.assert_below(1.3)
    assert answer.status == 503 and answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert '<meta http-equiv="refresh" content="1">' in answer.content.decode()
    assert late.get("code")["state"] == "starting"
    go(late)
    late.until("code", "ready")
    assert late.api.get(PAGE, headers=BROWSER).status == 200


def test_the_page_needs_no_script_and_forbids_all(late: Services, run) -> None:
    run()
    answer = late.api.get(PAGE, headers=BROWSER)
    text = answer.content.decode()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "frame-ancestors 'self'" in policy
    assert "<script" not in text and "Editor &lt;&amp;&gt; more is starting" in text and "<&>" not in text
    go(late)


def test_who_is_ready_is_answered_without_it(late: Services, run) -> None:
    run()
    go(late)
    late.start("code")
    answer = late.api.get(PAGE, headers=BROWSER)
    assert answer.status == 200 and answer.body["target"] == "/?folder=/x"


@pytest.mark.parametrize(
    "path, headers",
    [
        (PAGE, {}),
        (PAGE, {"Accept": "application/json"}),
        (PAGE, {**BROWSER, "Sec-Fetch-Mode": "cors"}),
        ("/code-server/some.css", BROWSER),
    ],
)
def test_everyone_else_waits_for_the_answer(late: Services, run, path, headers) -> None:
    run()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(late.api.get(path, headers=headers)))
    with Stopwatch() as watch:
        thread.start()
        thread.join(1.2)
        assert thread.is_alive(), f"was not waited for: {answers}"
        go(late)
        thread.join(allow(10))
    assert watch.seconds > 1.1 and answers[0].status == 200


def test_a_service_that_fails_says_why_and_offers_to_try_again(services: Services, run) -> None:
    services.add("code", script="echo '<b>no luck</b>'; exit 9", listen={"socket": True})
    run()
    answer = services.api.get(PAGE, headers=BROWSER)
    text = answer.content.decode()
    assert answer.status == 503 and "exited with code 9" in text and "&lt;b&gt;no luck&lt;/b&gt;" in text
    assert '<a href="">Try again</a>' in text and "refresh" not in text
    assert services.api.get(PAGE).body["message"].endswith("no luck</b>")


def test_a_service_that_is_not_enabled_says_so(services: Services, run) -> None:
    services.sleeper("other")
    run()
    answer = services.api.get(PAGE, headers=BROWSER)
    assert answer.status == 503 and "not enabled here" in answer.content.decode() and b"<html" in answer.content


def test_with_a_key_strangers_are_asked_for_it_first(late: Services, run) -> None:
    run(key=KEY)
    answer = httpx.get(late.api.url + PAGE, headers=BROWSER, trust_env=False)
    assert answer.status_code == 401 and "api_key" in answer.text
    assert late.get("code")["state"] == "stopped"
    assert late.api.get(PAGE, headers=BROWSER).status == 503
