"""Requests that two parsers could read differently, each with a second request hidden where one of them might see it.

In a case `@T` is the target it is addressed to, `@H` the lines every request needs (Host, and what names the port), `@S`
a whole hidden request and `@n` its length in bytes. Behind each case a visible request follows on the same connection.
"""

from __future__ import annotations

import dataclasses
import re

POST = "POST @T HTTP/1.1\r\n@H"
GET = "GET @T HTTP/1.1\r\n@H"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n"
FIVE = POST + "Content-Length: 5\r\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """`fine`: the body that arrives when it is an ordinary request after all; None: it is refused, the connection
    closed, and what arrived of it, if anything, is no whole request. `either`: refused or not, as long as nothing is
    hidden. `waits`: it may look unfinished, so nobody waits for the end. `nginx_feeds`: nginx ends lines at a bare line feed,
    so what is hidden here is not hidden there: to it it is a request like the others, and it passes on that."""

    name: str
    text: str
    fine: str | None = None
    either: bool = False
    waits: bool = False
    nginx_feeds: bool = False

    @property
    def chunked(self) -> bool:
        """The connection ends with it, lest what follows chunks be read in two ways."""
        return re.search(r"(@H|\r\n)transfer-encoding:", self.text, re.IGNORECASE) is not None


def _length(value: str) -> str:
    return f"{POST}Content-Length:{value}\r\n\r\nhello@S"


def _coding(line: str, body: str = "0\r\n\r\n@S") -> str:
    return f"{POST}{line}\r\nContent-Length: 5\r\n\r\n{body}"


def _chunks(body: str) -> str:
    return f"{CHUNKED}\r\n{body}"


LENGTHS = [
    Case(f"length {name}", _length(value))
    for name, value in {
        "negative": " -5",
        "with a plus": " +5",
        "hexadecimal": " 0x5",
        "in a list": " 5, 5",
        "in a list of two": " 5,6",
        "in words": " 5 bytes",
        "of two numbers": " 5 5",
        "with a fraction": " 5.0",
        "with an exponent": " 5e0",
        "empty": "",
        "blank": " \t ",
        "too big": " 18446744073709551621",
        "of many digits": " " + "9" * 40,
        "in other digits": " \xef\xbc\x95",
        "with a NUL": " 5\0",
        "with a vertical tab": " \x0b5",
        "minus nothing": " -0",
        "quoted": ' "5"',
    }.items()
] + [
    Case("two lengths", FIVE + "Content-Length: 6\r\n\r\nhello@S"),
    Case("the same length twice", FIVE + "Content-Length: 5\r\n\r\nhello@S"),
    Case("two lengths of other case", FIVE + "content-length: 0\r\n\r\nhello@S"),
    Case("length with zeros", _length(" 005").replace("@S", ""), fine="hello"),
    Case("length behind a tab", _length("\t5").replace("@S", ""), fine="hello"),
    Case("length with a space before the colon", POST + "Content-Length : 5\r\n\r\nhello@S"),
    Case("a second length with a space", FIVE + "Content-Length : @n\r\n\r\nhello@S"),
    Case("a second length with a tab", FIVE + "Content-Length\t: @n\r\n\r\nhello@S"),
    Case("a second length behind a NUL", FIVE + "Content-Length\0: @n\r\n\r\nhello@S"),
    Case("a folded length", POST + "Content-Length:\r\n 5\r\n\r\nhello@S"),
    Case("a length folded into another header", POST + "X-A: b\r\n Content-Length: @n\r\n\r\n@S"),
    Case("a length with an underscore", FIVE + "Content_Length: 500\r\n\r\nhello", fine="hello"),
    Case("a length in the name of another", POST + "X: y\nContent-Length: 5\r\n\r\nhello@S", nginx_feeds=True),
    Case("a length behind a bare return", POST + "X: y\rContent-Length: 5\r\n\r\nhello@S"),
    Case("a hidden request in a right body", POST + "Content-Length: @n\r\n\r\n@S", fine="@S"),
    Case("a hidden request in the body of a GET", GET + "Content-Length: @n\r\n\r\n@S", fine="@S"),
    Case("more body than there is", POST + "Content-Length: 100000\r\n\r\n@S", waits=True),
]

CODINGS = [
    Case("CL.TE", POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n@S"),
    Case("TE.CL", CHUNKED + "Content-Length: 4\r\n\r\n@x\r\n@S\r\n0\r\n\r\n"),
    Case("TE.TE identity behind", CHUNKED + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n@S"),
    Case("TE.TE chunked twice", CHUNKED + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n@S"),
    Case("chunked in HTTP/1.0", CHUNKED.replace("1.1", "1.0") + "\r\n0\r\n\r\n@S"),
    Case("chunked in mixed case", POST + "tRANSFER-eNCODING: ChUnKeD\r\n\r\n5\r\nhello\r\n0\r\n\r\n", fine="hello"),
    Case("chunked behind a tab", POST + "Transfer-Encoding:\tchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", fine="hello"),
    Case("an underscored coding", _coding("Transfer_Encoding: chunked", "hello"), fine="hello"),
    *(
        Case(f"coding {name}", _coding(line))
        for name, line in {
            "misspelt": "Transfer-Encoding: xchunked",
            "of two": "Transfer-Encoding: chunked, identity",
            "of two, reversed": "Transfer-Encoding: identity, chunked",
            "compressed": "Transfer-Encoding: gzip, chunked",
            "empty": "Transfer-Encoding: ",
            "with a comma": "Transfer-Encoding: ,chunked",
            "with a parameter": "Transfer-Encoding: chunked;q=1",
            "quoted": 'Transfer-Encoding: "chunked"',
            "with a vertical tab": "Transfer-Encoding: \x0bchunked",
            "with a form feed": "Transfer-Encoding: chunked\x0c",
            "with a NUL": "Transfer-Encoding: chunked\0",
            "with a space before the colon": "Transfer-Encoding : chunked",
            "folded": "Transfer-Encoding:\r\n chunked",
            "folded into another header": "X-A: b\r\n\tTransfer-Encoding: chunked",
            "behind a bare feed": "X-A: b\nTransfer-Encoding: chunked",
            "behind a bare return": "X-A: b\rTransfer-Encoding: chunked",
            "behind a space": " Transfer-Encoding: chunked",
            "of high bytes": "Transfer-Encoding: \xffchunked",
        }.items()
    ),
]

CHUNKS = [
    Case(f"chunk {name}", _chunks(body))
    for name, body in {
        "size of none": "\r\nhello\r\n0\r\n\r\n@S",
        "size in letters": "xyz\r\nhello\r\n0\r\n\r\n@S",
        "size with a prefix": "0x5\r\nhello\r\n0\r\n\r\n@S",
        "size with a plus": "+5\r\nhello\r\n0\r\n\r\n@S",
        "size negative": "-5\r\nhello\r\n0\r\n\r\n@S",
        "size too big": "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n@S",
        "size that wraps": "10000000000000005\r\nhello\r\n0\r\n\r\n@S",
        "size behind a space": " 5\r\nhello\r\n0\r\n\r\n@S",
        "without its end": "5\r\nhello0\r\n\r\n@S",
        "longer than told": "5\r\nhelloworld\r\n0\r\n\r\n@S",
        "with a NUL in its size": "5\0\r\nhello\r\n0\r\n\r\n@S",
        "end of other bytes": "5\r\nhelloXX0\r\n\r\n@S",
    }.items()
] + [
    Case("chunks", _chunks("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), fine="hello world"),
    Case("chunk size with zeros", _chunks("0005\r\nhello\r\n00\r\n\r\n"), fine="hello"),
    Case("chunk size in capitals", _chunks("A\r\n0123456789\r\n0\r\n\r\n"), fine="0123456789"),
    Case("an extension", _chunks("5;a=b\r\nhello\r\n0;c\r\n\r\n"), fine="hello"),
    Case("a quoted extension", _chunks('5;a="b;c"\r\nhello\r\n0\r\n\r\n'), fine="hello"),
    Case("a hidden request in a chunk", _chunks("@x\r\n@S\r\n0\r\n\r\n"), fine="@S"),
    Case("an extension ended by a bare feed", _chunks("5;a\nhello\r\n0\r\n\r\n@S"), either=True, waits=True, nginx_feeds=True),
    Case("a hidden request in an extension", _chunks("2;\nxx\r\n@y\r\n0\r\n\r\n@S0\r\n\r\n"), either=True, waits=True, nginx_feeds=True),
    Case("an extension ended by a bare return", _chunks("5;a\rhello\r\n0\r\n\r\n@S"), either=True, waits=True),
    Case("size ended by a bare feed", _chunks("5\nhello\r\n0\r\n\r\n"), either=True),
    Case("chunk ended by a bare feed", _chunks("5\r\nhello\n0\r\n\r\n"), either=True),
    Case("last chunk ended by bare feeds", _chunks("5\r\nhello\r\n0\n\n"), either=True, waits=True),
    Case("a size of many zeros", _chunks("0" * 30 + "5\r\nhello\r\n0\r\n\r\n"), either=True),
    Case("trailers", _chunks("5\r\nhello\r\n0\r\nX-A: b\r\nX-C: d\r\n\r\n"), fine="hello"),
    Case("trailers of framing", _chunks("5\r\nhello\r\n0\r\nContent-Length: @n\r\nHost: x\r\n\r\n"), fine="hello"),
    Case("a request as trailers", _chunks("5\r\nhello\r\n0\r\n@S"), either=True),
    Case("a trailer folded", _chunks("5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n"), either=True),
    Case("chunks without the last", _chunks("@x\r\n@S\r\n"), waits=True),
]

HEADS = [
    Case(name, text, nginx_feeds=name in ("an end of a bare feed", "an end of bare returns"))
    for name, text in {
        "HTTP/0.9": "GET @T\r\n@S",
        "HTTP/0.9 with headers": "GET @T\r\n@H\r\n@S",
        "a version to come": GET.replace("1.1", "2.0") + "\r\n",
        "an unheard-of version": GET.replace("1.1", "1.1.1") + "\r\n",
        "the protocol in lower case": GET.replace("HTTP", "http") + "\r\n",
        "a target with a space": "GET @T x HTTP/1.1\r\n@H\r\n",
        "a target with a NUL": "GET @T\0x HTTP/1.1\r\n@H\r\n",
        "an absolute target": "GET http://x@T HTTP/1.1\r\n@H\r\n",
        "bare line feeds": "GET @T HTTP/1.1\nX: y\n\n@S",
        "a bare feed between headers": GET + "X-A: b\nX-B: c\r\n\r\n",
        "a bare return between headers": GET + "X-A: b\rX-B: c\r\n\r\n",
        "an end of a bare feed": GET + "X-A: b\r\n\n@S",
        "an end of bare returns": GET + "X-A: b\r\r\n\r\n@S",
        "a folded header": GET + "X-A: b\r\n @S",
        "a header without a name": GET + ": b\r\n\r\n",
        "a header without a colon": GET + "X-A\r\n\r\n",
        "a header with a NUL in its name": GET + "X\0A: b\r\n\r\n",
        "a header with a NUL in its value": GET + "X-A: b\0c\r\n\r\n",
        "a header of no token": GET + "X A: b\r\n\r\n",
        "two hosts": GET + "Host: 127.0.0.1\r\n\r\n",
        "a second host with a space": GET + "Host : attacker.example\r\n\r\n",
        "a space before the first header": "GET @T HTTP/1.1\r\n X: y\r\n@H\r\n",
        "CONNECT": "CONNECT @T HTTP/1.1\r\n@H\r\n@S",
        "the HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n@S",
    }.items()
] + [
    Case("a blank line first", "\r\n" + FIVE + "\r\nhello", fine="hello"),
    Case("a socket with a body", GET + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: @n\r\n\r\n@S", either=True),
    Case("an upgrade to HTTP/2", FIVE + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
         "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\nhello", fine="hello"),
    Case("framing named a hop's own", FIVE + "Connection: Content-Length, Host\r\n\r\nhello", fine="hello"),
    Case("coding named a hop's own", CHUNKED + "Connection: Transfer-Encoding\r\n\r\n5\r\nhello\r\n0\r\n\r\n", fine="hello"),
    Case("an expectation", FIVE + "Expect: 100-continue\r\n\r\nhello", fine="hello"),
    Case("an unheard-of expectation", FIVE + "Expect: @n\r\n\r\nhello", either=True),
    Case("a body of TRACE", FIVE.replace("POST", "TRACE") + "\r\nhello", either=True),
]

CASES = LENGTHS + CODINGS + CHUNKS + HEADS


def spell(text: str, target: str, lines: str, hidden: str) -> bytes:
    """The bytes of a case, or of what it should bring."""
    whole = f"GET {hidden} HTTP/1.1\r\n{lines}\r\n"
    # A chunk that ends where the hidden request's own last chunk begins.
    inner = f"{len(whole) + 5:x}"
    for mark, value in (
        ("@T", target),
        ("@H", lines),
        ("@S", whole),
        ("@n", str(len(whole))),
        ("@x", f"{len(whole):x}"),
        ("@y", inner),
    ):
        text = text.replace(mark, value)
    return text.encode("latin-1")
