"""What one address, one identity and all together may take, over every protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.grants import Identity, anonymous
from chatroom.core.limits import Limits
from chatroom.core.rate import Pace
from tests.carriers import CARRIERS, Carrier, Ended, Stream, run
from tests.server.access.tokens_for import bearer, key_file, token
from tests.server.services import Running, running

LOCAL = (ip_network("127.0.0.0/8"), ip_network("::1"))
ROUNDED = 0.001
"""Seconds: RetryInfo has whole milliseconds."""
ANN, BOB = "203.0.113.7", "203.0.113.8"
FULL = "RESOURCE_EXHAUSTED"
ONE = {
    "server": ("SERVER_FULL", Limits(server_members=1)),
    "room": ("ROOM_FULL", Limits(room_capacity=1)),
    "address": ("ADDRESS_FULL", Limits(address_members=1)),
    "identity": ("IDENTITY_FULL", Limits(identity_members=1)),
}
"""Limits of one member, and what the second one is refused with."""


def from_(address: str, *, subject: str = "") -> dict[str, str]:
    """What a call is sent with: from an address, by somebody or by nobody."""
    shown = bearer(token(subject)) if subject else {}
    return {"x-forwarded-for": address, **shown}


async def enter(
    carrier: Carrier, name: str, headers: dict[str, str], *, subscribe: bool = False
) -> Stream:
    """A member who has joined. Raises Ended."""
    join = pb.JoinChat(room_id="lobby", name=name, features=[pb.FEATURE_EVENTS])
    if subscribe:
        stream = carrier.subscribe(join, headers)
    else:
        stream = carrier.chat(headers)
        await stream.send(pb.ChatMessage(join=join))
    assert (await stream.receive()).HasField("joined")
    return stream


async def refused(call: Any) -> tuple[str, str]:
    """Code and reason with which something is refused."""
    with pytest.raises(Ended) as ended:
        await call
    return ended.value.code, ended.value.reason


async def until_refused(do: Callable[[], Awaitable[None]]) -> Ended:
    """Do something as often as it goes; how it is refused."""
    while True:
        try:
            await do()
        except Ended as ended:
            return ended


async def read_to_the_end(stream: Stream) -> None:
    """Return once a stream has its status."""
    with contextlib.suppress(Ended):
        while True:
            await stream.receive()


async def until_gone(server: Running) -> None:
    """Return once nobody is in a room, or counted."""
    quotas = server.service.hub.quotas
    while len(quotas.addresses) or len(quotas.identities):
        await asyncio.sleep(0)


def limited(limits: Limits, tmp_path: Path, **settings: Any) -> Any:
    """A server with limits, tokens, and a trusted proxy on this machine."""
    return running(
        limits=limits,
        trusted_proxies=LOCAL,
        keys=key_file(tmp_path / "keys"),
        anonymous=anonymous(("join", "send", "list", "create", "history")),
        rooms=("lobby",),
        **settings,
    )


@pytest.mark.parametrize("whose", ONE)
@pytest.mark.parametrize("protocol", CARRIERS)
def test_one_member_too_many_is_refused_until_one_leaves(
    protocol: str, whose: str, tmp_path: Path
) -> None:
    """Over both streams, with a reason, and counted by it."""
    reason, limits = ONE[whose]

    async def scene() -> None:
        async with limited(limits, tmp_path) as server:
            carrier = CARRIERS[protocol](server.port)
            headers = from_(ANN, subject="ann")
            first = await enter(carrier, "Ann", headers)
            for subscribe in (False, True):
                assert (FULL, reason) == await refused(
                    enter(carrier, "Anna", headers, subscribe=subscribe)
                )
            assert {reason: 2} == server.service.counters.refusals
            await first.send(pb.ChatMessage(leave=pb.Leave()))
            await read_to_the_end(first)
            await until_gone(server)
            await (await enter(carrier, "Anna", headers, subscribe=True)).cancel()
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_one_stream_too_many_on_a_connection_is_refused_and_counted(protocol: str) -> None:
    """At its head: a client that still writes may not get to read the reason."""

    async def scene() -> None:
        limits = Limits(connection_streams=1, grace=0.0)
        async with running(limits=limits, rooms=("lobby",)) as server:
            carrier = CARRIERS[protocol](server.port)
            first = await enter(carrier, "Ann", {})
            code, reason = await refused(enter(carrier, "Bob", {}, subscribe=True))
            assert (code, reason) in ((FULL, "STREAMS_EXHAUSTED"), ("INTERNAL", ""))
            assert {"STREAMS_EXHAUSTED": 1} == server.service.counters.refusals
            await first.cancel()
            while len(server.service.hub._streams):
                await asyncio.sleep(0)
            await (await enter(carrier, "Bob", {}, subscribe=True)).cancel()
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_one_room_too_many_is_refused_until_one_is_deleted(protocol: str) -> None:
    """With a reason, and counted by it."""

    async def scene() -> None:
        async with running(limits=Limits(server_rooms=1), rooms=("lobby",)) as server:
            carrier = CARRIERS[protocol](server.port)
            create = pb.CreateChatRoomRequest(room_id="other")
            assert (FULL, "SERVER_FULL") == await refused(carrier.call("CreateChatRoom", create))
            await carrier.call("DeleteChatRoom", pb.DeleteChatRoomRequest(room_id="lobby"))
            await carrier.call("CreateChatRoom", create)
            assert {"SERVER_FULL": 1} == server.service.counters.refusals
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_a_member_above_its_rate_is_not_read_for_a_while(protocol: str) -> None:
    """Nothing is refused, all of it comes, and the pauses are counted."""

    async def scene() -> None:
        limits = Limits(message_rate=100, message_burst=5)
        async with running(limits=limits, rooms=("lobby",)) as server:
            carrier = CARRIERS[protocol](server.port)
            reader = await enter(carrier, "Bob", {})
            writer = await enter(carrier, "Ann", {})
            for number in range(20):
                await writer.send(pb.ChatMessage(message=pb.Message(message=f"{number}")))
            for number in range(20):
                while (await reader.receive()).message != f"{number}":
                    pass
            counters = server.service.counters
            assert 0 < counters.member_pauses <= 15
            assert (0, {}) == (counters.room_pauses, counters.refusals)
            for stream in (reader, writer):
                await stream.cancel()
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("whose", ["address", "identity"])
def test_others_are_let_in(whose: str, tmp_path: Path) -> None:
    """Another address, or another identity."""
    limits = ONE[whose][1]

    async def scene() -> None:
        async with limited(limits, tmp_path) as server:
            carrier = server.carrier
            streams = [await enter(carrier, "Ann", from_(ANN, subject="ann"))]
            if whose == "address":
                others = [from_(BOB, subject="ann"), from_("2001:db8::1"), from_("2001:db8:1::1")]
            else:
                others = [from_(ANN, subject="bob"), from_(ANN), from_(ANN)]
            for number, headers in enumerate(others):
                streams.append(await enter(carrier, f"Bob {number}", headers))
            for stream in streams:
                await stream.cancel()

    run(scene())


def test_of_ipv6_neighbours_are_one(tmp_path: Path) -> None:
    """A /64 is what everybody has at least: it must not be so many addresses."""

    async def scene() -> None:
        async with limited(Limits(address_members=1), tmp_path) as server:
            stream = await enter(server.carrier, "Ann", from_("2001:db8::1"))
            assert (FULL, "ADDRESS_FULL") == await refused(
                enter(server.carrier, "Anna", from_("2001:db8::2:1"))
            )
            await stream.cancel()

    run(scene())


def test_a_member_in_the_grace_counts_and_its_resume_is_no_join(tmp_path: Path) -> None:
    """Else whoever loses a stream again and again would have as many members as they like.

    Resumes are counted apart, with the same limit: they must not be for nothing either.
    """

    async def scene() -> None:
        limits = Limits(address_members=1, address_joins=Pace(2, 3600.0))
        async with limited(limits, tmp_path) as server:
            carrier = server.carrier
            stream = carrier.chat(from_(ANN))
            join = pb.JoinChat(room_id="lobby", name="Ann", features=[pb.FEATURE_EVENTS])
            await stream.send(pb.ChatMessage(join=join))
            joined = (await stream.receive()).joined
            join.resume.MergeFrom(
                pb.Resume(session=joined.session, epoch=joined.epoch, after=joined.sequence)
            )
            for address in (ANN, BOB, BOB):
                while not (await stream.receive()).HasField("live"):
                    pass
                await stream.cancel()
                while not server.service.hub.sessions.waiting:
                    await asyncio.sleep(0)
                assert 1 == len(server.service.hub.quotas.addresses)
                stream = carrier.chat(from_(address))
                await stream.send(pb.ChatMessage(join=join))
                assert joined.session == (await stream.receive()).joined.session
            assert (FULL, "ADDRESS_FULL") == await refused(enter(carrier, "Bob", from_(BOB)))
            other = await enter(carrier, "Anna", from_(ANN))
            again = carrier.chat(from_(BOB))
            await again.send(pb.ChatMessage(join=join))
            assert (FULL, "JOIN_TOO_OFTEN") == await refused(again.receive())
            for each in (stream, other):
                await each.cancel()

    run(scene())


def test_whoever_comes_anew_by_a_session_is_no_resume(tmp_path: Path) -> None:
    """A wrong epoch makes a fresh member of it: that is a join."""

    async def scene() -> None:
        async with limited(Limits(address_joins=Pace(2, 3600.0)), tmp_path) as server:
            carrier = server.carrier
            join = pb.JoinChat(room_id="lobby", name="Ann", features=[pb.FEATURE_EVENTS])
            for _ in range(2):
                stream = carrier.chat(from_(ANN))
                await stream.send(pb.ChatMessage(join=join))
                joined = (await stream.receive()).joined
                join.resume.MergeFrom(pb.Resume(session=joined.session, epoch="another"))
            stream = carrier.chat(from_(ANN))
            await stream.send(pb.ChatMessage(join=join))
            assert (FULL, "JOIN_TOO_OFTEN") == await refused(stream.receive())

    run(scene())


PACES = {
    "address": Limits(address_joins=Pace(2, 1.0), address_creations=Pace(2, 1.0)),
    "identity": Limits(identity_joins=Pace(2, 1.0), identity_creations=Pace(2, 1.0)),
}


@pytest.mark.parametrize("whose", PACES)
@pytest.mark.parametrize("protocol", CARRIERS)
def test_whoever_joins_too_often_is_told_how_long_to_wait(
    protocol: str, whose: str, tmp_path: Path
) -> None:
    """And is let in then."""

    async def scene() -> None:
        async with limited(PACES[whose], tmp_path) as server:
            carrier = CARRIERS[protocol](server.port)
            headers = from_(ANN, subject="ann")
            numbers = count()

            async def join() -> None:
                await enter(carrier, f"Ann {next(numbers)}", headers)

            ended = await until_refused(join)
            assert (FULL, "JOIN_TOO_OFTEN", {"limit": whose}) == (
                ended.code, ended.reason, ended.metadata,
            )  # fmt: skip
            assert 0.0 < ended.retry_after <= 0.5
            await enter(carrier, "Bob", from_(BOB, subject="bob"), subscribe=True)
            await asyncio.sleep(ended.retry_after + ROUNDED)
            await join()
            assert {"JOIN_TOO_OFTEN": 1} == server.service.counters.refusals
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("whose", PACES)
@pytest.mark.parametrize("protocol", CARRIERS)
def test_whoever_creates_rooms_too_often_is_told_how_long_to_wait(
    protocol: str, whose: str, tmp_path: Path
) -> None:
    """And may create one then; joins are not meant."""

    async def scene() -> None:
        async with limited(PACES[whose], tmp_path) as server:
            carrier = CARRIERS[protocol](server.port)
            creates = {"create": True}
            shown = bearer(token("ann", chat=creates))
            headers = {"x-forwarded-for": ANN, **shown}
            request = pb.CreateChatRoomRequest()

            async def create() -> None:
                await carrier.call("CreateChatRoom", request, headers)

            ended = await until_refused(create)
            assert (FULL, "CREATE_TOO_OFTEN", {"limit": whose}) == (
                ended.code, ended.reason, ended.metadata,
            )  # fmt: skip
            assert 0.0 < ended.retry_after <= 0.5
            stream = await enter(carrier, "Ann", headers)
            await carrier.call(
                "CreateChatRoom",
                request,
                {"x-forwarded-for": BOB, **bearer(token("bob", chat=creates))},
            )
            await asyncio.sleep(ended.retry_after + ROUNDED)
            await create()
            assert {"CREATE_TOO_OFTEN": 1} == server.service.counters.refusals
            await stream.cancel()
            await carrier.close()

    run(scene())


def test_a_flood_from_one_address_keeps_no_other_out(tmp_path: Path) -> None:
    """It is refused, and others join and talk meanwhile."""

    async def scene() -> None:
        limits = Limits(address_members=5, address_joins=Pace(20, 60.0), grace=0.0)
        async with limited(limits, tmp_path) as server:
            flooder = CARRIERS["grpc"](server.port)
            over = asyncio.Event()
            refusals: dict[str, int] = {}
            streams: list[Stream] = []
            numbers = count()

            async def flood() -> None:
                while not over.is_set():
                    try:
                        name = f"Mallory {next(numbers)}"
                        streams.append(await enter(flooder, name, from_(ANN)))
                    except Ended as ended:
                        refusals[ended.reason] = refusals.get(ended.reason, 0) + 1

            async with asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(flood())
                while "JOIN_TOO_OFTEN" not in refusals:
                    await asyncio.sleep(0)
                pair = [await enter(server.carrier, f"Bob {n}", from_(BOB)) for n in range(2)]
                for number in range(20):
                    speech = pb.Message(message=f"{number}")
                    await pair[0].send(pb.ChatMessage(message=speech))
                    while (await pair[1].receive()).message != f"{number}":
                        pass
                over.set()
            assert 5 >= len(streams)
            assert {"ADDRESS_FULL", "JOIN_TOO_OFTEN"} >= set(refusals) >= {"JOIN_TOO_OFTEN"}
            for stream in (*streams, *pair):
                await stream.cancel()
            await flooder.close()
            await until_gone(server)

    run(scene())


def test_a_class_behind_one_address_meets_no_limit(tmp_path: Path) -> None:
    """60 who join within ten seconds, each into three rooms that one of them has created."""

    async def scene() -> None:
        async with limited(Limits(), tmp_path) as server:
            quotas = server.service.hub.quotas
            who = Identity(anonymous(("join", "create")), address=ANN, subject="class")
            for _ in range(3 * 60):
                quotas.join(who)
                quotas.create(who)
            everybody = [from_(ANN, subject="class"), from_(ANN)]
            streams = [await enter(server.carrier, f"Ann {n}", everybody[n % 2]) for n in range(60)]
            for stream in streams:
                await stream.cancel()

    run(scene())


def test_zero_is_no_limit_and_this_machine_has_none(tmp_path: Path) -> None:
    """Unless its proxies are named; identities are counted wherever they come from."""
    none = Pace(0, 0.0)

    async def scene(limits: Limits, proxies: Any, headers: dict[str, str]) -> None:
        async with running(limits=limits, trusted_proxies=proxies, rooms=("lobby",)) as server:
            streams = [await enter(server.carrier, f"Ann {n}", headers) for n in range(5)]
            for _ in range(3):
                await server.carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(), headers)
            for stream in streams:
                await stream.cancel()

    off = Limits(address_members=0, address_joins=none, address_creations=none)
    run(scene(off, LOCAL, from_(ANN)))
    few = Limits(address_members=1, address_joins=Pace(1, 60.0), address_creations=Pace(1, 60.0))
    run(scene(few, (), from_(ANN)))


def test_nothing_is_left_counted_when_a_room_is_deleted(tmp_path: Path) -> None:
    """With streams in it, and without."""

    async def scene() -> None:
        async with running(trusted_proxies=LOCAL, rooms=("lobby",)) as server:
            streams = [await enter(server.carrier, f"Ann {n}", from_(ANN)) for n in range(3)]
            await streams[0].cancel()
            while not server.service.hub.sessions.waiting:
                await asyncio.sleep(0)
            request = pb.DeleteChatRoomRequest(room_id="lobby")
            await server.carrier.call("DeleteChatRoom", request)
            for stream in streams[1:]:
                await read_to_the_end(stream)
            await until_gone(server)

    run(scene())


def test_who_was_inside_before_a_restart_is_counted_by_identity(tmp_path: Path) -> None:
    """Addresses are not stored: by those it begins anew."""

    async def scene() -> None:
        limits = Limits(identity_members=1, address_members=1)
        headers = from_(ANN, subject="ann")
        data = tmp_path / "data"
        async with limited(limits, tmp_path, data=data) as server:
            await enter(server.carrier, "Ann", headers)
        async with limited(limits, tmp_path, data=data) as server:
            assert (FULL, "IDENTITY_FULL") == await refused(enter(server.carrier, "Anna", headers))
            stream = await enter(server.carrier, "Bob", from_(ANN))
            await stream.cancel()

    run(scene())
