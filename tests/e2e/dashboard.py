"""What a test does with the dashboard: open it, open a tab, look into what the tab shows."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Frame, Locator, Page, expect

from waiting import allow

SHOTS = Path(__file__).resolve().parents[2] / "build" / "test-results" / "dashboard"
TABS = ["code", "browser", "terminal", "jupyter", "files", "services"]

_DROP = """async ([selector, files]) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) transfer.items.add(new File([text], name));
  const target = document.querySelector(selector);
  for (const type of ['dragenter', 'dragover', 'drop']) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


class Dashboard:
    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def open(self, place: str = "") -> "Dashboard":
        self.page.goto(f"{self.url}/{place}")
        return self

    def tab(self, name: str) -> Locator:
        self.page.click(f"#tab-{name}")
        expect(self.page.locator(f"#tab-{name}")).to_have_attribute("aria-selected", "true")
        return self.pane(name)

    def pane(self, name: str) -> Locator:
        pane = self.page.locator(f"#pane-{name}")
        expect(pane).to_be_visible()
        return pane

    def frame(self, part: str) -> Frame:
        """What the visible frame whose address holds `part` shows."""
        frame = self.page.locator(f"iframe[src*='{part}']:visible")
        expect(frame).to_have_count(1, timeout=allow(20) * 1000)
        return frame.element_handle().content_frame()

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog[open]")

    def confirm(self, label: str) -> None:
        self.dialog.get_by_role("button", name=label, exact=True).click()
        expect(self.dialog).to_have_count(0)

    # ---- files ----

    def files(self, path: str) -> "Dashboard":
        self.page.goto(f"{self.url}/#files{quote(path)}")
        return self

    def row(self, name: str) -> Locator:
        return self.page.locator("#pane-files tbody tr").filter(has=self.page.get_by_text(name, exact=True))

    def sees(self, *names: str) -> None:
        labels = self.page.locator("#pane-files tbody .label")
        expect(labels).to_have_text(list(names), timeout=allow(10) * 1000)

    def sees_nothing(self) -> None:
        expect(self.pane("files").get_by_text("This folder is empty")).to_be_visible(timeout=allow(10) * 1000)

    def act(self, name: str, action: str) -> None:
        """Chooses from the menu of a row."""
        self.row(name).locator("td.act button").click()
        self.page.get_by_role("menuitem", name=action).click()

    def type_name(self, text: str) -> None:
        self.dialog.locator("input").fill(text)
        self.page.keyboard.press("Enter")

    def drop(self, *files: tuple[str, str]) -> None:
        self.page.evaluate(_DROP, ["#pane-files", list(files)])

    @property
    def editor(self) -> Locator:
        return self.page.get_by_label("Content")

    def edit(self, path: str) -> Locator:
        self.files(path)
        expect(self.editor).to_be_focused()
        return self.editor

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(".fileview .details")).to_contain_text("saved ·")
        expect(self.page.locator(".fileview")).to_have_attribute("data-dirty", "false")

    # ---- services ----

    def service(self, name: str) -> Locator:
        return self.page.locator(f"#pane-services [data-name={name}]")

    def service_is(self, name: str, state: str) -> None:
        expect(self.service(name)).to_have_attribute("data-state", state, timeout=allow(15) * 1000)

    # ---- terminals ----

    @property
    def terminals(self) -> Locator:
        return self.page.locator("#pane-terminal [role=tab]")

    def terminal_screen(self, session: str) -> str:
        frame = self.frame(f"session_id={session}")
        expect(frame.locator("body")).to_have_attribute("data-link", re.compile("."))
        return frame.evaluate(
            "() => { const b = sandgateTerminal.buffer.active; return Array.from({length: b.length}, (_, y) => b.getLine(y).translateToString(true)).join('\\n'); }"
        )
