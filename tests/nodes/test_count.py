"""Whoever lists rooms is told how many servers share them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatroom import client
from chatroom.chatter import rooms
from chatroom.journal.memory import MemoryJournal
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.nodes.nodes import Memory


@contextlib.asynccontextmanager
async def serving(journal: Any) -> AsyncIterator[Service]:
    """A server over a journal, with a room called lobby."""
    service = Service(Settings(bind=(Address("127.0.0.1", 0),), rooms=("lobby",)), journal)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def listed(service: Service) -> int:
    """The servers of which the answer tells, once `chatter list` has printed it."""
    async with client.connect(str(service.addresses[0])) as chat:
        await rooms.print_rooms(chat, as_json=False)
        return chat.nodes


@pytest.mark.parametrize("person", [True, False], ids=["a person", "a script"])
def test_two_nodes_are_two(
    person: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rooms, "is_terminal", lambda: person)

    async def scene() -> None:
        shared = Memory()
        async with serving(shared.journal()) as here, serving(shared.journal()):
            assert here.hub.nodes is not None
            await here.hub.nodes.look()
            assert 2 == await listed(here)

    asyncio.run(scene())
    out, told = capsys.readouterr()
    assert "lobby" in out
    assert ("2 servers share these rooms\n" if person else "") == told


def test_one_alone_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rooms, "is_terminal", lambda: True)

    async def scene() -> None:
        async with serving(MemoryJournal()) as service:
            assert 1 == await listed(service)

    asyncio.run(scene())
    assert "" == capsys.readouterr().err
