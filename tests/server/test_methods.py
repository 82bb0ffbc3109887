"""The methods that answer once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import Ended, run
from tests.server.services import Running, running


async def refusal(server: Running, method: str, request: object) -> tuple[str, str]:
    with pytest.raises(Ended) as ended:
        await server.carrier.call(method, request)
    return ended.value.code, ended.value.reason


def test_a_room_gets_six_digits_and_a_private_one_128_bits() -> None:
    """The original's ids, and ids that cannot be guessed; the latter are not listed."""

    async def scene() -> None:
        async with running() as server:
            room = await server.create("", title="Salon\u00a0: thé 👨\u200d👩\u200d👧")
            private = await server.create("", private=True)
            assert (6, True) == (len(room.room_id), room.room_id.isdigit())
            assert 128 == 4 * len(bytes.fromhex(private.room_id)) * 2
            listed = await server.carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            assert [room.room_id] == [each.room_id for each in listed.chat_rooms]
            stream = await server.join(private.room_id, "Alice")
            await stream.cancel()

    run(scene())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"room_id": "lobby"}, ("ALREADY_EXISTS", "ROOM_EXISTS")),
        ({"room_id": "Not An Id"}, ("INVALID_ARGUMENT", "ROOM_ID_INVALID")),
        ({"room_id": "x" * 65}, ("INVALID_ARGUMENT", "ROOM_ID_INVALID")),
        ({"room_id": "0123456789abcdef" * 2}, ("INVALID_ARGUMENT", "ROOM_ID_INVALID")),
        ({"room_id": "mine", "private": True}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
        ({"title": "two\nlines"}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
        ({"title": "x" * 129}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
        ({"title": "bidi \u202e"}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
        ({"capacity": 10_001}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
        ({"history": 10_001}, ("INVALID_ARGUMENT", "REQUEST_INVALID")),
    ],
)
def test_a_room_that_cannot_be_is_refused(
    fields: dict[str, object], expected: tuple[str, str]
) -> None:
    """Each with its reason, and no room is made."""

    async def scene() -> None:
        async with running() as server:
            await server.create("lobby")
            request = pb.CreateChatRoomRequest(**fields)  # type: ignore[arg-type]
            assert expected == await refusal(server, "CreateChatRoom", request)
            listed = await server.carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            assert 1 == len(listed.chat_rooms)

    run(scene())


def test_a_room_tells_when_something_was_last_said(tmp_path: Path) -> None:
    """Listed and joined, also after a restart; coming and going is no talk."""

    async def active(server: Running) -> list[Timestamp | None]:
        listed = await server.carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
        return [r.active if r.HasField("active") else None for r in listed.chat_rooms]

    async def scene() -> None:
        async with running(tmp_path) as server:
            assert not (await server.create("lobby")).HasField("active")
            await server.create("quiet")
            bob = await server.join("lobby", "Bob", pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
            assert not bob.joined.room.HasField("active")
            assert [None, None] == await active(server)
            await server.say(bob, "hello")
            sent = (await bob.receive()).sent
            assert [sent, None] == await active(server)
            await (await server.join("lobby", "Alice")).cancel()
            assert (await bob.receive()).HasField("entered")
            assert (await bob.receive()).HasField("left")
            assert [sent, None] == await active(server)
            await bob.cancel()
        async with running(tmp_path) as server:
            assert [sent, None] == await active(server)
            carl = await server.join("lobby", "Carl", pb.FEATURE_EVENTS)
            assert sent == carl.joined.room.active
            await carl.cancel()

    run(scene())


def test_a_full_server_takes_no_more_rooms_or_members() -> None:
    """Until one goes."""

    async def scene() -> None:
        async with running(limits=Limits(server_rooms=1, server_members=1)) as server:
            await server.create("lobby")
            assert ("RESOURCE_EXHAUSTED", "SERVER_FULL") == await refusal(
                server, "CreateChatRoom", pb.CreateChatRoomRequest()
            )
            alice = await server.join("lobby", "Alice")
            with pytest.raises(Ended) as ended:
                await server.join("lobby", "Bob")
            assert "SERVER_FULL" == ended.value.reason
            await alice.send(pb.ChatMessage(leave=pb.Leave()))
            with pytest.raises(Ended) as ended:
                await alice.receive()
            assert "OK" == ended.value.code
            await (await server.join("lobby", "Bob")).cancel()

    run(scene())


def test_rooms_are_listed_in_order_and_in_pages() -> None:
    """Every room once; without a page size all of them, as the original did."""

    async def scene() -> None:
        async with running() as server:
            names = [f"room-{number:02}" for number in range(7)]
            for name in reversed(names):
                await server.create(name)
            found, token = [], ""
            while True:
                page = await server.carrier.call(
                    "ListChatRooms", pb.ListChatRoomsRequest(page_size=3, page_token=token)
                )
                found.append([room.room_id for room in page.chat_rooms])
                token = page.next_page_token
                if not token:
                    break
            assert [names[:3], names[3:6], names[6:]] == found
            everything = await server.carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            assert names == [room.room_id for room in everything.chat_rooms]

    run(scene())


def test_what_was_said_can_be_paged_both_ways() -> None:
    """Every entry once, in room order, whichever way one goes."""

    async def scene() -> None:
        async with running() as server:
            await server.create("lobby")
            alice = await server.join("lobby", "Alice", pb.FEATURE_ECHO)
            for number in range(9):
                await server.say(alice, str(number))
                await alice.receive()

            async def page(**fields: int) -> tuple[list[int], bool]:
                response = await server.carrier.call(
                    "ListMessages", pb.ListMessagesRequest(room_id="lobby", **fields)
                )
                return [message.sequence for message in response.messages], response.more

            assert ([8, 9, 10], True) == await page(page_size=3)
            assert ([5, 6, 7], True) == await page(page_size=3, before=8)
            assert ([1], False) == await page(page_size=3, before=2)
            assert ([], False) == await page(before=1)
            assert ([], False) == await page(before=0)
            assert ([1, 2, 3], True) == await page(page_size=3, after=0)
            assert ([10], False) == await page(page_size=3, after=9)
            assert ([], False) == await page(after=10)
            assert ([], False) == await page(after=2**64 - 1)
            assert (list(range(1, 11)), False) == await page(before=2**64 - 1)
            for fields in ({"before": 3, "after": 1}, {"page_size": 1001}):
                request = pb.ListMessagesRequest(room_id="lobby", **fields)  # type: ignore[arg-type]
                assert ("INVALID_ARGUMENT", "REQUEST_INVALID") == await refusal(
                    server, "ListMessages", request
                )
            await alice.cancel()

    run(scene())


def test_a_page_ends_at_its_bytes() -> None:
    """A page of large messages is shorter, and says that there is more."""

    async def scene() -> None:
        async with running(limits=Limits(page_bytes=10_000, message_rate=0)) as server:
            await server.create("lobby")
            alice = await server.join("lobby", "Alice", pb.FEATURE_ECHO)
            for _ in range(9):
                await server.say(alice, "x" * 4096)
                await alice.receive()
            response = await server.carrier.call(
                "ListMessages", pb.ListMessagesRequest(room_id="lobby", after=1)
            )
            assert ([2, 3, 4], True) == ([m.sequence for m in response.messages], response.more)
            await alice.cancel()

    run(scene())


def test_members_are_listed_in_pages() -> None:
    """In order of their names' keys, each once."""

    async def scene() -> None:
        async with running() as server:
            await server.create("lobby")
            streams = [await server.join("lobby", name) for name in ("Dan", "alice", "Bob")]
            first = await server.carrier.call(
                "ListMembers", pb.ListMembersRequest(room_id="lobby", page_size=2)
            )
            rest = await server.carrier.call(
                "ListMembers",
                pb.ListMembersRequest(room_id="lobby", page_token=first.next_page_token),
            )
            assert (["alice", "Bob"], ["Dan"], "") == (
                [member.name for member in first.members],
                [member.name for member in rest.members],
                rest.next_page_token,
            )
            for stream in streams:
                await stream.cancel()

    run(scene())


def test_sending_without_a_stream_is_refused() -> None:
    """No session, a wrong one, that of a plain client; none or two things to send."""

    async def scene() -> None:
        async with running() as server:
            await server.create("lobby")
            message = pb.Message(message="hello")
            for session in ("", "0" * 32):
                request = pb.SendMessageRequest(session=session, message=message)
                assert ("NOT_FOUND", "SESSION_UNKNOWN") == await refusal(
                    server, "SendMessage", request
                )
            for request in (
                pb.SendMessageRequest(session="x"),
                pb.SendMessageRequest(session="x", message=message, leave=pb.Leave()),
            ):
                assert ("INVALID_ARGUMENT", "ONE_FIELD") == await refusal(
                    server, "SendMessage", request
                )

    run(scene())


def test_sending_above_the_rate_waits_and_then_is_refused() -> None:
    """Up to two seconds of waiting, then RATE_LIMITED with the time to wait."""

    async def scene() -> None:
        limits = Limits(message_rate=0.1, message_burst=2)
        async with running(limits=limits) as server:
            await server.create("lobby")
            stream = server.carrier.subscribe(
                pb.JoinChat(room_id="lobby", name="Web", features=[pb.FEATURE_EVENTS])
            )
            session = (await stream.receive()).joined.session
            request = pb.SendMessageRequest(session=session, message=pb.Message(message="x"))
            stored = [await server.carrier.call("SendMessage", request) for _ in range(2)]
            assert [2, 3] == [message.sequence for message in stored]
            with pytest.raises(Ended) as ended:
                await server.carrier.call("SendMessage", request)
            assert ("RESOURCE_EXHAUSTED", "RATE_LIMITED") == (ended.value.code, ended.value.reason)
            await stream.cancel()

    run(scene())


def test_a_member_over_its_rate_is_slowed_down_and_loses_nothing() -> None:
    """Back-pressure: what was sent at once arrives in full, in order, later."""

    async def scene() -> None:
        async with running(limits=Limits(message_rate=200, message_burst=5)) as server:
            await server.create("lobby")
            alice, bob = await server.join("lobby", "Alice"), await server.join("lobby", "Bob")
            began = asyncio.get_running_loop().time()
            for number in range(45):
                await server.say(alice, str(number))
            received = [(await bob.receive()).message for _ in range(45)]
            took = asyncio.get_running_loop().time() - began
            assert [str(number) for number in range(45)] == received
            assert took >= 40 / 200 * 0.9
            await alice.cancel()
            await bob.cancel()

    run(scene())
