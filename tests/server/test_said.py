"""What people say, read from its bytes as protobuf would read it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.calls.said import bytes_of, said_in
from chatroom.wire.envelopes import HEAD_BYTES, envelope
from tests.texts import CHARACTERS

text = st.text(CHARACTERS, max_size=140)
MESSAGE = pb.ChatMessage(message=pb.Message(message="Hey", nonce="n1"))


@given(text, text)
@example("x" * 123, "")
@example("x" * 124, "")
@example("x" * 50, "n" * 71)
def test_what_is_said_is_read(said: str, nonce: str) -> None:
    """Up to 127 bytes of ChatMessage.message; what is longer is not read here."""
    payload = pb.ChatMessage(message=pb.Message(message=said, nonce=nonce)).SerializeToString()
    short = bool(said) and len(payload) < 130
    run = envelope(payload)
    expected = [(said, nonce)]
    assert ((expected, len(run)) if short else ([], 0)) == said_in(run)
    assert (expected * 2 if short else []) == said_in(run + run + run[:-1])[0]


@given(st.binary(max_size=20) | st.binary(max_size=12).map(lambda end: b"\x12\x0e\x12" + end))
def test_whatever_is_read_is_what_protobuf_reads(payload: bytes) -> None:
    """Any bytes: nothing is read here that is another message, or none."""
    for said in said_in(envelope(payload))[0]:
        message = pb.ChatMessage.FromString(payload)
        expected = pb.ChatMessage(message=pb.Message(message=said[0], nonce=said[1]))
        assert expected == message
        assert message.HasField("message")


@pytest.mark.parametrize("at", range(len(MESSAGE.SerializeToString())))
def test_one_byte_that_is_another_changes_nothing_but_its_meaning(at: int) -> None:
    """All 256 of them in each place: again as protobuf reads it, or not at all."""
    right = MESSAGE.SerializeToString()
    for octet in range(256):
        payload = right[:at] + bytes((octet,)) + right[at + 1 :]
        for said in said_in(envelope(payload))[0]:
            message = pb.ChatMessage.FromString(payload)
            assert pb.ChatMessage(message=pb.Message(message=said[0], nonce=said[1])) == message


@pytest.mark.parametrize(
    "other",
    [
        pb.ChatMessage(),
        pb.ChatMessage(heartbeat=pb.Heartbeat()),
        pb.ChatMessage(message=pb.Message()),
        pb.ChatMessage(message=pb.Message(name="Bob", message="hey")),
        pb.ChatMessage(message=pb.Message(message="hey"), typing=pb.Typing()),
        pb.ChatMessage(message=pb.Message(message="hey", sequence=1)),
        pb.ChatMessage(message=pb.Message(message="waves", action=True)),
        pb.ChatMessage(message=pb.Message(message="hey", nonce="n1", in_reply_to=1)),
    ],
    ids=str,
)
def test_it_is_read_up_to_what_is_not_just_said(other: pb.ChatMessage) -> None:
    """The rest is for protobuf, in its order."""
    plain = envelope(MESSAGE.SerializeToString())
    run = plain + plain + envelope(other.SerializeToString()) + plain
    assert ([("Hey", "n1")] * 2, 2 * len(plain)) == said_in(run)


@given(st.integers(0, 2**40 - 1), st.integers(0, 20))
def test_an_envelope_of_another_kind_is_not_read(head: int, cut: int) -> None:
    """Flags, other lengths, and one that is not there to its end."""
    right = envelope(MESSAGE.SerializeToString())
    run = head.to_bytes(HEAD_BYTES, "big") + right[HEAD_BYTES:]
    run = run[: len(run) - cut]
    assert ([("Hey", "n1")] if run == right else []) == said_in(run)[0]


@given(st.lists(st.text(CHARACTERS, min_size=1, max_size=20), max_size=6), st.data())
def test_so_many_bytes_are_in_the_first_of_them(texts: list[str], data: st.DataObject) -> None:
    """For whoever takes some of them only."""
    envelopes = [
        envelope(pb.ChatMessage(message=pb.Message(message=text)).SerializeToString())
        for text in texts
    ]
    count = data.draw(st.integers(0, len(texts)))
    assert len(b"".join(envelopes[:count])) == bytes_of(b"".join(envelopes), count)
