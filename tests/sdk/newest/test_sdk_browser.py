"""The published Python SDK, newest version, with the desktop: its own client and typed models."""

from __future__ import annotations

import asyncio

import pytest
from agent_sandbox import AsyncSandbox, Sandbox
from agent_sandbox.browser import (
    Action_Click,
    Action_DoubleClick,
    Action_DragRel,
    Action_DragTo,
    Action_Hotkey,
    Action_KeyDown,
    Action_KeyUp,
    Action_MouseDown,
    Action_MouseUp,
    Action_MoveRel,
    Action_MoveTo,
    Action_Press,
    Action_RightClick,
    Action_Scroll,
    Action_Typing,
    Action_Wait,
)
from agent_sandbox.core.api_error import ApiError
from agent_sandbox.errors import UnprocessableEntityError
from agent_sandbox.types.resolution import Resolution

from tutorial import Names, follow


def options(whole) -> dict:
    headers = {"X-AIO-API-Key": whole.key} if whole.key else None
    return {"base_url": whole.url, "headers": headers, "timeout": 60}


@pytest.fixture
def sdk(whole) -> Sandbox:
    return Sandbox(**options(whole))


def test_info(sdk: Sandbox) -> None:
    info = sdk.browser.get_info()
    assert info.success and info.data
    assert info.data.cdp_url.startswith("ws://") and info.data.vnc_url.endswith("?autoconnect=true")
    assert info.data.viewport.width > 0 and info.data.page_viewport.height > 0
    assert "Chrome/" in info.data.user_agent


def test_screenshot(sdk: Sandbox) -> None:
    image = b"".join(sdk.browser.screenshot())
    assert image.startswith(b"\x89PNG\r\n\x1a\n") and image.endswith(b"IEND\xaeB`\x82")


ACTIONS = [
    Action_MoveTo(x=300.5, y=300),
    Action_MoveRel(x_offset=5, y_offset=-5),
    Action_Click(),
    Action_Click(x=310, y=310, button="left", num_clicks=2),
    Action_MouseDown(button="left"),
    Action_MouseUp(button="left"),
    Action_RightClick(x=320, y=320),
    Action_Press(key="esc"),
    Action_DoubleClick(x=330, y=330),
    Action_DragTo(x=340, y=340),
    Action_DragRel(x_offset=10, y_offset=10),
    Action_Scroll(dx=0, dy=100),
    Action_Typing(text="naïve 漢字 🎉"),
    Action_Typing(text="keys", use_clipboard=False),
    Action_Press(key="enter"),
    Action_KeyDown(key="shift"),
    Action_KeyUp(key="shift"),
    Action_Hotkey(keys=["ctrl", "a"]),
    Action_Wait(duration=0.05),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.action_type)
def test_actions(sdk: Sandbox, action) -> None:
    answer = sdk.browser.execute_action(request=action)
    assert answer.success and answer.status == "success"
    assert answer.action_performed == action.action_type == answer.data.action_performed


def test_an_action_off_the_screen_is_the_sdks_own_error(sdk: Sandbox) -> None:
    with pytest.raises(UnprocessableEntityError) as raised:
        sdk.browser.execute_action(request=Action_MoveTo(x=100000, y=5))
    assert any("x" in entry.loc for entry in raised.value.body.detail)


def test_config_and_restart(sdk: Sandbox) -> None:
    before = sdk.browser.get_info().data.viewport
    assert sdk.browser.set_config(resolution=Resolution(width=1024, height=768)).success
    now = sdk.browser.get_info().data.viewport
    assert (now.width, now.height) == (1024, 768)
    assert sdk.browser.set_config(resolution=Resolution(width=before.width, height=before.height)).success
    assert sdk.browser.restart().success
    assert sdk.browser.get_info().success
    sdk.browser.get_proxy_pac()


def test_recording(sdk: Sandbox) -> None:
    path = f"{sdk.sandbox.get_context().workspace}/sdk/film.mp4"
    started = sdk.display.record(action="start", save_path=path, fps=10, crf=30, max_duration=30)
    assert started.success and (started.data.status, started.data.save_path) == ("recording", path)
    with pytest.raises(ApiError) as raised:
        sdk.display.record(action="start", save_path=path + "2.mp4")
    assert raised.value.status_code == 409
    sdk.browser.execute_action(request=Action_Wait(duration=1))
    assert sdk.display.record(action="status").data.duration > 0.5
    stopped = sdk.display.record(action="stop").data
    assert stopped.status == "stopped" and stopped.file_size_bytes > 0
    film = b"".join(sdk.file.download_file(path=path))
    assert len(film) == stopped.file_size_bytes and film[4:8] == b"ftyp"


def test_the_asynchronous_client(whole) -> None:
    async def use() -> tuple:
        client = AsyncSandbox(**options(whole))
        info = await client.browser.get_info()
        image = b"".join([chunk async for chunk in client.browser.screenshot()])
        moved = await client.browser.execute_action(request=Action_MoveTo(x=1, y=1))
        return info, image, moved

    info, image, moved = asyncio.run(use())
    assert info.success and image.startswith(b"\x89PNG") and moved.action_performed == "MOVE_TO"


def test_tutorial(sdk: Sandbox) -> None:
    folder = sdk.shell.exec_command(command="mktemp -d").data.output.strip()
    follow(sdk, Names(sdk.sandbox.get_context, sdk.jupyter.execute_code, sdk.browser.get_info), folder)
