"""POST /v1/display/record: the screen as a film that always plays."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from client import Answer
from desk import Desk
from expect import assert_invalid, assert_status
from recording import Film, frame
from waiting import Stopwatch, allow, eventually

pytestmark = pytest.mark.local  # the films are looked at on this machine


class Recorder:
    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder

    def call(self, action: str, **fields) -> Answer:
        return self.desk.api.post("/v1/display/record", {"action": action, **fields})

    def ok(self, action: str, **fields) -> dict:
        answer = self.call(action, **fields)
        assert answer.status == 200 and answer.success, answer
        return answer.data

    def start(self, name: str = "film.mp4", **fields) -> Path:
        path = self.folder / name
        data = self.ok("start", save_path=str(path), **fields)
        assert (data["status"], data["save_path"]) == ("recording", str(path)), data
        return path

    @property
    def status(self) -> dict:
        return self.ok("status")

    def reaches(self, seconds: float) -> dict:
        """Waits until so much has been recorded, by what the status says."""
        return eventually(
            lambda: (status := self.status)["duration"] >= seconds and status,
            f"{seconds} s are recorded; {self.status}",
            seconds + 5,
            0.05,
        )


@pytest.fixture
def recorder(desk, tmp_path):
    tmp_path.chmod(0o777)
    recorder = Recorder(desk, tmp_path)
    yield recorder
    if recorder.status["status"] == "recording":
        recorder.ok("stop")


def ffmpeg_of(server) -> psutil.Process:
    found = [p for p in server.descendants() if p.name() == "ffmpeg"]
    assert len(found) == 1, found
    return found[0]


def test_three_seconds(recorder, desk, board, gateway):
    path = recorder.start()
    with Stopwatch() as watch:
        recorder.reaches(3)
        desk.act("CLICK", **board.at("button"))
    data = recorder.ok("stop")
    assert (data["status"], data["save_path"]) == ("stopped", str(path))
    assert data["file_size_bytes"] == path.stat().st_size > 1000
    film = Film.of(path)
    assert (film.codec, film.pixels, film.size) == ("h264", "yuv420p", desk.size)
    assert abs(film.duration - data["duration"]) < 1.0, (film, data)
    assert 2.4 <= film.duration <= watch.seconds + 1.5, (film, watch.seconds)
    assert film.frames == pytest.approx(film.duration * 5, abs=3), "five frames a second unless told"
    assert not [p for p in gateway.descendants() if p.name() == "ffmpeg"], "the recorder has gone"


def test_the_film_shows_what_was_on_the_screen(recorder, tab, site):
    tab.open(f"{site}/plain?colour=rgb(200,30,30)")
    tab.call("Page.bringToFront")
    middle = [value // 2 for value in recorder.desk.size]
    eventually(lambda: recorder.desk.pixel(*middle) == (200, 30, 30), "red on the screen", every=0.05)
    path = recorder.start(fps=10)
    recorder.reaches(1.0)
    tab.evaluate("document.body.style.background = 'rgb(30,30,200)'")
    recorder.reaches(2.5)
    recorder.ok("stop")
    film = Film.of(path)
    first, last = frame(path, 0.2), frame(path, film.duration - 0.4)
    assert first[0] > 150 > 80 > first[2], first
    assert last[2] > 150 > 80 > last[0], last


@pytest.mark.parametrize("fps", [1, 15, 30])
def test_fps(recorder, fps):
    path = recorder.start(fps=fps)
    recorder.reaches(2)
    recorder.ok("stop")
    assert Film.of(path).fps == pytest.approx(fps, rel=0.15)


@pytest.mark.parametrize("size", [{"width": 640, "height": 512}, {"width": 320, "height": 240}, {"width": 641, "height": 361}])
def test_scaling(recorder, size):
    path = recorder.start(**size)
    recorder.reaches(1)
    recorder.ok("stop")
    film = Film.of(path)
    # H.264 in yuv420p has even sides only.
    assert film.size == (size["width"] // 2 * 2, size["height"] // 2 * 2) and film.pixels == "yuv420p"


def test_one_side_given_keeps_the_shape(recorder, desk):
    width, height = desk.size
    path = recorder.start(width=width // 2)
    recorder.reaches(1)
    recorder.ok("stop")
    got = Film.of(path).size
    assert got[0] == width // 2 and abs(got[1] - height // 2) <= 2


def test_crf_counts(recorder, board):
    sizes = []
    for crf in (10, 51):
        path = recorder.start(f"crf-{crf}.mp4", crf=crf, fps=10)
        recorder.reaches(1)
        sizes.append(recorder.ok("stop")["file_size_bytes"])
        Film.of(path)
    assert sizes[0] > 2 * sizes[1], sizes


def test_max_duration_ends_it(recorder, gateway):
    path = recorder.start(max_duration=1.5, fps=10)
    with Stopwatch() as watch:
        status = eventually(lambda: (s := recorder.status)["status"] != "recording" and s, "it ends by itself", 8, 0.05)
    assert 1.0 < watch.seconds < 1.5 + allow(2), f"ended after {watch.seconds:.1f} s"
    assert (status["status"], status["save_path"]) == ("stopped", str(path))
    assert Film.of(path).duration == pytest.approx(1.5, abs=0.6)
    assert not [p for p in gateway.descendants() if p.name() == "ffmpeg"]


def test_status_follows(recorder):
    path = recorder.start()
    first = recorder.status
    assert (first["status"], first["save_path"]) == ("recording", str(path))
    recorder.reaches(first["duration"] + 0.5)
    stopped = recorder.ok("stop")
    assert recorder.status == {**recorder.status, "status": "stopped", "save_path": str(path)}
    assert recorder.status["duration"] == stopped["duration"] > 0
    assert recorder.status["file_size_bytes"] == path.stat().st_size


def test_a_second_recording_is_refused_and_the_first_goes_on(recorder):
    path = recorder.start()
    answer = recorder.call("start", save_path=str(recorder.folder / "second.mp4"))
    assert_status(answer, 409)
    assert str(path) in answer.message + answer.hint, "it says which one is in the way"
    assert not (recorder.folder / "second.mp4").exists()
    assert recorder.status["status"] == "recording"
    recorder.reaches(1)
    recorder.ok("stop")
    Film.of(path)


def test_starts_at_once_give_one_recording(recorder):
    def start(number: int) -> int:
        return recorder.call("start", save_path=str(recorder.folder / f"{number}.mp4")).status

    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(pool.map(start, range(5)))
    assert statuses == [200, 409, 409, 409, 409]
    recorder.reaches(0.5)
    Film.of(recorder.ok("stop")["save_path"])


def test_stop_right_after_start_still_plays(recorder):
    path = recorder.start()
    recorder.ok("stop")
    assert Film.of(path).frames >= 1


def test_stop_without_start(start_desktop):
    """Nothing to stop is no success of stopping: either said by the status or refused."""
    recorder = Recorder(Desk(start_desktop().api), Path("/nowhere"))
    assert recorder.status["status"] == "idle"
    answer = recorder.call("stop")
    assert answer.status in (200, 409) and answer.message, answer
    if answer.status == 200:
        assert answer.data["status"] == "idle", answer


def test_without_a_path_one_is_chosen(recorder):
    data = recorder.ok("start")
    assert os.path.isabs(data["save_path"]) and data["save_path"].endswith(".mp4")
    recorder.reaches(0.5)
    recorder.ok("stop")
    Film.of(data["save_path"])
    os.unlink(data["save_path"])


def test_missing_folders_are_made(recorder):
    path = recorder.start("a/b/c/film.mp4")
    recorder.reaches(0.5)
    recorder.ok("stop")
    Film.of(path)


def test_names_are_no_options(recorder):
    """A path with blanks, quotes, a percent sign or a leading dash is a path."""
    path = recorder.start("-y 100%d 'film' \"two\":x.mp4")
    recorder.reaches(0.5)
    recorder.ok("stop")
    Film.of(path)
    assert [entry.name for entry in recorder.folder.iterdir()] == [path.name]


def test_an_older_film_is_replaced(recorder):
    path = recorder.folder / "film.mp4"
    path.write_bytes(b"older" * 100000)
    recorder.start()
    recorder.reaches(0.5)
    recorder.ok("stop")
    Film.of(path)


def test_paths_that_cannot_be_written(recorder):
    (recorder.folder / "file").write_text("")
    before = {entry.name for entry in recorder.folder.iterdir()}
    for path in (
        "relative.mp4",
        "",
        str(recorder.folder),
        f"{recorder.folder}/",
        f"{recorder.folder}/file/film.mp4",
        "/proc/film.mp4",
        "/dev/null/film.mp4",
        f"{recorder.folder}/{'x' * 300}.mp4",
        f"{recorder.folder}/a\0b.mp4",
        "http://127.0.0.1:9/film.mp4",
    ):
        answer = recorder.call("start", save_path=path)
        assert answer.status in (400, 422) if "\0" in path else answer.status == 422, (path, str(answer))
        if "\0" not in path:
            assert_invalid(answer, "save_path")
    assert recorder.status["status"] != "recording"
    assert {entry.name for entry in recorder.folder.iterdir()} == before


@pytest.mark.parametrize(
    "field, value",
    [
        ("fps", 0),
        ("fps", 31),
        ("fps", -1),
        ("fps", 2.5),
        ("fps", "fast"),
        ("crf", 52),
        ("crf", -1),
        ("crf", "good"),
        ("max_duration", 0),
        ("max_duration", -1),
        ("max_duration", "long"),
        ("width", 0),
        ("width", -640),
        ("height", 0),
        ("height", 10**9),
        ("width", 10**9),
        ("save_path", 5),
    ],
)
def test_values_that_are_none(recorder, field, value):
    fields = {"save_path": str(recorder.folder / "film.mp4"), field: value}
    assert_invalid(recorder.call("start", **fields), field)
    assert recorder.status["status"] != "recording" and not (recorder.folder / "film.mp4").exists()


@pytest.mark.parametrize("body", [{}, {"action": "pause"}, {"action": None}, {"action": 1}])
def test_actions_that_are_none(api, body):
    assert_invalid(api.post("/v1/display/record", body), "action")


def test_a_recorder_that_is_killed_leaves_a_film_and_the_truth(recorder, gateway):
    path = recorder.start(fps=10)
    recorder.reaches(4)
    ffmpeg_of(gateway).kill()
    status = eventually(lambda: (s := recorder.status)["status"] != "recording" and s, "the status says so", 3)
    assert status["status"] == "stopped" and status["save_path"] == str(path), status
    assert status["file_size_bytes"] == path.stat().st_size
    answer = recorder.call("status")
    assert "kill" in f"{answer.message} {answer.hint}".lower() or "signal" in f"{answer.message} {answer.hint}".lower()
    film = Film.of(path)
    assert 2.0 <= film.duration <= 5.5, f"playable up to about then: {film}"
    recorder.start("next.mp4")
    recorder.reaches(0.5)
    recorder.ok("stop")


def test_stopping_the_gateway_ends_the_film_well(start_desktop, tmp_path):
    server = start_desktop()
    recorder = Recorder(Desk(server.api), tmp_path)
    path = recorder.start(fps=10)
    recorder.reaches(2)
    server.stop()
    film = Film.of(path)
    assert film.duration >= 1.5, film


def test_killing_the_gateway_leaves_a_film(start_desktop, tmp_path):
    server = start_desktop()
    recorder = Recorder(Desk(server.api), tmp_path)
    path = recorder.start(fps=10)
    recorder.reaches(4)
    server.kill()
    eventually(lambda: not server.descendants(), "everything has gone with it", 10, 0.1)
    film = Film.of(path)
    assert film.duration >= 2.0, film


def test_a_resize_or_a_restart_of_the_display_ends_it_truthfully(start_desktop, tmp_path):
    """The display is what is recorded: when it goes, the film ends and says so."""
    server = start_desktop()
    desk = Desk(server.api)
    recorder = Recorder(desk, tmp_path)
    path = recorder.start(fps=10)
    recorder.reaches(3)
    assert server.api.post("/v1/services/display/restart").success
    status = eventually(lambda: (s := recorder.status)["status"] != "recording" and s, "it has ended", 10)
    assert status["status"] == "stopped"
    assert Film.of(path).duration >= 1.0


def test_a_film_goes_on_while_clients_come_and_go(recorder):
    path = recorder.start(fps=5)
    began = time.monotonic()
    for _ in range(5):
        recorder.desk.photograph()
    recorder.reaches(1.5)
    recorder.ok("stop")
    assert Film.of(path).duration <= time.monotonic() - began + 1.5
