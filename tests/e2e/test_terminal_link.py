"""The terminal page when the network or the gateway lets it down."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from relay import Relay
from waiting import eventually


@pytest.fixture
def over_relay(open_terminal, relay):
    return open_terminal(url=relay.url)


def test_cut_connection_is_restored_with_nothing_doubled(over_relay, relay):
    over_relay.run("KEPT=still-here; seq 1 100 | sed 's/^/line-/'")
    over_relay.settle()
    before, session = over_relay.text, over_relay.session
    relay.cut()
    over_relay.wait_state("waiting")
    over_relay.wait_state("connected")
    eventually(lambda: over_relay.text == before, "the same screen as before", every=0.05)
    assert over_relay.session == session
    over_relay.run('echo "<$KEPT>"')
    over_relay.see(r"^<still-here>$")


def test_output_made_meanwhile_is_there_afterwards(over_relay, relay):
    over_relay.run("echo begun-$((1+1)); read -r _ < <(sleep 1); echo meanwhile-$((1+1))")
    over_relay.see(r"^begun-2$")  # every key has arrived
    relay.refuse()
    relay.cut()
    over_relay.wait_state("waiting")
    relay.accept()
    over_relay.wait_state("connected")
    over_relay.see(r"^meanwhile-2$")


def test_count_down_and_reconnect_now(over_relay, relay, shot):
    relay.refuse()
    relay.cut()
    expect(over_relay.page.locator("#status-text")).to_have_text(re.compile(r"^Reconnecting in [2-9] s$"))
    expect(over_relay.page.locator("#retry")).to_be_visible()
    shot(over_relay.page, "terminal-reconnecting")
    relay.accept()
    over_relay.page.click("#retry")
    over_relay.wait_state("connected", deadline=1.5)
    expect(over_relay.page.locator("#retry")).to_be_hidden()


def test_repeated_failures_wait_longer_each_time(over_relay, relay):
    relay.refuse()
    relay.cut()
    seen = []

    def note_longest() -> bool:
        match = re.match(r"Reconnecting in (\d+) s", over_relay.page.inner_text("#status-text"))
        if match:
            seen.append(int(match[1]))
        return bool(seen) and max(seen) >= 4

    eventually(note_longest, "a wait of four seconds", 20, every=0.1)
    assert seen[0] == 1
    relay.accept()
    over_relay.wait_state("connected", deadline=10)


def test_silent_connection_is_noticed(over_relay, relay):
    """No close arrives, only silence: when the network is said to have changed, the page asks and gives up soon."""
    relay.stall()
    over_relay.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    over_relay.wait_state("waiting")
    relay.cut()
    relay.flow()
    over_relay.wait_state("connected")
    over_relay.settle()


def test_typing_without_connection_is_not_sent_later(over_relay, relay):
    relay.refuse()
    relay.cut()
    over_relay.wait_state("waiting")
    over_relay.run("echo late-$((1+1))")
    relay.accept()
    over_relay.wait_state("connected")
    over_relay.settle()
    assert "late-" not in over_relay.text


@pytest.mark.local
def test_gateway_restart_gives_a_new_shell(start_gateway, open_terminal):
    server = start_gateway()
    with Relay(server.url) as relay:
        terminal = open_terminal(url=relay.url)
        server.stop()
        terminal.wait_state("waiting")
        server.start()
        relay.retarget(server.url)
        terminal.wait_state("connected")
        terminal.settle()


def test_page_works_behind_a_prefix(gateway, open_terminal, context):
    with Relay(gateway.url, prefix="/box/7") as relay:
        terminal = open_terminal(url=relay.url)
        terminal.run("echo prefixed-$((1+1))")
        terminal.see(r"^prefixed-2$")
        assert "/box/7/terminal?" in terminal.page.url
        terminal.page.reload()
        terminal.wait_state("connected")
        terminal.see(r"^prefixed-2$")
        with terminal.page.expect_popup() as popup:
            terminal.page.click("#docs")
        expect(popup.value.locator(".operation").first).to_be_visible()
