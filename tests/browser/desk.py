"""What the tests say to the desktop through the API, and the page they look at meanwhile."""

from __future__ import annotations

import dataclasses
import io
import time
from typing import Any, Callable

from PIL import Image

from client import Answer, Api
from devtools import Devtools, Tab, browser_link, new_tab
from expect import assert_invalid
from waiting import allow, eventually

BUTTONS = ("left", "middle", "right")
MODIFIERS = ("ctrl", "shift", "alt", "cmd")


@dataclasses.dataclass
class Desk:
    """The desktop of one gateway."""

    api: Api

    @property
    def info(self) -> dict[str, Any]:
        return self.api.get_ok("/v1/browser/info")

    @property
    def size(self) -> tuple[int, int]:
        return self.info["viewport"]["width"], self.info["viewport"]["height"]

    def act(self, action_type: str, **fields: Any) -> Answer:
        answer = self.try_to(action_type, **fields)
        assert answer.status == 200 and answer.success, f"{action_type} {str(fields)[:300]}: {answer}"
        assert (answer.body["status"], answer.body["action_performed"]) == ("success", action_type), answer
        return answer

    def try_to(self, action_type: str, **fields: Any) -> Answer:
        return self.api.post("/v1/browser/actions", {"action_type": action_type, **fields})

    def refuse(self, field: str, action_type: str, **fields: Any) -> None:
        assert_invalid(self.try_to(action_type, **fields), field)

    def release_everything(self) -> None:
        for button in BUTTONS:
            self.try_to("MOUSE_UP", button=button)
        for key in MODIFIERS:
            self.try_to("KEY_UP", key=key)

    def photograph(self, **query: Any) -> Answer:
        answer = self.api.get("/v1/browser/screenshot", params=query)
        assert answer.status == 200, answer
        return answer

    def screenshot(self, **query: Any) -> Image.Image:
        image = Image.open(io.BytesIO(self.photograph(**query).content))
        image.load()
        return image.convert("RGB")

    def pixel(self, x: float, y: float) -> tuple[int, int, int]:
        return self.screenshot().getpixel((round(x), round(y)))

    def services(self) -> dict[str, dict[str, Any]]:
        return {service["name"]: service for service in listed(self.api.get_ok("/v1/services"))}

    def service(self, name: str) -> dict[str, Any]:
        return self.api.get_ok(f"/v1/services/{name}")

    def wait_state(self, name: str, state: str, deadline: float) -> dict[str, Any]:
        return eventually(
            lambda: (found := self.service(name))["state"] == state and found, f"{name} is {state}", deadline, 0.05
        )

    def service_log(self, name: str) -> str:
        data = self.api.get_ok(f"/v1/services/{name}/logs", params={"offset": 0, "max": 1 << 20})
        return next(value for key, value in data.items() if key in ("log", "output", "text", "content"))

    def tab(self) -> Tab:
        return new_tab(self.info["cdp_url"], self.api.key)

    def browser(self) -> Devtools:
        return browser_link(self.info["cdp_url"], self.api.key)

    def pages(self) -> list[dict[str, Any]]:
        targets = self.api.get("/json/list")
        assert targets.status == 200, targets
        return [target for target in targets.body if target["type"] == "page"]

    def close_page(self, target: str) -> None:
        link = self.browser()
        try:
            link.call("Target.closeTarget", targetId=target)
        finally:
            link.close()

    def keep(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """The condition holds now and goes on holding for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert condition(), what
            time.sleep(0.05)


def listed(data: Any) -> list[dict[str, Any]]:
    return data["services"] if isinstance(data, dict) else data


class Board:
    """The page of pages/board.html on the screen: where things are, and what happened to them."""

    def __init__(self, desk: Desk, tab: Tab, url: str) -> None:
        self.desk, self.tab, self.url = desk, tab, url
        self.open()

    def open(self) -> None:
        """Opens the page, and clicks beside everything: the window has the focus, and no click of an earlier test is the
        first half of a double click."""
        self.tab.open(self.url)
        self.tab.call("Page.bringToFront")
        x, y = self.on_screen(5, 5)
        self.desk.act("CLICK", x=x, y=y)
        self.wait_events(1, "click")
        self.forget()

    @property
    def offset(self) -> tuple[int, int]:
        """Where the page begins on the screen."""
        left, top = self.tab.evaluate(
            "[screenX + (outerWidth - innerWidth) / 2, screenY + (outerHeight - innerHeight)]"
        )
        return round(left), round(top)

    def on_screen(self, x: float, y: float) -> tuple[int, int]:
        left, top = self.offset
        return round(left + x), round(top + y)

    def box(self, name: str) -> dict[str, float]:
        return self.tab.evaluate("(name) => document.getElementById(name).getBoundingClientRect().toJSON()", name)

    def at(self, name: str, dx: float = 0.5, dy: float = 0.5) -> dict[str, int]:
        """Screen coordinates of a place in an element, by default its middle, as an action's x and y."""
        box = self.box(name)
        x, y = self.on_screen(box["left"] + box["width"] * dx, box["top"] + box["height"] * dy)
        return {"x": x, "y": y}

    def focus(self, name: str) -> None:
        """As a person does: by a click. What the click left in the log is forgotten."""
        self.desk.act("CLICK", **self.at(name))
        self.tab.wait_for(f"document.activeElement.id === '{name}'")
        self.tab.wait_for(f"log.some(e => e.type === 'click' && e.target === '{name}')")
        self.forget()

    def forget(self) -> None:
        self.tab.evaluate("log.length = 0")

    def events(self, *types: str) -> list[dict[str, Any]]:
        events = self.tab.evaluate("log")
        return [event for event in events if event["type"] in types] if types else events

    def wait_events(self, count: int, *types: str, deadline: float = 5.0) -> list[dict[str, Any]]:
        """Those events, as soon as there are that many; more than that fails."""
        eventually(lambda: len(self.events(*types)) >= count, f"{count} of {types}; log {self.events()}", deadline)
        events = self.events(*types)
        assert len(events) == count, events
        return events

    def value(self, name: str) -> str:
        return self.tab.evaluate("(name) => document.getElementById(name).value", name)

    def wait_value(self, name: str, expected: str, deadline: float = 5.0) -> None:
        end = time.monotonic() + allow(deadline)
        while (value := self.value(name)) != expected:
            assert time.monotonic() < end, f"{name} holds {value[:300]!r} ({len(value)}), not {expected[:300]!r}"
            time.sleep(0.02)

    def assert_nothing_held(self) -> None:
        """No button and no modifier is down: seen by what a move and a key of our own look like to the page."""
        self.forget()
        for share in (0.3, 0.6):
            self.desk.act("MOVE_TO", **self.at("pad", share, share))
        moves = eventually(lambda: [e for e in self.events("mousemove") if e["target"] == "pad"], "a move is seen")
        assert moves[-1]["buttons"] == 0 and moves[-1]["flags"] == "", moves[-1]
        self.focus("keys")
        self.desk.act("PRESS", key="q")
        keys = self.wait_events(2, "keydown", "keyup")
        assert [(e["key"], e["flags"]) for e in keys] == [("q", ""), ("q", "")], keys
