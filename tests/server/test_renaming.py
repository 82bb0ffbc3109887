"""Renaming: a member takes another name, everybody is told once, the session goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.exhausted import RenameTooOften
from chatroom.core.limits import Limits
from chatroom.core.refusals import (
    JournalUnavailable,
    NameTaken,
    NonceInvalid,
    OneField,
    SessionMismatch,
)
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls.methods import Methods
from chatroom.server.rooms.hub import Hub
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby, whole
from tests.server.test_sessions import BOTH, gone, kinds, play

EVENTS = (pb.FEATURE_EVENTS,)
FREELY = Limits(message_rate=0, grace=3600.0, rename_interval=0.0)
ONCE = Limits(message_rate=0, grace=3600.0)


def rename(who: Listener, name: str, nonce: str = "") -> None:
    who.wire.request(pb.ChatMessage(rename=pb.Rename(name=name, nonce=nonce)))


async def told(who: Listener, event: str) -> pb.Message:
    """The next message with an event of this kind."""
    while (message := await who.next()).WhichOneof("event") != event:
        pass
    return message


async def roster(hub: Hub) -> list[str]:
    page = await Methods(hub).list_members(pb.ListMembersRequest(room_id="lobby"))
    return [each.name for each in (await whole(page)).members]


async def log(hub: Hub) -> list[str]:
    """What a client of the original would show of the whole log."""
    page = await Methods(hub).list_messages(pb.ListMessagesRequest(room_id="lobby"))
    return [f"{each.name}: {each.message}" for each in (await whole(page)).messages]


async def records(journal: MemoryJournal, who: Listener) -> list[tuple[str, tuple[str, ...]]]:
    """The name, and the former ones, that the journal has of a session."""
    from chatroom.server.rooms.sessions import digest

    assert who.joined is not None
    stored = await journal.session(digest(who.joined.session))
    return [(stored[1].name, stored[1].former)] if stored else []


@pytest.mark.parametrize("features", [EVENTS, BOTH], ids=["no echo", "echo"])
def test_a_rename_is_one_entry_that_everybody_sees(features: tuple[Any, ...]) -> None:
    """Its author too; the name in it is the old one, and what follows has the new one."""
    journal = MemoryJournal()

    async def scene(hub: Hub) -> None:
        old = await Listener(hub, "Old").open()
        bob = await Listener(hub, "Bob", *features).open()
        rename(bob, " Rob ", "n1")
        bob.say("it is me")
        mine, theirs = await told(bob, "renamed"), await told(old, "renamed")
        assert mine == theirs
        assert ("Bob", "is now known as Rob", 3) == (mine.name, mine.message, mine.sequence)
        assert pb.Renamed(name="Rob", nonce="n1") == mine.renamed
        said = await old.said()
        assert ("Rob", "it is me", 4) == (said.name, said.message, said.sequence)
        assert ["Old", "Rob"] == await roster(hub)
        assert [("Rob", ("Bob",))] == await records(journal, bob)
        late = await Listener(hub, "Bob", *EVENTS).open()  # the old name is free
        assert late.joined is not None
        assert ["Old", "Rob", "Bob"] == [each.name for each in late.joined.members]
        assert pb.FEATURE_RENAME in late.joined.supported
        for each in old, bob, late:
            await each.close()

    play(scene, FREELY, lambda: journal)


def test_history_neither_counts_nor_replays_it() -> None:
    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        bob.say("one")
        for name in "Rob", "Bobby":
            rename(bob, name)
            await told(bob, "renamed")
        bob.say("two")
        await hub.commits.flush()
        late = await Listener(hub, "Late", *EVENTS, history=2).open(arrive=False)
        assert ["one", "two", "entered"] == kinds(await late.until_live())
        await bob.close()
        back = await bob.again(after=1)
        assert ["renamed", "renamed", "entered"] == kinds(await back.until_live())
        for each in late, back:
            await each.close()

    play(scene, FREELY)


def test_a_session_is_resumed_under_any_name_that_it_has_had() -> None:
    """`joined.name` is the present one; under another name it is not resumed."""

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *BOTH).open()
        for name in "Rob", "Bobby":
            rename(bob, name)
            await told(bob, "renamed")
        for name in "bob", "Rob", "Bobby":
            await bob.close()
            bob.join.name = name
            last, bob = bob.last, await bob.again()
            await bob.until_live()
            assert bob.joined is not None
            assert "Bobby" == bob.joined.name
            bob.last = max(bob.last, last)
        await bob.close()
        bob.join.name = "Somebody"
        with pytest.raises(SessionMismatch):
            await bob.again()
        assert ["Bobby"] == await roster(hub)

    play(scene, FREELY)


def test_who_has_departed_comes_back_under_the_present_name() -> None:
    """By the session, giving the first name, from the journal alone: with the author it had."""

    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        bob = await Listener(hub, "Bob", *BOTH).open()
        rename(bob, "Rob")
        await told(bob, "renamed")
        await bob.close()
        await gone(hub, "Rob")
        thief = await Listener(hub, "Bob", *BOTH).open()
        back = await bob.again()
        assert ["left", "entered", "entered"] == kinds(await back.until_live())
        assert back.joined is not None
        assert "Rob" == back.joined.name
        rename(back, "Robby")
        entry = await told(back, "renamed")
        assert ("Rob", "Robby") == (entry.name, entry.renamed.name)
        for each in watcher, thief, back:
            await each.close()

    play(scene, Limits(message_rate=0, grace=0.0, rename_interval=0.0))


def test_once_in_ten_seconds() -> None:
    """Then RENAME_TOO_OFTEN, with the time that is left; a refused one does not count."""
    now = 1000.0

    async def scene() -> None:
        nonlocal now
        async with lobby(MemoryJournal(), ONCE, monotonic=lambda: now) as hub:
            alice = await Listener(hub, "Alice", *EVENTS).open()
            bob = await Listener(hub, "Bob", *EVENTS).open()
            for name in "ALICE", "", "\0":
                rename(bob, name)
            refused = [(await told(bob, "refused")).refused.reason for _ in range(3)]
            assert ["NAME_TAKEN", "NAME_INVALID", "NAME_INVALID"] == refused
            rename(bob, "Rob")
            await told(bob, "renamed")
            now += 9.5
            rename(bob, "Robby", "n2")
            again = (await told(bob, "refused")).refused
            assert ("RENAME_TOO_OFTEN", "n2", 500_000_000) == (
                again.reason, again.nonce, again.retry_after.nanos,
            )  # fmt: skip
            now += 0.5
            rename(bob, "Robby", "n2")
            assert "Robby" == (await told(bob, "renamed")).renamed.name
            for each in alice, bob:
                await each.close()

    run(scene())


def test_a_rename_that_is_sent_again_is_answered_by_its_entry() -> None:
    """While it is being stored, at once after that, over SendMessage, and after a resume."""

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        assert bob.joined is not None
        request = pb.SendMessageRequest(
            session=bob.joined.session, rename=pb.Rename(name="Rob", nonce="n1")
        )
        rename(bob, "Rob", "n1")
        rename(bob, "Rob", "n1")
        answers = await asyncio.gather(*(Methods(hub).send_message(request) for _ in range(3)))
        first = await told(bob, "renamed")
        assert [first] * 3 == answers
        rename(bob, "Rob", "n1")
        assert first == await told(bob, "renamed")
        await bob.close()
        back = await bob.again()
        await back.until_live()
        rename(back, "Other", "n1")  # whatever name it gives now
        assert first == await told(back, "renamed")
        assert ["Rob"] == await roster(hub)
        assert ["Bob: Has entered the chat", "Bob: is now known as Rob"] == await log(hub)
        await back.close()

    play(scene, ONCE)


def test_a_rename_that_only_the_journal_remembers_renames_nobody_again() -> None:
    """It was stored before under its nonce, then came another: that name stays, "Rob" is free."""

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        for name, nonce in ("Rob", "n1"), ("Robby", "n2"):
            rename(bob, name, nonce)
            await told(bob, "renamed")
        rename(bob, "Rob", "n1")
        bob.say("still Robby")
        await hub.commits.flush()
        assert ["Robby"] == await roster(hub)
        assert "Robby: still Robby" == (await log(hub))[-1]
        rob = await Listener(hub, "Rob", *EVENTS).open()
        for each in bob, rob:
            await each.close()

    play(scene, FREELY)


def test_two_who_want_one_name() -> None:
    """The first gets it, the second is told that it is taken, before either is stored."""
    journal = TamedJournal()

    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *EVENTS).open()
        bob = await Listener(hub, "Bob", *EVENTS).open()
        journal.going.clear()
        rename(alice, "Carol")
        rename(bob, "carol", "n1")
        refused = (await told(bob, "refused")).refused
        assert ("NAME_TAKEN", "n1") == (refused.reason, refused.nonce)
        with pytest.raises(NameTaken):
            await Listener(hub, "Carol").open()
        with pytest.raises(NameTaken):  # not stored: the old one is not free yet
            await Listener(hub, "Alice").open()
        assert ["Alice", "Bob"] == await roster(hub)
        journal.going.set()
        await told(alice, "renamed")
        assert ["Bob", "Carol"] == await roster(hub)
        rename(bob, "Alice")
        assert ["Alice", "Bob"] == [(await told(bob, "renamed")).name for _ in range(2)]
        assert ["Alice", "Carol"] == await roster(hub)
        for each in alice, bob:
            await each.close()

    play(scene, ONCE, lambda: journal)


def test_a_failed_append_undoes_both() -> None:
    """The new name is free, the old one still theirs, what they say after it has that one.

    And the ten seconds have not begun.
    """
    journal = TamedJournal()

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        journal.going.clear()
        rename(bob, "Rob", "n1")
        for _ in range(10):
            await asyncio.sleep(0)  # its turn is being stored; what comes now is the next one's
        bob.say("am I Rob?")
        await bob.unread()
        journal.broken = True
        journal.going.set()
        await journal.failed.wait()
        journal.broken = False
        refused = (await told(bob, "refused")).refused
        assert ("JOURNAL_UNAVAILABLE", "n1") == (refused.reason, refused.nonce)
        with pytest.raises(NameTaken):
            await Listener(hub, "Bob").open()
        rob = await Listener(hub, "Rob").open()
        await rob.close()
        await gone(hub, "Rob")
        said = await watcher.said()
        assert ("Bob", "am I Rob?") == (said.name, said.message)
        assert [("Bob", ())] == await records(journal, bob)
        rename(bob, "Rob", "n1")
        assert "Rob" == (await told(bob, "renamed")).renamed.name
        assert [("Rob", ("Bob",))] == await records(journal, bob)
        for each in bob, watcher:
            await each.close()

    play(scene, Limits(message_rate=0, grace=3600.0, journal_retry=0.01), lambda: journal)


@pytest.mark.parametrize("broken", [False, True], ids=["stored", "failed"])
def test_who_leaves_while_the_rename_is_being_stored(broken: bool) -> None:
    """Leaves under the new name if it was stored, and under the old one if not."""
    journal = TamedJournal()

    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        bob = await Listener(hub, "Bob").open()
        journal.going.clear()
        rename(bob, "Rob")
        await bob.unread()
        bob.wire.request(pb.ChatMessage(leave=pb.Leave()))
        await bob.unread()
        journal.broken = broken
        journal.going.set()
        if broken:
            await journal.failed.wait()
            journal.broken = False
        left = await told(watcher, "left")
        name = "Bob" if broken else "Rob"
        assert (name, name) == (left.name, left.left.name)
        assert ["Watcher"] == await roster(hub)
        for name in "Bob", "Rob":
            await (await Listener(hub, name).open()).close()
        await watcher.close()
        await bob.close()

    play(scene, Limits(message_rate=0, journal_retry=0.01), lambda: journal)


def test_who_resumes_while_the_rename_is_being_stored_has_it() -> None:
    """The stream that takes over belongs to the same member: it is shown the entry."""
    journal = TamedJournal()

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *BOTH).open()
        journal.going.clear()
        rename(bob, "Rob")
        await bob.unread()
        back = await bob.again()
        await back.until_live()
        assert back.joined is not None
        assert "Bob" == back.joined.name
        journal.going.set()
        assert "Rob" == (await told(back, "renamed")).renamed.name
        back.say("hello")
        assert "Rob" == (await back.said()).name
        assert ["Rob"] == await roster(hub)
        await back.close()
        await bob.close()

    play(scene, ONCE, lambda: journal)


def test_it_is_logged_only_if_the_arrival_was() -> None:
    """In a big room only who renames is told, with sequence 0, also on its stream."""

    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        bob = await Listener(hub, "Bob", *EVENTS).open()
        rename(bob, "Rob", "n1")
        entry = await told(bob, "renamed")
        assert ("Bob", "is now known as Rob", 0) == (entry.name, entry.message, entry.sequence)
        rename(bob, "Rob", "n1")
        assert entry == await told(bob, "renamed")
        assert bob.joined is not None
        request = pb.SendMessageRequest(
            session=bob.joined.session, rename=pb.Rename(name="Robby", nonce="n2")
        )
        answer = await Methods(hub).send_message(request)
        assert answer == await told(bob, "renamed")
        assert "Robby" == answer.renamed.name
        bob.say("hello")
        assert "Robby" == (await alice.said()).name
        assert ["Alice", "Robby"] == await roster(hub)
        assert 2 == hub.rooms.get("lobby").newest
        for each in alice, bob:
            await each.close()

    play(scene, Limits(message_rate=0, grace=3600.0, rename_interval=0.0, logged_arrivals=1))


def test_what_send_message_refuses() -> None:
    """As a stream does, by the status."""

    async def scene(hub: Hub) -> None:
        await (await Listener(hub, "Alice").open()).unread()
        bob = await Listener(hub, "Bob", *EVENTS).open()
        assert bob.joined is not None

        async def ask(**fields: Any) -> pb.Message:
            assert bob.joined is not None
            request = pb.SendMessageRequest(session=bob.joined.session, **fields)
            return await Methods(hub).send_message(request)

        for refusal, each in (
            (NameTaken, pb.Rename(name="alice")),
            (NonceInvalid, pb.Rename(name="Rob", nonce="n" * 65)),
        ):
            with pytest.raises(refusal):
                await ask(rename=each)
        with pytest.raises(OneField):
            await ask(rename=pb.Rename(name="Rob"), leave=pb.Leave())
        await ask(rename=pb.Rename(name="Rob"))
        with pytest.raises(RenameTooOften):
            await ask(rename=pb.Rename(name="Bob"))
        await bob.close()

    play(scene, ONCE)


def test_a_journal_that_cannot_store_it_is_told_by_send_message() -> None:
    journal = TamedJournal()

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        assert bob.joined is not None
        journal.broken = True
        request = pb.SendMessageRequest(
            session=bob.joined.session, rename=pb.Rename(name="Rob", nonce="n1")
        )
        with pytest.raises(JournalUnavailable):
            await Methods(hub).send_message(request)
        journal.broken = False
        assert "Rob" == (await Methods(hub).send_message(request)).renamed.name
        await bob.close()

    play(scene, Limits(message_rate=0, grace=3600.0, journal_retry=0.01), lambda: journal)


def test_who_asks_for_the_name_that_it_has_is_told_so_alone() -> None:
    """It may be a retry whose entry it has missed: at any time, on a stream and by SendMessage."""

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        assert bob.joined is not None
        rename(bob, "Rob", "n1")
        await told(bob, "renamed")
        rename(bob, "Rob", "n2")
        request = pb.SendMessageRequest(
            session=bob.joined.session, rename=pb.Rename(name="Rob", nonce="n3")
        )
        answer = await Methods(hub).send_message(request)
        both = [await told(bob, "renamed") for _ in range(2)]
        assert answer == both[1]
        assert [("Rob", 0, "Rob", "n2"), ("Rob", 0, "Rob", "n3")] == [
            (each.name, each.sequence, each.renamed.name, each.renamed.nonce) for each in both
        ]
        assert 2 == hub.rooms.get("lobby").newest
        await bob.close()

    play(scene, ONCE)


def test_a_few_of_the_names_it_has_had_are_kept() -> None:
    """The first and the latest; a name that it has again is none of before."""
    journal = MemoryJournal()

    async def scene(hub: Hub) -> None:
        bob = await Listener(hub, "Bob", *EVENTS).open()
        for name in (*(f"Bob {n}" for n in range(2, 50)), "Bob 48"):
            rename(bob, name)
            await told(bob, "renamed")
        [(name, former)] = await records(journal, bob)
        kept = ("Bob", *(f"Bob {n}" for n in range(18, 48)), "Bob 49")
        assert ("Bob 48", kept) == (name, former)
        await bob.close()

    play(scene, FREELY, lambda: journal)
