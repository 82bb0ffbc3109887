"""What a shell may complete: servers, rooms, members. Silent when it cannot know."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import click

from chatroom.chatter.given import Given

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from chatroom.client import Chat

SECONDS = 1.0
"""How long a person who pressed Tab waits for the server."""
WORD = frozenset(string.ascii_letters + string.digits + "-_.")
"""What may be put into somebody's command line: nothing that a shell would interpret."""


def complete_servers(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The servers that the configuration names."""
    from chatroom.chatter.failures import Failure
    from chatroom.chatter.settings import configuration_of

    try:
        servers = configuration_of(Given.to(context)).servers
    except Failure:
        return []
    return _words(servers, incomplete)


def complete_rooms(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The ids of the public rooms, as the server tells them."""

    async def room_ids(chat: Chat) -> list[str]:
        return [room.room_id for room in await chat.rooms()]

    return _words(_told(context, room_ids), incomplete)


def complete_members(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The name tags in the room that was named before, as the server tells them."""
    room_id = context.params.get("room_id")
    if not room_id:
        return []

    async def names(chat: Chat) -> list[str]:
        return [member.name for member in await chat.members(room_id)]

    return _words(_told(context, names), incomplete)


def _told(context: click.Context, ask: Callable[[Chat], Awaitable[list[str]]]) -> list[str]:
    """What the server tells within SECONDS, however often it has to be asked; else nothing."""
    import asyncio

    from chatroom.chatter.failures import Failure
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    async def briefly(chat: Chat) -> list[str]:
        async with asyncio.timeout(SECONDS):
            return await ask(chat)

    try:
        return with_server(effective(Given.to(context), warn=False), briefly)
    except (Failure, click.UsageError, TimeoutError):
        return []


def _words(candidates: Iterable[str], incomplete: str) -> list[str]:
    # A server may list a room called `--insecure`: that would be an option where it lands.
    return [
        word
        for word in candidates
        if word.startswith(incomplete) and WORD.issuperset(word) and not word.startswith("-")
    ]
