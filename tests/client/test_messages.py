"""Messages of the wire as plain values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.client import Closed, Draining, Expiring, Kind, Member, Message, Refused
from chatroom.client.messages import message_from


def test_message_of_the_original_has_only_name_and_text() -> None:
    """A message without any new field is something said, with nothing else known."""
    expected = Message(name="Bob", text="Hey", kind=Kind.SAID, sequence=0, sent=None)
    assert expected == message_from(pb.Message(name="Bob", message="Hey"))


def test_sequence_and_time_are_read() -> None:
    """The sending time is an aware datetime in UTC."""
    stamp = Timestamp(seconds=1_700_000_000, nanos=500_000_000)
    message = message_from(pb.Message(name="Bob", message="Hey", sequence=7, sent=stamp))
    assert (7, datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)) == (message.sequence, message.sent)


def test_time_that_no_calendar_has_is_none() -> None:
    """A server cannot make the client fail with a time out of range."""
    assert message_from(pb.Message(name="Bob", sent=Timestamp(seconds=1 << 60))).sent is None


def test_every_event_of_the_contract_has_a_kind() -> None:
    """A field added to the event must be given a kind here."""
    fields = {field.name for field in pb.Message.DESCRIPTOR.oneofs_by_name["event"].fields}
    ours = {Kind.SAID, Kind.CONNECTION_LOST, Kind.CONNECTED, Kind.GAP}
    assert fields == {kind.value for kind in Kind if kind not in ours}


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (pb.Message(entered=pb.Member(name="Bob")), Member(name="Bob")),
        (
            pb.Message(left=pb.Member(name="Bob", reason=pb.LEAVE_REASON_LOST)),
            Member(name="Bob", reason="lost"),
        ),
        (pb.Message(left=pb.Member(name="Bob", reason=99)), Member(name="Bob")),
        (
            pb.Message(closed=pb.Closed(reason="moved", successor="1235")),
            Closed(reason="moved", successor="1235"),
        ),
        (
            pb.Message(refused=pb.Refused(nonce="n", code=3, reason="TEXT_INVALID")),
            Refused(reason="TEXT_INVALID", code=3, nonce="n"),
        ),
        (
            pb.Message(draining=pb.Draining(retry_after=Duration(seconds=1, nanos=500_000_000))),
            Draining(retry_after=1.5),
        ),
        (
            pb.Message(expiring=pb.Expiring(at=Timestamp(seconds=1_700_000_000))),
            Expiring(at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ),
        (pb.Message(live=pb.Live()), None),
        (pb.Message(heartbeat=pb.Heartbeat(sequence=3)), None),
    ],
)
def test_event_is_read(message: pb.Message, event: object) -> None:
    """Each event that says something has a value with its fields."""
    assert event == message_from(message).event
