"""What the sandbox says of its resources, and the manual it gives to agents."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from client import Api
from waiting import Stopwatch, eventually

BUSY = "end=$((SECONDS + 20)); while [ $SECONDS -lt $end ]; do :; done"


def resources(api: Api) -> dict:
    return api.get_ok("/v1/sandbox/resources")


def test_resources_have_plausible_figures(api: Api, workspace: str) -> None:
    told = resources(api)
    assert 0 <= told["cpu"]["percent"] <= 100 and told["cpu"]["cores"] > 0
    assert 0 < told["memory"]["used"] <= told["memory"]["total"]
    assert 0 < told["disk"]["used"] <= told["disk"]["total"] and told["disk"]["free"] >= 0
    assert told["disk"]["path"] == workspace
    assert told["cpu"]["of"] in ("machine", "container") and told["memory"]["of"] in ("machine", "container")
    assert len(told["load"]) == 3 and told["processes"] > 0


@pytest.mark.local
def test_resources_are_this_machines(gateway, api: Api) -> None:
    told = resources(api)
    disk = shutil.disk_usage(gateway.workspace)
    assert told["disk"]["total"] == disk.total
    assert abs(told["disk"]["free"] - disk.free) < 1 << 30
    assert abs(told["processes"] - sum(name.isdigit() for name in os.listdir("/proc"))) < 50
    if told["memory"]["of"] == "machine":
        total = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
        assert told["memory"]["total"] == total


def test_work_shows_in_the_figures(api: Api) -> None:
    """One core kept busy is at least most of one core's share, once a window lies within the work."""
    command = api.post_ok("/v1/bash/exec", {"command": BUSY, "async_mode": True})
    try:

        def busy() -> bool:
            cpu = resources(api)["cpu"]
            return cpu["percent"] >= 60 / cpu["cores"]

        eventually(busy, "the work is seen", 10, every=0.1)
    finally:
        api.post_ok("/v1/bash/kill", {"session_id": command["session_id"], "signal": "SIGKILL"})


def test_resources_are_cheap(api: Api) -> None:
    resources(api)
    with Stopwatch() as watch:
        for _ in range(50):
            resources(api)
    watch.assert_below(1.0, "for 50 calls")


# ---- /llms.txt ----


def manual(api: Api, **options) -> str:
    answer = api.get("/llms.txt", **options)
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return answer.content.decode()


def fields_of(schema: dict) -> set[str]:
    """Names as a request's fields have them: members of a member with a dot."""
    names = set()
    for name, field in schema.get("properties", {}).items():
        names |= {f"{name}.{inner}" for inner in field["properties"]} if "properties" in field else {name}
    return names


def test_the_manual_has_every_route_and_field(api: Api) -> None:
    text = manual(api)
    document = api.get("/v1/openapi.json").body
    assert len(document["paths"]) > 50
    listed = {(method, path.replace("...}", "}")) for method, path in re.findall(r"^- `([A-Z]+) (/\S*)`", text, re.M)}
    # Places are told of as such, not row by row.
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not {"pages", "devtools", "previews"} & set(operation["tags"])
    ]
    assert listed == {(method.upper(), path) for method, path, _ in operations}
    assert len(text) < 24_000 and "(null)" not in text
    for method, path, operation in operations:
        section = re.search(rf"^- `{method.upper()} {re.escape(path)}`.*\n((?:  .*\n)*)", text.replace("...}", "}"), re.M)
        assert operation["summary"] in section[0], (method, path)
        body = operation.get("requestBody", {}).get("content", {})
        names = {name for one in body.values() for name in fields_of(one["schema"])}
        names |= {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        assert set(re.findall(r"^  - `([^`]+)`", section[1], re.M)) == names, (method, path)


def paste_examples(text: str, **env: str) -> list[dict]:
    script = re.search(r"^```sh\n(.*?)^```$", text, re.M | re.S)[1]
    done = subprocess.run(["bash", "-ec", script], env={**os.environ, "NO_PROXY": "*", **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    decoder, answers, at = json.JSONDecoder(), [], 0
    while at < len(done.stdout):
        answer, at = decoder.raw_decode(done.stdout, at)
        answers.append(answer)
        at += len(done.stdout[at:]) - len(done.stdout[at:].lstrip())
    assert len(answers) == script.count("curl ") and all(answer["success"] for answer in answers), answers
    return [answer["data"] for answer in answers]


@pytest.mark.local
@pytest.mark.parametrize("key", [None, "it's a \"key\" & $more"], ids=["open", "key"])
def test_the_examples_of_the_manual_work_when_pasted(start_gateway, key: str | None) -> None:
    server = start_gateway(key=key)
    uname, _, where, _, hello, python, node = paste_examples(manual(server.api), SANDBOX_API_KEY=key or "")
    assert uname["stdout"].startswith("Linux") and where["output"] == "agent in /tmp\n" and hello["stdout"] == "42\n"
    assert all(told["outputs"][-1]["data"]["text/plain"] == "42" for told in (python, node))


def test_the_manual_groups_by_tag_and_marks_what_is_required(api: Api) -> None:
    text = manual(api)
    headings = re.findall(r"^### (\S+)$", text, re.M)
    assert len(headings) == len(set(headings)) and {"file", "shell", "bash", "sandbox", "services"} <= set(headings)
    exec_section = text[text.index("`POST /v1/bash/exec`") :]
    assert re.search(r"^  - `command` text, required: ", exec_section, re.M)
    assert "  - `async_mode` true or false, default false" in exec_section


def test_the_manual_names_only_places_that_are_served(api: Api) -> None:
    text = manual(api)
    places = text[text.index("## Places") : text.index("## Endpoints")]
    paths = {path.replace("...}", "}") for path in api.get("/v1/openapi.json").body["paths"]}
    for url in re.findall(r"^- (\S+) – ", places, re.M):
        path = "/" + url.split("/", 3)[3]
        assert any(one == path or (path.endswith("/") and one.startswith(path)) for one in paths), url
    assert "/cdp/json/version" in places and "/vnc/index.html" in places and "/terminal" in places


def test_the_manual_tells_the_address_the_client_used(api: Api) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "box.example.org", "X-Forwarded-Prefix": "/a/b"}
    text = manual(api, headers=headers)
    assert "- Address: https://box.example.org/a/b/ " in text
    assert "- wss://box.example.org/a/b/websockify " in text


@pytest.mark.local
def test_the_manual_says_whether_a_key_is_needed(gateway, api: Api, start_gateway) -> None:
    assert "Key: none is needed" in manual(api)
    locked = start_gateway(key="a-secret-key")
    text = manual(locked.api)
    assert "X-AIO-API-Key: KEY" in text and "a-secret-key" not in text
    anonymous = Api(locked.url)
    assert anonymous.get("/llms.txt").status == 401
    anonymous.close()


# ---- the dashboard's page ----


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_the_front_page_is_the_dashboard(api: Api, path: str) -> None:
    answer = api.get(path, headers={"Accept": "text/html"})
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert b'role="tablist"' in answer.content
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(rb'(?:src|href)="/', answer.content), "every address is relative"
