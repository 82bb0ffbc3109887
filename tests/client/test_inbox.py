"""What has been received and not yet asked for: bounded, whoever is slow."""

from __future__ import annotations

import asyncio

import pytest

from chatroom.client import Gap, Kind, Limits, Message
from chatroom.client.inbox import Inbox
from chatroom.client.messages import gap

LIMITS = Limits(unread=3)


def numbered(number: int, text: str = "") -> Message:
    return Message(name="Alice", text=text, sequence=number)


async def taken(inbox: Inbox) -> list[int]:
    """The sequences of all that is left in an inbox that has ended; -n for n missed."""
    found = []
    while (message := await inbox.get()) is not None:
        gap = message.event
        found.append(-(gap.missed or 0) if isinstance(gap, Gap) else message.sequence)
    return found


async def blocks(step) -> asyncio.Task[None]:
    """A task of the step, which does not get on."""
    task = asyncio.create_task(step)
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    return task


@pytest.mark.parametrize(
    ("limits", "text"), [(LIMITS, ""), (Limits(unread_bytes=25), "x" * 10)], ids=["count", "bytes"]
)
def test_full_inbox_holds_up_who_fills_it(limits: Limits, text: str) -> None:
    """Nothing is lost: it goes on as soon as something is taken."""

    async def scene() -> None:
        inbox = Inbox(limits)
        for number in (1, 2, 3):
            await inbox.put(numbered(number, text))
        waiting = await blocks(inbox.put(numbered(4, text)))
        first = await inbox.get()
        await waiting
        inbox.end()
        assert [1, 2, 3, 4] == [first.sequence, *await taken(inbox)]

    asyncio.run(scene())


def test_who_waits_for_an_acknowledgement_is_not_held_up() -> None:
    """The oldest are dropped, and told in their place."""

    async def scene() -> None:
        inbox = Inbox(LIMITS)
        for number in (1, 2, 3):
            await inbox.put(numbered(number))
        waiting = await blocks(inbox.put(numbered(4)))
        with inbox.hurry():
            await waiting
            await inbox.put(numbered(5))
        waiting = await blocks(inbox.put(numbered(6)))
        first = await inbox.get()
        assert (Kind.GAP, Gap(missed=2)) == (first.kind, first.event)
        second = await inbox.get()
        await waiting
        inbox.end()
        assert [3, 4, 5, 6] == [second.sequence, *await taken(inbox)]

    asyncio.run(scene())


def test_ended_inbox_holds_nobody_up() -> None:
    """What comes after the end is forgotten, what came before can be taken."""

    async def scene() -> None:
        inbox = Inbox(LIMITS)
        getting = await blocks(inbox.get())
        await inbox.put(numbered(1))
        assert 1 == (await getting).sequence
        for number in (2, 3, 4):
            await inbox.put(numbered(number))
        waiting = await blocks(inbox.put(numbered(5)))
        inbox.end()
        await waiting
        await inbox.put(numbered(6))
        assert [2, 3, 4] == await taken(inbox)
        assert await inbox.get() is None

    asyncio.run(scene())


def test_what_is_dropped_counts_as_what_it_stood_for() -> None:
    """A gap as the entries that it told of; what is no entry of the room not at all."""

    async def scene() -> None:
        inbox = Inbox(LIMITS)
        lost = Message(name="", text="", kind=Kind.CONNECTION_LOST)
        for message in (gap(5), lost, numbered(7)):
            await inbox.put(message)
        with inbox.hurry():
            for number in (8, 9, 10):
                await inbox.put(numbered(number))
        inbox.end()
        assert [-6, 8, 9, 10] == await taken(inbox)

    asyncio.run(scene())
