"""The next batch is handed to the journal before the last one is fanned out, in slices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.entry import Kind
from chatroom.core.limits import Limits
from chatroom.core.member import takes_nothing
from chatroom.journal import Append, JournalError
from chatroom.journal.memory import MemoryJournal
from chatroom.server.rooms.commit import SLICE
from chatroom.server.rooms.hub import Hub
from chatroom.server.rooms.sessions import Place
from chatroom.wire.envelopes import payloads
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby


class Diary(TamedJournal):
    """Writes down when it is handed what somebody says, and when that is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.handed = asyncio.Event()

    async def append(self, appends: Sequence[Append]) -> None:
        texts = [
            pb.Message.FromString(entry.envelope[5:]).message
            for append in appends
            for entry in append.entries
            if entry.kind is Kind.SAID
        ]
        self.events += [f"handed {text}" for text in texts]
        if texts:
            self.handed.set()
        await super().append(appends)
        self.events += [f"stored {text}" for text in texts]


class Gated(MemoryJournal):
    """Each append waits at a gate of its own, or fails behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: list[asyncio.Event] = []
        self.failing: set[int] = set()
        self._at = 0
        self._changed = asyncio.Event()

    async def reached(self, number: int) -> None:
        """Wait until so many appends came to their gates."""
        while self._at < number:
            self._changed.clear()
            await self._changed.wait()

    async def append(self, appends: Sequence[Append]) -> None:
        if self._at < len(self.gates):
            gate = self.gates[self._at]
            self._at += 1
            self._changed.set()
            await gate.wait()
            if self._at in self.failing:
                raise JournalError("no space left on device")
        await super().append(appends)


def watch(hub: Hub, name: str, events: list[str]) -> None:
    """Write down each time that somebody is handed a run."""
    member = hub.rooms.get("lobby").member_called(name)
    assert member is not None
    offer = member.offer

    def offered(run: bytes) -> bool:
        taken = offer(run)
        if taken:
            events.append(f"{name} gets it")
        return taken

    member.offer = offered


def test_the_next_batch_is_handed_over_before_the_last_is_fanned_out() -> None:
    """So the journal stores while the loop writes; and nobody sees what is not stored."""

    async def scene() -> None:
        journal = Diary()
        async with lobby(journal) as hub:
            alice = await Listener(hub, "Alice").open()
            bob = await Listener(hub, "Bob").open()
            assert "Bob" == (await alice.next()).name
            alice.say("zero")
            assert "zero" == (await bob.said()).message  # so it has taken all that came before
            watch(hub, "Bob", journal.events)
            journal.events.clear()
            journal.handed.clear()
            journal.going.clear()
            alice.say("one")
            await journal.handed.wait()
            alice.say("two")
            await alice.unread()
            journal.going.set()
            await hub.commits.flush()
            assert [
                "handed one", "stored one", "handed two", "stored two", "Bob gets it",
            ] == journal.events  # fmt: skip
            assert "one" == (await bob.said()).message
            assert "two" == (await bob.said()).message
            await alice.close()
            await bob.close()

    run(scene())


def test_what_is_being_stored_is_not_handed_out_with_the_batch_before() -> None:
    """However long the journal takes for it."""

    async def scene() -> None:
        journal = Gated()
        async with lobby(journal) as hub:
            alice = await Listener(hub, "Alice").open()
            bob = await Listener(hub, "Bob").open()
            journal.gates = [asyncio.Event(), asyncio.Event()]
            first, second = journal.gates
            alice.say("one")
            await journal.reached(1)
            alice.say("two")
            await alice.unread()
            first.set()
            assert "one" == (await bob.said()).message
            await journal.reached(2)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not bob.wire.written
            second.set()
            assert "two" == (await bob.said()).message
            await alice.close()
            await bob.close()

    run(scene())


def test_a_turn_that_fails_while_the_last_is_fanned_out_is_told_to_its_senders_alone() -> None:
    """What was stored before is shown, what comes after it follows without a hole."""

    async def scene() -> None:
        journal = Gated()
        async with lobby(journal) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
            assert (await alice.next()).HasField("live")
            bob = await Listener(hub, "Bob").open()
            assert (await alice.next()).HasField("entered")
            journal.gates = [asyncio.Event(), asyncio.Event()]
            journal.failing = {2}
            alice.say("one", nonce="n1")
            await journal.reached(1)
            alice.say("two", nonce="n2")
            await alice.unread()
            journal.gates[0].set()
            one = await bob.said()
            await journal.reached(2)
            alice.say("three", nonce="n3")
            await alice.unread()
            journal.gates[1].set()
            assert "n2" == (await alice.next()).refused.nonce
            three = await bob.said()
            assert ("one", "three") == (one.message, three.message)
            assert one.sequence + 1 == three.sequence
            assert 0 == await alice.unread()
            await hub.commits.flush()
            assert not alice.wire.written
            await alice.close()
            await bob.close()

    run(scene())


class Crowd:
    """Many members without streams, who note when they are handed something."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.places: list[Place] = []
        self.handed: dict[str, list[bytes]] = {}
        self.runs: list[int] = []
        """How many were handed something in each turn of the loop in which any was."""
        self.between = asyncio.Event()
        """Somebody was handed something, and the loop goes on with others."""
        self._scheduled = False

    async def come(self, count: int) -> None:
        joins = [
            self.hub.join("lobby", f"M{n}", wants_events=False, echo=True) for n in range(count)
        ]
        self.places = await asyncio.gather(*joins)
        newest = self.hub.rooms.get("lobby").newest
        for place in self.places:
            place.member.cursor = newest
            place.member.offer = self._offer(place.member.name)

    def _offer(self, name: str) -> Callable[[bytes], bool]:
        mine = self.handed.setdefault(name, [])

        def offer(run: bytes) -> bool:
            if not self._scheduled:
                self._scheduled = True
                self.runs.append(0)
                asyncio.get_running_loop().call_soon(self._others)
            self.runs[-1] += 1
            mine.append(run)
            return True

        return offer

    def _others(self) -> None:
        self._scheduled = False
        self.between.set()

    def heard(self, place: Place) -> list[str]:
        data = b"".join(self.handed[place.member.name])
        return [pb.Message.FromString(payload).message for payload in payloads(data)]

    def go(self) -> None:
        for place in self.places:
            self.hub.leave(place)


BIG = Limits(message_rate=0, logged_arrivals=10_000, room_capacity=10_000)


def test_a_large_fan_out_lets_others_have_their_turn() -> None:
    """After so many readers at most; each is handed the very same bytes once."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), BIG) as hub:
            crowd = Crowd(hub)
            await crowd.come(3 * SLICE + 10)
            hub.talk.say(crowd.places[0], "hello", "")
            await hub.commits.flush()
            assert [SLICE, SLICE, SLICE, 10] == crowd.runs
            assert {1} == {len(runs) for runs in crowd.handed.values()}
            assert 1 == len({id(runs[0]) for runs in crowd.handed.values()})
            crowd.go()

    run(scene())


def test_who_goes_between_two_slices_is_handed_nothing_any_more() -> None:
    """The others hear all of it, and the departures after it, once."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), BIG) as hub:
            crowd = Crowd(hub)
            await crowd.come(4 * SLICE)
            bob = await Listener(hub, "Bob").open()
            while bob.wire.written:
                await bob.wire.read()
            await hub.commits.flush()
            for runs in crowd.handed.values():
                runs.clear()
            crowd.between.clear()
            hub.talk.say(crowd.places[0], "hello", "")
            await crowd.between.wait()
            late = [place for place in crowd.places if not crowd.handed[place.member.name]]
            assert 10 < len(late) < 4 * SLICE
            for place in late[:10]:
                place.member.offer = takes_nothing
                hub.leave(place)
            await hub.commits.flush()
            assert all(not crowd.handed[place.member.name] for place in late[:10])
            for place in crowd.places:
                if place not in late[:10]:
                    assert ["hello", *["Has left the chat"] * 10] == crowd.heard(place)
            assert "hello" == (await bob.said()).message
            crowd.places = [place for place in crowd.places if place not in late[:10]]
            crowd.go()
            await bob.close()

    run(scene())


def test_who_comes_between_two_slices_gets_everything_once() -> None:
    """What is being fanned out is its history; what follows its arrival comes after that."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), BIG) as hub:
            crowd = Crowd(hub)
            await crowd.come(4 * SLICE)
            hub.talk.say(crowd.places[0], "hello", "")
            await crowd.between.wait()
            bob = Listener(hub, "Bob", pb.FEATURE_EVENTS)
            opening = asyncio.create_task(bob.open(arrive=False))
            hub.talk.say(crowd.places[0], "again", "")
            await opening
            found = [message.message for message in await bob.until_live()]
            hub.talk.say(crowd.places[0], "at last", "")
            while found[-1] != "at last":
                found.append((await bob.next()).message)
            assert 1 == found.count("hello")
            assert 1 == found.count("again")
            assert 1 == found.count("Has entered the chat")
            crowd.go()
            await bob.close()

    run(scene())
