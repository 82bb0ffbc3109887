"""examples/embedded.py: a program with gRPC methods and identities of its own, and chat in it."""

from __future__ import annotations

import asyncio
import re
import signal
from asyncio.subprocess import Process

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue

from chatroom.client import ChatError, TokenRefused, connect

from .programs import arrival, example, failed, until

OPTIONS = ("--bind", "127.0.0.1:0", "--chat", "127.0.0.1:0", "--customer", "Ann=tea4two",
           "--customer", "shop=imposter")  # fmt: skip


async def addresses(process: Process) -> tuple[str, str]:
    """Of the shop, and of the chat in it."""
    assert process.stderr is not None
    line = (await process.stderr.readline()).decode()
    found = re.fullmatch(r"the shop listens on (\S+), chat on (\S+)\n", line)
    assert found is not None, line
    return found[1], found[2]


async def asked(shop: str, method: str, request: Empty | StringValue, *key: str) -> str:
    """What the shop answers to whoever has this API key."""
    async with grpc.aio.insecure_channel(shop) as channel:
        call = channel.unary_unary(
            f"/shop.Orders/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        answer: StringValue = await call(request, metadata=[("x-api-key", each) for each in key])
        return answer.value


def test_a_customer_is_the_same_for_the_shop_and_for_chat() -> None:
    """By the shop's own key the one, by the token that it gives the other; under no other name."""

    async def scene() -> None:
        async with asyncio.timeout(60), example("embedded", *OPTIONS) as process:
            shop, chat_address = await addresses(process)
            token = await asked(shop, "ChatToken", Empty(), "tea4two")
            async with connect(chat_address, token=token) as chat:
                with pytest.raises(ChatError) as refused:
                    async with chat.join("orders", name="Bob"):
                        pass
                assert "NAME_FIXED" == refused.value.reason
                async with chat.join("orders", name="Ann") as room:
                    await arrival(room, "shop")
                    assert "order 1" == await asked(
                        shop, "Place", StringValue(value="tea"), "tea4two"
                    )
                    told = await until(room, "Ann has ordered tea")
                    assert "shop" == told.name
                with pytest.raises(ChatError) as refused:
                    await chat.delete_room("orders")
                assert "GRANT_MISSING" == refused.value.reason

    asyncio.run(scene())


def test_who_is_nobody_to_the_shop_is_nobody_to_chat() -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), example("embedded", *OPTIONS) as process:
            shop, chat_address = await addresses(process)
            for method, request in (("ChatToken", Empty()), ("Place", StringValue(value="tea"))):
                for key in ((), ("wrong",)):
                    with pytest.raises(grpc.aio.AioRpcError) as error:
                        await asked(shop, method, request, *key)
                    assert grpc.StatusCode.UNAUTHENTICATED == error.value.code()
            async with connect(chat_address) as chat:
                with pytest.raises(TokenRefused):
                    async with chat.join("orders", name="Ann"):
                        pass

    asyncio.run(scene())


def test_a_customer_with_the_bots_name_is_not_the_bot() -> None:
    """The token says who it is by more than the name: the bot's place cannot be taken."""

    async def scene() -> None:
        async with asyncio.timeout(60), example("embedded", *OPTIONS) as process:
            shop, chat_address = await addresses(process)
            token = await asked(shop, "ChatToken", Empty(), "imposter")
            async with connect(chat_address, token=token) as chat:
                with pytest.raises(ChatError) as refused:
                    async with chat.join("orders", name="shop"):
                        pass
                assert "NAME_RESERVED" == refused.value.reason

    asyncio.run(scene())


def test_sigterm_ends_both_in_order() -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), example("embedded", *OPTIONS) as process:
            shop, chat_address = await addresses(process)
            token = await asked(shop, "ChatToken", Empty(), "tea4two")
            async with (
                connect(chat_address, token=token) as chat,
                chat.join("orders", name="Ann") as room,
            ):
                await arrival(room, "shop")
                process.send_signal(signal.SIGTERM)
                async for message in room:
                    if message.name == "shop" and message.text == "Has left the chat":
                        break
            _, stderr = await process.communicate()
            assert (0, b"") == (process.returncode, stderr)

    asyncio.run(scene())


def test_an_address_that_is_none_is_told() -> None:
    code, said = failed("embedded", "--chat", "127.0.0.1:x")
    assert (1, True) == (code, said.startswith("embedded: 'x' is not a port")), said
