"""Limits, refusals, floods, certificates: each alert fires when a real server comes so far."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.server.settings import Tls
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK
from chatroom.wire.http2.limits import Http2Limits, Rate
from tests.carriers import Ended, run
from tests.client.certificates import authority, signed
from tests.deploy.promtool import fired, only
from tests.server.ops.looking import Watched, watched
from tests.server.ops.scrapes import scraped

DAY = 86_400.0
REFUSALS = 60
"""Two a second, at a scrape every thirty seconds."""
HELLO = PREFACE + frames.settings() + SETTINGS_ACK


def test_full(tmp_path: Path) -> None:
    """A server that may have one member, and a second one who comes."""

    async def scene() -> None:
        async with watched(limits=Limits(server_members=1)) as ops:
            await ops.server.create()
            await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            with pytest.raises(Ended, match="SERVER_FULL"):
                await ops.server.join("lobby", "Bob")
            after = await scraped(ops)
            only("ChatroomFull", await fired(tmp_path, before, after, goes_on=False))

    run(scene())


@contextlib.asynccontextmanager
async def connected(ops: Watched, count: int) -> AsyncIterator[None]:
    """So many connections; whether they were accepted is not waited for."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            _, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
            stack.callback(writer.close)
        yield


def test_connections_full(tmp_path: Path) -> None:
    """One more than there may be: it waits. That so many are near the limit is told as well."""

    async def scene() -> None:
        async with watched(limits=Limits(server_connections=2)) as ops:
            before = await scraped(ops)
            async with connected(ops, 3):
                while (after := await scraped(ops)).of("chatroom_accept_pauses_total") == 0:
                    pass
                found = await fired(tmp_path, before, after, goes_on=False)
                only("ChatroomConnectionsFull", found, "ChatroomConnectionsNearLimit")

    run(scene())


def test_connections_near_limit(tmp_path: Path) -> None:
    """Nine of ten, and all are served."""

    async def scene() -> None:
        async with watched(limits=Limits(server_connections=10)) as ops:
            before = await scraped(ops)
            async with connected(ops, 9):
                while (after := await scraped(ops)).of(
                    "chatroom_connections", protocol="opening"
                ) < 9:
                    pass
                only("ChatroomConnectionsNearLimit", await fired(tmp_path, before, after))

    run(scene())


def test_files_near_limit(tmp_path: Path) -> None:
    """Only so many more files can be opened, as if something did not close its own."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells how many files a process has open")
    import resource  # not on Windows

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            few = int(before.of("process_open_fds")) + 100
            resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
            try:
                after = await scraped(ops)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            only("ChatroomFilesNearLimit", await fired(tmp_path, before, after))

    run(scene())


def test_refusals_jump(tmp_path: Path) -> None:
    """Somebody asks for what cannot be had, and does not stop."""

    async def scene() -> None:
        async with watched() as ops:
            await ops.server.create()
            before = await scraped(ops)
            for _ in range(REFUSALS):
                with pytest.raises(Ended, match="ROOM_EXISTS"):
                    await ops.server.create()
            after = await scraped(ops)
            only("ChatroomRefusalsJump", await fired(tmp_path, before, after))
            assert "ChatroomRefusalsJump" not in await fired(tmp_path, before, after, goes_on=False)

    run(scene())


def test_messages_that_are_refused_jump(tmp_path: Path) -> None:
    """The same of messages, whose streams go on."""

    async def scene() -> None:
        async with watched(limits=Limits(message_rate=0)) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann", pb.FEATURE_EVENTS)
            before = await scraped(ops)
            for _ in range(REFUSALS):
                await ops.server.say(ann, "x" * 5000)
                assert (await ann.receive()).HasField("refused")
            after = await scraped(ops)
            only("ChatroomRefusalsJump", await fired(tmp_path, before, after))

    run(scene())


def test_flood(tmp_path: Path) -> None:
    """A connection that sends SETTINGS without end."""

    async def scene() -> None:
        http2 = dataclasses.replace(Http2Limits(), settings=Rate(5, 0.001))
        async with watched(http2=http2) as ops:
            before = await scraped(ops)
            reader, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
            writer.write(HELLO + frames.settings() * 10)
            while await reader.read(1000):
                pass
            writer.close()
            after = await scraped(ops)
            only("ChatroomFlood", await fired(tmp_path, before, after, goes_on=False))

    run(scene())


def test_certificate_ends(tmp_path: Path) -> None:
    """One that is good for two days; and the same one a day and a half later."""
    ca = authority(tmp_path, "ca")
    pair = signed(tmp_path, ca, "localhost")

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
        async with watched(tls=Tls(certificate=pair.certificate, key=pair.key)) as ops:
            after = await scraped(ops)
        days = "ChatroomCertificateEndsInDays"
        only(days, await fired(tmp_path, before, after))
        later = await fired(tmp_path, before, after, later_seconds=1.5 * DAY)
        only("ChatroomCertificateEndsInHours", later, days)

    run(scene())
