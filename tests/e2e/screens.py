"""What a test does with the terminal page: type on it, and read its whole screen with the scrollback."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Page, expect

from waiting import allow, eventually

# Every line of the normal screen, lines that the terminal wrapped joined again.
_READ_SCREEN = """() => {
  const buffer = sandgateTerminal.buffer.active;
  const lines = [];
  for (let y = 0; y < buffer.length; y += 1) {
    const line = buffer.getLine(y);
    const next = buffer.getLine(y + 1);
    const text = line.translateToString(!next?.isWrapped);
    if (line.isWrapped && lines.length) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines.join('\\n').trimEnd();
}"""


class TerminalPage:
    def __init__(self, page: Page, url: str, key: str | None = None) -> None:
        self.page, self._url, self._key = page, url, key

    def open(self, session: str | None = None) -> None:
        query = {"session_id": session, "api_key": self._key}
        parameters = urlencode({name: value for name, value in query.items() if value})
        self.page.goto(f"{self._url}/terminal" + (f"?{parameters}" if parameters else ""))

    def wait_state(self, name: str, deadline: float = 15.0) -> None:
        expect(self.page.locator("#status")).to_have_attribute("data-state", name, timeout=allow(deadline) * 1000)

    @property
    def session(self) -> str | None:
        return parse_qs(urlsplit(self.page.url).query).get("session_id", [None])[0]

    @property
    def text(self) -> str:
        return self.page.evaluate(_READ_SCREEN)

    @property
    def columns(self) -> int:
        return self.page.evaluate("() => sandgateTerminal.cols")

    def see(self, wanted: str, deadline: float = 10.0) -> re.Match[str]:
        """Wait until the screen matches the regular expression (multi-line: ^ and $ are lines)."""
        pattern = re.compile(wanted, re.MULTILINE)
        try:
            return eventually(lambda: pattern.search(self.text), f"/{wanted}/ on the screen", deadline, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- the screen ---\n{self.text[-3000:]}") from None

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        """Key by key, as a person would; characters no key has arrive like from an input method."""
        self.page.keyboard.type(text)

    def run(self, command: str) -> None:
        self.type(command)
        self.press("Enter")

    def settle(self) -> None:
        """Wait until the shell has done everything typed so far: it computes a mark nobody typed."""
        count = len(re.findall(r"^mark 42$", self.text, re.MULTILINE))
        self.run("echo mark $((6*7))")
        eventually(
            lambda: len(re.findall(r"^mark 42$", self.text, re.MULTILINE)) > count, "the shell answers", 10, every=0.05
        )
