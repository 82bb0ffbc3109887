"""What stores messages: each alert fires by a fault that it really has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import Append
from tests.carriers import GrpcCarrier, run
from tests.deploy.promtool import fired, only
from tests.faults.storage import full
from tests.faults.test_storage_faults import BOTH, Member, serving
from tests.server.listeners import TamedJournal
from tests.server.ops.looking import asked, watched
from tests.server.ops.scrapes import parsed, scraped

OPERATORS = "chatserver: operators look at http://127.0.0.1:"
UNDER_WAY = "chatroom_append_under_way_seconds"


def test_storage_fails(tmp_path: Path) -> None:
    """A file system that is full to the last byte. Its space is told as well."""

    async def scene() -> None:
        with serving(tmp_path / "data", "--ops-bind", "127.0.0.1:0", small=True) as server:
            (port,) = [int(s.removeprefix(OPERATORS)) for s in server.said if OPERATORS in s]
            ann = await Member(GrpcCarrier(server.port), "Ann", *BOTH).enter()
            before = parsed(await asked(port, "/metrics"))
            with full(server):
                await ann.is_refused_once_it_is_full()
                after = parsed(await asked(port, "/metrics"))
                assert 0 == after.of("chatroom_disk_free_bytes")
            # The small disk is too small from the beginning for what may be kept: told of here.
            before.forget("chatroom_disk_free_bytes")
            others = ("ChatroomErrorsLogged", "ChatroomDiskNearlyFull")
            only(
                "ChatroomStorageFails", await fired(tmp_path, before, after, goes_on=False), *others
            )

    run(scene())


def test_storage_hangs(tmp_path: Path) -> None:
    """An append does not return, and does not fail either."""

    async def scene() -> None:
        journal = TamedJournal()
        async with watched(journal=journal, limits=Limits(message_rate=0)) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            journal.going.clear()
            await ops.server.say(ann, "stuck")
            while (after := await scraped(ops)).of(UNDER_WAY) <= 1:
                await asyncio.sleep(0.05)
            journal.going.set()
            only("ChatroomStorageHangs", await fired(tmp_path, before, after))

    run(scene())


def test_storage_failed_briefly(tmp_path: Path) -> None:
    """When somebody looks, all is well again."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, journal_retry=0.01)
        async with watched(journal=journal, limits=limits) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann")
            before = await scraped(ops)
            journal.broken = True
            await ops.server.say(ann, "refused")
            await journal.failed.wait()
            journal.broken = False
            while True:
                after = await scraped(ops)
                if after.of("chatroom_storing") and after.of("chatroom_append_failures_total"):
                    break
            found = await fired(tmp_path, before, after, goes_on=False)
            only("ChatroomStorageFailedBriefly", found, "ChatroomErrorsLogged")

    run(scene())


class SlowJournal(TamedJournal):
    """Stores everything, in its own time."""

    async def append(self, appends: Sequence[Append]) -> None:
        await asyncio.sleep(0.3)
        await super().append(appends)


def test_storage_slow(tmp_path: Path) -> None:
    """A disk that takes a third of a second for each turn."""

    async def scene() -> None:
        async with watched(journal=SlowJournal()) as ops:
            await ops.server.create()
            ann = await ops.server.join("lobby", "Ann", pb.FEATURE_ECHO)
            before = await scraped(ops)
            for text in ("one", "two", "three"):
                await ops.server.say(ann, text)
                while (await ann.receive()).message != text:
                    pass
            after = await scraped(ops)
            only("ChatroomStorageSlow", await fired(tmp_path, before, after))

    run(scene())


def test_disk_nearly_full(tmp_path: Path) -> None:
    """More may be kept than there is space for."""

    async def scene() -> None:
        async with watched(data=tmp_path) as ops:
            before = await scraped(ops)
        async with watched(data=tmp_path, limits=Limits(server_bytes=1 << 60)) as ops:
            after = await scraped(ops)
        only("ChatroomDiskNearlyFull", await fired(tmp_path, before, after))

    run(scene())
