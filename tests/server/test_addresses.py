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


FORWARDED = [
    ("x-forwarded-for", "192.0.2.66, 203.0.113.7", "203.0.113.7"),
    ("forwarded", 'for=192.0.2.66, for="[2001:db8::7]:80"', "2001:db8::7"),
    ("x-forwarded-for", "unknown", "127.0.0.1"),
    ("forwarded", "nonsense", "127.0.0.1"),
]


@pytest.mark.parametrize("protocol", CARRIERS)
def test_a_trusted_proxy_says_for_whom_it_speaks(protocol: str) -> None:
    """In every protocol, for every call."""

    async def scene() -> None:
        async with watched("127.0.0.0/8") as (port, addresses):
            carrier = CARRIERS[protocol](port)
            for number, (name, value, expected) in enumerate(FORWARDED):
                headers = {name: value}
                await carrier.call("ListChatRooms", pb.ListChatRoomsRequest(), headers)
                chat = carrier.chat(headers)
                ann = pb.JoinChat(room_id="lobby", name=f"Ann {number}")
                await chat.send(pb.ChatMessage(join=ann))
                await chat.receive()
                await chat.cancel()
                bob = pb.JoinChat(room_id="lobby", name=f"Bob {number}")
                subscription = carrier.subscribe(bob, headers)
                await subscription.receive()
                await subscription.cancel()
                assert [expected] * 3 == addresses[-3:]
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_whoever_is_not_trusted_can_claim_nothing(protocol: str) -> None:
    """Whatever is in their headers."""

    async def scene() -> None:
        async with watched("10.0.0.0/8") as (port, addresses):
            carrier = CARRIERS[protocol](port)
            headers = {"x-forwarded-for": "203.0.113.7", "forwarded": "for=203.0.113.7"}
            await carrier.call("ListChatRooms", pb.ListChatRoomsRequest(), headers)
            subscription = carrier.subscribe(JOIN, headers)
            await subscription.receive()
            await subscription.cancel()
            await carrier.close()
            assert ["127.0.0.1"] * 2 == addresses

    run(scene())


@pytest.mark.parametrize("method", HTTP1)
@pytest.mark.parametrize(
    ("trusted", "expected"), [("10.0.0.0/8", "203.0.113.7"), ("127.0.0.0/8", "10.0.0.2")]
)
def test_behind_a_proxy_header_its_address_is_the_peer(
    method: str, trusted: str, expected: str
) -> None:
    """It is the one that has to be trusted. Here over HTTP/1.1."""
    media, body = HTTP1[method]

    async def scene() -> None:
        async with watched(trusted, proxied=True) as (port, addresses):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"PROXY TCP4 10.0.0.2 10.0.0.1 56324 443\r\n"
                + b"POST /rpc.ChatService/%s HTTP/1.1\r\nhost: localhost\r\n" % method.encode()
                + b"x-forwarded-for: 192.0.2.66\r\nx-forwarded-for: 203.0.113.7\r\n"
                + b"content-type: %s\r\ncontent-length: %d\r\n\r\n" % (media, len(body))
                + body
            )
            assert b"HTTP/1.1 200 OK\r\n" == await reader.readline()
            writer.close()
            assert [expected] == addresses

    run(scene())
