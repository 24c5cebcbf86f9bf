"""Requests made from the gateway's own route rows: every row, by every way of saying who one is, through every trick
with Host, path and method that is known to lead past a check.

A request is drafted from a row and changed by one trick of each dimension. `pairwise` chooses combinations so that any
two tricks meet; `everything` is the whole product.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import subprocess
from typing import Callable, Iterable, Iterator, Sequence
from urllib.parse import quote

from pipelined import Ask
from server import BINARY


@dataclasses.dataclass(frozen=True)
class Row:
    method: str
    path: str
    by_path: bool = True
    scopes: tuple[str, ...] = ()
    kind: str = "inline"
    body: str = "none"
    page: bool = False
    service: str | None = None
    also: str | None = None
    serves: str | None = None  # the page whose part it is
    tag: str | None = None
    real: bool = True  # False: a path that nothing answers, to compare with

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + ("" if self.by_path else " (by Host or header)")


def rows() -> list[Row]:
    """What the gateway enforces, told by itself."""
    printed = subprocess.run([str(BINARY), "--print-routes"], capture_output=True, check=True, timeout=30).stdout
    told = [json.loads(line) for line in printed.splitlines()]
    return [Row(**{**row, "scopes": tuple(row["scopes"])}) for row in told]


GHOSTS = [
    Row("GET", "/v1/no-such-thing", real=False),
    Row("POST", "/v1/no-such-thing", body="json", real=False),
    Row("GET", "/no-such-page", page=True, real=False),
    Row("DELETE", "/v1/no-such/{name}", real=False),
]


@dataclasses.dataclass
class Draft:
    method: str
    path: str
    query: str
    headers: list[str]
    body: bytes
    hosts: list[str]
    origin: str = ""  # of an absolute-form target

    def bytes(self) -> bytes:
        target = self.origin + self.path + (f"?{self.query}" if self.query else "")
        framing = [f"Content-Length: {len(self.body)}"] if self.body or self.method not in ("GET", "HEAD") else []
        lines = [f"{self.method} {target} HTTP/1.1", *(f"Host: {h}" for h in self.hosts), *self.headers, *framing]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    def add_query(self, pair: str) -> None:
        self.query = f"{self.query}&{pair}" if self.query else pair


@dataclasses.dataclass(frozen=True)
class Trick:
    """`malformed`: such a request may be refused for what it is before anybody is asked for, with 400 and a closed
    connection. `reserved`: it names a port that no app may have, which is refused to everyone."""

    name: str
    apply: Callable[[Draft], None]
    malformed: bool = False
    reserved: bool = False
    right: bool = True  # of a credential: it is one

    def __str__(self) -> str:
        return self.name


@dataclasses.dataclass(frozen=True)
class Place:
    """What requests are addressed to, and the mark that they leave where they are obeyed."""

    port: int  # the gateway's
    app: int  # an app's that records what it is asked
    service: int  # a supervised service's
    mark: str = "/nonexistent/mark"


def names_port(line: str) -> bool:
    return line.lower().startswith("x-aio-proxy-port:")


def header(*lines: str) -> Callable[[Draft], None]:
    return lambda draft: draft.headers.extend(lines)


def query(pair: str) -> Callable[[Draft], None]:
    return lambda draft: draft.add_query(pair)


def host(*names: str) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.hosts = list(names)
        if names and names[0][:1].isdigit() and "-" in names[0]:
            # A header would win over the port that Host names.
            draft.headers = [line for line in draft.headers if not names_port(line)]

    return apply


def preview(line: str) -> Callable[[Draft], None]:
    """The header that names a port; two of them would be malformed."""

    def apply(draft: Draft) -> None:
        draft.headers = [line, *(h for h in draft.headers if not names_port(h))]

    return apply


def path(change: Callable[[str], str]) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.path = change(draft.path)

    return apply


def method(name: str) -> Callable[[Draft], None]:
    def apply(draft: Draft) -> None:
        draft.method = name

    return apply


def nothing(draft: Draft) -> None:
    pass


PLAIN = Trick("plain", nothing)


# ---- drafts ----


def potent(place: Place) -> dict[str, object]:
    """Input that does something wherever it is taken: fields that a row does not know are no offence."""
    return {
        "command": f"touch {place.mark}.command",
        "code": f"open({place.mark + '.code'!r}, 'w')",
        "language": "python",
        "file": f"{place.mark}.file",
        "path": f"{place.mark}.path",
        "content": "written",
        "session_id": "stranger",
        "action": "start",
        "action_type": "WAIT",
        "input": "x",
        "name": "stranger",
    }


def multipart(place: Place) -> bytes:
    part = 'Content-Disposition: form-data; name="path"\r\n\r\n' + f"{place.mark}.uploaded"
    file = 'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\nwritten'
    return f"--mark\r\n{part}\r\n--mark\r\n{file}\r\n--mark--\r\n".encode()


SOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def concrete(row: Row, place: Place) -> str:
    values = {"port": str(place.app), "name": row.service or "code", "session_id": "stranger", "id": "1"}
    text = row.path
    for name in ("port", "name", "session_id", "id"):
        text = text.replace(f"{{{name}}}", values[name])
    return text.replace("{path...}", "a/b")


def draft(row: Row, place: Place, harmless: bool = False) -> Draft:
    """The row's own request. `harmless`: it comes as far as any refusal of who asks, and no further: a query that is
    no text is nobody's input."""
    made = Draft("POST" if row.method == "*" else row.method, concrete(row, place), "", [], b"", [])
    made.hosts = [f"127.0.0.1:{place.port}"]
    if not row.by_path:
        made.headers.append(f"X-AIO-Proxy-Port: {place.app}")
    if row.body == "json":
        made.headers.append("Content-Type: application/json")
        made.body = b"[]" if harmless else json.dumps(potent(place)).encode()
    elif row.body == "stream" and row.tag != "previews":
        made.headers.append("Content-Type: multipart/form-data; boundary=mark")
        made.body = b"--mark--\r\n" if harmless else multipart(place)
    if harmless:
        made.query = "x=%ff"
    elif row.kind == "socket":
        made.headers.extend(SOCKET)
    elif made.method == "GET":
        made.query = f"path={quote(place.mark)}&file={quote(place.mark)}&session_id=stranger"
    return made


# ---- the dimensions ----


def host_tricks(place: Place) -> list[Trick]:
    own = f"127.0.0.1:{place.port}"

    def absolute(origin: str) -> Callable[[Draft], None]:
        def apply(draft: Draft) -> None:
            draft.origin = origin

        return apply

    return [
        PLAIN,
        Trick("a preview host of the gateway's port", host(f"{place.port}-x.localhost"), reserved=True),
        Trick("the same as a lone label", host(f"{place.port}-x"), reserved=True),
        Trick("the same of an address", host(f"{place.port}-{own}"), reserved=True),
        Trick("a preview host of a service's port", host(f"{place.service}-x.localhost"), reserved=True),
        Trick("a preview header of the gateway's port", preview(f"X-AIO-Proxy-Port: {place.port}"), reserved=True),
        Trick("the same with zeros", preview(f"x-aio-proxy-port: 000{place.port}"), reserved=True),
        Trick("a preview host of no port", host("99999-x.localhost"), reserved=True),
        Trick("absolute form", absolute(f"http://{own}"), malformed=True),
        Trick("absolute form of a preview", absolute(f"http://{place.port}-x.localhost"), malformed=True),
        Trick("two hosts", host(own, own), malformed=True),
        Trick("two hosts, one a preview's", host(f"{place.port}-x.localhost", own), malformed=True),
        Trick("a final dot", host("localhost.")),
        Trick("an IPv6 literal", host(f"[::1]:{place.port}")),
        Trick("a scoped IPv6 literal", host("[fe80::1%25lo]"), malformed=True),
        Trick("user information", host(f"user@{own}"), malformed=True),
        Trick("an empty host", host("")),
        Trick("no host", host(), malformed=True),
        Trick("another port", host("127.0.0.1:1")),
        Trick("upper case", host(f"LOCALHOST:{place.port}")),
        Trick("a forwarded host", header(f"X-Forwarded-Host: {place.port}-x.localhost", "X-Forwarded-For: 127.0.0.1")),
        Trick("a rewritten address", header("X-Original-URL: /healthz", "X-Rewrite-URL: /healthz")),
    ]


def path_tricks() -> list[Trick]:
    def other_slash(text: str) -> Callable[[str], str]:
        return lambda p: p[0] + p[1:].replace("/", text)

    return [
        PLAIN,
        Trick("parameters", path(lambda p: p + ";x=.js")),
        Trick("parameters in the middle", path(lambda p: "/;a=b" + p)),
        Trick("dots", path(lambda p: "/healthz/.." + p)),
        Trick("encoded dots", path(lambda p: "/static/%2e%2e" + p)),
        Trick("dots encoded twice", path(lambda p: "/static/%252e%252e" + p)),
        Trick("a dot", path(lambda p: "/." + p)),
        Trick("two slashes", path(lambda p: "/" + p)),
        Trick("encoded slashes", path(other_slash("%2f"))),
        Trick("backslashes", path(other_slash("\\"))),
        Trick("a slash of two bytes", path(other_slash("%c0%af"))),
        Trick("a NUL", path(lambda p: p + "%00")),
        Trick("a NUL and a suffix", path(lambda p: p + "%00.js")),
        Trick("a suffix in the query", query("x=.js")),
        Trick("a suffix", path(lambda p: p + ".js")),
        Trick("upper case", path(str.upper)),
        Trick("a letter encoded", path(lambda p: "/%" + p[1:2].encode().hex() + p[2:] if p[1:] else p)),
        Trick("a final slash", path(lambda p: p + "/")),
        Trick("an encoded space", path(lambda p: p + "%20")),
        Trick("seventy parameters", query("&".join(f"p{i}=1" for i in range(70)))),
        Trick("a query that is no text", query("x=%ff%00&%zz")),
        Trick("a question in the query", query("?/static/x.js")),
        Trick("a fragment", path(lambda p: p + "#.js"), malformed=True),
    ]


def method_tricks() -> list[Trick]:
    def lower(draft: Draft) -> None:
        draft.method = draft.method.lower()

    def overridden(draft: Draft) -> None:
        names = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
        draft.headers.extend(f"{name}: {draft.method}" for name in names)
        draft.method = "GET" if draft.method != "GET" else "POST"

    def in_query(draft: Draft) -> None:
        draft.add_query(f"_method={draft.method}")
        draft.method = "GET" if draft.method != "GET" else "POST"

    return [
        PLAIN,
        Trick("the method in headers", overridden),
        Trick("the method in the query", in_query),
        Trick("lower case", lower),
        Trick("HEAD", method("HEAD")),
        Trick("OPTIONS", method("OPTIONS")),
        Trick("TRACE", method("TRACE")),
        Trick("CONNECT", method("CONNECT"), malformed=True),
        Trick("no method known", method("BREW")),
        Trick("a browser", header("Accept: text/html,*/*", "User-Agent: Mozilla/5.0")),
    ]


def key_credentials(key: str, cookie: str) -> list[Trick]:
    """Of a gateway with SANDBOX_API_KEY; `cookie` is a signed-in browser's."""
    coded = quote(key, safe="")
    wrong = [
        Trick("none", nothing),
        Trick("a wrong key", header("X-AIO-API-Key: wrong")),
        Trick("an empty key", header("X-AIO-API-Key: ")),
        Trick("a longer key", header(f"X-AIO-API-Key: {key}x")),
        Trick("a shorter key", header(f"X-AIO-API-Key: {key[:-1]}")),
        Trick("the key in other case", header(f"X-AIO-API-Key: {key.swapcase()}")),
        Trick("a wrong bearer", header("Authorization: Bearer wrong")),
        Trick("an empty bearer", header("Authorization: Bearer ")),
        Trick("another scheme", header(f"Authorization: Basic {key}")),
        Trick("the key without a scheme", header(f"Authorization: {key}")),
        Trick("a wrong key in the query", query("api_key=wrong")),
        Trick("a wrong key that ends .js", query("api_key=wrong.js")),
        Trick("an empty key in the query", query("api_key=")),
        Trick("a key that is no text", query("api_key=%ff")),
        Trick("the name in other case", query(f"API_KEY={coded}")),
        Trick("the key as a path parameter", path(lambda p: f"{p};api_key={coded}")),
        Trick("the key beyond what is read", query("&".join(f"p{i}=1" for i in range(64)) + f"&api_key={coded}")),
        Trick("a wrong key and the right one", header("X-AIO-API-Key: wrong", f"Authorization: Bearer {key}")),
        Trick("a right key and a wrong bearer", header(f"X-AIO-API-Key: {key}", "Authorization: Bearer wrong")),
        Trick("a right key and a wrong query", lambda d: (header(f"X-AIO-API-Key: {key}")(d), query("api_key=x")(d))),
        Trick("a wrong key and the cookie", header("X-AIO-API-Key: wrong", f"Cookie: sandgate_session={cookie}")),
        Trick("a wrong cookie", header("Cookie: sandgate_session=" + "0" * len(cookie))),
        Trick("the key as the cookie", header(f"Cookie: sandgate_session={key}")),
        Trick("the cookie under another name", header(f"Cookie: xsandgate_session={cookie}; a=sandgate_session")),
        Trick("the key in other places", header(f"X-API-Key: {key}", f"Referer: http://localhost/?api_key={coded}")),
        Trick("a proxy's word", header("X-Forwarded-User: admin", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1")),
    ]
    right = [
        Trick("the key", header(f"X-AIO-API-Key: {key}")),
        Trick("the key as bearer", header(f"Authorization: Bearer {key}")),
        Trick("the scheme in lower case", header(f"authorization: bearer {key}")),
        Trick("the key in the query", query(f"api_key={coded}")),
        Trick("the cookie", header(f"Cookie: a=b; sandgate_session={cookie}; c=d")),
        Trick("the key and an old cookie", header(f"X-AIO-API-Key: {key}", "Cookie: sandgate_session=old")),
    ]
    return [dataclasses.replace(trick, right=False) for trick in wrong] + right


def stranger_tricks(place: Place) -> list[Trick]:
    """What a browser says on behalf of another site's page, where no credential is asked for."""
    lines = {
        "a rebound name": (f"attacker.example:{place.port}",),
        "a rebound preview name": (f"{place.app}-attacker.example",),
        "a rebound name with a number": (f"{place.port}-attacker.example:{place.port}",),
        "a name below none of ours": ("127.0.0.1.attacker.example",),
        "a name that ends alike": ("notlocalhost",),
    }
    rebound = [Trick(name, host(*hosts)) for name, hosts in lines.items()]
    origins = [
        "http://attacker.example",
        "null",
        f"http://localhost.attacker.example:{place.port}",
        "http://127.0.0.1:1",
        f"https://127.0.0.1:{place.port + 1}",
        "file://",
    ]
    cross = ("Sec-Fetch-Site: cross-site",)
    fetches = {
        "a page's fetch": cross + ("Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"),
        "a page's blind fetch": cross + ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: empty"),
        "a page's image": cross + ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
        "a page's frame": cross + ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
        "a sibling's fetch": ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"),
        "a page's socket": cross + ("Sec-Fetch-Mode: websocket", "Sec-Fetch-Dest: empty", "Origin: http://a.example"),
        "no word at all": ("Sec-Fetch-Site: ",),
    }
    told = [Trick(f"Origin {origin}", header(f"Origin: {origin}")) for origin in origins]
    return rebound + told + [Trick(name, header(*headers)) for name, headers in fetches.items()]


# ---- combining ----


def everything(dimensions: Sequence[Sequence[Trick]]) -> Iterator[tuple[Trick, ...]]:
    return itertools.product(*dimensions)


def pairwise(dimensions: Sequence[Sequence[Trick]]) -> list[tuple[Trick, ...]]:
    """Few combinations in which any trick of one dimension meets any of another."""
    sizes = [len(tricks) for tricks in dimensions]
    missing: dict[tuple[int, int, int, int], None] = {}
    for i, j in itertools.combinations(range(len(sizes)), 2):
        for a, b in itertools.product(range(sizes[i]), range(sizes[j])):
            missing[(i, a, j, b)] = None
    chosen = []
    while missing:
        i, a, j, b = next(iter(missing))
        pick: dict[int, int] = {i: a, j: b}
        for k in set(range(len(sizes))) - {i, j}:
            pick[k] = max(range(sizes[k]), key=lambda v: sum(_pair(k, v, m, w) in missing for m, w in pick.items()))
        for (k, v), (m, w) in itertools.combinations(sorted(pick.items()), 2):
            missing.pop((k, v, m, w), None)
        chosen.append(tuple(dimensions[k][pick[k]] for k in range(len(sizes))))
    return chosen


def _pair(k: int, v: int, m: int, w: int) -> tuple[int, int, int, int]:
    return (k, v, m, w) if k < m else (m, w, k, v)


def one_at_a_time(dimensions: Sequence[Sequence[Trick]]) -> list[tuple[Trick, ...]]:
    """Each trick beside the first ones of all other dimensions."""
    chosen = {}
    for k, tricks in enumerate(dimensions):
        for trick in tricks:
            chosen[tuple(trick if m == k else other[0] for m, other in enumerate(dimensions))] = None
    return list(chosen)


@dataclasses.dataclass(frozen=True)
class Case:
    row: Row
    tricks: tuple[Trick, ...]
    ask: Ask

    def __str__(self) -> str:
        return f"{self.row} | {' | '.join(map(str, self.tricks))}\n    {self.ask.data!r}"

    @property
    def malformed(self) -> bool:
        return any(trick.malformed for trick in self.tricks)

    @property
    def reserved(self) -> bool:
        return any(trick.reserved for trick in self.tricks)


def cases(
    all_rows: Iterable[Row], place: Place, combinations: Iterable[tuple[Trick, ...]], harmless: bool = False
) -> list[Case]:
    """In the order credential, method, path, Host of a combination; a dimension may be left out."""
    made = []
    combinations = list(combinations)
    for row in all_rows:
        for tricks in combinations:
            request = draft(row, place, harmless)
            for trick in tricks:
                trick.apply(request)
            ask = Ask(request.bytes(), request.method == "HEAD", any(trick.malformed for trick in tricks))
            made.append(Case(row, tricks, ask))
    return made
