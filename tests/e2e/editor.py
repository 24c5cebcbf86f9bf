"""What a test does with VS Code in the browser: open files, read what it shows, type into its terminal."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from waiting import allow

START_DEADLINE = 60.0


class Editor:
    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        self.requests: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def open(self, path: str = "/code-server") -> "Editor":
        """Goes there, sits out the page that shows the start, and waits until the folder is listed."""
        self.page.goto(self._url + path)
        return self.wait_until_it_is_there()

    def wait_until_it_is_there(self) -> "Editor":
        explorer = self.page.locator(".explorer-folders-view .monaco-list")
        expect(explorer).to_be_visible(timeout=allow(START_DEADLINE) * 1000)
        expect(self.page.locator(".statusbar-item[id='status.host']")).to_be_visible()
        return self

    def file(self, name: str) -> Locator:
        return self.page.get_by_role("treeitem", name=name)

    def show(self, name: str) -> None:
        self.file(name).dblclick()
        expect(self.page.get_by_role("tab", name=name)).to_be_visible()

    def expect_text(self, text: str) -> None:
        # The editor draws every blank as one that does not break.
        expect(self.page.locator(".view-lines").first).to_contain_text(text.replace(" ", "\u00a0"))

    def write(self, text: str) -> None:
        """Into the file that is shown, and save it."""
        self.page.locator(".editor-instance .view-lines").first.click()
        self.page.keyboard.type(text)
        self.expect_text(text)
        self.page.keyboard.press("Control+s")

    def run(self, command: str) -> None:
        """In the integrated terminal, which is opened if it is not there."""
        terminal = self.page.locator(".terminal-wrapper.active .xterm-helper-textarea")
        if not terminal.count():
            self.page.keyboard.press("Control+`")
        terminal.focus()
        self.page.keyboard.type(command + "\n")
