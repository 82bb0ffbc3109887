"""What a connection that has much to say is read in a turn of the loop."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.server.port import http2
from chatroom.wire.http2 import frames
from chatroom.wire.http2.limits import Http2Limits
from tests.server.port.test_age import Transport
from tests.server.port.test_writing import Connected

SOME = frames.data(1, bytes(300))


class Read(Transport):
    """Knows whether it is read."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


@pytest.fixture(autouse=True)
def turns_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "TURN_BYTES", 2 * len(SOME))


async def connected(transport: Read) -> Connected:
    """With a call whose client has said half of what is read in a turn."""
    connection = Connected(transport)
    await connection.request()
    await asyncio.sleep(0)
    connection.protocol.data_received(SOME)
    return connection


def test_others_have_their_turn() -> None:
    """It is read on in the next one; nothing that came is lost."""

    async def scene() -> None:
        transport = Read()
        connection = await connected(transport)
        for _ in range(3):
            assert transport.reading
            connection.protocol.data_received(SOME)
            assert not transport.reading
            await asyncio.sleep(0)
            assert transport.reading
            connection.protocol.data_received(SOME)
        assert 7 * 300 == connection.calls[0].heard

    asyncio.run(scene())


def test_one_whose_answers_nobody_takes_is_not_read_on() -> None:
    """It is held for that reason in the same turn; and is read again when they are taken."""

    async def scene() -> None:
        transport = Read()
        connection = await connected(transport)
        connection.protocol.pause_writing()
        output = connection.protocol.http2.output
        output.queue(bytes(Http2Limits().read_hold))
        output.touch()
        connection.protocol.data_received(SOME)
        for _ in range(3):
            await asyncio.sleep(0)
            assert not transport.reading
        connection.protocol.resume_writing()
        await asyncio.sleep(0)
        assert transport.reading

    asyncio.run(scene())


def test_one_that_has_gone_is_not_read_on() -> None:
    async def scene() -> None:
        transport = Read()
        connection = await connected(transport)
        connection.protocol.data_received(SOME)
        transport.close()
        await asyncio.sleep(0)
        assert not transport.reading

    asyncio.run(scene())
