"""Messages that are withdrawn: what members see, and what is left of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.core.entry import Entry, Kind
from chatroom.core.refusals import RoomNotFound
from chatroom.core.room import Room
from chatroom.journal import Append, NewRoom
from chatroom.journal.sqlite import SQLiteJournal, backup
from chatroom.wire.envelopes import envelope
from tests.carriers import Ended, run
from tests.server.moderated import ADMIN, end_of, moderated, resuming, until, until_said


def test_a_message_is_withdrawn(tmp_path: Path) -> None:
    """Members are told, history and resumes have the mark, so has a retry; nobody the text."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann, bob = await on.join("Ann"), await on.join("Bob")
            await on.server.say(bob, "my secret", "n1")
            said = await ann.receive()
            while said.message != "my secret":
                said = await ann.receive()
            answer = await on.moderate(
                "WithdrawMessage",
                mod.WithdrawMessageRequest(
                    room_id="lobby", sequence=said.sequence, reason="personal"
                ),
            )
            told = await until(ann, "withdrawn")
            assert answer.sequence == told.sequence > said.sequence
            assert ("chat server", "a message of Bob was withdrawn: personal") == (
                told.name, told.message,
            )  # fmt: skip
            assert (said.sequence, "personal") == (
                told.withdrawn.sequence, told.withdrawn.reason,
            )  # fmt: skip
            await on.server.say(bob, "my secret", "n1")  # a retry
            await on.server.say(bob, "and on", "n2")
            while (message := await ann.receive()).message != "and on":
                assert "my secret" != message.message
            cat = await on.join("Cat", history=10)
            marks = [each for each in cat.told if each.name == "Bob"]
            assert ["(withdrawn)", "and on"] == [each.message for each in marks]
            assert (said.sequence, said.sequence, said.nonce, said.sent) == (
                marks[0].sequence, marks[0].withdrawn.sequence, marks[0].nonce, marks[0].sent,
            )  # fmt: skip
            back = await on.join("Ann", resume=resuming(ann, after=said.sequence - 1))
            assert "(withdrawn)" == back.told[0].message
            page = await on.server.carrier.call(
                "ListMessages", pb.ListMessagesRequest(room_id="lobby")
            )
            assert "my secret" not in str(page)

    run(scene())


@pytest.mark.parametrize("stored", [False, True], ids=["being deleted", "deleted"])
def test_the_room_is_deleted_while_the_message_is_looked_up(tmp_path: Path, stored: bool) -> None:
    """Nothing is withdrawn then: the room ends, its id is free, and no other room notices."""

    async def scene() -> None:
        async with moderated(tmp_path, rooms=("lobby", "attic")) as on:
            hub = on.server.service.hub
            room = hub.rooms.get("lobby")
            bob, ann = await on.join("Bob"), await on.join("Ann", room_id="attic")
            await on.server.say(bob, "my secret")
            said = await until_said(bob, "my secret")
            deleting: list[asyncio.Task[None]] = []

            async def find(room: Room, sequence: int) -> tuple[Entry, str, str]:
                (entry,) = await hub.replay.after(room, sequence - 1, 1)
                deletion = hub.moderation.delete_room(room, reason="", successor="")
                deleting.append(asyncio.create_task(deletion))
                if stored:
                    await deleting[0]
                else:
                    await asyncio.sleep(0)
                return entry, "Bob", ""

            with pytest.raises(RoomNotFound):
                await hub.moderation.withdraw(room, said.sequence, find, reason="")
            await deleting[0]
            assert "ROOM_CLOSED" == (await end_of(bob)).reason
            await on.server.say(ann, "hey")
            await until_said(ann, "hey")
            await hub.rooms.create(room_id="lobby")

    run(scene())


def test_what_cannot_be_withdrawn(tmp_path: Path) -> None:
    """What was not said, is not there, or was withdrawn before; each says why."""

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann = await on.join("Ann")
            await on.server.say(ann, "hey")
            said = await ann.receive()
            for sequence, why in {
                0: "has no message 0",
                99: "has no message 99",
                1 << 63: "has no message",
                1: "nothing that somebody has said",
                said.sequence: "",
            }.items():
                request = mod.WithdrawMessageRequest(room_id="lobby", sequence=sequence)
                if not why:
                    await on.moderate("WithdrawMessage", request)
                    why = "was withdrawn already"
                with pytest.raises(Ended, match=why) as refused:
                    await on.moderate("WithdrawMessage", request)
                assert ("INVALID_ARGUMENT", "REQUEST_INVALID") == (
                    refused.value.code, refused.value.reason,
                )  # fmt: skip

    run(scene())


def test_a_withdrawn_text_is_in_no_file(tmp_path: Path) -> None:
    """Database, logs and a backup made after, when the audit log says that the disk is clean."""
    secret = b"the-secret-that-nobody-is-to-see"

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            ann = await on.join("Ann")
            sequences = []
            for number in range(5):
                await on.server.say(ann, f"{secret.decode()} {number} " + "x" * 800 * number)
                sequences.append((await ann.receive()).sequence)
            assert found(tmp_path, secret)
            for sequence in sequences:
                await on.moderate(
                    "WithdrawMessage",
                    mod.WithdrawMessageRequest(room_id="lobby", sequence=sequence),
                )
            asked = mod.ListAuditRecordsRequest()
            async with asyncio.timeout(20):
                while True:
                    records = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
                    clean = [each.target for each in records if each.method == "Scrub"]
                    if clean == [str(sequence) for sequence in sequences]:
                        break
                    await asyncio.sleep(0.02)
            data = tmp_path / "data" / "chatroom.db"
            await asyncio.to_thread(backup, data, tmp_path / "backup.db")
            assert [] == found(tmp_path, secret)
        assert [] == found(tmp_path, secret)

    run(scene())


def found(directory: Path, text: bytes) -> list[str]:
    """Which files have it."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path.name for path in files if text in path.read_bytes()]


def test_what_was_withdrawn_before_a_start_is_seen_to(tmp_path: Path) -> None:
    """The server was killed before the disk was clean: the audit log says when it is."""
    secret = b"the-secret-of-before"

    async def left() -> None:
        journal = SQLiteJournal(tmp_path / "data" / "chatroom.db", sync="off")
        await journal.open()
        new = NewRoom(
            room_id="lobby", epoch="e", created=1, title="", private=False, capacity=0, history=0
        )
        key = (await journal.create_room(new)).facts.key
        said = Entry(1, 1, Kind.SAID, 7, envelope(b"x" + secret))
        await journal.append([Append(key, [said])])
        telling = Entry(2, 2, Kind.WITHDRAWAL, 0, envelope(b"told"))
        gone = Entry(1, 1, Kind.WITHDRAWN, 7, envelope(b"gone"))
        await journal.append([Append(key, [telling], replaced=[gone])])
        assert found(tmp_path, secret)
        assert await journal.withdrawn()
        await journal.close()

    async def scene() -> None:
        async with moderated(tmp_path) as on:
            async with asyncio.timeout(20):
                while True:
                    asked = mod.ListAuditRecordsRequest()
                    records = (await on.moderate("ListAuditRecords", asked, **ADMIN)).records
                    if records:
                        break
                    await asyncio.sleep(0.02)
            assert [("chat server", "Scrub", "before the start", "OK")] == [
                (each.actor, each.method, each.target, each.outcome) for each in records
            ]
            assert [] == found(tmp_path, secret)
        async with moderated(tmp_path) as on:  # and not again
            assert not await on.server.service.hub._journal.withdrawn()

    asyncio.run(left())
    run(scene())
