"""The published Python SDK of the 0.0.6 era with the desktop."""

from __future__ import annotations


import pytest
from agent_sandbox import Sandbox
from agent_sandbox.browser import (
    Action_Click,
    Action_DoubleClick,
    Action_DragTo,
    Action_Hotkey,
    Action_KeyDown,
    Action_KeyUp,
    Action_MouseDown,
    Action_MouseUp,
    Action_MoveTo,
    Action_Press,
    Action_RightClick,
    Action_Scroll,
    Action_Typing,
)
from agent_sandbox.errors import UnprocessableEntityError

from tutorial import Names, follow


@pytest.fixture(scope="module")
def sdk(whole) -> Sandbox:
    headers = {"X-AIO-API-Key": whole.key} if whole.key else None
    return Sandbox(base_url=whole.url, headers=headers, timeout=60)


def test_info(sdk: Sandbox) -> None:
    info = sdk.browser.get_browser_info()
    assert info.success and info.data.cdp_url.startswith("ws://") and info.data.viewport.width > 0
    assert info.data.vnc_url.endswith("/vnc/index.html?autoconnect=true") and info.data.user_agent


def test_screenshot(sdk: Sandbox) -> None:
    assert b"".join(sdk.browser.take_screenshot()).startswith(b"\x89PNG\r\n\x1a\n")


ACTIONS = [
    Action_MoveTo(x=300, y=300),
    Action_Click(x=310.0, y=310.0, button="left", num_clicks=1),
    Action_MouseDown(),
    Action_MouseUp(),
    Action_RightClick(),
    Action_Press(key="escape"),
    Action_DoubleClick(x=330, y=330),
    Action_DragTo(x=340, y=340),
    Action_Scroll(dx=0, dy=-100),
    Action_Typing(text="naïve 漢字 🎉", use_clipboard=True),
    Action_Press(key="Return"),
    Action_KeyDown(key="ctrl"),
    Action_KeyUp(key="ctrl"),
    Action_Hotkey(keys=["ctrl", "c"]),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.action_type)
def test_actions(sdk: Sandbox, action) -> None:
    answer = sdk.browser.execute_action(request=action)
    assert answer.status == "success" and answer.action_performed == action.action_type


def test_an_unknown_key_is_the_sdks_own_error(sdk: Sandbox) -> None:
    with pytest.raises(UnprocessableEntityError) as raised:
        sdk.browser.execute_action(request=Action_Press(key="nosuchkey"))
    assert any("key" in entry.loc for entry in raised.value.body.detail)


def test_tutorial(sdk: Sandbox) -> None:
    folder = sdk.shell.exec_command(command="mktemp -d").data.output.strip()
    names = Names(sdk.sandbox.get_sandbox_context, sdk.jupyter.execute_jupyter_code, sdk.browser.get_browser_info)
    follow(sdk, names, folder)
