"""What the sandbox says about itself: context, packages, health, documents, pages, metrics."""

from __future__ import annotations

import json
import platform
import re

import pytest

from client import Api
from rawhttp import RawConnection
from shapes import MODELS, ROUTES
from waiting import Stopwatch, allow


def test_context(api: Api) -> None:
    body = api.get("/v1/sandbox").body  # its shape is checked by the client
    system = body["detail"]["system"]
    told = api.bash.exec("id -un; echo $HOME; uname -m; pwd").stdout.splitlines()
    assert [system["user"], system["home_dir"], system["arch"], system["workspace"]] == told
    assert body["home_dir"] == system["home_dir"] and body["workspace"] == system["workspace"]
    assert system["timezone"] and system["os"] and system["os_version"]
    assert isinstance(body["data"], str) and body["home_dir"] in body["data"], "the text an agent reads"
    assert all(port.isdigit() for port in system["occupied_ports"])


@pytest.mark.local
def test_context_tells_the_truth_about_this_machine(gateway, api: Api) -> None:
    body = api.get("/v1/sandbox").body
    assert body["home_dir"] == str(gateway.home) and body["workspace"] == str(gateway.workspace)
    assert body["detail"]["system"]["arch"] == platform.machine()
    assert str(gateway.port) in body["detail"]["system"]["occupied_ports"]
    pythons = body["detail"]["runtime"]["python"]
    assert any(spec["bin"].startswith("/") and re.match(r"\D*3\.\d+", spec["ver"]) for spec in pythons), pythons
    tools = {tool["name"] for category in body["detail"]["utils"] for tool in category["tools"]}
    assert {"bash", "rg"} & tools, tools


def test_python_packages(api: Api) -> None:
    with Stopwatch() as watch:
        packages = api.get_ok("/v1/sandbox/packages/python")
    watch.assert_below(5.0)
    assert isinstance(packages, list) and packages
    assert all(set(package) >= {"name", "version"} for package in packages)
    assert all(isinstance(package["name"], str) and package["name"] for package in packages)


def test_nodejs_packages(api: Api) -> None:
    answer = api.get("/v1/sandbox/packages/nodejs")
    assert answer.status == 200
    if api.bash.exec("command -v npm").exit_code == 0:
        assert {"npm"} <= {package["name"] for package in answer.data}, answer
    else:
        assert answer.data == [] or not answer.success and answer.message


def test_health(api: Api) -> None:
    with Stopwatch() as watch:
        assert api.get("/healthz").status == 200
    watch.assert_below(0.25)
    ready = api.get("/readyz")
    assert ready.status == 200 and isinstance(ready.body, dict)


def test_health_answers_while_much_is_going_on(api: Api) -> None:
    api.bash.start("while :; do :; done", hard_timeout=20)
    api.shell.exec("yes", async_mode=True)
    latencies = []
    for _ in range(50):
        with Stopwatch() as watch:
            assert api.get("/healthz").status == 200
        latencies.append(watch.seconds)
    # Two processes take all the processors there are; the scheduler's share of a delay is not the gateway's.
    latencies.sort()
    assert latencies[45] < allow(0.1) and latencies[-1] < allow(0.6), latencies[40:]


# The OpenAPI document.


@pytest.fixture
def document(api: Api) -> dict:
    answer = api.get("/v1/openapi.json")
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    return answer.body


def test_openapi_is_a_document(document: dict, api: Api) -> None:
    assert document["openapi"].startswith("3.") and document["info"]["title"]
    assert document["info"]["version"] == api.get("/v1/sandbox").body["version"]
    identifiers = [
        op["operationId"] for ops in document["paths"].values() for op in ops.values() if "operationId" in op
    ]
    assert len(identifiers) == len(set(identifiers)) > 0
    for reference in re.findall(r'"\$ref": ?"([^"]+)"', json.dumps(document)):
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_openapi_has_every_route_with_words(document: dict) -> None:
    missing = []
    for row in [*ROUTES, "GET /healthz", "GET /readyz", "GET /metrics", "GET /v1/openapi.json"]:
        method, path = row.split(" ")
        operation = document["paths"].get(path, {}).get(method.lower())
        if not operation or not (operation.get("summary") or operation.get("description")):
            missing.append(row)
    assert not missing


def test_openapi_has_every_field_of_the_contract(document: dict) -> None:
    problems = []
    for row, facts in ROUTES.items():
        if "body" not in facts:
            continue
        method, path = row.split(" ")
        schema = resolve(
            document, document["paths"][path][method.lower()]["requestBody"]["content"][facts["media"]]["schema"]
        )
        for name, field in MODELS[facts["body"]].items():
            if name not in schema["properties"]:
                problems.append(f"{row}: {name} is absent")
            elif bool(field.get("required")) != (name in schema.get("required", [])):
                problems.append(f"{row}: {name} is wrongly required or optional")
            elif (
                "default" in field and resolve(document, schema["properties"][name]).get("default") != field["default"]
            ):
                problems.append(
                    f"{row}: {name} has the default {schema['properties'][name].get('default')!r}, "
                    f"not {field['default']!r}"
                )
    assert not problems, "\n".join(problems)


def resolve(document: dict, schema: dict) -> dict:
    while "$ref" in schema:
        node = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            node = node[step]
        schema = node
    return schema


# Pages.


@pytest.mark.parametrize("page", ["/terminal", "/v1/docs"])
def test_pages_are_local_and_strict(api: Api, page: str) -> None:
    answer = api.get(page)
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    html = answer.content.decode()
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", html)
    assert links, "a page of nothing"
    outside = [link for link in links if link.startswith(("http:", "https:", "//", "/"))]
    assert not outside, "links must stay relative to work under a prefix, and on this host"
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", html), "inline script breaks the content policy"


def assets_of(api: Api, page: str) -> list[str]:
    base = page.rsplit("/", 1)[0]
    links = re.findall(r"""(?:src|href)=["']([^"'#?]+\.(?:js|mjs|css))""", api.get(page).content.decode())
    return [normalise(f"{base}/{link}") for link in links]


def normalise(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    return "/" + "/".join(parts)


def test_assets_are_cached_compressed_and_ranged(api: Api) -> None:
    assets = assets_of(api, "/terminal") + assets_of(api, "/v1/docs")
    assert assets
    biggest = max(assets, key=lambda path: len(api.get(path, headers={"Accept-Encoding": "identity"}).content))
    plain = api.get(biggest, headers={"Accept-Encoding": "identity"})
    assert plain.status == 200 and "content-encoding" not in plain.headers
    assert "accept-encoding" in plain.headers["vary"].lower()
    etag = plain.headers["etag"]
    assert api.get(biggest, headers={"Accept-Encoding": "identity", "If-None-Match": etag}).status == 304
    part = api.get(biggest, headers={"Accept-Encoding": "identity", "Range": "bytes=10-19"})
    assert (part.status, part.content) == (206, plain.content[10:20])
    zipped = api.http.get(biggest, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip" and zipped.content == plain.content
    assert zipped.headers["etag"] != etag
    assert int(zipped.headers["content-length"]) < len(plain.content) / 2
    brotli = api.http.stream("GET", biggest, headers={"Accept-Encoding": "br, gzip"})
    with brotli as response:
        assert response.headers["content-encoding"] == "br"
    refused = api.http.get(biggest, headers={"Accept-Encoding": "gzip;q=0, br;q=0"})
    assert "content-encoding" not in refused.headers and refused.content == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "/static/../gateway.log",
        "/static/..%2f..%2fetc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/....//etc/passwd",
        "/static/%00",
        "/static/\\..\\x",
        "/static/",
        "/static",
        "/static/no-such-file.js",
        "/../../etc/passwd",
    ],
)
def test_static_files_stay_inside(gateway, path: str) -> None:
    with RawConnection(gateway) as raw:
        raw.send(raw.head(f"GET {path} HTTP/1.1"))
        answer = raw.answer()
    assert answer.status in (400, 403, 404), answer
    assert b"root:" not in answer.body


# Metrics.


def samples(text: str) -> dict[str, float]:
    """Prometheus' text format, every line held to it."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) [a-zA-Z_:][\w:]* .+", line), line
        elif line:
            match = re.fullmatch(r"([a-zA-Z_:][\w:]*(?:\{[^{}]*\})?) (\S+)(?: \d+)?", line)
            assert match, line
            found[match[1]] = float(match[2])
    return found


def metrics(api: Api) -> tuple[dict[str, float], str]:
    answer = api.get("/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
    text = answer.content.decode()
    return samples(text), text


def total(found: dict[str, float], pattern: str) -> float:
    matching = [value for name, value in found.items() if re.search(pattern, name)]
    assert matching, f"no metric like {pattern} among {sorted(found)}"
    return sum(matching)


def test_metrics_count_requests(api: Api) -> None:
    before, _ = metrics(api)
    for _ in range(7):
        api.get("/healthz")
    api.get("/no-such-route")
    after, text = metrics(api)
    assert total(after, r"requests_total") - total(before, r"requests_total") >= 8
    assert re.search(r"# TYPE \S*requests_total counter", text)


def test_metrics_have_a_latency_histogram(api: Api) -> None:
    found, text = metrics(api)
    name = re.search(r"# TYPE (\S+) histogram", text)[1]
    buckets = [(labels, value) for labels, value in found.items() if labels.startswith(name + "_bucket")]
    assert len(buckets) >= 5
    series: dict[str, list[tuple[float, float]]] = {}
    for labels, value in buckets:
        bound = re.search(r'le="([^"]+)"', labels)[1]
        series.setdefault(re.sub(r',?le="[^"]+"', "", labels), []).append((float(bound.replace("+Inf", "inf")), value))
    for labels, points in series.items():
        counts = [value for _, value in sorted(points)]
        assert counts == sorted(counts) and max(points)[0] == float("inf"), labels
        whole = labels.replace("_bucket", "_count").replace("{}", "")
        assert found[whole] == counts[-1], labels


def test_metrics_follow_sessions_and_commands(api: Api) -> None:
    before, _ = metrics(api)
    api.shell.create()
    api.bash.start("sleep 100")
    after, _ = metrics(api)
    assert total(after, r"sessions") > total(before, r"sessions")
    assert total(after, r"commands") > total(before, r"commands")
    assert total(after, r"children") > total(before, r"children")
    assert total(after, r"(resident_)?memory") > 1_000_000
