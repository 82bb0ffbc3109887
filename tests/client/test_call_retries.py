"""Methods that answer once, called again or not."""

from __future__ import annotations

import grpc
import pytest

from chatroom.client import (
    Chat,
    Patience,
    ServerUnavailable,
)

from .recovering import play
from .scripted_server import LOST, Ending, ScriptedServer


def test_reading_calls_are_retried_once_the_server_has_answered() -> None:
    """The first call is tried once; later ones outlast a server that is away for a moment."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.call_refusals = [LOST]
        with pytest.raises(ServerUnavailable):
            await chat.rooms()
        assert ["1"] == [room.room_id for room in await chat.rooms()]
        server.call_refusals = [LOST, LOST]
        assert ["1"] == [room.room_id for room in await chat.rooms()]
        assert 5 == len(server.calls)

    play(scene)


def test_changing_calls_are_not_retried() -> None:
    """Whether the first was carried out is not known."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        await chat.rooms()
        server.call_refusals = [LOST]
        with pytest.raises(ServerUnavailable):
            await chat.create_room()
        server.call_refusals = [LOST]
        with pytest.raises(ServerUnavailable):
            await chat.remove_member("1", "Eve")
        server.call_refusals = [Ending(grpc.StatusCode.UNAVAILABLE, "DRAINING", 0.1)]
        assert "2" == (await chat.create_room()).room_id
        assert ["CreateChatRoom", "RemoveMember", "CreateChatRoom", "CreateChatRoom"] == (
            server.calls[1:]
        )

    play(scene)


def test_calls_are_retried_only_within_their_patience() -> None:
    """A server that stays away is told of in time."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        await chat.rooms()
        server.call_refusals = [LOST] * 1000
        with pytest.raises(ServerUnavailable):
            await chat.rooms()
        assert len(server.calls) > 3

    play(scene, Patience(backoff=0.01, backoff_limit=0.05, call=0.5))
