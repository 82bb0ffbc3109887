"""Actions and replies: the same bytes for everyone, live and replayed, over every protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from tests.carriers import CARRIERS, Carrier, Stream, run
from tests.server.services import running

HIGHEST = (1 << 64) - 1
MANNERS = [
    pb.Message(message="waves", nonce="a", action=True),
    pb.Message(message="no", nonce="b", in_reply_to=1),
    pb.Message(message="shrugs", action=True, in_reply_to=HIGHEST),
    pb.Message(message="plainly", nonce="d"),
]


async def said(stream: Stream, count: int) -> list[bytes]:
    """The next things that are said on a stream, as bytes."""
    found: list[bytes] = []
    while len(found) < count:
        message = await stream.receive()
        if message.WhichOneof("event") is None:
            found.append(message.SerializeToString(deterministic=True))
    return found


@pytest.mark.parametrize("name", CARRIERS)
@pytest.mark.parametrize("subscribed", [False, True], ids=["Chat", "SendMessage"])
def test_everybody_gets_the_same_bytes(name: str, subscribed: bool, tmp_path: Path) -> None:
    """Who said it, others, who comes later, who asks for messages, and after a restart."""
    both = [pb.FEATURE_EVENTS, pb.FEATURE_ECHO]

    async def first(carrier: Carrier) -> list[bytes]:
        bob = carrier.subscribe(pb.JoinChat(room_id="lobby", name="Bob", features=both))
        session = (await bob.receive()).joined.session
        old = carrier.chat()
        await old.send(pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Old")))
        answers: list[bytes] = []
        if subscribed:
            for each in MANNERS:
                request = pb.SendMessageRequest(session=session, message=each)
                answer = await carrier.call("SendMessage", request)
                answers.append(answer.SerializeToString(deterministic=True))
        else:
            voice = carrier.chat()
            join = pb.JoinChat(room_id="lobby", name="Voice", features=both)
            await voice.send(pb.ChatMessage(join=join))
            for each in MANNERS:
                await voice.send(pb.ChatMessage(message=each))
            answers = await said(voice, len(MANNERS))
            await voice.cancel()
        assert answers == await said(bob, len(MANNERS))
        assert answers == await said(old, len(MANNERS))
        await bob.cancel()
        await old.cancel()
        return answers

    async def later(carrier: Carrier, answers: list[bytes]) -> None:
        late = carrier.subscribe(pb.JoinChat(room_id="lobby", name="Late"))
        assert answers == await said(late, len(MANNERS))
        page = await carrier.call("ListMessages", pb.ListMessagesRequest(room_id="lobby"))
        told = [each for each in page.messages if each.WhichOneof("event") is None]
        assert answers == [each.SerializeToString(deterministic=True) for each in told]
        read = [(each.message, each.action, each.in_reply_to, each.nonce) for each in told]
        assert read == [
            (each.message, each.action, each.in_reply_to, each.nonce) for each in MANNERS
        ]
        await late.cancel()

    async def scene() -> None:
        async with running(tmp_path) as server:
            await server.create()
            carrier = CARRIERS[name](server.port)
            answers = await first(carrier)
            await later(carrier, answers)
            await carrier.close()
        async with running(tmp_path) as server:
            carrier = CARRIERS[name](server.port)
            await later(carrier, answers)
            await carrier.close()

    run(scene())
