"""What a test does with the desktop page: open it, wait for its state, read its pixels, use its toolbar."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from waiting import allow, eventually

# The colour of one place of the remote screen, read from the canvas the page draws it on.
_PIXEL = """([x, y]) => [...sandgateDesktop.screen.canvas.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"""


class VncPage:
    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url

    def open(self, query: str = "?autoconnect=true", file: str = "index.html") -> "VncPage":
        self.page.goto(f"{self._url}/vnc/{file}{query}")
        return self

    def wait_state(self, name: str, deadline: float = 15.0) -> "VncPage":
        expect(self.page.locator("html")).to_have_attribute("data-state", name, timeout=allow(deadline) * 1000)
        return self

    def connect(self, query: str = "?autoconnect=true") -> "VncPage":
        return self.open(query).wait_state("connected").wait_picture()

    def wait_picture(self) -> "VncPage":
        """Until something was drawn: an untouched canvas is black in its corner and its middle."""
        eventually(lambda: self.size[0] and any(self.pixel(1, 1)) + any(self.pixel(self.size[0] // 2, 1)), "a picture")
        return self

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.page.evaluate("() => { const { canvas } = sandgateDesktop.screen; return [canvas.width, canvas.height]; }"))

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        return tuple(self.page.evaluate(_PIXEL, [x, y]))

    @property
    def box(self) -> dict[str, float]:
        """Where on the page the remote screen is shown."""
        return self.page.locator("#screen canvas").bounding_box()

    def place(self, x: int, y: int) -> tuple[float, float]:
        """The page's coordinates of a place of the remote screen."""
        box, (width, height) = self.box, self.size
        return box["x"] + (x + 0.5) * box["width"] / width, box["y"] + (y + 0.5) * box["height"] / height

    def click(self, x: int, y: int, **options) -> None:
        self.page.mouse.click(*self.place(x, y), **options)

    def focus(self) -> None:
        self.page.locator("#screen canvas").focus()

    def toolbar(self) -> None:
        if not self.page.locator("#tools.open").count():
            self.page.locator("#handle").click()
        expect(self.page.locator("#disconnect")).to_be_visible()

    def panel(self, name: str) -> None:
        """Opens the toolbar and one of its panels: keys, clipboard or display."""
        self.toolbar()
        button = self.page.locator(f"#{name}")
        if button.get_attribute("aria-expanded") != "true":
            button.click()
        expect(button).to_have_attribute("aria-expanded", "true")

    def copied_here(self, text: str) -> None:
        """Wait until the local clipboard holds the text."""
        eventually(lambda: self.page.evaluate("() => navigator.clipboard.readText()") == text, f"{text!r} on the local clipboard")

    def copy_here(self, text: str) -> None:
        self.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
