"""Whose address a call has."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from tests.carriers import CARRIERS, run
from tests.server.whose import watched

JOIN = pb.JoinChat(room_id="lobby", name="Ann")


@pytest.mark.parametrize("protocol", CARRIERS)
def test_every_call_has_its_clients_address(protocol: str) -> None:
    """Methods that answer once, and both streams."""

    async def scene() -> None:
        async with watched() as (port, addresses):
            carrier = CARRIERS[protocol](port)
            await carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            chat = carrier.chat()
            await chat.send(pb.ChatMessage(join=JOIN))
            await chat.receive()
            await chat.cancel()
            subscription = carrier.subscribe(pb.JoinChat(room_id="lobby", name="Bob"))
            await subscription.receive()
            await subscription.cancel()
            await carrier.close()
            assert ["127.0.0.1"] * 3 == addresses

    run(scene())


HTTP1 = {
    "ListChatRooms": (b"application/json", b"{}"),
    "Subscribe": (
        b"application/connect+json",
        envelope(b'{"room_id":"lobby","name":"Ann"}'),
    ),
}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"", "127.0.0.1"), (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "2001:db8::7")],
    ids=["direct", "proxied"],
)
@pytest.mark.parametrize("method", HTTP1)
def test_over_http_1_1_too(sent: bytes, expected: str, method: str) -> None:
    """The peer is whom the PROXY header names, where there is one."""
    media, body = HTTP1[method]

    async def scene() -> None:
        async with watched(proxied=bool(sent)) as (port, addresses):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                sent
                + b"POST /rpc.ChatService/%s HTTP/1.1\r\nhost: localhost\r\n" % method.encode()
                + b"content-type: %s\r\ncontent-length: %d\r\n\r\n" % (media, len(body))
                + body
            )
            assert b"HTTP/1.1 200 OK\r\n" == await reader.readline()
            writer.close()
            assert [expected] == addresses

    run(scene())
