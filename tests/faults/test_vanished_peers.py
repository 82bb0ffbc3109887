"""Promise 5: who vanishes without a word is noticed within 15 s; here in a tenth of that.

Members here have no session, so they leave with their stream.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.launch.quick_server import QUICK

from .namespaces import Network, network
from .people import Person, roster
from .scale import SOAK, report, scaled
from .server_process import serving

NOTICED_SECONDS = scaled(75, 15)
CONTROL_SECONDS = scaled(5, 15)
SERVER = ("chatroom.server",) if SOAK else QUICK
ROOMS = ("silence", "talk")


class Site:
    """A server, an observer in each room beside it, and in each room a guest far away."""

    def __init__(self, addresses: list[str], net: Network, stack: contextlib.ExitStack) -> None:
        far, near = addresses
        self._net, self._near = net, near
        self.observers = {
            room: Person(stack.enter_context(net.dial_at_home(near)), room, "Observer")
            for room in ROOMS
        }
        for room in ROOMS:
            guest = Person(stack.enter_context(net.dial(far)), room, "Guest")
            guest.hears("Has entered the chat")

    def speak(self) -> None:
        """What the guest in the room of this name will never acknowledge."""
        self.observers["talk"].say("Are you there?")

    def noticed(self, room: str, seconds: float) -> bool:
        """Whether a guest has left its room within so many seconds.

        All observers read meanwhile: one who does not answer a PING is taken for vanished.
        """
        until = time.monotonic() + seconds
        while "Guest" not in self.observers[room].left() and time.monotonic() < until:
            for observer in self.observers.values():
                observer.within(0.05, lambda: False)
        return "Guest" in self.observers[room].left()

    def roster(self, room: str) -> set[str]:
        """Who is in the room."""
        with self._net.dial_at_home(self._near) as asking:
            return roster(asking, room)


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@contextlib.contextmanager
def site(net: Network, *program: str) -> Iterator[Site]:
    rooms = [argument for room in ROOMS for argument in ("--room", room)]
    bind = (f"{net.SERVER}:0", "127.0.0.1:0")
    with (
        serving(
            *("--in-memory", "--insecure", "--open", *rooms),
            bind=bind,
            program=program,
            inside=net.command(),
        ) as server,  # fmt: skip
        contextlib.ExitStack() as stack,
    ):
        yield Site(server.addresses, net, stack)


def test_members_whose_network_is_gone_leave(net: Network) -> None:
    """Idle or written to; and beside it the control: without the socket options they stay."""
    with (
        site(net, "tests.faults.crippled_server", "vanished") as crippled,
        site(net, *SERVER) as ours,
    ):
        net.cut()
        begun = time.monotonic()
        figures = []
        for each in (ours, crippled):
            each.speak()
        for room in ("talk", "silence"):
            assert ours.noticed(room, begun + NOTICED_SECONDS - time.monotonic())
            figures.append(f"{room} {time.monotonic() - begun:.1f} s")
            assert {"Observer"} == ours.roster(room)
        for room in ROOMS:
            rest = begun + CONTROL_SECONDS - time.monotonic()
            assert not crippled.noticed(room, max(rest, 0.1))
            assert {"Observer", "Guest"} == crippled.roster(room)
    report("promise 5, a vanished peer's member has left after", ", ".join(figures))
