"""Messages that are withdrawn while a member is away, and what older libraries make of them."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from chatroom.api.rpc import chat_pb2
from chatroom.client import Chat, Kind, Message
from chatroom.client.messages import message_from

from .recovering import play, said, until
from .scripted_server import LOST, ScriptedServer


def test_a_log_is_known_again_though_its_last_entry_was_withdrawn() -> None:
    """A new epoch, and another text in the place of the entry seen last: nothing is missed."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob") as room:
            for text in ("one", "two"):
                server.say("Alice", text)
            heard = await until(room, "two")
            server.withdraw(3, show=False)
            server.renew(keep=4)
            server.end()
            await server.until(lambda: len(server.streams) == 1)
            server.say("Alice", "three")
            heard += await until(room, "three")
        assert ["one", "two", "three"] == said(heard)
        assert [] == [m for m in heard if m.kind is Kind.GAP]
        [told] = [m for m in heard if m.kind is Kind.WITHDRAWN]
        assert (4, False) == (told.sequence, told.withdrawn)

    play(scene)


def test_what_was_withdrawn_before_its_echo_is_not_said_again() -> None:
    """The mark with one's own name and nonce acknowledges the message."""

    async def scene(chat: Chat, server: ScriptedServer) -> None:
        async with chat.join("1", "Bob", echo=True) as room:
            server.lose_echoes = True
            server.refusals = [LOST]
            sending = asyncio.create_task(room.send("never mind"))
            await server.until(lambda: len(server.joins) == 2)
            server.lose_echoes = False
            server.withdraw(2)
            stored = await sending
            server.say("Alice", "the end")
            heard = await until(room, "the end")
        assert (2, "(withdrawn)", True) == (stored.sequence, stored.text, stored.withdrawn)
        assert 1 == len(server.said)
        assert [2] == [m.sequence for m in heard if m.withdrawn]

    play(scene)


def as_read_before_there_were_withdrawals(message: chat_pb2.Message) -> Message:
    """What a library makes of the bytes whose contract has no such event."""
    file = descriptor_pb2.FileDescriptorProto()
    chat_pb2.DESCRIPTOR.CopyToProto(file)
    [contract] = [each for each in file.message_type if each.name == "Message"]
    known = [
        each for each in contract.field if each.name not in ("updated", "withdrawn", "changed")
    ]
    assert len(contract.field) - 3 == len(known)
    del contract.field[:]
    contract.field.extend(known)
    pool = descriptor_pool.DescriptorPool()
    for imported in chat_pb2.DESCRIPTOR.dependencies:
        needed = descriptor_pb2.FileDescriptorProto()
        imported.CopyToProto(needed)
        pool.Add(needed)
    pool.Add(file)
    older = message_factory.GetMessageClass(pool.FindMessageTypeByName("rpc.Message"))
    return message_from(older.FromString(message.SerializeToString()))


@pytest.mark.parametrize(
    ("name", "text", "own"),
    [("Bob", "(withdrawn)", 7), ("chat server", "a message of Bob was withdrawn", 9)],
)
def test_an_older_library_takes_both_for_words(name: str, text: str, own: int) -> None:
    """The mark for what its sender said, what tells of it for what the server said."""
    sent = chat_pb2.Message(name=name, message=text, sequence=own, nonce="n")
    sent.withdrawn.sequence = 7
    assert Kind.WITHDRAWN is message_from(sent).kind
    read = as_read_before_there_were_withdrawals(sent)
    assert (Kind.SAID, name, text, own, None) == (
        read.kind, read.name, read.text, read.sequence, read.event,
    )  # fmt: skip


def test_an_older_library_takes_the_log_for_another_one() -> None:
    """After a change of epoch: it compares the texts, as nothing tells it not to."""
    entry = chat_pb2.Message(name="Bob", message="hello", sequence=7)
    mark = chat_pb2.Message(name="Bob", message="(withdrawn)", sequence=7)
    mark.withdrawn.sequence = 7
    older = as_read_before_there_were_withdrawals
    assert message_from(entry).same_entry(message_from(mark))
    assert not older(entry).same_entry(older(mark))
