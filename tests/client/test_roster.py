"""Who is in the room, as a membership keeps it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatroom.client import Chat, Joined, Kind, Member, Message, Room, connect
from chatroom.client.roster import KNOWN, Roster

from .recovering import EAGER, until
from .servers import Restartable


def joined(*names: str, sequence: int = 10) -> Joined:
    """An admission that lists these members."""
    return Joined(
        session="s", epoch="e", sequence=sequence, recovery="", name=names[0] if names else "",
        room=None, members=tuple(Member(name=name) for name in names), text_bytes=0,
    )  # fmt: skip


def passage(kind: Kind, name: str, sequence: int) -> Message:
    return Message(name=name, text="", kind=kind, sequence=sequence, event=Member(name=name))


def names(roster: Roster | Room) -> list[str] | None:
    members = roster.members
    return None if members is None else [member.name for member in members]


def test_arrivals_and_departures_change_the_list() -> None:
    """In order of arrival; what is said changes nothing."""
    roster = Roster()
    assert names(roster) is None
    roster.admit(joined("Alice", "Bob"))
    roster.take(passage(Kind.ENTERED, "Carol", 11))
    roster.take(passage(Kind.LEFT, "Alice", 12))
    roster.take(Message(name="Alice", text="still?", sequence=13))
    roster.take(passage(Kind.ENTERED, "Alice", 14))
    assert ["Bob", "Carol", "Alice"] == names(roster)


def test_after_a_damaged_entry_nobody_knows() -> None:
    """It may have been an arrival or a departure; one from before the list changes nothing."""
    roster = Roster()
    roster.admit(joined("Alice", "Bob"))
    roster.take(Message(name="chat server", text="", kind=Kind.DAMAGED, sequence=10))
    assert ["Alice", "Bob"] == names(roster)
    roster.take(Message(name="chat server", text="", kind=Kind.DAMAGED, sequence=11))
    assert names(roster) is None


def test_what_is_older_than_the_list_is_in_it() -> None:
    """A resume lists everybody and then replays what was missed."""
    roster = Roster()
    roster.admit(joined("Bob", "Carol", sequence=12))
    roster.take(passage(Kind.ENTERED, "Alice", 11))
    roster.take(passage(Kind.LEFT, "Alice", 12))
    roster.take(passage(Kind.LEFT, "Carol", 12))
    assert ["Bob", "Carol"] == names(roster)


def test_a_list_that_is_ahead_of_the_log_comes_to_the_same() -> None:
    """Somebody may come and go between the sequence of an admission and its list."""
    roster = Roster()
    roster.admit(joined("Bob", "Carol"))
    roster.take(passage(Kind.LEFT, "Carol", 11))
    roster.take(passage(Kind.ENTERED, "Dave", 12))
    roster.take(passage(Kind.ENTERED, "Carol", 13))
    roster.take(passage(Kind.LEFT, "Dave", 14))
    assert ["Bob", "Carol"] == names(roster)


@pytest.mark.parametrize("present", [KNOWN - 1, KNOWN])
def test_big_rooms_are_not_known(present: int) -> None:
    """Where the next arrival may not be told, nothing is claimed until the next admission."""
    roster = Roster()
    roster.admit(joined(*map(str, range(present))))
    assert (present < KNOWN) == (roster.members is not None)
    roster.take(passage(Kind.ENTERED, "one more", 11))
    assert roster.members is None
    roster.take(passage(Kind.LEFT, "one more", 12))
    assert roster.members is None
    roster.admit(joined("Bob", sequence=12))
    assert ["Bob"] == names(roster)


def test_an_admission_that_lists_nobody_tells_nothing() -> None:
    """As that to a room of more than 500."""
    roster = Roster()
    roster.admit(joined())
    roster.take(passage(Kind.ENTERED, "Bob", 11))
    assert roster.members is None


def test_missing_entries_may_have_been_arrivals() -> None:
    """Unless the list is newer than they are."""
    roster = Roster()
    roster.admit(joined("Bob"))
    roster.lose(before=11)
    assert ["Bob"] == names(roster)
    roster.lose(before=12)
    assert roster.members is None


def test_members_of_a_room_are_followed(server: str) -> None:
    """From the own arrival on, and at the latest when the entry that tells it is yielded."""

    async def stage() -> None:
        async with asyncio.timeout(30), connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            alice = chat.join(room_id, "Alice")
            assert alice.members is None
            async with alice:
                assert ["Alice"] == names(alice)
                await until(alice, "Has entered the chat")
                async with chat.join(room_id, "Bob"):
                    entered = (await until(alice, "Has entered the chat"))[-1]
                    assert ["Alice", "Bob"] == names(alice)
                    assert entered.event is alice.members[1]
                    assert alice.members[1].since is not None
                await until(alice, "Has left the chat")
                assert ["Alice"] == names(alice)

    asyncio.run(stage())


def test_without_events_nobody_is_known(server: str) -> None:
    """Lines for people are not taken for a roster."""

    async def stage() -> None:
        async with asyncio.timeout(30), connect(server) as chat:
            room_id = (await chat.create_room()).room_id
            async with chat.join(room_id, "Old", events=False) as old:
                await until(old, "Has entered the chat")
                assert old.members is None
                assert old.latency is None
                await old.typing()
                old.reconnect_now()

    asyncio.run(stage())


def test_members_are_right_after_a_restart(tmp_path: Path) -> None:
    """Who left while the connection was lost is gone from the list."""
    server = Restartable("--data", str(tmp_path), "--room", "1")

    async def scene(chat: Chat) -> None:
        async with connect(server.address, patience=EAGER) as other, chat.join("1", "Al") as room:
            async with other.join("1", "Bob"):
                await until(room, "Has entered the chat")
                await until(room, "Has entered the chat")
                assert ["Al", "Bob"] == names(room)
                await asyncio.to_thread(server.stop)
                async for message in room:
                    if message.kind is Kind.CONNECTION_LOST:
                        break
                assert ["Al", "Bob"] == names(room)
                await asyncio.to_thread(server.start)
            heard = await until(room, "Has left the chat")
            assert Kind.CONNECTED in [message.kind for message in heard]
            assert ["Al"] == names(room)

    async def stage() -> None:
        server.start()
        try:
            async with asyncio.timeout(60), connect(server.address, patience=EAGER) as chat:
                await scene(chat)
        finally:
            server.kill()

    asyncio.run(stage())
