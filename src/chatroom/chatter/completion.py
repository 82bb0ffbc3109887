"""What a shell may complete: names of servers and ids of rooms. Silent when it cannot know."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    from chatroom.chatter.options import Given
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
    from chatroom.chatter.failures import Failure
    from chatroom.chatter.options import Given
    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    async def room_ids(chat: Chat) -> list[str]:
        return [room.room_id for room in await chat.rooms()]

    try:
        settings = effective(Given.to(context), warn=False)
        found = with_server(settings, room_ids, answer=SECONDS)
    except (Failure, click.UsageError):
        return []
    return _words(found, incomplete)


def _words(candidates: Iterable[str], incomplete: str) -> list[str]:
    # A server may list a room called `--insecure`: that would be an option where it lands.
    return [
        word
        for word in candidates
        if word.startswith(incomplete) and WORD.issuperset(word) and not word.startswith("-")
    ]
