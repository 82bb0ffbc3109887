"""Readers that take a few bytes and then nothing, on one connection of HTTP/2."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import SUBSCRIBE
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK, Setting, data
from tests.floods.hostile import headers

from .looking import Watched
from .scrapes import scraped

WINDOW = 600
"""Bytes that each stream takes, and no more: its arrival fits."""


@contextlib.asynccontextmanager
async def stalled(ops: Watched, count: int, room_id: str = "lobby") -> AsyncIterator[None]:
    """So many of them in a room, until the end of the block."""
    before = (await scraped(ops)).of("chatroom_readers")
    _, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
    writer.write(PREFACE + frames.settings((Setting.INITIAL_WINDOW_SIZE, WINDOW)) + SETTINGS_ACK)
    for number in range(count):
        join = pb.JoinChat(room_id=room_id, name=f"Slow {number}").SerializeToString()
        stream = 2 * number + 1
        writer.write(headers(stream, SUBSCRIBE) + data(stream, envelope(join), end=True))
    while (await scraped(ops)).of("chatroom_readers") < before + count:
        pass
    try:
        yield
    finally:
        writer.close()
