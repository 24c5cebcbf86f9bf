"""The API browser against the gateway's own document."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def docs(gateway, context) -> Page:
    page = context.new_page()
    key = getattr(gateway, "key", None)
    page.goto(f"{gateway.url}/v1/docs" + (f"?api_key={key}" if key else ""))
    expect(page.locator("#state")).to_have_text(re.compile(r"^\d+ endpoints$"))
    return page


@pytest.fixture
def document(gateway) -> dict:
    return gateway.api.http.get("/v1/openapi.json").json()


def listed(document: dict) -> set[tuple[str, str]]:
    methods = ("get", "post", "put", "patch", "delete", "head", "options")
    return {(method.upper(), path) for path, item in document["paths"].items() for method in item if method in methods}


def unfold(docs: Page, method: str, path: str):
    fold = (
        docs.locator("details.operation")
        .filter(has=docs.locator(f"summary .path:text-is({json.dumps(path)})"))
        .filter(has=docs.locator(f"summary .badge:text-is({json.dumps(method)})"))
    )
    fold.locator("> summary").click()
    return fold


def test_every_endpoint_is_listed(docs, document, shot):
    shot(docs, "docs-dark")
    shown = docs.evaluate("""() => [...document.querySelectorAll('details.operation > summary')].map((row) => [
      row.querySelector('.badge').textContent, row.querySelector('.path').textContent])""")
    assert {tuple(one) for one in shown} == listed(document)
    assert len(shown) == len(listed(document))


def test_fields_show_what_the_document_says(docs, shot):
    fold = unfold(docs, "POST", "/v1/shell/exec")
    row = fold.locator("tr", has=docs.locator("code.name:text-is('command')")).first
    expect(row.locator(".required")).to_be_visible()
    expect(row.locator(".type")).to_contain_text("string")
    names = fold.locator("code.name").all_inner_texts()
    assert {"id", "exec_dir", "command", "async_mode", "timeout"} <= set(names)
    shot(docs, "docs-operation")


def test_search_narrows_the_list(docs):
    everything = docs.locator("details.operation:visible").count()
    docs.keyboard.press("/")
    docs.keyboard.type("post shell exec")
    expect(docs.locator("#state")).to_have_text(re.compile(r"^\d+ endpoints?$"))
    paths = docs.locator("details.operation:visible .path").all_inner_texts()
    assert "/v1/shell/exec" in paths and len(paths) < everything
    docs.fill("#search", "no such endpoint anywhere")
    expect(docs.locator("#state")).to_have_text("Nothing matches.")
    docs.fill("#search", "")
    expect(docs.locator("details.operation:visible")).to_have_count(everything)


def test_try_it_sends_the_request(docs, shot):
    fold = unfold(docs, "POST", "/v1/shell/exec")
    fold.locator("textarea").fill(json.dumps({"command": "echo tried-$((1+1)) ž"}))
    fold.locator("button[type=submit]").click()
    expect(fold.locator(".answer-head strong")).to_contain_text("200")
    expect(fold.locator(".answer-head")).to_contain_text(re.compile(r"\d+ ms"))
    answer = json.loads(fold.locator(".answer pre").inner_text())
    assert answer["success"] is True and answer["data"]["output"].strip() == "tried-2 ž"
    fold.locator(".answer pre").scroll_into_view_if_needed()
    shot(docs, "docs-try-it")


def test_try_it_shows_a_refusal(docs):
    fold = unfold(docs, "POST", "/v1/shell/exec")
    fold.locator("textarea").fill("{}")
    fold.locator("button[type=submit]").click()
    expect(fold.locator(".answer-head strong.warn")).to_contain_text("422")
    assert "command" in json.loads(fold.locator(".answer pre").inner_text())["message"]


def test_a_body_that_is_no_json_is_not_sent(docs):
    fold = unfold(docs, "POST", "/v1/shell/exec")
    sent = []
    docs.on("request", lambda request: "/v1/" in request.url and sent.append(request.url))
    fold.locator("textarea").fill("{command}")
    fold.locator("button[type=submit]").click()
    expect(fold.locator(".problem")).to_contain_text("not JSON")
    assert not sent


def test_curl_snippet_follows_the_form_and_is_copied(docs, gateway):
    fold = unfold(docs, "POST", "/v1/shell/exec")
    fold.locator("textarea").fill(json.dumps({"command": "echo 'quoted'"}))
    expect(fold.locator(".curl")).to_contain_text(f"curl -X POST {gateway.url}/v1/shell/exec")
    fold.locator(".curl-box button").click()
    expect(fold.locator(".curl-box button")).to_have_text("Copied")
    copied = docs.evaluate("() => navigator.clipboard.readText()")
    assert copied == fold.locator(".curl").inner_text()
    assert "'\\''quoted'\\''" in copied


def test_parameters_become_part_of_the_address(docs, document):
    path, parameter = next(
        (path, one["name"])
        for path, item in document["paths"].items()
        if "get" in item
        for one in item["get"].get("parameters", [])
        if one.get("in") == "query"
    )
    fold = unfold(docs, "GET", path)
    field = fold.locator(".inputs label", has=docs.locator(f".mono:text-matches({json.dumps('^' + parameter)})")).first
    field.locator("input, select").first.evaluate("""input => {
      if (input.tagName === 'SELECT') input.selectedIndex = 1; else input.value = 'a&b';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }""")
    expect(fold.locator(".curl")).to_contain_text(f"?{parameter}=")


def test_address_names_the_open_endpoint(docs):
    unfold(docs, "POST", "/v1/shell/exec")
    expect(docs).to_have_url(re.compile(r"#post-v1-shell-exec$"))
    docs.reload()
    expect(docs.locator("details.operation[open] .path")).to_have_text("/v1/shell/exec")


def test_document_that_does_not_load_is_told(gateway, context):
    page = context.new_page()
    page.route("**/v1/openapi.json", lambda route: route.fulfill(status=503, body="{}"))
    key = getattr(gateway, "key", None)
    page.goto(f"{gateway.url}/v1/docs" + (f"?api_key={key}" if key else ""))
    expect(page.locator("#state.problem")).to_contain_text("503")


@pytest.mark.parametrize(
    "scheme, size", [("light", {"width": 1280, "height": 900}), ("dark", {"width": 390, "height": 844})]
)
def test_page_fits_every_window(gateway, new_context, shot, scheme, size):
    page = new_context(color_scheme=scheme, viewport=size).new_page()
    key = getattr(gateway, "key", None)
    page.goto(f"{gateway.url}/v1/docs" + (f"?api_key={key}" if key else ""))
    unfold(page, "POST", "/v1/shell/exec")
    shot(page, f"docs-{scheme}-{size['width']}")
    assert page.evaluate("() => document.documentElement.scrollWidth") == size["width"]
