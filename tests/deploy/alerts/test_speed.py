"""Lag, and readers that are behind: each alert fires by a real one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.wire.http2.limits import Http2Limits
from tests.carriers import run
from tests.deploy.promtool import fired, only
from tests.server.listeners import TamedJournal
from tests.server.ops.deaf import stalled
from tests.server.ops.looking import watched
from tests.server.ops.scrapes import scraped

READERS = 12
FREE = Limits(message_rate=0, room_message_rate=0)
HOG_SECONDS = 0.4
HEARD = "grpc_server_msg_received_total"
CHAT = {
    "grpc_method": "Chat", "grpc_service": "rpc.ChatService", "grpc_type": "bidi_stream"
}  # fmt: skip


def test_loop_lags(tmp_path: Path) -> None:
    """Something keeps the loop from turning, again and again."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            for _ in range(3):
                time.sleep(0.6)  # as what is not to happen would
                await asyncio.sleep(0.01)
            after = await scraped(ops)
            only("ChatroomLoopLags", await fired(tmp_path, before, after))

    run(scene())


@contextlib.contextmanager
def hog() -> Iterator[None]:
    """Every turn of the loop has something in it that takes long."""
    loop = asyncio.get_running_loop()
    going = True

    def turn() -> None:
        if going:
            time.sleep(HOG_SECONDS)
            loop.call_soon(turn)

    loop.call_soon(turn)
    try:
        yield
    finally:
        going = False


def test_delivery_lags(tmp_path: Path) -> None:
    """What is stored is not written to readers at once, since the loop has other things to do."""

    async def scene() -> None:
        journal = TamedJournal()
        async with watched(journal=journal, limits=FREE) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann", pb.FEATURE_ECHO)
            before = await scraped(ops)
            journal.going.clear()
            await ops.server.say(ann, "one")
            while (await scraped(ops)).of("chatroom_append_under_way_seconds") == 0:
                pass
            heard = (await scraped(ops)).of(HEARD, **CHAT)
            await ops.server.say(ann, "two")
            while (await scraped(ops)).of(HEARD, **CHAT) == heard:
                pass
            with hog():
                journal.going.set()
                while (await ann.receive()).message != "two":
                    pass
            after = await scraped(ops)
            only("ChatroomDeliveryLags", await fired(tmp_path, before, after), "ChatroomLoopLags")

    run(scene())


def test_readers_behind(tmp_path: Path) -> None:
    """They are in the room and have stopped to read; one goes on."""

    async def scene() -> None:
        async with watched(limits=FREE) as ops:
            await ops.server.create()
            before = await scraped(ops)
            ann = await ops.server.join("lobby", "Ann")
            async with stalled(ops, READERS):
                for _ in range(5):
                    await ops.server.say(ann, "x" * 1000)
                while (after := await scraped(ops)).of(
                    "chatroom_readers_behind", reads="memory"
                ) < READERS:
                    pass
            only("ChatroomReadersBehind", await fired(tmp_path, before, after, goes_on=False))

    run(scene())


def test_readers_too_slow(tmp_path: Path) -> None:
    """They have been ended for it."""

    async def scene() -> None:
        http2 = dataclasses.replace(Http2Limits(), stall_seconds=0.5)
        async with watched(limits=FREE, http2=http2) as ops:
            await ops.server.create()
            before = await scraped(ops)
            ann = await ops.server.join("lobby", "Ann")
            async with stalled(ops, READERS):
                for _ in range(5):
                    await ops.server.say(ann, "x" * 1000)
                while (after := await scraped(ops)).of(
                    "chatroom_http2_stalled_total", what="stream"
                ) < READERS:
                    pass
            only("ChatroomReadersTooSlow", await fired(tmp_path, before, after, goes_on=False))

    run(scene())
