"""What the audit log has."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.limits import Limits
from chatroom.core.rate import Pace
from chatroom.server.rooms.audit import REFUSALS_BURST
from tests.carriers import run
from tests.server.access.tokens_for import token
from tests.server.moderated import ADMIN, moderated, resuming
from tests.server.test_journal_commands import run as run_command


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_a_pipe_that_nobody_reads_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Orders are answered, the server stops, and the log has the record in its place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def scene() -> None:
        async with asyncio.timeout(10), moderated(tmp_path, audit_file=pipe) as on:
            await on.moderate("CreateBan", mod.Ban(room_id="lobby", name="Bob"))
            (message,) = caplog.messages
            assert message.startswith(f"{pipe} cannot be written")
            assert '"method": "CreateBan"' in message
            reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            await on.moderate("CreateBan", mod.Ban(room_id="lobby", name="Eve"))
            assert b"Eve" in os.read(reader, 4096)
            os.close(reader)

    run(scene())


def test_what_was_done_is_recorded(tmp_path: Path) -> None:
    """Who, from where, what, to whom, and what came of it; refused and done; as lines too."""
    lines = tmp_path / "audit.jsonl"

    async def scene() -> None:
        async with moderated(tmp_path, audit_file=lines) as on:
            await on.join("Bob")
            remove = pb.RemoveMemberRequest(room_id="lobby", name="Bob", reason="spam")
            assert ("PERMISSION_DENIED", "GRANT_MISSING") == await on.refused(
                "RemoveMember", remove, token("eve", jti="t7")
            )
            assert "UNAUTHENTICATED" == (await on.refused("RemoveMember", remove))[0]
            await on.moderate("RemoveMember", remove)
            ban = await on.moderate("CreateBan", mod.Ban(room_id="lobby", name="Bob"))
            asked = mod.ListAuditRecordsRequest(room_id="lobby")
            records = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
            assert [
                ("eve", "home", "t7", "127.0.0.1", "RemoveMember", "lobby", "name=Bob",
                 "PERMISSION_DENIED GRANT_MISSING"),
                ("mo", "home", "", "127.0.0.1", "RemoveMember", "lobby", "name=Bob", "OK"),
                ("mo", "home", "", "127.0.0.1", "CreateBan", "lobby",
                 f"name=Bob ban_id={ban.ban_id}", "OK"),
            ] == [
                (each.actor, each.key_id, each.token_id, each.address, each.method, each.room_id,
                 each.target, each.outcome)
                for each in records
            ]  # fmt: skip
            asked.since.CopyFrom(records[2].at)
            later = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
            assert records[2:] == list(later)
        written = lines.read_text().splitlines()
        assert 3 == len(written)
        assert '"actor": "eve"' in written[0]
        assert 0o600 == lines.stat().st_mode & 0o777

    run(scene())


def test_holders_of_the_admin_token_are_one(tmp_path: Path) -> None:
    """Called `admin token`; one resumes the other's session. A session alone makes no admin."""
    secret = tmp_path / "secret"
    secret.write_text("open-sesame-open-sesame")
    secret.chmod(0o600)

    async def scene() -> None:
        async with moderated(tmp_path, admin_token_file=secret) as on:
            shown = secret.read_text()
            ann = await on.join("Ann", shown)
            again = await on.join("Ann", shown, resume=resuming(ann))
            remove = pb.RemoveMemberRequest(room_id="lobby", name="Ann")
            assert await on.join("Ann", resume=resuming(again))
            assert ("UNAUTHENTICATED", "TOKEN_REQUIRED") == await on.refused("RemoveMember", remove)
            assert ("OK", "") == await on.refused("RemoveMember", remove, shown)
            asked = mod.ListAuditRecordsRequest()
            [record] = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
            assert ("admin token", "", "RemoveMember") == (
                record.actor, record.key_id, record.method,
            )  # fmt: skip

    run(scene())


def test_nobody_fills_the_audit_log_who_is_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        async with moderated(tmp_path, data=False) as on:
            for _ in range(20):
                await on.refused("CreateBan", mod.Ban(room_id="lobby", name="Bob"))
            answer = await on.moderate("ListAuditRecords", mod.ListAuditRecordsRequest(), **ADMIN)
            assert [] == list(answer.records)

    run(scene())


def test_who_is_refused_in_a_flood_does_not_fill_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first are recorded, the log says once that the others are not; what is done still is."""

    async def scene() -> None:
        async with moderated(tmp_path, data=False) as on:
            for _ in range(REFUSALS_BURST + 20):
                assert (
                    "PERMISSION_DENIED"
                    == (
                        await on.refused(
                            "CreateBan", mod.Ban(room_id="lobby", name="B"), token("eve")
                        )
                    )[0]
                )
            await on.moderate("CreateBan", mod.Ban(room_id="lobby", name="Bob"))
            asked = mod.ListAuditRecordsRequest(page_size=1000)
            records = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
            eves = [record for record in records if record.actor == "eve"]
            assert REFUSALS_BURST <= len(eves) < REFUSALS_BURST + 15
            assert "mo" == records[-1].actor

    with caplog.at_level("WARNING"):
        run(scene())
    assert 1 == len([each for each in caplog.messages if "in the audit log" in each])


def test_the_command_shows_it(tmp_path: Path) -> None:
    """Beside a running server, for people and as JSON; since a time, of a room."""

    async def scene() -> None:
        async with moderated(tmp_path, rooms=("lobby", "other")) as on:
            for room_id in ("lobby", "other"):
                await on.moderate("CreateBan", mod.Ban(room_id=room_id, name="Böb"))
            data = ("audit", "--data", str(tmp_path / "data"))
            code, told, _ = await asyncio.to_thread(run_command, *data, "--room", "lobby")
            [line] = told.splitlines()
            assert 0 == code
            assert re.fullmatch(
                r"20\d\d-\d\d-\d\dT[\d:.]+Z mo \[from 127\.0\.0\.1, key home\]: CreateBan in room "
                r"lobby \(name=Böb ban_id=[0-9a-f]{20}\): OK",
                line,
            )
            code, told, _ = await asyncio.to_thread(run_command, *data, "--json", "--since", "1h")
            assert ["lobby", "other"] == [json.loads(each)["room_id"] for each in told.splitlines()]
            later = ("--since", "2999-01-01")
            assert (0, "", "") == await asyncio.to_thread(run_command, *data, *later)

    run(scene())


def test_it_says_what_is_no_time_and_where_there_is_nothing(tmp_path: Path) -> None:
    code, _, told = run_command("audit", "--data", str(tmp_path), "--since", "yesterday")
    assert 2 == code
    assert "'yesterday' is no time: write 8h" in told
    code, _, told = run_command("audit", "--data", str(tmp_path))
    assert 1 == code
    assert f"chatserver: there is no {tmp_path / 'chatroom.db'}" in told


def test_nobody_writes_into_the_audit_log_what_they_like(tmp_path: Path) -> None:
    """What is told of a request is short, names no other field, and does nothing to a terminal."""
    names = ("Bob ban_id=1 muted=True", "x\x9b31m\u202e\u2028", "A" * 60_000, 'q") : OK')

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            for name in names:
                for room_id in ("lobby", name):
                    request = pb.RemoveMemberRequest(room_id=room_id, name=name)
                    assert "OK" != (await on.refused("RemoveMember", request, token("eve")))[0]
            for sub in ("admin token", "mo [from 192.0.2.1]: RemoveMember: OK"):
                request = pb.RemoveMemberRequest(room_id="lobby", name="Bob")
                await on.refused("RemoveMember", request, token(sub))
            asked = mod.ListAuditRecordsRequest(page_size=1000)
            records = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
            assert 1000 > max(len(each.target) + len(each.room_id) for each in records)
            assert 'name="Bob ban_id=1 muted=True"' == records[0].target
            assert r'name="q\") : OK"' == records[6].target

    run(scene())
    data = ["--data", str(tmp_path / "data")]
    for how in ([], ["--json"]):
        _, shown, _ = run_command("audit", *how, *data)
        assert all(line.isprintable() for line in shown.split("\n"))
    _, shown, _ = run_command("audit", *data)
    assert ' "admin token" [' in shown
    assert ' "mo [from 192.0.2.1]: RemoveMember: OK" [' in shown


def test_who_moderates_in_a_flood_is_slowed_down(tmp_path: Path) -> None:
    """Or else any owner of a room fills the disk with records; admins are not in its way."""

    async def scene() -> None:
        limits = Limits(identity_orders=Pace(3, 3600.0))
        async with moderated(tmp_path, data=False, limits=limits) as on:
            ban = mod.Ban(room_id="lobby", name="Bob")
            for _ in range(3):
                await on.moderate("CreateBan", ban)
            mo = token("mo", chat={"moderate": True})
            assert ("RESOURCE_EXHAUSTED", "RATE_LIMITED") == await on.refused("CreateBan", ban, mo)
            other = token("moe", chat={"moderate": True})
            assert "OK" == (await on.refused("CreateBan", ban, other))[0]
            for _ in range(5):
                admin = token("mo", chat=ADMIN)
                assert "OK" == (await on.refused("CreateBan", ban, admin))[0]

    run(scene())
