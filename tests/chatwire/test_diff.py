"""What makes two captures differ, and what does not."""

from __future__ import annotations

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.schema import PoolSchema, Schema
from chatroom.chatwire.diff.comparing import Pair, compared, lines
from chatroom.chatwire.diff.contents import Ignored
from chatroom.chatwire.diff.talks import talks_of
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames

from .wire import REQUEST, RESPONSE, Talk


def said(text: str, **fields: object) -> bytes:
    message = pb.Message(message=text, name="Ann", **fields)  # type: ignore[arg-type]
    return envelope(message.SerializeToString())


def talk(*answers: bytes, status: str = "0", schema: Schema | None = None) -> Talk:
    """A call that is answered so."""
    made = Talk(schema=schema).begin()
    made.call()
    for answer in answers:
        made.server(frames.data(1, answer))
    made.server(made.headers(Side.SERVER, 1, [("grpc-status", status)], end=True))
    return made


def pairs(one: Talk, other: Talk, *ignored: str, headers: bool = False) -> list[Pair]:
    names = Ignored(frozenset(ignored))
    talks = [talks_of(each.made, names, headers=headers)[0] for each in (one, other)]
    return list(compared(*talks))


def text(one: Talk, other: Talk, *ignored: str) -> str:
    return "\n".join(line for pair in pairs(one, other, *ignored) for line in lines(pair, AB))


AB = ("A", "B")


def test_frames_and_times_make_no_difference() -> None:
    """Messages may be cut into frames in any way, and END_STREAM be on any of the last."""
    one = talk(said("a"), said("b"))
    both = said("a") + said("b")
    other = talk(*(both[place : place + 3] for place in range(0, len(both), 3)))
    other.end(Side.SERVER)
    assert [True] == [pair.same for pair in pairs(one, other)]


def test_the_first_message_that_differs_is_named_with_its_fields() -> None:
    """Counted by its sender; and the direction that says the same is not mentioned."""
    shown = text(talk(said("a"), said("b")), talk(said("a"), said("c", sequence=7)))
    assert "stream 1 of #1, /rpc.ChatService/Chat: they part" in shown
    assert "from the server, message 2:" in shown
    assert '    message: "b" / "c"' in shown
    assert "    sequence: (none) / 7" in shown
    assert "from the client" not in shown


def test_fields_are_ignored_by_name_or_by_path() -> None:
    """A path is matched at its end, by whole names."""
    one = talk(said("a", joined=pb.Joined(session="1", name="x")))
    other = talk(said("a", joined=pb.Joined(session="2", name="x")))
    for ignored, same in {"session": True, "joined.session": True, "ed.session": False}.items():
        assert [same] == [pair.same for pair in pairs(one, other, ignored)], ignored


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        (talk(said("a")), talk(), "status: OK"),
        (talk(status="0"), talk(status="5"), "code: 0 / 5"),
        (talk(), talk(said("a"), said("b")), "message: Message"),
    ],
)
def test_what_one_side_has_alone_and_statuses_differ(one: Talk, other: Talk, shown: str) -> None:
    """Whichever has more."""
    assert [False] == [pair.same for pair in pairs(one, other)]
    assert shown in text(one, other)


def test_a_capture_that_ends_earlier_differs() -> None:
    """One of two may have nothing more."""
    one, other = Talk().begin(), Talk().begin()
    one.call()
    other.call()
    one.server(frames.data(1, said("a")))
    assert "B: nothing more" in text(one, other)
    assert "A: nothing more" in text(other, one)


def test_a_reset_differs_unless_the_status_has_come() -> None:
    """After it, it only tidies up."""
    one, other = talk(), talk()
    other.client(frames.rst_stream(1, 8))
    assert [True] == [pair.same for pair in pairs(one, other)]
    early, late = Talk().begin(), Talk().begin()
    early.call()
    late.call()
    late.client(frames.rst_stream(1, 8))
    assert "reset: RST_STREAM CANCEL" in text(early, late)


def test_streams_are_paired_in_their_order() -> None:
    """Whatever their numbers are; one too many is said."""
    one, other = Talk().begin(), Talk().begin()
    one.call(5)
    other.call(1)
    assert [True] == [pair.same for pair in pairs(one, other)]
    assert "and stream 1 of #1" in text(one, other)
    one.call(7)
    assert "stream 7 of #1, /rpc.ChatService/Chat: there is no such stream in B" in text(one, other)
    assert "stream 7 of #1, /rpc.ChatService/Chat: there is no such stream in A" in text(other, one)


def test_fields_that_the_schema_lacks_count() -> None:
    """By their numbers, whether the message or one of its fields is unknown."""
    extra = envelope(pb.Message(message="a").SerializeToString() + b"\xf8\x3f\x01")
    other = envelope(pb.Message(message="a").SerializeToString() + b"\xf8\x3f\x02")
    assert "1023[0]: 1 / 2" in text(talk(extra), talk(other))
    assert [True] == [pair.same for pair in pairs(talk(extra), talk(other), "1023")]
    from google.protobuf.descriptor_pool import DescriptorPool

    nothing = PoolSchema(DescriptorPool())
    unknown = [talk(each, schema=nothing) for each in (said("a"), said("b"))]
    assert '2[0]: "61" / "62"' in text(*unknown)
    assert [True] == [pair.same for pair in pairs(*unknown, "2")]


def test_header_fields_differ_where_they_are_asked_for() -> None:
    """Not without that, and not those that are ignored."""
    one, other = Talk().begin(), Talk().begin()
    for each, date in ((one, "Monday"), (other, "Tuesday")):
        each.client(each.headers(Side.CLIENT, 1, REQUEST))
        each.server(each.headers(Side.SERVER, 1, [*RESPONSE, ("date", date)]))
    assert [True] == [pair.same for pair in pairs(one, other)]
    assert [False] == [pair.same for pair in pairs(one, other, headers=True)]
    assert [True] == [pair.same for pair in pairs(one, other, "date", headers=True)]


def test_hostile_texts_are_harmless() -> None:
    """As everywhere in what is printed."""
    shown = text(talk(said("a\x1b[31m\u202e")), talk(said("b")))
    assert shown.replace("\n", "").isprintable()


def test_what_is_too_long_to_be_decoded_is_said() -> None:
    """A frame of 4 MiB, as grpcio sends it, is decoded; of a longer one it is not known."""
    size = 4 << 20
    one, other = Talk().begin((5, (1 << 24) - 1)), Talk().begin((5, (1 << 24) - 1))
    for talk, text in ((one, b"a"), (other, b"b")):
        talk.server(frames.window_update(0, 1 << 30))
        talk.call()
        talk.server(frames.window_update(1, 1 << 30))
        message = envelope(text * (size - 5))
        talk.client(frames.frame(0, 0, 1, message))
    pair, *_ = compared(
        talks_of(one.made, Ignored(frozenset()))[0], talks_of(other.made, Ignored(frozenset()))[0]
    )
    assert not pair.same
    assert [] == talks_of(one.made, Ignored(frozenset()))[1]
    one.client(frames.frame(0, 0, 1, bytes(size + 1)))
    (said,) = talks_of(one.made, Ignored(frozenset()))[1]
    assert "are missing or not decoded" in said
