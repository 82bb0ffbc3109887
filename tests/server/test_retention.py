"""What is kept, what goes, and what happens to readers who fall behind it."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.core.refusals import SlowConsumer
from chatroom.journal import Trimmed
from chatroom.journal.memory import MemoryJournal
from chatroom.journal.sqlite import SQLiteJournal, upkeep
from chatroom.journal.sqlite.writer import Writer
from chatroom.server.calls.methods import Methods
from chatroom.server.rooms.hub import Hub
from tests.carriers import run
from tests.server.listeners import Listener, lobby, whole
from tests.server.test_sessions import BOTH, FOREVER, kinds, play, until


async def kept(hub: Hub, room: str = "lobby") -> list[int]:
    """The sequences of everything that can still be read."""
    found: list[int] = []
    methods = Methods(hub)
    while True:
        page = await methods.list_messages(
            pb.ListMessagesRequest(room_id=room, after=found[-1] if found else 0, page_size=1000)
        )
        response: pb.ListMessagesResponse = await whole(page)
        found += [message.sequence for message in response.messages]
        if not response.more:
            return found


async def say(alice: Listener, *texts: str) -> None:
    for text in texts:
        alice.say(text)
    while (await alice.said()).message != texts[-1]:
        pass


def test_a_room_keeps_its_newest_entries() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await say(alice, *(f"{number}" for number in range(1_000)))
        log = hub.rooms.get("lobby").log
        await until(lambda: log.oldest > 1 and not hub.rooms.get("lobby").overfull)
        sequences = await kept(hub)
        assert list(range(log.oldest, 1_002)) == sequences
        assert 100 <= len(sequences) <= 116
        assert hub.quotas.counters.trimmed_bytes > 1_000 - 116  # each entry has more than one
        assert sum(e.stored_bytes for e in await hub.replay.after(
            hub.rooms.get("lobby"), 0, 1_000
        )) == log.size  # fmt: skip
        await alice.close()

    play(scene, dataclasses.replace(FOREVER, history_entries=100))


def test_a_room_that_asks_for_less_keeps_less() -> None:
    async def scene(hub: Hub) -> None:
        await hub.rooms.create(room_id="small", history=20)
        alice = await Listener(hub, "Alice", *BOTH, room="small").open()
        await say(alice, *(f"{number}" for number in range(100)))
        await until(lambda: not hub.rooms.get("small").overfull)
        assert 20 <= len(await kept(hub, "small")) <= 36
        assert alice.joined is not None
        assert 20 == alice.joined.limits.history_entries
        await alice.close()

    play(scene)


def test_a_room_keeps_a_number_of_bytes() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await say(alice, *(f"{number:03}" + "x" * 1_000 for number in range(200)))
        room = hub.rooms.get("lobby")
        await until(lambda: room.log.oldest > 1 and not room.overfull)
        assert 45_000 < room.log.size <= 53_125
        assert list(range(room.log.oldest, 202)) == await kept(hub)
        await alice.close()

    play(scene, dataclasses.replace(FOREVER, history_bytes=50_000))


def test_above_the_bytes_of_the_server_the_largest_room_gives() -> None:
    """A flood in one room costs no other room its history."""

    async def scene(hub: Hub) -> None:
        await hub.rooms.create(room_id="quiet")
        bob = await Listener(hub, "Bob", *BOTH, room="quiet").open()
        await say(bob, *(f"{number}" for number in range(50)))
        alice = await Listener(hub, "Alice", *BOTH).open()
        await say(alice, *(f"{number:03}" + "x" * 1_000 for number in range(200)))
        rooms = [hub.rooms.get("lobby"), hub.rooms.get("quiet")]
        await until(lambda: sum(room.log.size for room in rooms) <= 53_125)
        assert list(range(1, 52)) == await kept(hub, "quiet")
        assert rooms[0].log.oldest > 100
        await alice.close()
        await bob.close()

    play(scene, dataclasses.replace(FOREVER, server_bytes=50_000))


class Indexed(MemoryJournal):
    """A journal that keeps much beside entries."""

    index_bytes = 40_000


def test_what_makes_searches_quick_counts() -> None:
    """Of the bytes of the server; of those of a room its messages do."""

    async def scene() -> None:
        limits = dataclasses.replace(FOREVER, server_bytes=50_000)
        async with lobby(Indexed(), limits) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            await say(alice, *(f"{number:03}" + "x" * 1_000 for number in range(30)))
            room = hub.rooms.get("lobby")
            await until(lambda: room.log.size <= 13_125)
            assert room.log.size > 8_000
            await alice.close()

    run(scene())


def test_a_deleted_room_no_longer_counts() -> None:
    async def scene(hub: Hub) -> None:
        for number in range(5):
            await hub.rooms.create(room_id=f"{number}")
            alice = await Listener(hub, "Alice", *BOTH, room=f"{number}").open()
            await say(alice, *(f"{n:03}" + "x" * 880 for n in range(30)))
            assert 31 == len(await kept(hub, f"{number}"))
            await hub.moderation.delete_room(hub.rooms.get(f"{number}"), reason="", successor="")
            await alice.end()
            await alice.close()

    play(scene, dataclasses.replace(FOREVER, server_bytes=50_000))


def test_who_falls_behind_what_is_kept_is_told_where_to_resume() -> None:
    """And comes back with everything that is kept, as PARTIAL."""

    async def scene() -> None:
        limits = Limits(
            message_rate=0, grace=0.0, history_entries=100, tail_bytes=5_000, write_bytes=5_000
        )
        async with lobby(MemoryJournal(), limits) as hub:
            slow = await Listener(hub, "Slow", *BOTH).open()
            await slow.until_live()
            alice = await Listener(hub, "Alice", *BOTH).open()
            await slow.next()
            for begin in range(0, 1_000, 50):  # what it could not read meanwhile ends it too
                await say(alice, *(f"{number}" for number in range(begin, begin + 50)))
            room = hub.rooms.get("lobby")
            await until(lambda: room.log.oldest > 500)
            ended = await slow.end()
            assert isinstance(ended, SlowConsumer)
            assert {"sequence": f"{slow.last}", "epoch": room.facts.epoch} == ended.metadata
            await slow.close()
            left = await alice.next()
            assert pb.LEAVE_REASON_TOO_SLOW == left.left.reason
            back = await slow.again()
            replayed = await back.until_live()
            assert back.joined is not None
            assert pb.RECOVERY_PARTIAL == back.joined.recovery
            assert replayed[0].sequence >= room.log.oldest - 16
            assert list(range(replayed[0].sequence, back.last + 1)) == [
                message.sequence for message in replayed
            ]
            assert ["left", "entered"] == kinds(replayed)[-2:]
            await back.close()
            await alice.close()

    run(scene())


def test_a_resume_from_before_what_is_kept_is_partial() -> None:
    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *BOTH).open()
        await bob.close()
        alice = await Listener(hub, "Alice", *BOTH).open()
        await say(alice, *(f"{number}" for number in range(1_000)))
        room = hub.rooms.get("lobby")
        await until(lambda: room.log.oldest > 500 and not room.overfull)
        back = await bob.again()
        replayed = await back.until_live()
        assert back.joined is not None
        assert pb.RECOVERY_PARTIAL == back.joined.recovery
        assert await kept(hub) == [message.sequence for message in replayed]
        await back.close()
        back = await bob.again(after=room.log.oldest - 1)
        assert await kept(hub) == [message.sequence for message in await back.until_live()]
        assert back.joined is not None
        assert pb.RECOVERY_COMPLETE == back.joined.recovery
        await back.close()
        await alice.close()

    play(scene, dataclasses.replace(FOREVER, history_entries=100))


def test_trimming_goes_on_beside_joins_and_deletions() -> None:
    """Rooms that come and go while others are trimmed upset nothing."""

    async def busy(hub: Hub, number: int) -> None:
        for turn in range(5):
            room = f"{number}-{turn}"
            await hub.rooms.create(room_id=room, history=10)
            alice = await Listener(hub, "Alice", *BOTH, room=room).open()
            await say(alice, *(f"{n}" for n in range(60)))
            await hub.moderation.delete_room(hub.rooms.get(room), reason="", successor="")
            await alice.end()
            await alice.close()

    async def scene(hub: Hub) -> None:
        await asyncio.gather(*(busy(hub, number) for number in range(4)))
        alice = await Listener(hub, "Alice", *BOTH).open()
        await say(alice, *(f"{n}" for n in range(200)))
        room = hub.rooms.get("lobby")
        await until(lambda: room.log.oldest > 1 and not room.overfull)
        await alice.close()

    play(scene, dataclasses.replace(FOREVER, history_entries=50))


def test_a_room_that_is_deleted_while_it_is_trimmed_counts_once() -> None:
    class Slow(MemoryJournal):
        def __init__(self) -> None:
            super().__init__()
            self.trimming = asyncio.Event()
            self.go = asyncio.Event()
            self.freed: list[int] = []

        async def trim(self, key: int, *, entries: int, size: int) -> Trimmed:
            self.trimming.set()
            await self.go.wait()
            trimmed = await super().trim(key, entries=entries, size=size)
            self.freed.append(trimmed.freed)
            return trimmed

    async def scene() -> None:
        journal = Slow()
        async with lobby(journal, dataclasses.replace(FOREVER, history_entries=20)) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            await say(alice, *(f"{number}" for number in range(60)))
            bob = await Listener(hub, "Bob", *BOTH).open(arrive=False)  # who does not read
            await journal.trimming.wait()
            await hub.moderation.delete_room(hub.rooms.get("lobby"), reason="", successor="")
            journal.go.set()
            await until(lambda: bool(journal.freed))
            await asyncio.sleep(0)
            assert journal.freed[0] > 0
            assert 0 == hub._retention._total
            await alice.end()
            await alice.close()
            await bob.close()

    run(scene())


def test_what_a_trim_has_done_before_it_failed_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the rest is done when the journal works again."""
    steps = 0
    works = upkeep.Trim.step

    def fails(trim: upkeep.Trim, writer: Writer) -> bool:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise sqlite3.OperationalError("disk is full")
        return works(trim, writer)

    monkeypatch.setattr(upkeep.Trim, "step", fails)

    async def scene() -> None:
        journal = SQLiteJournal(tmp_path / "chatroom.db", sync="off")
        async with lobby(journal, dataclasses.replace(FOREVER, history_entries=100)) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            await say(alice, *(f"{number}" for number in range(1_000)))
            log = hub.rooms.get("lobby").log
            await until(lambda: steps >= 2 and log.oldest > 800)
            await hub.commits.flush()
            sizes = [e.stored_bytes for e in await hub.replay.after(hub.rooms.get("lobby"), 0, 999)]
            assert sum(sizes) == log.size == hub._retention._total
            await alice.close()

    run(scene())
