"""Promise 3: a reader that stops costs little, ends after 10 s, and slows nobody down.

Here it ends after a tenth of that.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import DEFAULT_WINDOW, LARGEST_WINDOW, Setting
from tests.launch.quick_server import QUICK

from .scale import SOAK, report, scaled
from .server_process import MIB, ServerProcess, serving
from .stalled_reader import Kind, StalledReader
from .talk import Listener, Talk
from .voices import End, Peer, Voice, join_all

READERS = 100
COST_BYTES = 240 * MIB
LEFT_OVER_BYTES = scaled(60, 20) * MIB
"""What the allocator keeps for the next time."""
ENDED_SECONDS = scaled(75, 15)
"""A stalled stream is reset after 10 s, a connection closed after 11, and it takes a
moment until what the kernel buffers is full."""
BESIDE_SECONDS = scaled(2.5, 0.5)
RETURNED_SECONDS = scaled(75, 15)
MEASURED_SECONDS = scaled(2, 4)
CONTROL_SECONDS = scaled(4, 15)
FILLED_SECONDS = 6
"""At 400 kB a second, all that the kernel holds for a connection is full."""
TEXT_BYTES = 4000
PER_SECOND = 100
SERVER = ("chatroom.server",) if SOAK else QUICK

EVERY: tuple[Kind, ...] = ("window", "socket", "http1")
KINDS: list[Sequence[Kind]] = [EVERY, *([each] for each in EVERY)] if SOAK else [EVERY]


@contextlib.contextmanager
def stalled(port: int, count: int, kinds: Sequence[Kind]) -> Iterator[dict[str, StalledReader]]:
    """Readers of these kinds in turn, by their name, each on a connection of its own."""
    with contextlib.ExitStack() as stack:
        readers = {}
        for number in range(count):
            name = f"stalled {number}"
            reader = StalledReader(port, "lobby", [name], kinds[number % len(kinds)])
            stack.callback(reader.close)
            readers[name] = reader
        yield readers


@contextlib.contextmanager
def lobby(directory: Path, *without: str) -> Iterator[ServerProcess]:
    """A server without these defences; the disk's moods are kept out of the latencies."""
    program = ("tests.faults.crippled_server", *without) if without else SERVER
    arguments = ("--room", "lobby", "--message-rate", "0", "--sync", "normal")
    with serving("--data", str(directory), *arguments, program=program, measured=True) as server:
        yield server


@contextlib.contextmanager
def talking(server: ServerProcess) -> Iterator[Talk]:
    """400 kB a second for everyone in the lobby: a stalled reader is felt at once."""
    talk = Talk(server.port, "lobby", count=16, per_second=PER_SECOND, text_bytes=TEXT_BYTES)
    try:
        yield talk
    finally:
        talk.close()


@pytest.fixture(scope="module", autouse=True)
def without_timeouts(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Talk, dict[str, StalledReader], float]]:
    """Readers that have stalled, and since when, at a server that does not mind.

    Begun before the other tests and looked at after them, so that nobody waits for it.
    """
    directory = tmp_path_factory.mktemp("without")
    with (
        lobby(directory, "stall", "vanished") as server,
        talking(server) as talk,
        stalled(server.port, 21, EVERY) as readers,
    ):
        talk.until(lambda: readers.keys() <= talk.listeners[0].entered, ENDED_SECONDS)
        talk.until(lambda: False, 2)
        talk.finish()
        yield talk, readers, time.monotonic()


def still_open(readers: dict[str, StalledReader], talk: Talk) -> list[str]:
    """Those whose stream is open for all they can see, or who are members for the others."""
    seen_leaving = talk.listeners[0].left
    return [
        name
        for name, reader in readers.items()
        if name not in seen_leaving or reader.ends() == "open"
    ]


@dataclass(frozen=True)
class Felt:
    """What a hundred stalled readers cost, in bytes and seconds."""

    peak: int
    ended: float
    returned: float
    usual: float
    """p99 of the others' deliveries just before."""
    beside: float
    """The same while all have stalled."""


def feel(server: ServerProcess, talk: Talk, kinds: Sequence[Kind]) -> Felt:
    """Have a hundred readers stall until they are gone; fails where a promise is not kept."""
    talk.p99()
    talk.until(lambda: False, MEASURED_SECONDS)
    usual = talk.p99()
    before = peak = server.resident()
    observer = talk.listeners[0]
    observer.entered.clear()
    observer.left.clear()

    def left() -> set[str]:
        nonlocal peak
        peak = max(peak, server.resident())
        return observer.left

    with stalled(server.port, READERS, kinds) as readers:
        begun = time.monotonic()
        assert talk.until(lambda: readers.keys() <= observer.entered, ENDED_SECONDS)
        # Until it has filled what the kernel holds, each costs what any reader costs; what
        # is measured is what it costs once it has stalled.
        talk.until(lambda: bool(left()), FILLED_SECONDS)
        talk.p99()
        talk.until(lambda: bool(left()), ENDED_SECONDS)
        beside = talk.p99()
        assert talk.until(lambda: readers.keys() <= left(), ENDED_SECONDS), still_open(
            readers, talk
        )
        ended = time.monotonic() - begun
        assert [] == still_open(readers, talk)
    assert peak - before <= COST_BYTES
    assert talk.until(lambda: server.resident() - before <= LEFT_OVER_BYTES, RETURNED_SECONDS), (
        f"{(server.resident() - before) / MIB:.0f} MiB more than before"
    )
    returned = time.monotonic() - begun - ended
    return Felt(peak - before, ended, returned, usual, beside)


@pytest.mark.parametrize("kinds", KINDS, ids=" and ".join)
def test_stalled_readers_end_and_are_not_felt(tmp_path: Path, kinds: Sequence[Kind]) -> None:
    """A hundred of them: memory, their ends, and what the others get."""
    with lobby(tmp_path) as server, talking(server) as talk:
        talk.until(lambda: False, 1)
        rounds = [feel(server, talk, kinds) for _ in range(scaled(1, 3))]
        talk.finish()
    ended = max(each.ended for each in rounds)
    peak = max(each.peak for each in rounds) / MIB
    returned = max(each.returned for each in rounds)
    p99 = ", ".join(
        f"{each.usual * 1000:.1f} and {each.beside * 1000:.1f} ms: "
        f"{each.beside / each.usual:.2f} times"
        for each in rounds
    )
    report(
        f"promise 3, {READERS} stalled readers ({' and '.join(kinds)})",
        f"all gone after {ended:.1f} s; at most {peak:.0f} MiB more, within "
        f"{LEFT_OVER_BYTES // MIB} MiB of before {returned:.1f} s later; "
        f"the others' p99 before and beside them {p99}",
    )


def narrow(peer: Peer) -> None:
    """Have windows of 65,535 bytes on streams that are opened from here on."""
    peer.write(frames.settings((Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)))


def widen(voice: Voice) -> None:
    """Take all that comes on this stream."""
    widened = frames.window_update(voice.number, LARGEST_WINDOW - DEFAULT_WINDOW)
    voice.connection.write(widened)


def test_a_stream_beside_stalled_ones_is_not_held_up(tmp_path: Path) -> None:
    """Windows are a stream's own: who reads is not held up by those that stay closed."""
    with lobby(tmp_path) as server, talking(server) as talk:
        peer = Peer(talk.loop, server.port)
        narrow(peer)
        reader = Listener("lobby", "reader")
        talk.bring_in(reader, peer)
        widen(reader)
        deaf = [Voice("lobby", f"deaf {number}") for number in range(60)]
        join_all(talk.loop, deaf, [peer])
        assert talk.until(lambda: all(voice.end is not None for voice in deaf), ENDED_SECONDS)
        assert {End(cut="RST_STREAM 8")} == {voice.end for voice in deaf}
        late = talk.latest()
        gone = {voice.name for voice in deaf}
        assert talk.until(lambda: gone <= reader.left, ENDED_SECONDS)
        talk.finish()
        assert late <= BESIDE_SECONDS
    report("promise 3, 60 streams of one connection stall", f"its other one: {late:.1f} s late")


def test_without_the_timeouts_they_would_stay(
    without_timeouts: tuple[Talk, dict[str, StalledReader], float],
) -> None:
    """The control: within the same time no stalled stream ends, so the test above can fail."""
    talk, readers, since = without_timeouts
    rest = since + CONTROL_SECONDS - time.monotonic()
    assert not talk.until(lambda: bool(talk.listeners[0].left), max(rest, 1))
    assert list(readers) == still_open(readers, talk)
