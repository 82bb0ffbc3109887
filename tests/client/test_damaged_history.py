"""Pages of a room's history of which something is damaged on the server's disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from chatroom.client import Chat, DataLoss, Kind, Page, connect
from chatroom.server.service import running
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address

from .recovering import play
from .scripted_server import Ending, ScriptedServer

TEXTS = ("one", "two", "three", "four", "five")
"""What Bob says after he has entered: their sequences are 2 to 6; he leaves with 7."""
DAMAGED = 4


def server(data: Path):
    return running(Settings(bind=(Address("127.0.0.1", 0),), rooms=("lobby",), data=data))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What a server has stored, with one bit of Bob's third text flipped."""

    async def talk() -> None:
        async with (
            server(tmp_path) as service,
            connect(str(service.addresses[0])) as chat,
            chat.join("lobby", "Bob") as room,
        ):
            for text in TEXTS:
                await room.send(text)

    asyncio.run(talk())
    file = tmp_path / "chatroom.db"
    octets = bytearray(file.read_bytes())
    octets[octets.index(b"three")] ^= 1
    file.write_bytes(octets)
    return tmp_path


def shown(page: Page) -> list[int]:
    """The sequences of a page; that of a damaged entry is negative."""
    return [-m.sequence if m.kind is Kind.DAMAGED else m.sequence for m in page.messages]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"after": 0}, [1, 2, 3, -4]),
        ({"after": 3}, [-4]),
        ({"after": 4}, [5, 6, 7]),
        ({}, [-4, 5, 6, 7]),
        ({"before": 5}, [-4]),
        ({"before": 4}, [1, 2, 3]),
        ({"before": 7, "page_size": 2}, [5, 6]),
    ],
)
def test_a_page_ends_with_what_is_damaged(
    data: Path, asked: dict[str, int], expected: list[int]
) -> None:
    """From there one can go on in either direction, as at the end of any page."""

    async def read() -> Page:
        async with server(data) as service, connect(str(service.addresses[0])) as chat:
            return await chat.history("lobby", **asked)

    page = asyncio.run(read())
    assert expected == shown(page)
    assert all(message.replayed for message in page.messages)
    assert page.epoch
    if -DAMAGED in expected:
        assert page.more
        (there,) = [message for message in page.messages if message.kind is Kind.DAMAGED]
        assert ("chat server", "(this message is damaged on disk)") == (there.name, there.text)


def loss(**metadata: str) -> Ending:
    return Ending(grpc.StatusCode.DATA_LOSS, "DATA_LOSS", metadata=tuple(metadata.items()))


@pytest.mark.parametrize(
    "told", [{}, {"sequence": "4"}, {"sequence": "4", "readable": "1001"}], ids=str
)
def test_a_loss_that_is_not_told_exactly_is_raised(told: dict[str, str]) -> None:
    """Without where it is, or with more before it than a page has, no page can be made."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.call_refusals = [loss(**told)]
        with pytest.raises(DataLoss):
            await chat.history("1", after=0)
        assert ["ListMessages"] == server.calls

    play(scene)


def test_a_page_that_ends_before_the_damage_says_nothing_of_it() -> None:
    """A page may end earlier than was said, by its bytes: the next one comes to the damage."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        for text in TEXTS:
            server.say("Bob", text)
        server.page_entries = 2
        server.call_refusals = [loss(sequence="4", readable="3")]
        page = await chat.history("1", after=0)
        assert ([1, 2], True) == (shown(page), page.more)

    play(scene)
