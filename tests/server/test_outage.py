"""Health while nothing can be stored: `rpc.ChatService` says so, the server as a whole lives."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from chatroom.core.limits import Limits
from chatroom.journal import JournalError
from chatroom.server.calls.health import CHAT_SERVICE
from chatroom.server.rooms.outage import Outage
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby
from tests.server.services import running

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
FULL = JournalError("no space left on device")


def test_health_tells_that_nothing_can_be_stored_and_that_it_can_again() -> None:
    """No restart: `""` stays SERVING. Nobody has to say anything for it to be found again."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, outage=0.05, journal_retry=0.01)
        async with running(limits=limits, journal=journal) as server:
            await server.create()
            ann = await server.join("lobby", "Ann")
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                health = HealthStub(channel)
                watch = health.Watch(HealthCheckRequest(service=CHAT_SERVICE))
                assert SERVING == (await watch.read()).status
                journal.broken = True
                await server.say(ann, "refused")
                assert NOT_SERVING == (await watch.read()).status
                statuses = {
                    service: (await health.Check(HealthCheckRequest(service=service))).status
                    for service in ("", CHAT_SERVICE)
                }
                assert {"": SERVING, CHAT_SERVICE: NOT_SERVING} == statuses
                journal.broken = False
                assert SERVING == (await watch.read()).status
                watch.cancel()

    run(scene())


def test_a_turn_that_stores_nothing_does_not_end_an_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of the room of a talker whose message has failed nothing waits any more."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, outage=0.0, journal_retry=60.0)
        async with lobby(journal, limits) as hub:
            room = hub.rooms.get("lobby")
            ann = await Listener(hub, "Ann").open()
            journal.broken = True
            ann.say("refused")
            await journal.failed.wait()
            hub.commits.touch(room)
            await hub.commits.flush()
            assert not hub.storing
            await ann.close()

    run(scene())
    assert not [line for line in caplog.messages if "again" in line]


def test_who_watches_the_whole_server_hears_nothing_of_an_outage() -> None:
    """The next thing that is said is that the server stops."""

    async def scene() -> None:
        journal = TamedJournal()
        async with running(journal=journal) as server:
            watch = HealthStub(
                channel := grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
            ).Watch(HealthCheckRequest())
            assert SERVING == (await watch.read()).status
            server.service.health.storing(False)
            server.service.health.storing(True)
            await server.service.stop()
            assert NOT_SERVING == (await watch.read()).status
            await channel.close()

    run(scene())


@dataclass
class Told:
    """An outage with a clock of its own, whose journal is tried by hand."""

    now: float = 0.0
    heard: list[bool] = field(default_factory=list)
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    works: asyncio.Event = field(default_factory=asyncio.Event)

    def outage(self) -> Outage:
        limits = Limits(journal_retry=0.001)
        return Outage(self.probe, self.heard.append, limits, lambda: self.now)

    async def probe(self) -> None:
        self.tried.set()
        await self.works.wait()


def test_ten_seconds_of_failures_are_told_once_and_not_before() -> None:
    async def scene() -> None:
        told = Told()
        outage = told.outage()
        for told.now in (0.0, 5.0, 9.9):
            outage.failed(FULL)
        assert [] == told.heard
        for told.now in (10.0, 11.0):
            outage.failed(FULL)
        assert [False] == told.heard
        outage.worked()
        outage.worked()
        assert [False, True] == told.heard
        outage.stop()

    run(scene())


def test_a_success_between_begins_the_ten_seconds_anew() -> None:
    async def scene() -> None:
        told = Told()
        outage = told.outage()
        for told.now in (0.0, 8.0, 16.0, 24.0):
            outage.failed(FULL)
            outage.worked()
        assert [] == told.heard
        outage.stop()

    run(scene())


def test_one_failure_and_then_silence_is_no_outage() -> None:
    """The journal is tried, and works."""

    async def scene() -> None:
        told = Told()
        outage = told.outage()
        outage.failed(FULL)
        await told.tried.wait()
        told.works.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        told.now = 60.0
        outage.failed(FULL)
        assert [] == told.heard
        outage.stop()

    run(scene())


def test_an_outage_is_told_however_soon_it_follows_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A small write may work on a full disk: "stored again" may not stay the log's last word."""

    async def scene() -> None:
        told = Told()
        outage = told.outage()
        for told.now in (0.0, 1.0):
            outage.failed(FULL)
            outage.worked()
        for told.now in (2.0, 8.0, 12.0, 13.0):
            outage.failed(FULL)
        outage.worked()
        outage.stop()

    caplog.set_level(logging.INFO)
    run(scene())
    assert [
        "cannot store messages: no space left on device",
        "messages are stored again, after a failure",
        "nothing was stored for 10 s, and health says so: no space left on device",
        "messages are stored again, after 4 failures",
    ] == caplog.messages
