from __future__ import annotations

from typing import Iterator

import pytest

from desk import Desk, Window, measure_services

measure_services()


@pytest.fixture(scope="session")
def shared_desk() -> Iterator[Desk]:
    desk = Desk()
    try:
        yield desk.start()
    finally:
        desk.close()


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """A desktop of 1280 by 1024; it must survive what the test does to it."""
    with shared_desk.control() as control:
        control.resize(1280, 1024)
    yield shared_desk
    if not shared_desk.desktop.alive:
        log = shared_desk.desktop.log
        shared_desk.desktop.start()
        pytest.fail(f"the desktop program ended during this test\n{log[-4000:]}")
    assert "ERROR: AddressSanitizer" not in shared_desk.desktop.log
    assert "runtime error" not in shared_desk.desktop.log


@pytest.fixture
def own_desk() -> Iterator[Desk]:
    """Not started yet."""
    desk = Desk()
    try:
        yield desk
    finally:
        desk.close()


@pytest.fixture
def window(desk: Desk) -> Iterator[Window]:
    with Window(desk) as window:
        yield window
