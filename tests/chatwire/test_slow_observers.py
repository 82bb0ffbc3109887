"""Who looks may be slow: copies and lines are dropped and counted, bytes never."""

from __future__ import annotations

import asyncio
import io
import threading

from chatroom.chatwire.copies import Copies
from chatroom.chatwire.decode import Decoder, Kind
from chatroom.chatwire.passage import Chunk, Ended, Missing, Side
from chatroom.chatwire.show.lines import Lines
from chatroom.chatwire.tap import Tap

from .loops import run
from .wire import OPENED


def chunk(content: bytes, sender: Side = Side.CLIENT) -> Chunk:
    return Chunk(connection=1, time=1, sender=sender, content=content)


def test_copies_come_in_order() -> None:
    """What is put is taken, and after the close there is no more."""
    copies = Copies()
    copies.put(OPENED)
    copies.put(chunk(b"a"))
    assert [OPENED, chunk(b"a")] == copies.take()
    copies.put(chunk(b"b"))
    copies.close()
    assert [chunk(b"b")] == copies.take()
    assert copies.take() is None


def test_copies_beyond_the_bound_are_dropped_and_counted() -> None:
    """One hole for each direction, and then it goes on; ends are never dropped."""
    copies = Copies(limit=1000)
    end = Ended(connection=1, time=2, sender=Side.CLIENT)
    for content in (b"a" * 800, b"b" * 300, b"c"):
        copies.put(chunk(content))
    copies.put(chunk(b"d" * 7, Side.SERVER))
    copies.put(end)
    taken = copies.take()
    assert taken is not None
    assert [chunk(b"a" * 800), end] == [one for one in taken if not isinstance(one, Missing)]
    assert {(Side.CLIENT, 301), (Side.SERVER, 7)} == {
        (one.sender, one.count) for one in taken if isinstance(one, Missing)
    }
    copies.put(chunk(b"e"))
    assert [chunk(b"e")] == copies.take()
    assert 308 == copies.lost


def test_one_who_waits_for_copies_is_woken() -> None:
    """By the first that is put."""
    copies = Copies()
    taken = []
    taker = threading.Thread(target=lambda: taken.append(copies.take()))
    taker.start()
    copies.put(chunk(b"x"))
    taker.join(30)
    assert [[chunk(b"x")]] == taken


async def through(copies: Copies, content: bytes) -> bytes:
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with Tap(server.sockets[0].getsockname()[:2], copies.put) as tap:
        _, writer = await asyncio.open_connection(*tap.bound)
        writer.write(content)
        writer.write_eof()
        received = await arrived
        writer.close()
    server.close()
    return received


def test_an_observer_that_stands_still_costs_no_bytes() -> None:
    """Nobody takes the copies: everything arrives, and what was not seen is counted."""
    copies = Copies(limit=100_000)
    content = bytes(range(256)) * 40_000
    assert content == run(through(copies, content))
    taken = copies.take()
    assert taken is not None
    seen = sum(len(one.content) for one in taken if isinstance(one, Chunk))
    missing = sum(one.count or 0 for one in taken if isinstance(one, Missing))
    assert seen <= 100_000
    assert len(content) == seen + missing
    decoder = Decoder()
    made = [frame for one in taken for frame in decoder.take(one)]
    assert Kind.MISSING in [frame.kind for frame in made]


class Terminal(io.StringIO):
    """One that takes nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.released = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.released.wait(30)
        return super().write(text)


def test_a_slow_terminal_drops_lines_and_says_how_many() -> None:
    """Whoever offers lines never waits; the summary is never dropped."""
    terminal = Terminal()
    lines = Lines(terminal, limit=10)
    lines.offer("first\n")
    assert terminal.reached.wait(30)
    for number in range(25):
        lines.offer(f"{number}\n")
    assert lines.full
    lines.drop()
    terminal.released.set()
    lines.finish("summary\n")
    written = terminal.getvalue().splitlines()
    assert ["first", *map(str, range(10))] == written[:11]
    assert ["… 16 lines were not printed: what reads them was too slow", "summary"] == written[11:]


def test_an_output_that_is_closed_is_noticed() -> None:
    """As when it is piped into head."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    lines = Lines(Closed())
    lines.offer("line\n")
    assert lines.broken.wait(30)
    lines.finish("summary\n")


def test_events_are_bounded_too() -> None:
    """Connections that come and go while nobody takes their copies."""
    copies = Copies(events=10)
    for _ in range(100):
        copies.put(OPENED)
        copies.put(chunk(b"x"))
    taken = copies.take()
    assert taken is not None
    assert 20 <= len(taken) <= 22
    assert isinstance(taken[-1], Missing)
    copies.put(chunk(b"y"))
    assert [chunk(b"y")] == copies.take()
