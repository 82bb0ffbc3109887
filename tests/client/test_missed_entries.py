"""What was missed: each entry once, in order, or told as a gap."""

from __future__ import annotations

import grpc
import pytest

from chatroom.client import (
    Chat,
    Gap,
    Kind,
)

from .recovering import STREAM_STATE, play, said, until
from .scripted_server import LOST, Ending, ScriptedServer


def test_replayed_entries_that_were_seen_are_dropped() -> None:
    """An overlap of the replay with what came before is not yielded twice."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            for text in ("one", "two"):
                server.say("Alice", text)
            heard = await until(room, "two")
            server.overlap = 3
            server.end()
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "three")
            heard += await until(room, "three")
        assert ["one", "two", "three"] == said(heard)

    play(scene)


@pytest.mark.parametrize("heard_before", [0, 2])
def test_history_that_breaks_off_goes_on_where_it_was(heard_before: int) -> None:
    """A stream lost before it was live costs nothing of the history that was asked for."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        for number in range(20):
            server.say("Alice", str(number))
        server.replay_breaks_after = heard_before
        async with chat.join("1", "Bob", history=3) as room:
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "now")
            heard = await until(room, "now")
        assert ["17", "18", "19", "now"] == said(heard)
        assert [] == [message for message in heard if message.kind is Kind.GAP]

    play(scene)


def test_entries_that_are_no_longer_kept_are_told() -> None:
    """The application learns how many it missed, in their place."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.say("Alice", "one")
            heard = await until(room, "one")
            server.refusals = [LOST]
            server.end()
            await server.until(lambda: len(server.joins) == 2)
            for text in ("two", "three", "four"):
                server.say("Alice", text)
            server.oldest = 5
            heard += await until(room, "four")
        shown = [(m.kind, m.event if m.kind is Kind.GAP else m.text) for m in heard[-2:]]
        assert [(Kind.GAP, Gap(missed=2)), (Kind.SAID, "four")] == shown
        assert "2 messages were missed" == heard[-2].text

    play(scene)


def test_entries_of_which_none_is_kept_are_told() -> None:
    """Nothing comes in whose place it could be told: it is told as the replay ends."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.say("Alice", "one")
            heard = await until(room, "one")
            server.refusals = [LOST]
            server.end()
            await server.until(lambda: len(server.joins) == 2)
            for text in ("two", "three", "four"):
                server.say("Alice", text)
            server.oldest = 6
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "five")
            heard += await until(room, "five")
        shown = [(m.kind, m.event if m.kind is Kind.GAP else m.text) for m in heard[-2:]]
        assert [(Kind.GAP, Gap(missed=3)), (Kind.SAID, "five")] == shown

    play(scene)


async def away(chat: Chat, server: ScriptedServer) -> tuple[list[str], list[int | None]]:
    """Bob loses his session while three things are said: what he hears, and what is missed."""
    async with chat.join("1", "Bob", history=1) as room:
        server.say("Alice", "one")
        heard = await until(room, "one")
        server.refusals = [LOST]
        server.end()
        await server.until(lambda: len(server.joins) == 2)
        server.forget()
        for text in ("two", "three", "four"):
            server.say("Alice", text)
        heard += await until(room, "four")
    return said(heard), [m.event.missed for m in heard if isinstance(m.event, Gap)]


def test_log_is_read_over_as_many_pages_as_it_takes() -> None:
    """A page has fewer entries than were missed."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.page_entries = 2
        assert (["one", "two", "three", "four"], []) == await away(chat, server)
        assert ["ListMessages"] * 2 == server.calls

    play(scene)


def test_log_that_is_refused_in_the_middle_is_told() -> None:
    """What its first page has is yielded, and what was behind that is told as missed."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.page_entries = 2
        server.call_refusals = [None, Ending(grpc.StatusCode.PERMISSION_DENIED)]
        assert (["one", "two", "four"], [1]) == await away(chat, server)

    play(scene)


def test_log_that_does_not_go_on_is_not_asked_for_for_ever() -> None:
    """A server that always gives the same page, and says that there are more."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.page_entries = 2
        server.pages_begin_anew = True
        assert (["one", "four"], [2]) == await away(chat, server)
        assert ["ListMessages"] * 2 == server.calls

    play(scene)


def test_log_that_cannot_be_read_for_a_moment_is_read_on_the_next_stream() -> None:
    """Until it has been, the member does not go on as if nothing had been missed."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        server.call_refusals = [LOST]
        assert (["one", "two", "three", "four"], []) == await away(chat, server)
        assert 4 == len(server.joins)

    play(scene)


def test_history_that_breaks_off_is_not_repeated_by_a_fresh_join() -> None:
    """The session is lost as well; what of the history has come before comes once."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        for number in range(20):
            server.say("Alice", str(number))
        server.replay_breaks_after = 2
        async with chat.join("1", "Bob", history=3) as room:
            server.refusals = [LOST]
            await server.until(lambda: len(server.joins) == 2)
            server.forget()
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "now")
            heard = await until(room, "now")
        assert ["17", "18", "19", "now"] == said(heard)
        assert [] == [message for message in heard if message.kind is Kind.GAP]

    play(scene)


def test_history_that_breaks_off_goes_on_with_that_of_a_new_log() -> None:
    """Nobody has followed the old one yet, so nothing of it is told as missed."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        for number in range(20):
            server.say("Alice", str(number))
        server.replay_breaks_after = 2
        async with chat.join("1", "Bob", history=3) as room:
            server.refusals = [LOST]
            await server.until(lambda: len(server.joins) == 2)
            server.renew(keep=1)
            server.say("Eve", "anew")
            heard = await until(room, "anew")
        assert ["17", "18", "0", "anew"] == said(heard)
        assert [] == [message for message in heard if message.kind is Kind.GAP]

    play(scene)


def test_forgotten_session_misses_nothing_in_the_same_epoch() -> None:
    """What a fresh join does not replay is read from the room's log, events and all."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", history=1) as room:
            server.say("Alice", "one")
            heard = await until(room, "one")
            server.refusals = [LOST]
            server.end()
            await server.until(lambda: len(server.joins) == 2)
            server.forget()
            for text in ("two", "three", "four"):
                server.say("Alice", text)
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "five")
            heard += await until(room, "five")
        assert ["one", "two", "three", "four", "five"] == said(heard)
        assert [] == [m for m in heard if m.kind is Kind.GAP]
        sequences = [m.sequence for m in heard if m.sequence]
        assert list(range(1, 8)) == sequences

    play(scene)


def test_new_epoch_of_the_same_log_misses_nothing() -> None:
    """A server that was killed gives a new epoch; the entry last seen shows that all is there."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            for text in ("one", "two"):
                server.say("Alice", text)
            heard = await until(room, "two")
            server.renew(keep=3)
            server.end()
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "three")
            heard += await until(room, "three")
        assert ["one", "two", "three"] == said(heard)
        assert [] == [m for m in heard if m.kind is Kind.GAP]
        assert "ListMessages" in server.calls

    play(scene)


def test_server_that_is_started_anew_after_the_join_is_joined_again() -> None:
    """The log that is looked at must be of the server that was joined, or nothing is known."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            for text in ("one", "two"):
                server.say("Alice", text)
            heard = await until(room, "two")
            server.renew(keep=3)
            server.other_epochs = ["of the next server"]
            server.end()
            await server.until(lambda: len(server.joins) == 3)
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "three")
            heard += await until(room, "three")
        assert ["one", "two", "three"] == said(heard)
        assert [] == [m for m in heard if m.kind is Kind.GAP]

    play(scene)


def test_new_epoch_with_another_log_is_told() -> None:
    """Where sequences start over, what may be missing is told, then the history is yielded."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            for text in ("one", "two", "three"):
                server.say("Alice", text)
            heard = await until(room, "three")
            server.refusals = [LOST]
            server.end()
            await server.until(lambda: len(server.joins) == 2)
            server.renew(keep=2)
            server.say("Eve", "anew")
            await server.until(lambda: len(server.streams) == 1)
            server.say("Eve", "and on")
            heard += await until(room, "and on")
        kinds = [message.kind for message in heard[4:]]
        assert [*STREAM_STATE, Kind.GAP, Kind.SAID, Kind.SAID, Kind.ENTERED, Kind.SAID] == kinds
        assert Gap(missed=None) == heard[6].event
        assert ["one", "anew", "and on"] == said(heard[4:])
        assert [True, True, False] == [m.replayed for m in heard[4:] if m.kind is Kind.SAID]

    play(scene)


def test_log_that_became_shorter_is_told() -> None:
    """Sequences that start over without a new epoch hide nothing of what comes."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", history=0) as room:
            for text in ("one", "two", "three"):
                server.say("Alice", text)
            await until(room, "three")
            epoch = server.epoch
            server.renew(keep=1)
            server.epoch = epoch
            server.end()
            await server.until(lambda: len(server.streams) == 1)
            server.say("Eve", "anew")
            heard = await until(room, "anew")
        assert [Gap(missed=None)] == [m.event for m in heard if m.kind is Kind.GAP]

    play(scene)


def test_log_that_cannot_be_read_is_told() -> None:
    """If the server does not give its log after a fresh join, nobody says all is well."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            server.say("Alice", "one")
            await until(room, "one")
            server.forget()
            server.call_refusals = [Ending(grpc.StatusCode.PERMISSION_DENIED)]
            server.end()
            heard = await until(room, "some messages may have been missed")
        assert Gap(missed=None) == heard[-1].event

    play(scene)
