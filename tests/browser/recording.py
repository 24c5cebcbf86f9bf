"""What ffprobe says of a recording."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Film:
    codec: str
    pixels: str
    size: tuple[int, int]
    fps: float
    frames: int
    duration: float

    @classmethod
    def of(cls, path: str | Path) -> "Film":
        """Decodes the whole of it: a film that cannot be played to its end is none."""
        probe = _probe(path, "-count_frames", "-select_streams", "v:0", "-show_streams", "-show_format", "-of", "json")
        facts = json.loads(probe)
        stream, container = facts["streams"][0], facts["format"]
        above, below = (int(part) for part in stream["avg_frame_rate"].split("/"))
        return cls(
            stream["codec_name"],
            stream["pix_fmt"],
            (stream["width"], stream["height"]),
            above / below,
            int(stream["nb_read_frames"]),
            float(stream.get("duration") or container["duration"]),
        )


def _probe(path: str | Path, *words: str) -> bytes:
    done = subprocess.run(["ffprobe", "-v", "error", *words, "-i", str(path)], capture_output=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, f"{path} does not play: {done.stderr.decode()[-1000:]}"
    return done.stdout


def frame(path: str | Path, at: float) -> tuple[int, int, int]:
    """The mean colour of the middle of the picture at a time."""
    words = ["ffmpeg", "-v", "error", "-ss", str(at), "-i", str(path), "-frames:v", "1"]
    middle = ["-vf", "crop=iw/4:ih/4,scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run([*words, *middle], capture_output=True, timeout=60, check=True)
    return tuple(done.stdout[:3])
