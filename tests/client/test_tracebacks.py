"""What an error that nobody catches looks like: one traceback, with the sentence at its end."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Awaitable, Callable

import grpc
import pytest

from chatroom.client import (
    Chat,
    ChatError,
    NameTaken,
    Removed,
    RoomNotFound,
    ServerUnavailable,
    connect,
)


async def join_a_name_in_use(chat: Chat) -> None:
    room_id = (await chat.create_room()).room_id
    async with chat.join(room_id, "bot"), chat.join(room_id, "bot"):
        pass


async def be_removed(chat: Chat) -> None:
    room_id = (await chat.create_room()).room_id
    async with chat.join(room_id, "bot") as room:
        await chat.remove_member(room_id, "bot")
        async for _ in room:
            pass


async def ask_for_a_room_that_is_not_there(chat: Chat) -> None:
    await chat.history("nowhere")


async def ask_nobody(_: Chat) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with connect(f"127.0.0.1:{reserved.getsockname()[1]}") as chat:
            await chat.rooms()


async def join_nobody(_: Chat) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        async with connect(f"127.0.0.1:{reserved.getsockname()[1]}") as chat, chat.join("1", "bot"):
            pass


@pytest.mark.parametrize(
    ("act", "kind", "code"),
    [
        (join_a_name_in_use, NameTaken, grpc.StatusCode.ALREADY_EXISTS),
        (be_removed, Removed, grpc.StatusCode.PERMISSION_DENIED),
        (ask_for_a_room_that_is_not_there, RoomNotFound, grpc.StatusCode.NOT_FOUND),
        (ask_nobody, ServerUnavailable, grpc.StatusCode.UNAVAILABLE),
        (join_nobody, ServerUnavailable, grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_one_traceback(
    server: str,
    act: Callable[[Chat], Awaitable[None]],
    kind: type[ChatError],
    code: grpc.StatusCode,
) -> None:
    """No traceback of gRPC's, no debug strings; its own error is there for who asks."""

    async def scene() -> None:
        async with asyncio.timeout(30), connect(server) as chat:
            await act(chat)

    with pytest.raises(kind) as ended:
        asyncio.run(scene())
    printed = "".join(traceback.format_exception(ended.value))
    assert 1 == printed.count("Traceback (most recent call last):")
    assert "AioRpcError" not in printed
    assert printed.endswith(f"{kind.__name__}: {ended.value}\n")
    assert ended.value.rpc_error is not None
    assert (code, code) == (ended.value.code, ended.value.rpc_error.code())
