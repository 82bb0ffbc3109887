"""What an entry is on the wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.entry import Closing, Draft, Kind, Manner, Passage
from chatroom.core.leave_reason import LeaveReason
from chatroom.server.calls import encode
from chatroom.wire.envelopes import envelope, payload
from tests.texts import CHARACTERS

text = st.text(CHARACTERS, max_size=50)
times = st.integers(0, (1 << 62) - 1)


def entry(draft: Draft, sequence: int, sent: int) -> bytes:
    (enveloped,) = encode.entries([draft], sequence, sent)
    return enveloped


@given(text, text, text, st.integers(1, (1 << 63) - 1), times)
def test_what_was_said_is_encoded_as_protobuf_would(
    name: str, said: str, nonce: str, sequence: int, sent: int
) -> None:
    """Byte for byte, fields in the order of their numbers."""
    expected = pb.Message(
        name=name, message=said, sequence=sequence, sent=encode.timestamp(sent), nonce=nonce
    )
    draft = Draft(Kind.SAID, 1, name, said, nonce)
    assert envelope(expected.SerializeToString()) == entry(draft, sequence, sent)


@given(text, text, st.booleans(), st.integers(0, (1 << 64) - 1), st.integers(1, (1 << 63) - 1))
def test_how_it_was_said_stands_behind_the_nonce(
    said: str, nonce: str, action: bool, in_reply_to: int, sequence: int
) -> None:
    """Byte for byte as protobuf would, between others that are said plainly."""
    manner = Manner(action, in_reply_to)
    draft = Draft(Kind.SAID, 1, "Bob", said, nonce, event=manner)
    plain = Draft(Kind.SAID, 1, "Bob", said, nonce)
    encoded = encode.entries([plain, draft, plain], sequence, 7)
    expected = pb.Message(
        name="Bob", message=said, sequence=sequence + 1, sent=encode.timestamp(7), nonce=nonce,
        action=action, in_reply_to=in_reply_to,
    )  # fmt: skip
    assert envelope(expected.SerializeToString()) == encoded[1]
    assert [entry(plain, sequence, 7), entry(plain, sequence + 2, 7)] == encoded[::2]


@given(text, st.sampled_from([None, *LeaveReason]), times, times)
def test_arrivals_and_departures_carry_who_and_since_when(
    name: str, reason: LeaveReason | None, since: int, sent: int
) -> None:
    """As `entered` or `left`; a person is shown the original's words."""
    kind = Kind.ENTERED if reason is None else Kind.LEFT
    draft = Draft(kind, 1, name, "words", event=Passage(since, reason))
    message = pb.Message.FromString(payload(entry(draft, 7, sent)))
    member = pb.Member(name=name, since=encode.timestamp(since), reason=reason or 0)  # type: ignore[arg-type]
    expected = pb.Message(
        name=name, message="words", sequence=7, sent=encode.timestamp(sent),
        **{"entered" if reason is None else "left": member},
    )  # fmt: skip
    assert expected == message


@given(text, text)
def test_a_closing_carries_its_reason_and_successor(reason: str, successor: str) -> None:
    """Also when both are empty: the event itself is the news."""
    draft = Draft(Kind.CLOSED, 0, "chat server", "words", event=Closing(reason, successor))
    message = pb.Message.FromString(payload(entry(draft, 7, 1)))
    assert message.HasField("closed")
    assert (reason, successor) == (message.closed.reason, message.closed.successor)
