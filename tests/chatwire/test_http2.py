"""Each kind of frame, and what is wrong with some."""

from __future__ import annotations

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode import Kind, records
from chatroom.chatwire.decode.records import Role
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import (
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITY,
    frame,
)
from chatroom.wire.http2.frames import Kind as Wire

from .wire import REQUEST, RESPONSE, Talk, kinds, notes, texts


def test_a_connection_begins() -> None:
    """The preface and SETTINGS with names and values, then their acknowledgement."""
    talk = Talk()
    preface, said, update = talk.client(
        PREFACE, frames.settings((3, 100), (4, 1 << 20), (0x99, 7)), frames.window_update(0, 10)
    )
    assert Kind.PREFACE == preface.kind
    expected = (("MAX_CONCURRENT_STREAMS", 100), ("INITIAL_WINDOW_SIZE", 1 << 20), ("0x99", 7))
    assert records.Settings(values=expected, acknowledges=False) == said.detail
    assert (0, 4, 18, ()) == (said.stream, said.type, said.length, said.flags)
    window = records.Window(stream=None, connection=65545)
    assert records.WindowUpdate(stream=0, increment=10, window=window) == update.detail
    (ack,) = talk.server(frames.SETTINGS_ACK)
    assert (("ACK",), Side.SERVER) == (ack.flags, ack.sender)
    assert "" == notes(talk.made)


def test_times_count_from_the_start_and_from_the_last() -> None:
    """Nanoseconds, as they passed."""
    talk = Talk().begin()
    (ping,) = talk.client(frames.ping(b"12345678"))
    assert (4_000_000, 4_000_000, 1_000_000) == (ping.time, ping.since_start, ping.since_last)
    assert list(range(1, len(talk.made) + 1)) == [frame.number for frame in talk.made]


def test_a_call_from_head_to_trailers() -> None:
    """Heads, messages by name, trailers with the status."""
    talk = Talk().begin()
    request, response = talk.call()
    join = pb.ChatMessage(join=pb.JoinChat(room_id="1234", name="Bob"))
    (sent,) = talk.client(frames.data(1, envelope(join.SerializeToString()), end=True))
    (trailers,) = talk.server(
        talk.headers(
            Side.SERVER, 1, [("grpc-status", "5"), ("grpc-message", "no%20room")], end=True
        )
    )
    assert isinstance(request.detail, records.Headers)
    assert Role.REQUEST == request.detail.role
    assert REQUEST == [(field.name, field.value) for field in request.detail.fields]
    assert isinstance(response.detail, records.Headers)
    assert Role.RESPONSE == response.detail.role
    assert join == sent.messages[0].value
    assert 'join { room_id: "1234" name: "Bob" }' == sent.messages[0].text
    assert "rpc.ChatMessage" == sent.messages[0].type_name
    assert isinstance(trailers.detail, records.Headers)
    assert Role.TRAILERS == trailers.detail.role
    assert trailers.detail.status is not None
    assert (5, "NOT_FOUND", "no room") == (
        trailers.detail.status.code,
        trailers.detail.status.name,
        trailers.detail.status.message,
    )
    assert {CHAT} == {frame.call for frame in (request, response, sent, trailers)}
    assert [False, False, True, True] == [
        frame.ends_stream for frame in (request, response, sent, trailers)
    ]
    assert "" == notes(talk.made)


def test_trailers_only_is_recognised() -> None:
    """A response that is one block with a status and ends the stream."""
    talk = Talk().begin()
    talk.client(talk.headers(Side.CLIENT, 1, REQUEST))
    (frame,) = talk.server(
        talk.headers(Side.SERVER, 1, [*RESPONSE, ("grpc-status", "7")], end=True)
    )
    assert isinstance(frame.detail, records.Headers)
    assert Role.TRAILERS_ONLY == frame.detail.role
    assert frame.detail.status is not None
    assert "PERMISSION_DENIED" == frame.detail.status.name


def test_an_interim_response_is_not_the_response() -> None:
    """103 Early Hints, then the response."""
    talk = Talk().begin()
    talk.client(talk.headers(Side.CLIENT, 1, REQUEST))
    made = talk.server(
        talk.headers(Side.SERVER, 1, [(":status", "103")]),
        talk.headers(Side.SERVER, 1, RESPONSE),
    )
    roles = [frame.detail.role for frame in made if isinstance(frame.detail, records.Headers)]
    assert [Role.INTERIM, Role.RESPONSE] == roles


def test_messages_span_frames() -> None:
    """A message belongs to the frame that completes it; a frame may complete several."""
    talk = Talk().begin()
    talk.call()
    first, second, third = (
        envelope(pb.Message(message=text).SerializeToString()) for text in ("one", "two", "three")
    )
    whole = first + second + third
    made = [
        *talk.server(frames.data(1, whole[:4])),
        *talk.server(frames.data(1, whole[4:-3])),
        *talk.server(frames.data(1, whole[-3:])),
    ]
    assert [[], ["one", "two"], ["three"]] == [
        [message.value.message for message in frame.messages]  # type: ignore[union-attr]
        for frame in made
    ]


def test_continuation() -> None:
    """A header block in three frames: its fields are with the last."""
    talk = Talk().begin()
    block = talk.encoders[Side.CLIENT].encode(REQUEST)
    made = talk.client(
        frame(Wire.HEADERS, END_STREAM, 1, block[:5]),
        frame(Wire.CONTINUATION, 0, 1, block[5:9]),
        frame(Wire.CONTINUATION, END_HEADERS, 1, block[9:]),
    )
    fields = [len(frame.detail.fields) for frame in made]  # type: ignore[union-attr]
    assert [0, 0, len(REQUEST)] == fields
    assert "" == notes(made)


def test_a_block_that_is_interrupted_is_said() -> None:
    """Only CONTINUATION of the same stream may follow."""
    talk = Talk().begin()
    block = talk.encoders[Side.CLIENT].encode(REQUEST)
    made = talk.client(
        frame(Wire.HEADERS, 0, 1, block[:5]),
        frames.ping(b"12345678"),
        frame(Wire.CONTINUATION, 0, 3),
    )
    assert "inside the header block of stream 1" in made[1].notes[0]
    assert "inside the header block of stream 1" in made[2].notes[0]


def test_priority_padding_and_push() -> None:
    """What gRPC does not use."""
    talk = Talk().begin()
    block = talk.encoders[Side.CLIENT].encode(REQUEST)
    # The length of the padding, the stream it depends on (exclusively), the weight less one.
    head = frame(
        Wire.HEADERS,
        END_HEADERS | PRIORITY | PADDED,
        1,
        b"\x09" + b"\x80\0\0\x03" + b"\x0f" + block + bytes(9),
    )
    padded = frame(Wire.DATA, PADDED, 1, b"\x04" + b"abc" + bytes(4))
    made = talk.client(head, frame(Wire.PRIORITY, 0, 5, b"\0\0\0\x01\xff"), padded)
    assert isinstance(made[0].detail, records.Headers)
    precedence = records.Precedence(depends_on=3, weight=16, exclusive=True)
    assert precedence == made[0].detail.precedence
    assert records.Precedence(depends_on=1, weight=256, exclusive=False) == made[1].detail
    # Padding counts: 3 bytes, 4 of padding, and the one that says so.
    window = records.Window(stream=65527, connection=65527)
    assert records.Data(payload=b"abc", padding=4, window=window) == made[2].detail
    block = talk.encoders[Side.SERVER].encode(REQUEST)
    (push,) = talk.server(frame(Wire.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + block))
    assert isinstance(push.detail, records.Headers)
    assert (Role.PUSHED, 2) == (push.detail.role, push.detail.promised)


def test_a_ping_is_timed() -> None:
    """From where the tap is to who answers and back; an unknown answer has no time."""
    talk = Talk().begin()
    talk.client(frames.ping(b"AAAAAAAA"))
    talk.client(frames.ping(b"BBBBBBBB"))
    made = talk.server(
        frames.ping(b"AAAAAAAA", ack=True),
        frames.ping(b"CCCCCCCC", ack=True),
    )
    assert [2_000_000, None] == [frame.detail.round_trip for frame in made]  # type: ignore[union-attr]


def test_errors_have_names() -> None:
    """RST_STREAM and GOAWAY; a code that nobody defined keeps its number."""
    talk = Talk().begin()
    talk.call()
    reset, unknown = talk.client(frames.rst_stream(1, 8), frames.rst_stream(3, 0x77))
    (goaway,) = talk.server(frames.goaway(5, 11, b"too_many_pings"))
    assert records.Reset(code=8, error="CANCEL") == reset.detail
    assert records.Reset(code=0x77, error="0x77") == unknown.detail
    expected = records.Goaway(
        last_stream=5, code=11, error="ENHANCE_YOUR_CALM", debug=b"too_many_pings"
    )
    assert expected == goaway.detail


def test_unknown_frames_are_shown() -> None:
    """By their number, flags too."""
    talk = Talk().begin()
    (frame,) = talk.client(b"\0\0\3\xbb\x81" + (7).to_bytes(4) + b"xyz")
    assert (Kind.UNKNOWN, 0xBB, 7, 3) == (frame.kind, frame.type, frame.stream, frame.length)
    assert ("0x1", "0x80") == frame.flags


def test_broken_frames_are_said_and_the_next_is_read() -> None:
    """Wrong lengths, streams, padding, values: a sentence each."""
    talk = Talk().begin()
    talk.call()
    ping = frames.ping(b"12345678")

    def broken(kind: int, flags: int, stream: int, body: bytes) -> str:
        head = len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4)
        first, second = talk.client(head + body, ping)
        assert Kind.PING == second.kind
        assert first.notes, "nothing was said"
        return first.notes[0]

    assert "broken" in broken(6, 0, 0, b"short")
    assert "broken" in broken(8, 0, 1, b"12345")
    assert "broken" in broken(8, 0, 0, bytes(4))  # no increment
    assert "broken" in broken(4, 0, 0, b"12345")  # no whole setting
    assert "broken" in broken(4, 1, 0, bytes(6))  # an acknowledgement with values
    assert "broken" in broken(4, 0, 3, b"")  # SETTINGS of a stream
    assert "broken" in broken(0, 0, 0, b"data of the connection")
    assert "broken" in broken(0, 8, 1, b"\xff12")  # more padding than there is
    assert "broken" in broken(3, 0, 1, b"")
    assert "broken" in broken(7, 0, 0, b"1234")
    assert "reserved bit" in broken(6, 0, 1 << 31, b"12345678")
    assert "no header block" in broken(9, 4, 1, b"")


def test_wrong_settings_are_said() -> None:
    """Values outside their range; they do not count."""
    talk = Talk().begin()
    made = talk.server(frames.settings((2, 7), (4, 1 << 31), (5, 100)))
    assert 3 == len(made[0].notes)
    assert "ENABLE_PUSH=7" in made[0].notes[0]
    assert "FLOW_CONTROL_ERROR" in made[0].notes[1]
    assert "MAX_FRAME_SIZE=100" in made[0].notes[2]
    assert "a server that enables push" in talk.server(frames.settings((2, 1)))[0].notes[0]
    assert () == talk.client(frames.settings((2, 1)))[0].notes


def test_a_length_of_16_mib_is_said_at_once_and_skipped() -> None:
    """Before its payload has come; the frame after it is read."""
    talk = Talk().begin()
    talk.call()
    length = (1 << 24) - 1
    (frame,) = talk.client(length.to_bytes(3) + b"\0\0" + (1).to_bytes(4))
    assert length == frame.length
    assert "longer than the 16384 bytes that the server accepts" in frame.notes[0]
    for _ in range(15):
        assert [] == talk.client(bytes(1 << 20))
    (ping,) = talk.client(bytes((1 << 20) - 1), frames.ping(b"12345678"))
    assert Kind.PING == ping.kind


def test_header_fields_that_cannot_be_decoded() -> None:
    """An HPACK error is said once; then blocks are shown as they are, of that side alone."""
    talk = Talk().begin()
    first, second = talk.client(
        frames.headers(1, b"\xff\xff\xff\xff\xff"),
        frames.headers(3, b"\x82"),
    )
    assert "HPACK" in first.notes[0]
    assert () == second.notes
    assert b"\x82" == second.detail.block  # type: ignore[union-attr]
    (answer,) = talk.server(talk.headers(Side.SERVER, 1, RESPONSE))
    assert "200" == answer.detail.value(":status")  # type: ignore[union-attr]


def test_the_table_size_is_followed() -> None:
    """A larger dynamic table that the receiver allows is used; one it does not allow is said."""
    talk = Talk().begin((1, 8192))
    encoder = talk.encoders[Side.SERVER]
    encoder.header_table_size = 8192
    talk.client(talk.headers(Side.CLIENT, 1, REQUEST))
    many = [(f"x-{number}", "v" * 100) for number in range(40)]
    made = talk.server(
        talk.headers(Side.SERVER, 1, [*RESPONSE, *many]),
        talk.headers(Side.SERVER, 1, many, end=True),
    )
    assert "" == notes(made)
    assert many == [(field.name, field.value) for field in made[1].detail.fields]  # type: ignore[union-attr]
    talk.encoders[Side.CLIENT].header_table_size = 9000
    (refused,) = talk.client(talk.headers(Side.CLIENT, 3, REQUEST))
    assert "HPACK" in refused.notes[0]


def test_a_header_block_has_a_bound() -> None:
    """CONTINUATION without end is not kept, and said once."""
    talk = Talk().begin()
    made = talk.client(frame(Wire.HEADERS, 0, 1, b"\x82"))
    for _ in range(10):
        made += talk.client(frame(Wire.CONTINUATION, 0, 1, bytes(16000)))
    made += talk.client(frame(Wire.CONTINUATION, END_HEADERS, 1))
    assert 1 == notes(made).count("longer than is decoded here")


def test_frames_on_closed_streams() -> None:
    """DATA after END_STREAM, and after RST_STREAM."""
    talk = Talk().begin()
    talk.call()
    talk.client(frames.data(1, b"", end=True))
    (after,) = talk.client(frames.data(1, b"x"))
    assert "STREAM_CLOSED" in after.notes[0]
    talk.client(frames.rst_stream(1, 8))
    (late,) = talk.server(frames.data(1, envelope(b"")))
    assert "closed" in late.notes[0]
    assert [] == texts([late])


def test_an_end_inside_a_frame_is_said() -> None:
    """How much of what is missing."""
    talk = Talk().begin()
    talk.client(frames.ping(b"12345678")[:-3])
    made = talk.end(Side.CLIENT)
    assert [Kind.BYTES, Kind.ENDED] == kinds(made)
    assert "14 bytes of a PING frame of 8 bytes" in made[0].notes[0]
    assert records.Ended(reset=False, undecoded=14) == made[1].detail
