"""Terminals with chatter in them, and the other people in the room."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.chatter.emulator import CLOCK, Emulator
from tests.chatter.terminal.guests import Guests, guests_at
from tests.client.servers import OURS, running

MASKS = {**CLOCK, r"─+ \w+, \d+ \w+ \d{4} ─+": "── DAY ──", r"\d+ ms|<1 ms": "N ms"}
"""What differs from run to run: times, the day, the round trip."""

Starter = Callable[..., contextlib.AbstractContextManager[Emulator]]


@pytest.fixture(scope="package")
def quick_server() -> Iterator[str]:
    """A server without limits of rate, for all tests of the screen."""
    with running([*OURS, "--message-rate", "0"]) as address:
        yield address


@pytest.fixture
def guests(quick_server: str) -> Iterator[Guests]:
    with guests_at(quick_server) as guests:
        yield guests


@pytest.fixture
def room(guests: Guests) -> str:
    return guests.new_room()


@pytest.fixture
def enter(guests: Guests, emulator: Starter) -> Starter:
    """Start a chatter in a room; when this returns, it is inside."""

    @contextlib.contextmanager
    def start(room: str, name: str = "Bob", **options: object) -> Iterator[Emulator]:
        at = ("--host", guests.address, "--room", room, "--name", name)
        with emulator(*at, **options) as terminal:
            terminal.until("connected", "have entered")
            yield terminal

    return start


@pytest.fixture
def bob(room: str, enter: Starter) -> Iterator[Emulator]:
    """Bob's terminal, 80 by 24, in the room."""
    with enter(room) as terminal:
        yield terminal


@pytest.fixture
def expect_at_the_bottom() -> Callable[[Emulator, str], None]:
    """Wait until the screen ends with these rows, and what is above them is blank."""

    def expect(terminal: Emulator, rows: str) -> None:
        block = rows.strip("\n").split("\n")
        blank = len(terminal.screen) - len(block)
        # A newline more: one is taken off the block's beginning.
        terminal.expect("\n" * (blank + 1) + "\n".join(block), MASKS)

    return expect
