"""Every queue of a stream has its bound, and back-pressure is not reading."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal.memory import MemoryJournal
from chatroom.server.port.rota import AT_ONCE, Rota
from tests.carriers import run
from tests.server.listeners import Listener, TamedJournal, lobby
from tests.server.turn_work import Work, counted


def test_a_full_outbox_stops_the_reading_of_its_stream() -> None:
    """Whoever sends only what is refused, and does not read, is read no further."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), Limits(message_rate=0, outbox=5)) as hub:
            alice = await Listener(hub, "Alice").open()
            for _ in range(20):
                alice.say("")
            assert 14 == await alice.unread()  # four wait, one is written, one was not taken
            refused = [await alice.next() for _ in range(20)]
            assert {"chat server"} == {message.name for message in refused}
            await alice.close()

    run(scene())


def test_while_the_journal_is_behind_no_stream_is_read() -> None:
    """What waits for it is bounded; the rest waits with its sender, and none is lost."""

    async def scene() -> None:
        journal = TamedJournal()
        limits = Limits(message_rate=0, pending_bytes=10_000)
        async with lobby(journal, limits) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_ECHO).open()
            journal.going.clear()
            for number in range(40):
                alice.say(f"{number:01000}")
            waiting = await alice.unread()
            assert 20 < waiting < 35
            journal.going.set()
            received = [int((await alice.next()).message) for _ in range(40)]
            assert list(range(40)) == received
            await alice.close()

    run(scene())


def test_a_reader_behind_the_tail_reads_on_from_the_journal() -> None:
    """In writes of the same bound, nothing missing, nothing twice, own words left out."""

    async def scene() -> None:
        limits = Limits(message_rate=0, tail_bytes=20_000, chunk_bytes=12_000, write_bytes=12_000)
        async with lobby(MemoryJournal(), limits) as hub:
            slow = await Listener(hub, "Slow").open()
            alice = await Listener(hub, "Alice", pb.FEATURE_ECHO).open()
            for number in range(100):
                alice.say(f"{number:02}" + "x" * 1_000)
                await alice.next()
            slow.say("my own")
            assert "my own" == (await alice.next()).message
            received = [(await slow.next()).message for _ in range(101)]
            assert ["Has entered the chat", *(f"{n:02}" for n in range(100))] == [
                received[0], *(message[:2] for message in received[1:]),
            ]  # fmt: skip
            assert max(slow.writes) <= 12_000
            await slow.close()
            await alice.close()

    run(scene())


def test_history_beyond_the_tail_comes_from_the_journal_in_writes() -> None:
    """As many as were asked for, in order, however many writes it takes."""

    async def scene() -> None:
        limits = Limits(message_rate=0, tail_bytes=20_000, write_bytes=12_000)
        async with lobby(MemoryJournal(), limits) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_ECHO).open()
            for number in range(60):
                alice.say(f"{number:02}" + "x" * 1_000)
                await alice.next()
            bob = await Listener(hub, "Bob", history=50).open(arrive=False)
            received = [(await bob.next()).message[:2] for _ in range(50)]
            assert [f"{number:02}" for number in range(10, 60)] == received
            assert (await bob.next()).HasField("entered")
            assert max(bob.writes) <= 12_000
            await bob.close()
            await alice.close()

    run(scene())


def test_joined_lists_a_roster_up_to_its_bound() -> None:
    """In a bigger room it lists none: ListMembers has them in pages."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), Limits(joined_roster=2)) as hub:
            listeners = [await Listener(hub, name).open() for name in ("Alice", "Bob")]
            carol = await Listener(hub, "Carol", pb.FEATURE_EVENTS).open(arrive=False)
            joined = (await carol.next()).joined
            assert (0, 3) == (len(joined.members), joined.room.member_count)
            for listener in (*listeners, carol):
                await listener.close()

    run(scene())


def test_who_is_let_in_by_one_commit_is_told_of_all_the_others_by_turns() -> None:
    """A roster of 500 takes 5 ms, and a connection may have 128 streams that wait for it."""
    work = Work()

    async def scene() -> None:
        journal = TamedJournal()
        async with lobby(journal) as hub:
            turn = Rota().of("a connection")
            journal.going.clear()
            members = [
                Listener(hub, f"M{n}", pb.FEATURE_EVENTS, history=0, turn=turn) for n in range(40)
            ]
            for member in members:
                member.ask()
            while hub.rooms.get("lobby").member_count < len(members):
                await asyncio.sleep(0)
            sys.setprofile(work.profile)
            journal.going.set()
            assert {"joined"} == {(await each.next()).WhichOneof("event") for each in members}
            sys.setprofile(None)
            for member in members:
                await member.close()

    counted(scene(), work)
    assert 0 < work.calls["room_message"] <= 2 * AT_ONCE  # let in by the last turn, and by this one


def test_silence_is_broken_by_heartbeats_for_members_with_events() -> None:
    """Again and again, and not for a plain client."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), Limits(heartbeat_silence=0.02)) as hub:
            plain = await Listener(hub, "Plain").open()
            alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
            assert (await alice.next()).HasField("live")
            assert [2, 2, 2] == [(await alice.next()).heartbeat.sequence for _ in range(3)]
            alice.say("hello")
            assert ["Alice", "Alice"] == [(await plain.next()).name for _ in range(2)]
            await alice.close()
            await plain.close()

    run(scene())


def test_a_heartbeat_is_answered_once_in_its_interval() -> None:
    """Ten at once are one answer; a plain client gets none."""

    async def scene() -> None:
        async with lobby(MemoryJournal()) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
            assert (await alice.next()).HasField("live")
            for _ in range(10):
                alice.wire.request(pb.ChatMessage(heartbeat=pb.Heartbeat()))
            bob = await Listener(hub, "Bob").open()
            bob.wire.request(pb.ChatMessage(heartbeat=pb.Heartbeat()))
            bob.say("hello")
            seen = [(await alice.next()) for _ in range(3)]
            assert 1 == sum(message.HasField("heartbeat") for message in seen)
            alice.say("bye")
            assert "bye" == (await bob.next()).message
            await alice.close()
            await bob.close()

    run(scene())


def test_what_says_nothing_is_read_at_a_pace_too() -> None:
    """A flood of empty messages and heartbeats is left to flow control, as any other."""

    async def scene() -> None:
        limits = Limits(message_rate=0, empty_rate=0.001, empty_burst=10)
        async with lobby(MemoryJournal(), limits) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_EVENTS).open()
            for _ in range(15):
                alice.wire.request(pb.ChatMessage())
                alice.wire.request(pb.ChatMessage(heartbeat=pb.Heartbeat()))
            assert 19 == await alice.unread()  # of 30 ten passed, and one waits
            await alice.close()

    run(scene())


def test_who_waits_for_its_rate_is_read_on_once_however_often_it_catches_up() -> None:
    """Each catch-up tries to read on; else each would leave a timer that begets another."""

    async def scene() -> None:
        limits = Limits(message_rate=20, message_burst=1)
        async with lobby(MemoryJournal(), limits) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_ECHO).open()
            for number in range(5):
                alice.say(str(number))
            await alice.said()
            for _ in range(100):
                alice.call.go_on()  # as at the end of a catch-up
            before = alice.call.went_on
            assert ["1", "2", "3", "4"] == [(await alice.said()).message for _ in range(4)]
            assert 10 > alice.call.went_on - before
            await alice.close()

    run(scene())


def test_who_goes_while_it_waits_for_its_rate_is_forgotten() -> None:
    """A low rate has it wait for minutes; what its stream held is not kept for so long."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), Limits(message_rate=0.01, message_burst=1)) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_ECHO).open()
            alice.say("first")
            alice.say("second")
            await alice.said()
            assert alice.call.waits
            wire = weakref.ref(alice.wire)
            await alice.close()
            del alice
            for name in ("Bob", "Carol"):  # the last turns of the log are still held
                await (await Listener(hub, name).open()).close()
                await hub.commits.flush()
            gc.collect()
            assert wire() is None

    run(scene())


def test_in_a_big_room_nobody_is_told_who_types() -> None:
    """Each notice would go to everyone."""

    async def scene() -> None:
        async with lobby(MemoryJournal(), Limits(message_rate=0, typing_members=2)) as hub:
            members = [await Listener(hub, f"M{n}", pb.FEATURE_EVENTS).open() for n in range(2)]
            members[0].wire.request(pb.ChatMessage(typing=pb.Typing(active=True)))
            while not (notice := await members[1].next()).HasField("typing"):
                pass
            assert "M0" == notice.name
            members.append(await Listener(hub, "M2", pb.FEATURE_EVENTS).open())
            members[1].wire.request(pb.ChatMessage(typing=pb.Typing(active=True)))
            members[1].say("said")
            assert "M1" == (await members[0].next_but("live")).name
            assert "M2" == (await members[0].next()).name
            said = await members[0].next()  # and no typing before it
            assert ("M1", "said") == (said.name, said.message)
            for member in members:
                await member.close()

    run(scene())
