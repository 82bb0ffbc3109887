"""Nonces: a message that is sent again is stored once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import Append
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls.methods import Methods
from chatroom.server.rooms.hub import Hub
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby, whole
from tests.server.test_sessions import AT_ONCE, BOTH, FOREVER, gone, play


async def stored(hub: Hub) -> list[pb.Message]:
    """What was said in the lobby."""
    page = await Methods(hub).list_messages(pb.ListMessagesRequest(room_id="lobby"))
    response: pb.ListMessagesResponse = await whole(page)
    return [message for message in response.messages if message.WhichOneof("event") is None]


def test_a_retry_on_the_same_stream_is_answered_with_the_first_entry() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        alice.say("once", "n1")
        first = await alice.said()
        alice.say("other text", "n1")
        assert first == await alice.said()
        alice.say("next", "n2")
        assert first.sequence + 1 == (await alice.said()).sequence
        assert ["once", "next"] == [(await watcher.said()).message for _ in range(2)]
        assert 2 == len(await stored(hub))
        await alice.close()
        await watcher.close()

    play(scene)


def test_a_retry_after_a_resume_is_answered_to_the_retrier_alone() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        alice.say("once", "n1")
        first = await alice.said()
        await alice.close()
        back = await alice.again()
        await back.until_live()
        back.say("once", "n1")
        assert first == await back.said()
        back.say("end")
        assert "end" == (await back.said()).message
        assert ["once", "end"] == [(await watcher.said()).message for _ in range(2)]
        await back.close()
        await watcher.close()

    play(scene)


def test_an_entry_that_the_replay_brings_is_not_echoed_beside_it() -> None:
    """Else its client would see a later sequence before those between."""

    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        for text in "one", "two", "three":
            watcher.say(text)
            await watcher.said()
        alice.say("once", "n1")
        first = await watcher.said()
        await alice.close()
        back = await alice.again()  # it has read nothing of this
        back.say("once", "n1")
        await back.unread()
        seen = [(await back.said()).sequence for _ in range(4)]
        assert list(range(first.sequence - 3, first.sequence + 1)) == seen
        back.say("end")
        assert first.sequence + 1 == (await back.said()).sequence
        await back.close()
        await watcher.close()

    play(scene)


def test_a_retry_in_the_same_batch_waits_for_the_first() -> None:
    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            methods = Methods(hub)
            request = pb.SendMessageRequest(
                session=alice.token().session, message=pb.Message(message="once", nonce="n1")
            )
            journal.going.clear()
            alice.say("once", "n1")
            await alice.unread()
            answers = [asyncio.create_task(methods.send_message(request)) for _ in range(3)]
            await asyncio.sleep(0.01)
            journal.going.set()
            first = await alice.said()
            assert [first] * 3 == await asyncio.gather(*answers)
            assert [first] == await stored(hub)
            await alice.close()

    run(scene())


def test_a_retry_of_what_could_not_be_stored_is_refused_with_it_and_may_be_sent_again() -> None:
    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            journal.broken = True
            alice.say("once", "n1")
            alice.say("once", "n1")
            refused = [(await alice.next()).refused for _ in range(3)][1:]  # after `live`
            assert [("n1", "JOURNAL_UNAVAILABLE")] * 2 == [(r.nonce, r.reason) for r in refused]
            journal.broken = False
            alice.say("once", "n1")
            assert "once" == (await alice.said()).message
            assert 1 == len(await stored(hub))
            await alice.close()

    run(scene())


def test_the_scope_of_a_nonce_is_one_session() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        bob = await Listener(hub, "Bob", *BOTH).open()
        alice.say("hers", "n1")
        assert "hers" == (await alice.said()).message
        bob.say("his", "n1")
        assert ["hers", "his"] == [(await bob.said()).message for _ in range(2)]
        alice.wire.request(pb.ChatMessage(leave=pb.Leave()))
        await alice.end()
        await alice.close()
        fresh = await Listener(hub, "Alice", *BOTH).open()
        fresh.say("hers again", "n1")
        assert "hers again" == (await fresh.said()).message
        await fresh.close()
        await bob.close()

    play(scene)


def test_a_session_that_comes_back_after_its_departure_has_its_nonces() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        alice.say("once", "n1")
        first = await alice.said()
        await alice.close()
        await gone(hub, "Alice")
        back = await alice.again()
        await back.until_live()
        back.say("once", "n1")
        assert first == await back.said()
        await back.close()

    play(scene, AT_ONCE)


def test_a_nonce_is_forgotten_after_ten_minutes_and_not_before() -> None:
    now = 1_000 * 10**9

    async def scene() -> None:
        nonlocal now
        clocks = {"clock": lambda: now, "monotonic": lambda: now / 10**9}
        async with lobby(MemoryJournal(), FOREVER, **clocks) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            alice.say("once", "n1")
            first = await alice.said()
            now += 599 * 10**9
            alice.say("once", "n1")
            assert first.sequence == (await alice.said()).sequence
            now += 2 * 10**9
            alice.say("twice", "n1")
            assert first.sequence + 1 == (await alice.said()).sequence
            await alice.close()

    run(scene())


def test_a_used_nonce_delays_nothing_else_of_its_turn() -> None:
    """What else was drafted is stored in the same turn, with sequences without a hole."""
    batches: list[int] = []

    class Counting(TamedJournal):
        async def append(self, appends: Sequence[Append]) -> None:
            await super().append(appends)
            batches.append(sum(len(append.entries) for append in appends))

    async def scene() -> None:
        journal = Counting()
        async with lobby(journal, FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            alice.say("once", "n1")
            first = await alice.said()
            journal.going.clear()
            alice.say("holds the journal up")
            await alice.unread()
            for text, nonce in ("a", ""), ("once", "n1"), ("b", "n2"), ("once", "n1"), ("c", ""):
                alice.say(text, nonce)
            await alice.unread()
            batches.clear()
            journal.going.set()
            seen = [await alice.said() for _ in range(6)]
            new = [message for message in seen if message.sequence > first.sequence]
            assert ["holds the journal up", "a", "b", "c"] == [each.message for each in new]
            assert list(range(first.sequence + 1, first.sequence + 5)) == [
                each.sequence for each in new
            ]
            assert [first] * 2 == [each for each in seen if each not in new]
            assert [1, 3] == batches
            await alice.close()

    run(scene())


def test_send_message_is_idempotent_by_its_nonce() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        request = pb.SendMessageRequest(
            session=alice.token().session, message=pb.Message(message="once", nonce="n1")
        )
        methods = Methods(hub)
        first = await methods.send_message(request)
        assert first == await methods.send_message(request)
        assert first == await alice.said()
        assert [first] == await stored(hub)
        await alice.close()

    play(scene)


def test_without_echo_a_retry_is_stored_once_and_answered_with_nothing() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        plain = await Listener(hub, "Plain").open()
        plain.say("once", "n1")
        assert "once" == (await watcher.said()).message
        plain.say("once", "n1")
        watcher.say("end")
        assert "end" == (await watcher.said()).message
        assert "end" == (await plain.said()).message
        await plain.close()
        await watcher.close()

    play(scene, Limits(message_rate=0))
