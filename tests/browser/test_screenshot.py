"""GET /v1/browser/screenshot: the screen as it is, in the format asked for."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageChops

from expect import assert_invalid
from site_pages import QUADRANTS
from waiting import Stopwatch, eventually


@pytest.fixture
def colours(desk, tab, site):
    """A page of four colours, and where on the screen each has its middle."""
    tab.open(f"{site}/colours")
    tab.call("Page.bringToFront")
    left, top, width, height = tab.evaluate("[screenX, screenY + outerHeight - innerHeight, innerWidth, innerHeight]")
    places = {
        f"{edge}-{side}": (left + width * (1 + 2 * right) // 4, top + height * (1 + 2 * low) // 4)
        for low, edge in enumerate(("top", "bottom"))
        for right, side in enumerate(("left", "right"))
    }
    wait_for_pixel(desk, places["top-left"], QUADRANTS["top-left"])
    return places


def wait_for_pixel(desk, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """What a page has drawn reaches the screen a frame later."""
    eventually(lambda: desk.pixel(*place) == colour, f"{colour} at {place}", every=0.05)


def test_png_is_the_default_and_exact(desk, colours):
    answer = desk.photograph()
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == "PNG" and image.size == desk.size and image.mode in ("RGB", "RGBA")
    pixels = image.convert("RGB")
    assert {name: pixels.getpixel(place) for name, place in colours.items()} == QUADRANTS


def test_borders_between_colours_are_where_the_page_has_them(desk, tab, colours):
    middle = tab.evaluate("screenX + innerWidth / 2")
    y = colours["top-left"][1]
    image = desk.screenshot()
    row = [image.getpixel((int(middle) + step, y)) for step in (-2, -1, 0, 1)]
    assert row == [QUADRANTS["top-left"]] * 2 + [QUADRANTS["top-right"]] * 2, row


@pytest.mark.parametrize("name", ["jpg", "jpeg"])
def test_jpeg(desk, colours, name):
    answer = desk.photograph(format=name, quality=90)
    assert answer.headers["content-type"] == "image/jpeg"
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == "JPEG" and image.size == desk.size and image.mode == "RGB"
    for quadrant, place in colours.items():
        got = image.getpixel(place)
        assert all(abs(a - b) <= 6 for a, b in zip(got, QUADRANTS[quadrant])), (quadrant, got)


def test_headers_tell_the_size(desk):
    answer = desk.photograph()
    width, height = (str(value) for value in desk.size)
    assert (answer.headers["x-screen-width"], answer.headers["x-screen-height"]) == (width, height)
    assert (answer.headers["x-image-width"], answer.headers["x-image-height"]) == (width, height)
    assert "no-store" in answer.headers["cache-control"]


def test_quality_counts(desk, board):
    sizes = [len(desk.photograph(format="jpeg", quality=quality).content) for quality in (0, 30, 75, 100)]
    assert sizes == sorted(sizes) and sizes[0] * 2 < sizes[3], sizes
    assert len(desk.photograph(format="jpeg").content) > sizes[0], "without a quality it is a good one"


def test_a_change_is_seen(desk, tab, site):
    tab.open(f"{site}/plain?colour=rgb(1,2,3)")
    place = [value // 2 for value in desk.size]
    wait_for_pixel(desk, place, (1, 2, 3))
    tab.evaluate("document.body.style.background = 'rgb(250, 128, 7)'")
    wait_for_pixel(desk, place, (250, 128, 7))


def test_an_unchanged_screen_gives_the_same_pixels(desk, colours):
    # Of the page: the tab above it may still be fading in.
    left, top = (min(place[axis] for place in colours.values()) // 2 for axis in (0, 1))
    box = (left, max(top, 150), *desk.size)
    first, second = desk.screenshot().crop(box), desk.screenshot().crop(box)
    assert ImageChops.difference(first, second).getbbox() is None


def test_many_at_once(desk, colours):
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda number: desk.screenshot(format=("png", "jpeg")[number % 2]), range(24)))
    assert {image.size for image in images} == {desk.size}
    assert {image.getpixel(colours["top-left"]) for image in images[::2]} == {QUADRANTS["top-left"]}


def test_a_screenshot_is_quick(desk, colours):
    with Stopwatch() as watch:
        for _ in range(10):
            desk.photograph()
    watch.assert_below(10 * 0.15, "for ten; the bench holds the real bound")


@pytest.mark.parametrize("value", ["gif", "PNG ", "", "png\0", "webp"])
def test_bad_format(api, value):
    assert_invalid(api.get("/v1/browser/screenshot", params={"format": value}), "format")


@pytest.mark.parametrize("value", ["-1", "101", "high", "1.5", "99999999999999999999", "0x10"])
def test_bad_quality(api, value):
    answer = api.get("/v1/browser/screenshot", params={"format": "jpeg", "quality": value})
    assert_invalid(answer, "quality")
