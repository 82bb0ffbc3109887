"""Messages as text: quicker than protobuf's own, and the same to the letter."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import BytesValue, DoubleValue, UInt64Value
from google.rpc.error_details_pb2 import ErrorInfo
from hypothesis import given
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.as_text import one_line


def by_protobuf(message: Message) -> str:
    text: str = text_format.MessageToString(
        message, as_one_line=True, as_utf8=True, print_unknown_fields=True
    )
    return text.strip()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXT, TEXT, st.integers(0, 2**64 - 1), st.integers(-(2**62), 2**62), st.lists(TEXT))
def test_the_usual_messages_are_the_same(
    text: str, name: str, sequence: int, seconds: int, members: list[str]
) -> None:
    """Whatever their texts are: quotes, control characters, other scripts."""
    message = pb.Message(name=name, message=text, sequence=sequence)
    message.sent.seconds = seconds
    message.joined.session = text
    for member in members:
        message.joined.members.add(name=member)
    assert by_protobuf(message) == one_line(message)
    join = pb.ChatMessage(join=pb.JoinChat(name=name, features=[1, 2, 77], history=3))
    assert by_protobuf(join) == one_line(join)


def mapped() -> Message:
    info = ErrorInfo(reason="X", domain="y")
    info.metadata["b"] = "2"
    info.metadata["a"] = "1"
    return info


def described() -> Message:
    file = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)  # type: ignore[attr-defined] # the stubs lack it
    return file


def packed() -> Message:
    holder = Any()
    holder.Pack(pb.Message(message="inside"))
    return holder


UNUSUAL: dict[str, Message] = {
    "empty": pb.Message(),
    "an empty message in a message": pb.ChatMessage(leave=pb.Leave()),
    "unknown fields": pb.Message.FromString(b"\x12\x01a\xf8\x3f\x01"),
    "unknown fields inside": pb.ChatMessage.FromString(b"\x12\x06\x12\x01a\xf8\x3f\x01"),
    "a map": mapped(),
    "floats": DoubleValue(value=0.1),
    "bytes": BytesValue(value=b"\x00\xff\"'"),
    "the largest number": UInt64Value(value=2**64 - 1),
    "an Any": packed(),
    "an Any of an unknown type": Any(type_url="x/y.Z", value=b"\x08\x01"),
    "values of any kind": Struct(),
    "a schema": described(),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_unusual_messages_are_the_same(case: str) -> None:
    """Those that are left to protobuf, and those on the border."""
    assert by_protobuf(UNUSUAL[case]) == one_line(UNUSUAL[case])


def test_two_types_of_one_name_are_told_apart() -> None:
    """Each schema has its own, as a proto file may differ from what is known here."""
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="other.proto", package="rpc", syntax="proto3")
    kind = file.message_type.add(name="Message")
    kind.field.add(name="other", number=2, type=9, label=1)
    pool = DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call] # as its stubs have it
    other = GetMessageClass(pool.FindMessageTypeByName("rpc.Message"))
    octets = pb.Message(message="a").SerializeToString()
    assert 'message: "a"' == one_line(pb.Message.FromString(octets))
    assert 'other: "a"' == one_line(other.FromString(octets))
    assert 'message: "a"' == one_line(pb.Message.FromString(octets))
