"""The files tab: browse, upload, download, edit, rename and delete, with names of every kind."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard import Dashboard
from waiting import allow, eventually

pytestmark = pytest.mark.local

NAMES = ["plain.txt", "with space.txt", "it's.txt", '"double".txt', "$(reboot) `x`.txt", "-rf", "naïve 漢字 🎉.txt", "50% #1 & ?.txt", "back\\slash.txt", "*"]


@pytest.fixture
def folder(gateway, tmp_path_factory) -> Path:
    path = gateway.workspace / f"files-{os.getpid()}-{len(list(gateway.workspace.iterdir()))}"
    path.mkdir()
    return path


@pytest.fixture
def board(gateway, new_context) -> Dashboard:
    return Dashboard(new_context(viewport={"width": 1280, "height": 800}).new_page(), gateway.url)


# ---- browsing ----


def test_folders_are_walked_and_the_address_follows(board, folder) -> None:
    (folder / "a dir" / "ünter").mkdir(parents=True)
    (folder / "a dir" / "ünter" / "x.txt").write_text("x")
    board.files(str(folder))
    board.row("a dir").click()
    board.row("ünter").click()
    board.sees("x.txt")
    crumbs = board.page.locator(".crumbs a")
    assert crumbs.all_inner_texts()[-2:] == ["a dir", "ünter"]
    board.page.reload()
    board.sees("x.txt")
    crumbs.nth(-2).click()
    board.sees("ünter")
    expect(board.row("ünter")).to_be_focused()
    board.page.go_back()
    board.sees("x.txt")


def test_an_empty_folder_a_missing_one_and_one_that_refuses(board, folder) -> None:
    board.files(str(folder))
    board.sees_nothing()
    board.shot("empty-folder")
    board.files(str(folder / "nowhere"))
    expect(board.pane("files")).to_contain_text("There is nothing here")
    (folder / "nowhere").mkdir()
    board.page.get_by_role("button", name="Try again").click()
    board.sees_nothing()


def test_what_others_do_shows_by_itself(board, folder) -> None:
    board.files(str(folder))
    board.sees_nothing()
    (folder / "made-by-an-agent.txt").write_text("1")
    board.sees("made-by-an-agent.txt")
    (folder / "made-by-an-agent.txt").unlink()
    expect(board.pane("files")).to_contain_text("This folder is empty", timeout=allow(10) * 1000)


def test_sorting_filter_and_hidden_entries(board, folder) -> None:
    for name, size in (("b10", 1), ("b9", 3), (".hidden", 2)):
        (folder / name).write_bytes(b"x" * size)
    (folder / "z").mkdir()
    board.files(str(folder))
    board.sees("z", "b9", "b10")
    board.page.get_by_role("button", name="Size").click()
    board.sees("z", "b9", "b10")
    board.page.get_by_role("button", name="Size").click()
    board.sees("z", "b10", "b9")
    expect(board.page.locator("th.size")).to_have_attribute("aria-sort", "ascending")
    board.page.get_by_label("Filter").fill("9")
    board.sees("b9")
    board.page.keyboard.press("Escape")
    board.page.get_by_role("button", name="More").click()
    board.page.get_by_role("menuitem", name="Show hidden").click()
    board.sees("z", "b10", ".hidden", "b9")


def test_a_large_folder(board, folder) -> None:
    for number in range(5000):
        (folder / f"file-{number:04}").touch()
    board.files(str(folder))
    expect(board.page.locator("#pane-files tbody tr")).to_have_count(2000)
    expect(board.pane("files")).to_contain_text("3000 more: use the filter.")
    board.page.get_by_label("Filter").fill("4999")
    board.sees("file-4999")


# ---- names ----


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_made_edited_renamed_and_deleted(board, folder, name: str) -> None:
    board.files(str(folder))
    board.page.get_by_role("button", name="More").click()
    board.page.get_by_role("menuitem", name="New file").click()
    board.type_name(name)
    expect(board.editor).to_be_focused()
    board.page.keyboard.type("content")
    board.save()
    assert (folder / name).read_text() == "content"
    board.page.get_by_role("button", name="Back to the folder").click()
    board.sees(name)
    with board.page.expect_download() as download:
        board.act(name, "Download")
    assert download.value.path().read_text() == "content"
    board.act(name, "Rename")
    board.type_name(f"{name} 'renamed\"")
    board.sees(f"{name} 'renamed\"")
    board.act(f"{name} 'renamed\"", "Delete")
    board.confirm("Delete")
    board.sees_nothing()
    assert list(folder.iterdir()) == []


def test_names_that_cannot_be_are_refused_with_the_reason(board, folder) -> None:
    (folder / "there").write_text("kept")
    (folder / "mine").write_text("mine")
    board.files(str(folder))
    board.act("mine", "Rename")
    for wrong, why in (("there", "already something of that name"), ("a/b", "slash"), ("", "needed"), ("..", "another folder"), ("é" * 130, "too long")):
        board.type_name(wrong)
        expect(board.dialog.locator(".problem")).to_contain_text(why)
    board.page.keyboard.press("Escape")
    board.page.get_by_role("button", name="New folder").click()
    board.type_name("there")
    expect(board.dialog.locator(".problem")).to_contain_text("File exists")
    board.page.keyboard.press("Escape")
    assert (folder / "there").read_text() == "kept" and (folder / "mine").exists()


def test_a_folder_is_deleted_with_what_is_in_it_but_links_are_not_followed(board, folder, tmp_path) -> None:
    (tmp_path / "precious").write_text("kept")
    (folder / "d" / "e").mkdir(parents=True)
    (folder / "d" / "link").symlink_to(tmp_path)
    board.files(str(folder))
    board.act("d", "Delete")
    expect(board.dialog).to_contain_text("everything in it")
    board.confirm("Cancel")
    assert (folder / "d").exists()
    board.act("d", "Delete")
    board.confirm("Delete")
    board.sees_nothing()
    assert (tmp_path / "precious").read_text() == "kept"


# ---- uploads ----


def test_files_dropped_are_uploaded(board, folder) -> None:
    board.files(str(folder))
    board.sees_nothing()
    board.drop(*((name, f"<{name}>") for name in NAMES if "\\" not in name))
    expect(board.page.locator(".uploads header b")).to_have_text("Uploaded", timeout=allow(20) * 1000)
    board.shot("uploaded")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {name: f"<{name}>" for name in NAMES if "\\" not in name}
    expect(board.row("it's.txt")).to_be_visible()
    board.page.locator(".uploads header button").click()
    expect(board.page.locator(".uploads")).to_be_hidden()


def test_an_upload_tells_its_progress_and_can_be_cancelled(board, folder, tmp_path) -> None:
    """The network is slow, so that there is something to tell."""
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(6 << 20))
    board.files(str(folder))
    board.sees_nothing()
    network = board.page.context.new_cdp_session(board.page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1 << 20})
    board.page.locator("input[type=file]").set_input_files(str(large))
    expect(board.page.locator(".uploads .details")).to_contain_text(re.compile(r"[1-9].* of 6 MB"))
    value = float(board.page.locator(".uploads progress").evaluate("(bar) => bar.value"))
    assert 0 < value < 1
    board.shot("uploading")
    board.page.get_by_role("button", name="Cancel large.bin").click()
    expect(board.page.locator(".uploads li")).to_have_attribute("data-state", "cancelled")
    assert list(folder.iterdir()) == []
    network.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
    board.page.locator("input[type=file]").set_input_files(str(large))
    board.sees("large.bin")
    assert (folder / "large.bin").read_bytes() == large.read_bytes()


def test_an_upload_does_not_replace_unasked(board, folder) -> None:
    (folder / "a.txt").write_text("old")
    board.files(str(folder))
    board.sees("a.txt")
    board.drop(("a.txt", "new"), ("b.txt", "b"))
    expect(board.dialog).to_contain_text("“a.txt” exists")
    board.confirm("Skip")
    board.sees("a.txt", "b.txt")
    assert (folder / "a.txt").read_text() == "old"
    board.drop(("a.txt", "new"))
    board.confirm("Replace")
    eventually(lambda: (folder / "a.txt").read_text() == "new", "it is replaced")


def test_an_upload_that_fails_says_why(board, folder) -> None:
    board.files(str(folder))
    board.sees_nothing()
    (folder / "x").mkdir()
    (folder / "x" / "y").write_text("")
    board.page.route("**/v1/file/upload", lambda route: route.fulfill(status=200, json={"success": False, "message": "the disk is full", "data": None, "hint": None}))
    board.drop(("b.txt", "b"))
    expect(board.page.locator(".uploads [data-state=failed]")).to_contain_text("the disk is full")
    expect(board.page.locator(".uploads header b")).to_have_text("1 could not be uploaded")


# ---- the editor ----


def test_line_endings_and_marks_stay_as_they_were(board, folder) -> None:
    file = folder / "dos.txt"
    file.write_bytes("\ufeffone\r\ntwo\r\n".encode())
    board.edit(str(file))
    board.page.keyboard.press("Control+End")
    board.page.keyboard.type("three\n")
    expect(board.page.locator(".fileview .details")).to_contain_text("CRLF")
    board.save()
    assert file.read_bytes() == "\ufeffone\r\ntwo\r\nthree\r\n".encode()


def test_the_editor_keeps_the_mode_and_indents(board, folder) -> None:
    file = folder / "run.sh"
    file.write_text("if x; then\n\tfirst\nfi\n")
    file.chmod(0o755)
    editor = board.edit(str(file))
    board.page.keyboard.press("Control+Home")
    board.page.keyboard.press("ArrowDown")
    board.page.keyboard.press("End")
    board.page.keyboard.type("\nsecond")
    board.page.keyboard.press("Tab")
    expect(editor).to_have_value("if x; then\n\tfirst\n\tsecond\t\nfi\n")
    board.page.keyboard.press("Backspace")
    board.page.keyboard.press("Control+a")
    board.page.keyboard.press("Tab")
    expect(editor).to_have_value("\tif x; then\n\t\tfirst\n\t\tsecond\n\tfi\n")
    board.page.keyboard.press("Shift+Tab")
    expect(editor).to_have_value("if x; then\n\tfirst\n\tsecond\nfi\n")
    board.page.keyboard.press("Control+z")
    expect(editor).to_have_value("\tif x; then\n\t\tfirst\n\t\tsecond\n\tfi\n")
    board.page.keyboard.press("Control+Shift+z")
    expect(board.page.locator(".numbers")).to_have_text("1\n2\n3\n4\n5")
    board.save()
    assert file.read_text() == "if x; then\n\tfirst\n\tsecond\nfi\n" and file.stat().st_mode & 0o777 == 0o755


def test_unsaved_changes_are_not_lost_unasked(board, folder) -> None:
    file = folder / "a.txt"
    file.write_text("old")
    editor = board.edit(str(file))
    board.page.keyboard.type("new ")
    expect(board.page.locator(".fileview .details")).to_contain_text("not saved")
    back = board.page.get_by_role("button", name="Back to the folder")
    back.click()
    board.shot("unsaved")
    board.confirm("Cancel")
    expect(editor).to_have_value("new old")
    board.page.wait_for_url(re.compile(r"a\.txt$"))
    board.tab("services")
    board.tab("files")
    expect(editor).to_have_value("new old")
    asked: list[str] = []
    board.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    board.page.evaluate("setTimeout(() => location.reload())")
    eventually(lambda: board.page.title() and asked == ["beforeunload"], "leaving the page asks")
    back.click()
    board.confirm("Save")
    board.sees("a.txt")
    assert file.read_text() == "new old"
    board.edit(str(file))
    board.page.keyboard.type("dropped ")
    board.page.get_by_role("button", name="Back to the folder").click()
    board.confirm("Discard")
    board.sees("a.txt")
    assert file.read_text() == "new old"


def test_a_file_changed_by_somebody_else(board, folder) -> None:
    file = folder / "a.txt"
    file.write_text("one")
    editor = board.edit(str(file))
    file.write_text("theirs")
    expect(editor).to_have_value("theirs", timeout=allow(10) * 1000)
    board.page.keyboard.press("Control+End")
    board.page.keyboard.type(" and mine")
    file.write_text("theirs again")
    board.page.keyboard.press("Control+s")
    expect(board.dialog).to_contain_text("changed meanwhile")
    board.shot("conflict")
    board.confirm("Cancel")
    assert file.read_text() == "theirs again"
    expect(board.page.locator(".fileview .remark")).to_contain_text("Somebody else changed this file", timeout=allow(10) * 1000)
    board.page.keyboard.press("Control+s")
    board.confirm("Overwrite")
    eventually(lambda: file.read_text() == "theirs and mine", "mine is on disk")
    board.page.keyboard.type("!")
    file.unlink()
    expect(board.page.locator(".fileview .remark")).to_contain_text("deleted meanwhile", timeout=allow(10) * 1000)
    board.page.keyboard.press("Control+s")
    expect(board.dialog).to_contain_text("deleted meanwhile")
    board.confirm("Save")
    eventually(lambda: file.exists() and file.read_text() == "theirs and mine!", "it is there again")


def test_what_is_no_text_is_shown_or_told(board, folder) -> None:
    (folder / "data.bin").write_bytes(bytes(range(256)))
    (folder / "huge.log").write_bytes(b"x\n" * (3 << 20))
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><script>alert(1)</script><rect width="30" height="20" fill="red"/></svg>')
    pane = lambda: board.pane("files")  # noqa: E731
    board.files(str(folder / "data.bin"))
    expect(pane()).to_contain_text("This is not a text")
    board.files(str(folder / "huge.log"))
    expect(pane()).to_contain_text("Too large to edit here")
    board.files(str(folder / "broken.png"))
    expect(pane()).to_contain_text("This cannot be shown")
    board.files(str(folder / "dot.svg"))
    expect(board.page.locator(".media img")).to_have_js_property("naturalWidth", 30)
    expect(pane()).to_contain_text("30 × 20")


def test_files_by_keyboard_alone(board, folder) -> None:
    (folder / "d").mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    board.files(str(folder))
    press = board.page.keyboard.press
    expect(board.row("d")).to_be_focused()
    press("End")
    expect(board.row("b.txt")).to_be_focused()
    press("F2")
    board.type_name("c.txt")
    expect(board.row("c.txt")).to_be_focused()
    press("Delete")
    press("Enter")
    expect(board.dialog).to_have_count(0)
    board.sees("d", "a.txt")
    expect(board.row("a.txt")).to_be_focused()
    press("n")
    board.type_name("e")
    expect(board.row("e")).to_be_focused()
    press("ArrowDown")
    press("Enter")
    expect(board.editor).to_be_focused()
    board.page.keyboard.type("edited ")
    board.save()
    press("Escape")
    press("Escape")
    expect(board.row("a.txt")).to_be_focused()
    press("/")
    expect(board.page.get_by_label("Filter")).to_be_focused()
    press("Escape")
    press("Backspace")
    expect(board.row(folder.name)).to_be_focused()
    assert (folder / "a.txt").read_text() == "edited a.txt" and not (folder / "b.txt").exists() and not (folder / "c.txt").exists()
