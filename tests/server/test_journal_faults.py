"""A journal that cannot write: nobody is shown anything, everybody is told."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.core.refusals import JournalUnavailable
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby


def test_while_the_journal_cannot_write_nothing_is_shown_and_senders_are_told() -> None:
    """Then it works again, without a restart, and sequences have no hole."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
            assert (await alice.next()).HasField("live")
            bob = await Listener(hub, "Bob").open()
            assert (await alice.next()).HasField("entered")

            journal.broken = True
            alice.say("lost", nonce="n1")
            refused = (await alice.next()).refused
            assert ("n1", 14, "JOURNAL_UNAVAILABLE") == (
                refused.nonce, refused.code, refused.reason,
            )  # fmt: skip
            assert refused.HasField("retry_after")
            bob.say("lost too")
            line = await bob.next()
            assert ("chat server", False) == (line.name, line.HasField("refused"))
            with pytest.raises(JournalUnavailable):
                await Listener(hub, "Carol").open()
            with pytest.raises(JournalUnavailable):
                await hub.moderation.delete_room(hub.rooms.get("lobby"), reason="", successor="")

            journal.broken = False
            alice.say("kept")
            shown = await bob.next()
            assert ("Alice", "kept", 3) == (shown.name, shown.message, shown.sequence)
            carol = await Listener(hub, "Carol").open()
            for listener in (alice, bob, carol):
                await listener.close()
        stored = await journal.read(1, after=0, entries=99, size=1 << 20)
        # Alice, who has a session, has not left yet.
        assert list(range(1, 7)) == [entry.sequence for entry in stored]

    run(scene())


def test_a_departure_is_logged_when_the_journal_works_again() -> None:
    """Nobody stays in the log for ever because the disk was full when they left."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, Limits(journal_retry=0.01)) as hub:
            alice = await Listener(hub, "Alice").open()
            bob = await Listener(hub, "Bob").open()
            assert (await alice.next()).HasField("entered")
            journal.broken = True
            await bob.close()
            await journal.failed.wait()
            journal.broken = False
            assert (await alice.next()).HasField("left")
            await alice.close()

    run(scene())


def test_a_room_whose_creator_went_away_is_there_all_the_same() -> None:
    """It is not left in the journal alone, where its id would be taken and no room be."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal) as hub:
            journal.going.clear()
            creating = asyncio.create_task(hub.rooms.create(room_id="garden"))
            await asyncio.sleep(0)
            creating.cancel()
            await asyncio.gather(creating, return_exceptions=True)
            journal.going.set()
            while "garden" not in [room.room_id for room in hub.rooms.listed()]:
                await asyncio.sleep(0)

    run(scene())


@pytest.mark.parametrize("gone_first", [False, True], ids=["within the turn", "before it"])
def test_an_arrival_that_fails_behind_the_back_of_who_came(gone_first: bool) -> None:
    """The use of the invitation is given back, and nothing is kept of the session."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, Limits(journal_retry=0.01)) as hub:
            room = hub.rooms.get("lobby")
            made, secret = await hub.invitations.invite(room, uses=1, until=0, name="", by="Ann")
            if not gone_first:
                journal.going.clear()
            journal.broken = True
            who = hub.invitations.identity(secret)
            joining = asyncio.create_task(
                hub.join("lobby", "Bob", wants_events=True, echo=False, who=who)
            )
            while not room.member_count:
                await asyncio.sleep(0)
            if not gone_first:
                while room.waiting:  # until the turn has begun
                    await asyncio.sleep(0)
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            journal.going.set()
            await journal.failed.wait()
            journal.broken = False
            await hub.commits.flush()
            ann = await Listener(hub, "Ann").open()
            _, kept = hub.invitations.find(made.invitation_id)
            assert 1 == kept.uses_left
            assert 0 == len(hub.sessions)
            await ann.close()

    run(scene())


def test_a_member_who_goes_away_while_joining_leaves_no_trace_but_its_own() -> None:
    """Its arrival is followed by its departure, and its name is free."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal) as hub:
            journal.going.clear()
            joining = asyncio.create_task(Listener(hub, "Alice").open())
            while not hub.rooms.get("lobby").member_count:
                await asyncio.sleep(0)
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            journal.going.set()
            alice = await Listener(hub, "Alice").open()
            stored = await journal.read(1, after=0, entries=9, size=1 << 20)
            assert ["ENTERED", "LEFT", "ENTERED"] == [entry.kind.name for entry in stored]
            await alice.close()

    run(scene())
