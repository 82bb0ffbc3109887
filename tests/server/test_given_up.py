"""Callers who go away before they are answered: what they have begun is done, and recorded."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.api.rpc.moderation_pb2_grpc import ModerationServiceStub
from chatroom.core.refusals import RequestInvalid
from chatroom.server.rooms.background import Background
from tests.carriers import run
from tests.server.access.tokens_for import bearer, token
from tests.server.moderated import ADMIN, MODERATOR, Moderated, moderated


def test_a_call_that_is_given_up_is_in_the_audit_log(tmp_path: Path) -> None:
    """Nobody escapes the record by resetting the stream, or by a deadline that is too short."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            names = [f"Bob{n}" for n in range(10)]
            await given_up(on, "CreateBan", [mod.Ban(room_id="lobby", name=n) for n in names])
            listing = mod.ListBansRequest(room_id="lobby")
            banned = [ban.name for ban in (await on.moderate("ListBans", listing)).bans]
            assert banned
            targets = [record.target for record in await records(on, "CreateBan")]
            assert banned == [each.split()[0].removeprefix("name=") for each in targets]

    run(scene())


def test_a_text_leaves_the_disk_whose_withdrawal_is_given_up(tmp_path: Path) -> None:
    async def scene() -> None:
        async with moderated(tmp_path) as on:
            bob = await on.join("Bob")
            asked = []
            for n in range(10):
                await on.server.say(bob, f"my secret {n}")
                said = await bob.receive()
                asked.append(mod.WithdrawMessageRequest(room_id="lobby", sequence=said.sequence))
            await given_up(on, "WithdrawMessage", asked)
            withdrawn = [r.target for r in await records(on, "WithdrawMessage")]
            assert withdrawn

            async def clean() -> bool:
                return len(withdrawn) == len(await records(on, "Scrub"))

            await in_time(clean)
            stored = b"".join(each.read_bytes() for each in (tmp_path / "data").iterdir())
            gone = {int(target.removeprefix("sequence=")) for target in withdrawn}
            for n, each in enumerate(asked):
                assert (each.sequence in gone) == (f"my secret {n}".encode() not in stored)

    run(scene())


def test_a_refusal_that_nobody_hears_is_not_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else whoever has a token fills it: each order that is refused and reset is a traceback."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            mute = mod.SetMemberRequest(room_id="lobby", name="Nobody", muted=True)
            await given_up(on, "SetMember", [mute] * 30)
            gc.collect()

    run(scene())
    assert [] == caplog.messages


@pytest.mark.parametrize(
    ("error", "told"), [(RequestInvalid("name", "why"), 0), (ValueError("a fault"), 1)]
)
def test_what_fails_behind_the_back_of_who_asked(
    error: Exception, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal is for the caller alone; a fault is told to who runs the server."""

    async def scene() -> None:
        background, going, on = Background(), asyncio.Event(), asyncio.Event()

        async def work() -> None:
            going.set()
            await on.wait()
            raise error

        caller = asyncio.create_task(background.whole(work()))
        await going.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        on.set()
        await background.over()
        await asyncio.sleep(0)
        gc.collect()

    run(scene())
    assert ["what nobody waits for any more failed"] * told == caplog.messages


async def given_up(on: Moderated, method: str, requests: list[Any]) -> None:
    """Ask for each as a moderator, and reset the stream: each a bit later than the one before."""
    shown = tuple(bearer(token("mo", chat=MODERATOR)).items())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{on.server.port}") as channel:
        await channel.channel_ready()
        for n, request in enumerate(requests):
            call = getattr(ModerationServiceStub(channel), method)(request, metadata=shown)
            await asyncio.sleep(0.0005 * n)  # what has come to the server by then is what varies
            call.cancel()
    # What was reset before is dealt with by the time that later calls are answered.
    await on.join("Ann")
    mute = mod.SetMemberRequest(room_id="lobby", name="Ann", muted=True)
    await on.moderate("SetMember", mute)


async def records(on: Moderated, method: str) -> list[mod.AuditRecord]:
    asked = mod.ListAuditRecordsRequest(page_size=1000)
    found = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
    return [record for record in found if record.method == method and record.outcome == "OK"]


async def in_time(ready: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await ready():
            await asyncio.sleep(0.02)
