"""Whether servers live: each alert fires by a fault that a real one has, and none without."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import StoredRoom
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import run
from tests.deploy.promtool import OF_BUSY_MACHINES, fired, only
from tests.nodes.nodes import Memory
from tests.server.listeners import TamedJournal
from tests.server.ops.looking import OPS, Watched, asked, watched
from tests.server.ops.scrapes import Scrape, parsed, scraped

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
CALM_TRIES = 20


async def talk(ops: Watched) -> tuple[Scrape, Scrape]:
    """People come, talk and go, and one is refused: what was said before and after."""
    ann = await ops.server.join("lobby", "Ann", *BOTH)
    before = await scraped(ops)
    bob = await ops.server.join("lobby", "Bob")
    for number in range(5):
        await ops.server.say(ann, f"{number}")
        while (await bob.receive()).message != f"{number}":
            pass
    await ops.server.say(ann, "x" * 5000)
    while not (await ann.receive()).HasField("refused"):
        pass
    await bob.cancel()
    while (after := await scraped(ops)).since(before, of="chatroom_readers_ended_total") == {}:
        pass
    await ann.cancel()
    while (await scraped(ops)).of("chatroom_readers"):
        pass
    return before, after


def test_a_healthy_server_fires_none(tmp_path: Path) -> None:
    """Over a file, while people talk. Where the machine is busy it is tried again until not even
    those alerts fire that are about time."""

    async def scene() -> None:
        limits = Limits(message_rate=0, grace=0.05)
        async with watched(data=tmp_path, limits=limits) as ops:
            await ops.server.create()
            for _ in range(CALM_TRIES):
                found = await fired(tmp_path, *await talk(ops))
                assert set() == found - OF_BUSY_MACHINES
                if not found:
                    return
            assert set() == found

    run(scene())


def test_down(tmp_path: Path) -> None:
    """It has stopped: nothing is there to be scraped."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            port = ops.port
        with pytest.raises(ConnectionRefusedError):
            await asked(port, "/metrics")
        only("ChatroomDown", await fired(tmp_path, before, None))

    run(scene())


def test_restarts(tmp_path: Path) -> None:
    """It runs again and again, and never for long."""

    async def scene() -> None:
        scrapes = []
        for _ in range(4):
            async with watched(data=tmp_path) as ops:
                scrapes.append(await scraped(ops))
        only("ChatroomRestarts", await fired(tmp_path, *scrapes))
        assert set() == await fired(tmp_path, *scrapes[:2])

    run(scene())


class SlowToOpen(TamedJournal):
    """What it keeps takes long to read."""

    async def open(self) -> list[StoredRoom]:
        await self.going.wait()
        return await super().open()


def test_not_ready(tmp_path: Path) -> None:
    """A start that does not come to an end."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
        journal = SlowToOpen()
        journal.going.clear()
        service = Service(Settings(bind=(Address("127.0.0.1", 0),), ops_bind=OPS), journal)
        starting = asyncio.create_task(service.start())
        while not service.ops_addresses:
            await asyncio.sleep(0)
        after = parsed(await asked(service.ops_addresses[0].port, "/metrics"))
        only("ChatroomNotReady", await fired(tmp_path, before, after))
        journal.going.set()
        await starting
        await service.stop()

    run(scene())


def test_drains_too_long(tmp_path: Path) -> None:
    """Its journal hangs, so that what was accepted is never stored."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, drain_wait=0.05)
        async with watched(journal=journal, limits=limits) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            journal.going.clear()
            await ops.server.say(ann, "stuck")
            while (await scraped(ops)).of("chatroom_append_under_way_seconds") == 0:
                pass
            stopping = asyncio.create_task(ops.server.service.stop())
            limit = before.of("chatroom_drain_limit_seconds")
            while (after := await scraped(ops)).of("chatroom_drain_seconds") <= limit:
                await asyncio.sleep(0.05)
            journal.going.set()
            await stopping
            found = await fired(tmp_path, before, after)
            only("ChatroomDrainsTooLong", found, "ChatroomStorageHangs")

    run(scene())


def test_nodes_missing(tmp_path: Path) -> None:
    """One of two is not heard of any more."""

    async def scene() -> None:
        shared = Memory()
        dying = shared.journal()
        async with watched(journal=shared.journal()) as ops, watched(journal=dying):
            while (before := await scraped(ops)).of("chatroom_nodes") < 2:
                pass
            await shared.lease_passes(dying)
            while (after := await scraped(ops)).of("chatroom_nodes") > 1:
                pass
            only("ChatroomNodesMissing", await fired(tmp_path, before, after, goes_on=False))

    run(scene())


def test_errors_logged(tmp_path: Path) -> None:
    """A file that was read at the start cannot be read again."""

    async def scene() -> None:
        file = tmp_path / "admin-token"
        file.write_text("a-secret-of-a-good-length\n")
        async with watched(admin_token_file=file) as ops:
            before = await scraped(ops)
            file.unlink()
            ops.server.service.read_again()
            after = await scraped(ops)
            only("ChatroomErrorsLogged", await fired(tmp_path, before, after, goes_on=False))

    run(scene())
