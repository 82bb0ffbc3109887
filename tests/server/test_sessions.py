"""Sessions and resume: who may come back, to what, and what others see of it.

Each test is a sentence of the design. What survives a restart is tested as scenes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.entry import Entry
from chatroom.core.limits import Limits
from chatroom.core.record import MemberRecord
from chatroom.core.refusals import (
    Draining,
    HeartbeatLost,
    JournalUnavailable,
    NameTaken,
    Removed,
    RequestInvalid,
    SessionMismatch,
    SessionReplaced,
    SessionUnknown,
)
from chatroom.journal.memory import MemoryJournal
from chatroom.server.calls.methods import Methods
from chatroom.server.rooms.hub import Hub
from chatroom.server.rooms.sessions import Place
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
FOREVER = Limits(message_rate=0, grace=3600.0)
AT_ONCE = Limits(message_rate=0, grace=0.0)


def kinds(messages: list[pb.Message]) -> list[str]:
    return [message.WhichOneof("event") or message.message for message in messages]


def sequences(messages: list[pb.Message]) -> list[int]:
    return [message.sequence for message in messages]


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0)


async def gone(hub: Hub, name: str) -> None:
    """Wait until somebody has left, and that is stored."""
    room = hub.rooms.get("lobby")
    await until(lambda: room.member_called(name) is None)
    await hub.commits.flush()


def play(
    scene: Callable[[Hub], Awaitable[None]],
    limits: Limits = FOREVER,
    journal: Callable[[], MemoryJournal] = MemoryJournal,
) -> None:
    async def whole() -> None:
        async with lobby(journal(), limits) as hub:
            await scene(hub)

    run(whole())


def test_a_stream_that_is_lost_is_resumed_silently_and_gets_exactly_what_it_missed() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        await watcher.until_live()
        assert "entered" == (await watcher.next()).WhichOneof("event")
        await alice.close()
        for text in "one", "two", "three":
            watcher.say(text)
            assert text == (await watcher.next()).message
        back = await alice.again()
        missed = await back.until_live()
        assert ["one", "two", "three"] == kinds(missed)
        assert list(range(alice.last + 1, alice.last + 4)) == sequences(missed)
        assert back.joined is not None
        assert alice.joined is not None
        assert pb.RECOVERY_COMPLETE == back.joined.recovery
        assert alice.joined.session == back.joined.session
        assert {"Watcher", "Alice"} == {member.name for member in back.joined.members}
        back.say("here again")
        assert "here again" == (await back.next()).message
        assert "here again" == (await watcher.next()).message  # and no departure before it
        await back.close()
        await watcher.close()

    play(scene)


def test_a_resume_takes_over_from_a_stream_that_is_still_open() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        back = await alice.again()
        assert [] == await back.until_live()
        assert isinstance(await alice.end(), SessionReplaced)
        await alice.close()
        back.say("one stream only")
        assert "one stream only" == (await back.next()).message
        assert 1 == hub.rooms.get("lobby").member_count
        await back.close()

    play(scene)


def test_what_the_old_stream_says_after_a_take_over_is_not_taken() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        back = await alice.again()
        await back.until_live()
        alice.say("too late")
        await alice.unread()
        back.say("mine")
        assert "mine" == (await back.next()).message
        await alice.close()
        await back.close()

    play(scene)


def test_without_echo_own_messages_are_left_out_of_a_resume_too() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
        alice.say("mine")
        assert "mine" == (await watcher.said()).message
        watcher.say("yours")
        await watcher.said()
        await alice.close()
        back = await alice.again()
        assert ["yours"] == kinds(await back.until_live())
        await back.close()
        back = await alice.again(*BOTH)
        assert ["mine", "yours"] == kinds(await back.until_live())
        await back.close()
        await watcher.close()

    play(scene)


def test_after_the_grace_the_member_is_lost() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        await watcher.until_live()
        await watcher.next()
        await alice.close()
        left = (await watcher.next()).left
        assert ("Alice", pb.LEAVE_REASON_LOST) == (left.name, left.reason)
        await watcher.close()

    play(scene, AT_ONCE)


def test_a_later_resume_logs_an_arrival_and_still_replays_exactly() -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        alice.say("before")
        await alice.said()
        await alice.close()
        await gone(hub, "Alice")
        watcher.say("meanwhile")
        while (await watcher.said()).message != "meanwhile":
            pass
        back = await alice.again()
        missed = await back.until_live()
        assert ["left", "meanwhile", "entered"] == kinds(missed)
        assert list(range(alice.last + 1, alice.last + 4)) == sequences(missed)
        assert back.joined is not None
        assert pb.RECOVERY_COMPLETE == back.joined.recovery
        assert back.joined.session == alice.token().session
        assert "entered" == (await watcher.next()).WhichOneof("event")
        await back.close()
        await gone(hub, "Alice")
        assert "left" == (await watcher.next()).WhichOneof("event")
        await watcher.close()

    play(scene, AT_ONCE)


def test_a_later_resume_needs_the_name_free() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await alice.close()
        await gone(hub, "Alice")
        other = await Listener(hub, "alice").open()
        with pytest.raises(NameTaken):
            await alice.again()
        await other.close()
        await gone(hub, "alice")
        back = await alice.again()
        assert ["left", "entered", "left", "entered"] == kinds(await back.until_live())
        await back.close()

    play(scene, AT_ONCE)


def test_a_session_ends_ten_minutes_after_its_last_stream() -> None:
    now = 1_000 * 10**9

    async def scene() -> None:
        nonlocal now
        journal = MemoryJournal()
        clocks = {"clock": lambda: now, "monotonic": lambda: now / 10**9}
        async with lobby(journal, AT_ONCE, **clocks) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            await alice.close()
            await gone(hub, "Alice")
            now += 599 * 10**9
            back = await alice.again()
            await back.until_live()
            assert back.joined is not None
            assert pb.RECOVERY_COMPLETE == back.joined.recovery
            await back.close()
            await gone(hub, "Alice")
            now += 601 * 10**9
            fresh = await back.again()
            await fresh.until_live()
            assert fresh.joined is not None
            assert pb.RECOVERY_PARTIAL == fresh.joined.recovery
            assert back.token().session != fresh.joined.session
            await fresh.close()

    run(scene())


@pytest.mark.parametrize("grace", [0.0, 3600.0])
def test_leave_ends_the_membership_and_the_session_at_once(grace: float) -> None:
    async def scene(hub: Hub) -> None:
        watcher = await Listener(hub, "Watcher", *BOTH).open()
        await watcher.until_live()
        alice = await Listener(hub, "Alice", *BOTH).open()
        await watcher.next()
        alice.wire.request(pb.ChatMessage(leave=pb.Leave()))
        assert await alice.end() is None
        assert pb.LEAVE_REASON_QUIT == (await watcher.next()).left.reason
        await alice.close()
        fresh = await alice.again()
        await fresh.until_live()
        assert fresh.joined is not None
        assert pb.RECOVERY_PARTIAL == fresh.joined.recovery
        await fresh.close()
        await watcher.close()

    play(scene, Limits(message_rate=0, grace=grace))


def test_a_member_without_a_stream_can_still_leave_by_its_session() -> None:
    """What a page sends when it is closed."""

    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        session = alice.token().session
        await alice.close()
        methods = Methods(hub)
        with pytest.raises(SessionUnknown):
            await methods.send_message(
                pb.SendMessageRequest(session=session, message=pb.Message(message="hello?"))
            )
        assert 1 == hub.rooms.get("lobby").member_count
        await methods.send_message(pb.SendMessageRequest(session=session, leave=pb.Leave()))
        assert 0 == hub.rooms.get("lobby").member_count

    play(scene)


def test_a_stream_without_events_has_no_session_and_leaves_at_once() -> None:
    async def scene(hub: Hub) -> None:
        plain = await Listener(hub, "Plain", pb.FEATURE_ECHO).open()
        await plain.close()
        await gone(hub, "Plain")
        with pytest.raises(RequestInvalid):
            await Listener(hub, "Plain", resume=pb.Resume(session="x")).open()

    play(scene)


def test_a_join_that_ends_before_its_client_learnt_the_session_leaves_at_once() -> None:
    """Its arrival was being stored: nobody could come back to such a place."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, FOREVER) as hub:
            room = hub.rooms.get("lobby")
            journal.going.clear()
            alice = Listener(hub, "Alice", *BOTH)
            alice.ask()
            await until(lambda: room.member_called("Alice") is not None)
            alice.go()
            await asyncio.sleep(0)
            journal.going.set()
            await gone(hub, "Alice")
            assert 0 == hub.sessions.waiting
            log = await journal.read(room.facts.key, after=0, entries=99, size=1 << 20)
            assert ["ENTERED", "LEFT"] == [entry.kind.name for entry in log]

    run(scene())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda resume: pb.Resume(session="no such"), id="unknown-session"),
        pytest.param(
            lambda resume: pb.Resume(session=resume.session, epoch="other", after=1), id="epoch"
        ),
        pytest.param(
            lambda resume: pb.Resume(
                session=resume.session, epoch=resume.epoch, after=resume.after + 1
            ),
            id="beyond-the-newest",
        ),
    ],
)
def test_what_cannot_be_resumed_is_a_fresh_join(change: Callable[[pb.Resume], pb.Resume]) -> None:
    """With a new session, PARTIAL, and the newest messages as `history` asks."""

    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        for text in "one", "two", "three":
            alice.say(text)
            await alice.said()
        resume = change(alice.token())
        name = "Alice" if resume.session == alice.token().session else "Alice again"
        fresh = await Listener(hub, name, *BOTH, history=2, resume=resume).open(arrive=False)
        replayed = await fresh.until_live()
        assert ["two", "three"] == kinds(replayed)[:2]
        assert "entered" == kinds(replayed)[-1]
        assert fresh.joined is not None
        assert pb.RECOVERY_PARTIAL == fresh.joined.recovery
        assert fresh.joined.session not in ("", alice.token().session)
        if name == "Alice":  # who holds the session is the same person: the old stream goes
            assert isinstance(await alice.end(), SessionReplaced)
            again = await Listener(hub, "Late", *BOTH, resume=alice.token()).open(arrive=False)
            await again.until_live()
            assert again.joined is not None
            assert pb.RECOVERY_PARTIAL == again.joined.recovery
            await again.close()
        await alice.close()
        await fresh.close()

    play(scene)


@pytest.mark.parametrize("grace", [0.0, 3600.0])
def test_a_session_of_another_room_or_name_is_refused(grace: float) -> None:
    async def scene(hub: Hub) -> None:
        await hub.rooms.create(room_id="garden")
        alice = await Listener(hub, "Alice", *BOTH).open()
        await alice.close()
        if not grace:
            await gone(hub, "Alice")
        for room, name, field in ("garden", "Alice", "room_id"), ("lobby", "Bob", "name"):
            with pytest.raises(SessionMismatch) as refused:
                await Listener(hub, name, *BOTH, room=room, resume=alice.token()).open()
            assert field == refused.value.field
        same = await Listener(hub, "ALICE", *BOTH, resume=alice.token()).open(arrive=False)
        await same.until_live()
        assert same.joined is not None
        assert "Alice" == same.joined.name  # a name tag in another case is the same name
        await same.close()

    play(scene, Limits(message_rate=0, grace=grace))


def test_a_room_id_used_anew_has_a_new_epoch() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await hub.moderation.delete_room(hub.rooms.get("lobby"), reason="", successor="")
        await alice.end()
        await alice.close()
        await hub.rooms.create(room_id="lobby")
        fresh = await alice.again()
        assert ["entered"] == kinds(await fresh.until_live())
        assert fresh.joined is not None
        assert alice.token().epoch != fresh.joined.epoch
        assert pb.RECOVERY_PARTIAL == fresh.joined.recovery
        await fresh.close()

    play(scene)


@pytest.mark.parametrize("streaming", [True, False])
def test_who_was_removed_does_not_come_back_by_the_session(streaming: bool) -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        if not streaming:
            await alice.close()
        hub.moderation.remove(hub.rooms.get("lobby"), "Alice", "spam")
        if streaming:
            assert isinstance(await alice.end(), Removed)
            await alice.close()
        with pytest.raises(Removed):
            await alice.again()
        await hub.commits.flush()
        with pytest.raises(Removed):
            await alice.again()

    play(scene)


def test_two_resumes_at_once_leave_one_stream() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await alice.close()
        await gone(hub, "Alice")
        first, second = await asyncio.gather(
            *(
                Listener(hub, "Alice", *BOTH, resume=alice.token()).open(arrive=False)
                for _ in range(2)
            ),
            return_exceptions=True,
        )
        streams = [each for each in (first, second) if isinstance(each, Listener)]
        assert streams
        await until(lambda: 1 == hub.rooms.get("lobby").member_count)
        for stream in streams:
            await stream.close()

    play(scene, AT_ONCE)


def test_a_grace_that_ends_while_the_journal_does_not_work_is_a_departure_later() -> None:
    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, Limits(message_rate=0, grace=0.0, journal_retry=0.01)) as hub:
            watcher = await Listener(hub, "Watcher", *BOTH).open()
            await watcher.until_live()
            alice = await Listener(hub, "Alice", *BOTH).open()
            await watcher.next()
            journal.broken = True
            await alice.close()
            await journal.failed.wait()
            journal.broken = False
            assert "left" == (await watcher.next()).WhichOneof("event")
            back = await alice.again()
            assert ["left", "entered"] == kinds(await back.until_live())
            await back.close()
            await watcher.close()

    run(scene())


def test_a_member_that_falls_silent_after_heartbeats_loses_its_stream() -> None:
    """And one that never sent any does not."""

    async def scene(hub: Hub) -> None:
        quiet = await Listener(hub, "Quiet", *BOTH).open()
        alice = await Listener(hub, "Alice", *BOTH).open()
        alice.wire.request(pb.ChatMessage(heartbeat=pb.Heartbeat()))
        assert isinstance(await alice.end(), HeartbeatLost)
        await alice.close()
        assert {"Quiet", "Alice"} == {m.name for m in hub.rooms.get("lobby").members()}
        back = await alice.again()
        await back.until_live()
        quiet.say("still here")
        while (await back.next()).message != "still here":
            pass
        await back.close()
        await quiet.close()

    play(scene, Limits(message_rate=0, grace=3600.0, heartbeat_patience=0.05))


def test_heartbeats_by_method_count_for_the_stream_that_listens() -> None:
    async def scene(hub: Hub) -> None:
        alice = await Listener(hub, "Alice", *BOTH).open()
        await Methods(hub).send_message(
            pb.SendMessageRequest(session=alice.token().session, heartbeat=pb.Heartbeat())
        )
        while not (await alice.next()).HasField("heartbeat"):
            pass
        assert isinstance(await alice.end(), HeartbeatLost)
        await alice.close()

    play(scene, Limits(message_rate=0, heartbeat_patience=0.05))


def test_time_in_which_a_stream_is_not_read_does_not_count() -> None:
    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, heartbeat_patience=0.05, pending_bytes=1)
        async with lobby(journal, limits) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            alice.wire.request(pb.ChatMessage(heartbeat=pb.Heartbeat()))
            while not (await alice.next()).HasField("heartbeat"):
                pass
            journal.going.clear()  # so that the stream is not read
            alice.say("one")
            alice.say("two")
            await asyncio.sleep(0.3)
            journal.going.set()
            assert "one" == (await alice.said()).message
            assert "two" == (await alice.said()).message
            await alice.close()

    run(scene())


def test_what_is_said_while_the_server_drains_is_told_to_those_who_cannot_resume() -> None:
    """Whoever has a session says it again after the resume; it is not stored here."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, FOREVER) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            plain = await Listener(hub, "Plain").open()
            await alice.until_live()
            await alice.next()
            journal.going.clear()
            alice.say("accepted", "n1")
            await alice.unread()
            draining = asyncio.create_task(hub.drain())
            while not hub.draining:
                await asyncio.sleep(0)
            alice.say("too late", "n2")
            plain.say("too late as well")
            await alice.unread()
            journal.going.set()
            await draining
            assert "draining" == (await alice.next()).WhichOneof("event")
            assert "accepted" == (await alice.next()).message
            assert isinstance(await alice.end(), Draining)
            line = await plain.next()
            assert ("chat server", str(Draining())) == (line.name, line.message)
            assert "accepted" == (await plain.next()).message
            assert isinstance(await plain.end(), Draining)
            await alice.close()
            await plain.close()

    run(scene())


class GatedJournal(MemoryJournal):
    """Reads wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def read(self, key: int, *, after: int, entries: int, size: int) -> list[Entry]:
        self.asked.set()
        await self.go.wait()
        return await super().read(key, after=after, entries=entries, size=size)


def test_a_stream_that_is_taken_over_while_it_catches_up_ends_as_any_other() -> None:
    """With SESSION_REPLACED: a failure of the server would make two clients fight."""

    async def scene() -> None:
        journal = GatedJournal()
        limits = Limits(message_rate=0, grace=3600.0, tail_bytes=500, write_bytes=500)
        async with lobby(journal, limits) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            bob = await Listener(hub, "Bob", *BOTH).open()
            for number in range(50):
                bob.say(f"{number}")
                await bob.said()
            ending = asyncio.create_task(alice.end())
            await journal.asked.wait()
            back = await alice.again()
            journal.go.set()
            assert isinstance(await ending, SessionReplaced)
            assert 51 == len(await back.until_live())
            for listener in (alice, back, bob):
                await listener.close()

    run(scene())


class SlowLooks(TamedJournal):
    """Looking for a session takes a moment, as in a thread of its own."""

    async def session(self, digest: bytes) -> tuple[int, MemberRecord] | None:
        await asyncio.sleep(0)
        return await super().session(digest)


@pytest.mark.parametrize("kind", [TamedJournal, SlowLooks])
def test_a_resume_waits_for_an_arrival_that_is_being_stored(kind: type[TamedJournal]) -> None:
    """And is not in by one that could not be, whether it came before or during its look."""

    async def scene() -> None:
        journal = kind()
        async with lobby(journal, AT_ONCE) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            await alice.close()
            await gone(hub, "Alice")
            journal.going.clear()
            joins = [asyncio.create_task(alice.again()) for _ in range(2)]
            for _ in range(50):
                await asyncio.sleep(0)
            assert not any(join.done() for join in joins)
            journal.broken = True
            journal.going.set()
            for join in joins:
                with pytest.raises(JournalUnavailable):
                    await join
            journal.broken = False
            back = await alice.again()
            assert ["left", "entered"] == kinds(await back.until_live())
            await back.close()

    run(scene())


def test_nothing_is_left_of_who_was_lost_while_its_room_was_deleted() -> None:
    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, AT_ONCE) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            journal.going.clear()
            deleting = asyncio.create_task(
                hub.moderation.delete_room(hub.rooms.get("lobby"), reason="", successor="")
            )
            await until(lambda: hub.rooms._rooms["lobby"].closing)
            await alice.close()
            await asyncio.sleep(0.01)  # the grace of no time ends
            journal.going.set()
            await deleting
            await hub.commits.flush()
            assert {} == hub.sessions._places == hub.sessions._of_room
            assert 0 == hub.sessions.waiting

    run(scene())


class WatchedPlace(Place):
    """A place that counts how often any of its kind is looked at."""

    looks = 0

    def __getattribute__(self, name: str) -> object:
        WatchedPlace.looks += 1
        return super().__getattribute__(name)


def test_a_room_that_is_deleted_costs_its_own_sessions_and_nobody_elses() -> None:
    """Of a hundred members of another room none is looked at; all of its own are forgotten."""

    async def scene(hub: Hub) -> None:
        other = await hub.rooms.create(room_id="other")
        for author in range(1_000, 1_100):
            record = MemberRecord(
                author=author, name=f"Member {author}", since=1, logged=True,
                session=author.to_bytes(32, "big"),
            )  # fmt: skip
            hub.sessions.enter(WatchedPlace(other, other.restore(record, monotonic=0.0)))
        alice = await Listener(hub, "Alice", *BOTH).open()
        bob = await Listener(hub, "Bob", *BOTH).open()
        await bob.close()  # in the grace
        WatchedPlace.looks = 0
        await hub.moderation.delete_room(hub.rooms.get("lobby"), reason="", successor="")
        assert 0 == WatchedPlace.looks
        assert {other} == {place.room for place in hub.sessions._places.values()}
        assert 0 == hub.sessions.waiting
        assert 0 < WatchedPlace.looks, "nothing was counted"
        await alice.close()

    play(scene)


def test_a_late_resume_that_is_cut_before_it_is_stored_comes_back_whole() -> None:
    """Whatever is stored in which order: in the end the journal has it inside."""

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal, AT_ONCE) as hub:
            alice = await Listener(hub, "Alice", *BOTH).open()
            await alice.close()
            await gone(hub, "Alice")
            journal.going.clear()
            first = Listener(hub, "Alice", *BOTH, resume=alice.token())
            first.ask()
            await until(lambda: hub.rooms.get("lobby").member_called("Alice") is not None)
            first.go()
            second = asyncio.create_task(alice.again())
            for _ in range(50):
                await asyncio.sleep(0)
            journal.going.set()
            back = await second
            assert "entered" == kinds(await back.until_live())[-1]
            await hub.commits.flush()
            stored = (await journal.open())[0]
            assert [("Alice", 0)] == [(record.name, record.ended) for record in stored.inside]
            log = await journal.read(stored.facts.key, after=0, entries=99, size=1 << 20)
            comings = [e.kind.name for e in log]
            assert ["ENTERED", "LEFT"] * 2 + ["ENTERED"] == comings
            await back.close()

    run(scene())
