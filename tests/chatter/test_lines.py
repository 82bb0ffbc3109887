"""Lines from a descriptor, read without blocking the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chatroom.chatter.lines import LINE_BYTES, Lines, LineTooLong, LineUndecodable

PIPE_BYTES = 1024 * 1024  # more than any system lets a pipe hold unless asked


def play(scene: Callable[[Lines, int], Awaitable[None]]) -> None:
    """Play a scene with the lines of a pipe and its writing end, which is closed at the end."""

    async def stage() -> None:
        reads, writes = os.pipe()
        lines = Lines(reads)
        try:
            async with asyncio.timeout(30):
                await scene(lines, writes)
        finally:
            os.close(writes)
            while await lines.next() is not None:  # the thread ends with the input
                pass
            os.close(reads)

    asyncio.run(stage())


def test_lines_come_as_written_in_any_pieces() -> None:
    """A line is complete when its end has come, however it was cut on the way."""

    async def scene(lines: Lines, writes: int) -> None:
        os.write(writes, b"one\ntwo\r\nthr")
        assert ["one", "two"] == [await lines.next(), await lines.next()]
        waiting = asyncio.ensure_future(lines.next())
        os.write(writes, b"ee\n")
        assert "three" == await waiting

    play(scene)


def test_empty_lines_are_lines() -> None:
    """An empty line is not the end."""

    async def scene(lines: Lines, writes: int) -> None:
        os.write(writes, b"\n\nx\n")
        assert ["", "", "x"] == [await lines.next() for _ in range(3)]

    play(scene)


def test_end_of_input_is_none_for_ever() -> None:
    """A last line without an end counts, then there is nothing, however often one asks."""

    async def stage() -> None:
        reads, writes = os.pipe()
        os.write(writes, b"last")
        os.close(writes)
        lines = Lines(reads)
        assert ["last", None, None] == [await lines.next() for _ in range(3)]
        os.close(reads)

    asyncio.run(stage())


def test_no_descriptor_is_no_input() -> None:
    """A program started with its input closed reads nothing."""
    lines = Lines(None)
    assert not lines.interactive
    assert asyncio.run(lines.next()) is None


def test_bytes_that_are_no_text_are_told_and_skipped() -> None:
    """What they were meant to be is not known, and must not be said; the next line is read."""

    async def scene(lines: Lines, writes: int) -> None:
        os.write(writes, "grüße ".encode("latin-1") + b"\nnext\n")
        with pytest.raises(LineUndecodable, match=r"^a line was skipped: this is not UTF-8, in "):
            await lines.next()
        assert "next" == await lines.next()

    play(scene)


def test_giving_up_loses_nothing() -> None:
    """A line that came after its reader gave up goes to the next."""

    async def scene(lines: Lines, writes: int) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lines.next()
        os.write(writes, b"kept\n")
        assert "kept" == await lines.next()

    play(scene)


@pytest.mark.parametrize("excess", [1, 200_000])
def test_overlong_line_is_told_once_and_skipped(excess: int) -> None:
    """A line beyond the limit raises once; the one of exactly the limit is read."""

    async def scene(lines: Lines, writes: int) -> None:
        def write() -> None:
            os.write(writes, b"x" * LINE_BYTES + b"\n")
            for piece in (b"y" * (LINE_BYTES + excess), b"\nnext\n"):
                sent = 0
                while sent < len(piece):
                    sent += os.write(writes, piece[sent:])

        writing = asyncio.get_running_loop().run_in_executor(None, write)
        assert LINE_BYTES == len(await lines.next() or "")
        with pytest.raises(LineTooLong):
            await lines.next()
        assert "next" == await lines.next()
        await writing

    play(scene)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    """What nobody asked for stays with the writer: nothing piles up."""

    async def scene(lines: Lines, writes: int) -> None:
        os.set_blocking(writes, False)
        os.write(writes, b"first\n")
        assert "first" == await lines.next()
        written = 0
        with contextlib.suppress(BlockingIOError):
            while written <= PIPE_BYTES:
                written += os.write(writes, b"z\n" * 2048)
        assert written <= PIPE_BYTES

    play(scene)


def test_last_line_that_is_too_long_is_told(tmp_path: Path) -> None:
    """Also when its end is the end of the input, and nothing of it is left to read."""
    file = tmp_path / "long"
    file.write_bytes(b"x" * (LINE_BYTES + 1))

    async def scene() -> None:
        with file.open("rb") as opened:
            lines = Lines(opened.fileno())
            with pytest.raises(LineTooLong):
                await lines.next()
            assert await lines.next() is None

    asyncio.run(scene())
