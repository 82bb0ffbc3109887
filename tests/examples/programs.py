"""The examples as programs of their own, and people who talk with them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from chatroom.client import Chat, Kind, Message, Room

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]


def failed(name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of an example that does not get far."""
    done = subprocess.run(
        command(name, *arguments), capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@contextlib.asynccontextmanager
async def example(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an example; in the end it is interrupted, unless it has ended, and has to end well."""
    process = await asyncio.create_subprocess_exec(
        *command(name, *arguments), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            _, stderr = await process.communicate()
            assert (130, False) == (process.returncode, b"Traceback" in stderr), stderr.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def arrival(room: Room, name: str) -> None:
    """Wait until somebody is in the room."""
    while name not in [member.name for member in room.members or ()]:
        await anext(room)


async def until(room: Room, text: str) -> Message:
    """The next message with this text."""
    async for message in room:
        if message.text == text:
            return message
    raise AssertionError(f"{text!r} never came")


async def all_said(chat: Chat, room_id: str) -> list[tuple[str, str]]:
    """Who has said what in the room, all of it."""
    found: list[tuple[str, str]] = []
    after, more = 0, True
    while more:
        page = await chat.history(room_id, after=after)
        found += [(m.name, m.text) for m in page.messages if m.kind is Kind.SAID]
        after, more = (page.messages[-1].sequence if page.messages else after), page.more
    return found
