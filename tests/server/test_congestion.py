"""A room in which more is said than may be."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.exhausted import RoomBusy
from chatroom.core.limits import Limits
from chatroom.journal.memory import MemoryJournal
from chatroom.server.rooms.congestion import Congestion
from tests.carriers import CARRIERS, Ended, run
from tests.core.rooms import new_room
from tests.server.listeners import Listener, lobby
from tests.server.services import running

ECHO = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)


def test_a_rooms_rate_is_a_hundred_times_a_members() -> None:
    """Unless it is said; where a member has none, the room has none either."""
    assert (1_000.0, 2_000) == Limits().room_rate
    assert (50.0, 300) == Limits(message_rate=0.5, message_burst=3).room_rate
    assert 0 == Limits(message_rate=0).room_rate[0]
    assert 0 == Limits(room_message_rate=0).room_rate[0]
    assert (70.0, 140) == Limits(message_rate=0, room_message_rate=70).room_rate
    assert (1.0, 20) == Limits(room_message_rate=1).room_rate


def test_members_together_are_slowed_down_and_lose_nothing() -> None:
    """Each is not read for a while; all of it comes, each member's in order."""

    async def scene() -> None:
        limits = Limits(message_rate=0, room_message_rate=200)
        async with lobby(MemoryJournal(), limits) as hub:
            people = [await Listener(hub, f"P{n}", pb.FEATURE_ECHO).open() for n in range(4)]
            reader = await Listener(hub, "Reader").open()
            loop = asyncio.get_running_loop()
            began = loop.time()
            for number in range(130):
                for person in people:
                    person.say(str(number))
            heard: dict[str, list[str]] = {}
            for _ in range(4 * 130):
                message = await reader.said()
                heard.setdefault(message.name, []).append(message.message)
            assert {f"P{n}": [str(each) for each in range(130)] for n in range(4)} == heard
            assert loop.time() - began >= (4 * 130 - 400) / 200 * 0.9
            assert hub.quotas.counters.room_pauses
            for each in (*people, reader):
                await each.close()

    run(scene())


def test_each_who_is_called_has_one_message() -> None:
    """However many tokens there are by then; and nobody overtakes those who stand in line."""

    async def scene() -> None:
        now = 0.0
        limits = Limits(message_burst=1, room_message_rate=100)
        room = new_room(limits)
        congestion = Congestion(lambda: now)
        assert 200 == congestion.take_some(room, 300)
        said = ""
        done = asyncio.Event()

        def greedy(name: str) -> Callable[[], None]:
            def talk() -> None:
                nonlocal said
                while congestion.turn(room, talk) is None:
                    congestion.take(room)
                    said += name
                    if len(said) == 6:
                        done.set()

            return talk

        for name in "abc":
            greedy(name)()
        now = 0.065
        assert (6, 0) == (room.bucket.ready(now), congestion.take_some(room, 5))
        await done.wait()
        assert "abcabc" == said

    run(scene())


def test_a_member_above_its_rate_takes_nothing_of_its_rooms() -> None:
    """What the one does not let through, others of the room may say."""

    async def scene() -> None:
        now = 0.0
        limits = Limits(message_rate=1, message_burst=5, room_message_rate=25)
        async with lobby(MemoryJournal(), limits, monotonic=lambda: now) as hub:
            alice = await Listener(hub, "Alice", *ECHO).open()
            assert alice.joined is not None
            place = hub.sessions.speaker(alice.joined.session)
            assert 5 == hub.talk.say_all(place, [("x", "")] * 40)
            assert 45 == place.room.bucket.ready(now)
            await alice.close()

    run(scene())


def test_nobody_is_kept_from_a_word_by_who_floods() -> None:
    """Everybody has their turn: one message, behind one of each other who waits."""

    async def scene() -> None:
        limits = Limits(message_rate=0, room_message_rate=100)
        async with lobby(MemoryJournal(), limits) as hub:
            flooders = [await Listener(hub, f"F{n}", pb.FEATURE_ECHO).open() for n in range(5)]
            quiet = await Listener(hub, "Quiet", pb.FEATURE_ECHO).open()
            for number in range(200):
                for flooder in flooders:
                    flooder.say(str(number))
            heard = [await quiet.said() for _ in range(200)]  # the burst is over
            quiet.say("a word")
            between = 0
            while (await quiet.said()).message != "a word":
                between += 1
            assert between <= 2 * len(flooders) + 5
            assert {f"F{n}" for n in range(5)} == {message.name for message in heard}
            for each in (*flooders, quiet):
                await each.close()

    run(scene())


def test_who_goes_while_it_waits_is_forgotten() -> None:
    """A low rate has it wait for minutes; what its stream held is not kept for so long."""

    async def scene() -> None:
        limits = Limits(message_rate=0, message_burst=1, room_message_rate=0.001)
        async with lobby(MemoryJournal(), limits) as hub:
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


def test_a_line_ends_with_the_last_who_waits() -> None:
    """Of a room that is quiet again nothing is kept beside the room."""

    async def scene() -> None:
        limits = Limits(message_rate=0, room_message_rate=50)
        async with lobby(MemoryJournal(), limits) as hub:
            alice = await Listener(hub, "Alice", pb.FEATURE_ECHO).open()
            for number in range(110):
                alice.say(str(number))
            for _ in range(110):
                await alice.said()
            while hub.talk.congested:
                await asyncio.sleep(0)
            await alice.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_send_message_waits_and_then_is_refused(protocol: str) -> None:
    """With the time to wait, by which it is stored."""

    async def scene() -> None:
        limits = Limits(message_rate=0, message_burst=1, room_message_rate=2, send_wait=0.1)
        async with running(limits=limits, rooms=("lobby",)) as server:
            carrier = CARRIERS[protocol](server.port)
            stream = carrier.subscribe(
                pb.JoinChat(room_id="lobby", name="Web", features=[pb.FEATURE_EVENTS])
            )
            session = (await stream.receive()).joined.session
            request = pb.SendMessageRequest(session=session, message=pb.Message(message="x"))
            for _ in range(4):
                await carrier.call("SendMessage", request)
            with pytest.raises(Ended) as ended:
                await carrier.call("SendMessage", request)
            assert ("RESOURCE_EXHAUSTED", "ROOM_BUSY") == (ended.value.code, ended.value.reason)
            assert 0.1 < ended.value.retry_after <= 0.5
            assert {"ROOM_BUSY": 1} == server.service.counters.refusals
            await asyncio.sleep(ended.value.retry_after)
            assert (await carrier.call("SendMessage", request)).sequence
            await stream.cancel()
            await carrier.close()

    run(scene())


def test_calls_and_streams_stand_in_one_line() -> None:
    """Who asks for more than the patience of a call is told at once how long it would be."""

    async def scene() -> None:
        limits = Limits(message_rate=0, room_message_rate=20, send_wait=1.0)
        async with lobby(MemoryJournal(), limits) as hub:
            alice = await Listener(hub, "Alice", *ECHO).open(arrive=False)
            assert (await alice.next()).HasField("joined")
            assert alice.joined is not None
            place = hub.sessions.speaker(alice.joined.session)
            results = await asyncio.gather(
                *(hub.talk.send(place, str(n), "") for n in range(80)), return_exceptions=True
            )
            stored = [each for each in results if not isinstance(each, BaseException)]
            busy = [each for each in results if isinstance(each, RoomBusy)]
            assert 80 == len(stored) + len(busy)
            assert 60 <= len(stored) <= 62  # a burst of 40, and 20 in a second
            assert all(each.retry_after and each.retry_after > 1.0 for each in busy)
            await alice.close()

    run(scene())
