"""Scenes with a scripted server, and what is said of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chatroom.client import Chat, ChatError, Kind, Limits, Message, Patience, Room, connect

from .scripted_server import ScriptedServer, scripted

Scene = Callable[[Chat, ScriptedServer], Awaitable[None]]
EAGER = Patience(backoff=0.01, backoff_limit=0.05)
STREAM_STATE = (Kind.CONNECTION_LOST, Kind.CONNECTED)


def play(scene: Scene, patience: Patience = EAGER, limits: Limits | None = None) -> None:
    """Play a scene with a connection to a scripted server."""

    async def stage() -> None:
        async with (
            asyncio.timeout(30),
            scripted() as server,
            connect(server.address, patience=patience, limits=limits or Limits()) as chat,
        ):
            await scene(chat, server)

    asyncio.run(stage())


async def until(room: Room, text: str) -> list[Message]:
    """What comes, up to the message with this text."""
    heard = []
    async for message in room:
        heard.append(message)
        if message.text == text:
            return heard
    raise AssertionError(f"{text!r} never came: {heard}")


async def rest(room: Room) -> tuple[list[Message], ChatError]:
    """All that comes, and what the membership ends with."""
    heard: list[Message] = []
    try:
        async for message in room:
            heard.append(message)  # noqa: PERF401 # kept when it raises
    except ChatError as failure:
        return heard, failure
    raise AssertionError("it ended well")


def said(heard: list[Message]) -> list[str]:
    return [message.text for message in heard if message.kind is Kind.SAID]
