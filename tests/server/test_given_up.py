"""Callers who go away before they are answered: what they have begun is done, and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.api.rpc.moderation_pb2_grpc import ModerationServiceStub
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
