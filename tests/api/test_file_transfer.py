"""/v1/file/upload and /v1/file/download: bytes in and out, by the rules of HTTP."""

from __future__ import annotations

import os
from urllib.parse import quote

import pytest

from client import Api
from expect import assert_invalid, assert_status
from rawhttp import RawConnection
from waiting import eventually

BOUNDARY = "frontier0123456789"


def multipart(*parts: tuple[str, bytes], boundary: str = BOUNDARY) -> bytes:
    """A multipart body of (disposition parameters, content), built by hand to control its every byte."""
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary.encode(), head.encode(), data)
        for head, data in parts
    )
    return body + b"--%s--\r\n" % boundary.encode()


def upload(api: Api, body: bytes, boundary: str = BOUNDARY):
    return api.post(
        "/v1/file/upload", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_001])
def test_upload_and_download_are_exact(api: Api, workdir: str, size: int) -> None:
    path, data = f"{workdir}/sub/upload.bin", os.urandom(size)
    answer = api.post("/v1/file/upload", data={"path": path}, files={"file": ("x.bin", data)})
    assert answer.data == {**answer.data, "file_path": path, "file_size": size, "success": True}
    assert api.file.download(path).content == data


def test_parts_come_in_any_order(api: Api, workdir: str) -> None:
    """curl -F file=@x -F path=y sends the file first, when its destination is not known yet."""
    path = f"{workdir}/ordered"
    file, where = ('name="file"; filename="a"', b"content"), ('name="path"', path.encode())
    for parts in ([file, where], [where, file]):
        answer = upload(api, multipart(*parts))
        assert (answer.data["file_path"], answer.data["file_size"]) == (path, 7)
        assert api.file.read(path) == "content"
        api.bash.exec(f"rm {path}")
    assert api.bash.exec(f"ls -A {workdir}").stdout == ""


def test_content_may_look_like_a_boundary(api: Api, workdir: str) -> None:
    data = f"\r\n--{BOUNDARY[:-1]}\r\n--\r\n\r\n--{BOUNDARY[:-1]}--\r\n--{BOUNDARY}".encode()[:-1] + b"\r\n\r"
    upload(api, multipart(('name="path"', f"{workdir}/b".encode()), ('name="file"; filename="a"', data)))
    assert api.file.download(f"{workdir}/b").content == data


def test_upload_without_a_path_keeps_the_files_name(api: Api) -> None:
    answer = api.post("/v1/file/upload", files={"file": ("notes ü.txt", b"hello")})
    path = answer.data["file_path"]
    try:
        assert path.startswith("/") and path.endswith("/notes ü.txt")
        assert api.file.read(path) == "hello"
    finally:
        api.bash.exec(f"rm -f -- '{path}'")


@pytest.mark.parametrize("name", ["../../../tmp/evil", "/tmp/evil", "..", "a/../../evil"])
def test_a_file_name_cannot_choose_another_directory(api: Api, name: str) -> None:
    answer = upload(api, multipart((f'name="file"; filename="{name}"', b"x")))
    if answer.status == 200 and answer.success:
        path = answer.data["file_path"]
        api.bash.exec(f"rm -f -- '{path}'")
        assert "/../" not in path and path not in ("/tmp/evil", "/evil"), path
    else:
        assert 400 <= answer.status < 500, answer
    assert api.bash.exec("ls /tmp/evil /evil").exit_code != 0


def test_upload_replaces_atomically_and_keeps_the_mode(api: Api, workdir: str) -> None:
    path = f"{workdir}/script"
    api.bash.exec(f"echo old > {path}; chmod 750 {path}")
    api.post_ok("/v1/file/upload", data={"path": path}, files={"file": ("x", b"new")})
    assert api.bash.exec(f"stat -c %a {path}; cat {path}; ls -A {workdir}").stdout == "750\nnewscript\n"


def test_what_an_upload_lacks_is_named(api: Api, workdir: str) -> None:
    assert_invalid(upload(api, multipart(('name="path"', f"{workdir}/x".encode()))), "file")
    assert_invalid(api.post("/v1/file/upload", data={"path": "relative"}, files={"file": ("x", b"")}), "path")
    assert_invalid(api.post("/v1/file/upload", data={"path": "/tmp/nul\0"}, files={"file": ("x", b"")}), "path")


def test_a_failed_upload_is_a_file_error(api: Api, workdir: str) -> None:
    answer = api.post("/v1/file/upload", data={"path": workdir}, files={"file": ("x", b"data")})
    assert answer.success is False and answer.data["errno_name"] == "EISDIR", answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--" + BOUNDARY.encode() + b"\r\n",
        multipart(('name="file"; filename="a"', b"x"))[:-20],
        b"--%s\r\n\r\nno headers\r\n--%s--\r\n" % (BOUNDARY.encode(), BOUNDARY.encode()),
    ],
)
def test_broken_multipart_is_refused_and_leaves_nothing(api: Api, workdir: str, body: bytes) -> None:
    answer = upload(api, body)
    assert answer.status in (400, 422) and answer.success is False, answer
    assert api.bash.exec(f"ls -A {workdir}").stdout == ""


def test_only_multipart_is_taken(api: Api) -> None:
    assert_status(api.post("/v1/file/upload", {"path": "/tmp/x"}), 415)
    answer = api.post("/v1/file/upload", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert answer.status in (400, 415, 422) and answer.success is False


@pytest.mark.local
def test_an_upload_cut_short_leaves_nothing(gateway, api: Api, workdir: str) -> None:
    """Half a body, then the client is gone: no file under the name, and no temporary one either."""
    with RawConnection(gateway) as raw:
        body = multipart(('name="path"', f"{workdir}/half".encode()), ('name="file"; filename="a"', b"x" * 500_000))
        raw.send(
            raw.head(
                "POST /v1/file/upload HTTP/1.1",
                f"Content-Length: {len(body)}",
                f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            )
        )
        raw.send(body[:300_000])
    eventually(lambda: os.listdir(workdir) == [], f"{workdir} is empty")


def test_upload_chunked(api: Api, workdir: str) -> None:
    body = multipart(('name="path"', f"{workdir}/chunked".encode()), ('name="file"; filename="a"', b"c" * 300_000))
    pieces = (body[at : at + 7001] for at in range(0, len(body), 7001))
    answer = api.post(
        "/v1/file/upload", content=pieces, headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    )
    assert answer.data["file_size"] == 300_000


# Download.

CONTENT = b"0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def path(api: Api, workdir: str) -> str:
    api.file.write(f"{workdir}/alphabet.txt", CONTENT.decode())
    return f"{workdir}/alphabet.txt"


def test_download_headers(api: Api, path: str) -> None:
    answer = api.file.download(path)
    assert answer.status == 200 and answer.content == CONTENT
    assert answer.headers["content-length"] == "36" and answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] and answer.headers["last-modified"]
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert 'filename="alphabet.txt"' in answer.headers["content-disposition"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "wanted, content, content_range",
    [
        ("bytes=0-4", b"01234", "bytes 0-4/36"),
        ("bytes=30-", b"uvwxyz", "bytes 30-35/36"),
        ("bytes=-6", b"uvwxyz", "bytes 30-35/36"),
        ("bytes=30-99", b"uvwxyz", "bytes 30-35/36"),
        ("bytes=0-0", b"0", "bytes 0-0/36"),
        ("bytes=-99", CONTENT, "bytes 0-35/36"),
    ],
)
def test_ranges(api: Api, path: str, wanted: str, content: bytes, content_range: str) -> None:
    answer = api.file.download(path, headers={"Range": wanted})
    assert (answer.status, answer.content) == (206, content)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(content))


@pytest.mark.parametrize("wanted", ["bytes=36-", "bytes=99-100", "bytes=-0"])
def test_ranges_outside_the_file(api: Api, path: str, wanted: str) -> None:
    answer = api.file.download(path, headers={"Range": wanted})
    assert answer.status == 416 and answer.headers["content-range"] == "bytes */36"


@pytest.mark.parametrize("wanted", ["bytes=4-2", "bytes=a-b", "lines=1-2", "bytes=", "bytes=99999999999999999999-"])
def test_ranges_that_make_no_sense_are_ignored_or_refused(api: Api, path: str, wanted: str) -> None:
    answer = api.file.download(path, headers={"Range": wanted})
    assert (answer.status == 200 and answer.content == CONTENT) or answer.status in (400, 416)


def test_if_none_match_and_if_range(api: Api, path: str) -> None:
    etag = api.file.download(path).headers["etag"]
    fresh = api.file.download(path, headers={"If-None-Match": etag})
    assert (fresh.status, fresh.content, fresh.headers["etag"]) == (304, b"", etag)
    assert api.file.download(path, headers={"If-None-Match": f'"other", {etag}'}).status == 304
    assert api.file.download(path, headers={"If-None-Match": '"other"'}).status == 200
    part = {"Range": "bytes=0-4"}
    assert api.file.download(path, headers={**part, "If-Range": etag}).status == 206
    assert api.file.download(path, headers={**part, "If-Range": '"other"'}).content == CONTENT
    api.file.write(path, CONTENT.decode().upper())
    changed = api.file.download(path, headers={"If-None-Match": etag})
    assert changed.status == 200 and changed.headers["etag"] != etag


def test_not_modified_keeps_the_connection_in_step(gateway, api: Api, path: str) -> None:
    """Body bytes after a 304 or a HEAD would be read as the next answer."""
    etag = api.file.download(path).headers["etag"]
    target = f"/v1/file/download?path={quote(path)}"
    with RawConnection(gateway) as raw:
        raw.send(raw.head(f"GET {target} HTTP/1.1", f"If-None-Match: {etag}"))
        assert raw.answer().status == 304
        raw.send(raw.head(f"HEAD {target} HTTP/1.1"))
        head = raw.answer(head_only=True)
        assert head.status == 405 or (head.status == 200 and head.headers["content-length"] == "36")
        raw.send(raw.head(f"GET {target} HTTP/1.1", "Range: bytes=0-4"))
        assert raw.answer().body == b"01234"


@pytest.mark.parametrize("name", ["Grüße 世界.txt", "naïve;name=x.txt", "per%20cent.txt", "semi;colon, comma.txt"])
def test_names_beyond_ascii_follow_rfc_5987(api: Api, workdir: str, name: str) -> None:
    api.file.write(f"{workdir}/{name}", "x")
    answer = api.file.download(f"{workdir}/{name}")
    assert answer.content == b"x"
    disposition = answer.headers["content-disposition"]
    assert disposition.isascii()
    extended = [part.strip() for part in disposition.split(";") if part.strip().startswith("filename*=")]
    if not name.isascii() or "%" in name:
        assert extended == [f"filename*=UTF-8''{quote(name, safe=ATTRIBUTE_CHARACTERS)}"]
    else:
        assert f'filename="{name}"' in disposition or extended


# RFC 5987 attr-char beyond letters and digits.
ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def test_a_name_cannot_inject_a_header(api: Api, workdir: str) -> None:
    name = 'a"\r\nX-Evil: yes\r\n\r\n<html>'
    api.bash.exec(f'cd {workdir}; printf hi > "$(printf \'a"\\r\\nX-Evil: yes\\r\\n\\r\\n<html>\')"')
    answer = api.file.download(f"{workdir}/{name}")
    assert answer.status == 200 and answer.content == b"hi", answer
    assert "x-evil" not in answer.headers
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_change_policy_abort_serves_a_quiet_file(api: Api, path: str) -> None:
    answer = api.get("/v1/file/download", params={"path": path, "change_policy": "abort"})
    assert answer.status == 200 and answer.content == CONTENT
