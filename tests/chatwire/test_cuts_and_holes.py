"""How bytes were cut makes no difference; where some are missing, decoding goes on."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode import Decoder, Frame, Kind, records
from chatroom.chatwire.decode.compression import UNKNOWN_NAME
from chatroom.chatwire.passage import Chunk, Missing, Opened, Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE

from .wire import MIDWAY, OPENED, REQUEST, RESPONSE, Talk, kinds, notes


def conversation() -> list[tuple[Side, bytes]]:
    """Some calls, as the bytes that each side sends in turn."""
    talk = Talk().begin((4, 100_000))
    for stream in (1, 3, 5):
        talk.call(stream)
        for number in range(3):
            said = pb.ChatMessage(message=pb.Message(message=f"text {number}" * 50))
            talk.client(frames.data(stream, envelope(said.SerializeToString())))
            talk.server(
                frames.data(stream, envelope(said.message.SerializeToString())),
                frames.window_update(stream, 100),
            )
        talk.client(frames.ping(b"12345678"))
        talk.server(
            frames.ping(b"12345678", ack=True),
            talk.headers(Side.SERVER, stream, [("grpc-status", "0")], end=True),
        )
    return [(one.sender, one.content) for one in talk.passages if isinstance(one, Chunk)]


def of_http1() -> list[tuple[Side, bytes]]:
    body = b'{"room_id":"1"}'
    request = (
        b"POST /rpc.ChatService/CreateChatRoom HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\nContent-Length: 15\r\n\r\n" + body
    )
    response = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\n" + body[:5] + b"\r\na\r\n" + body[5:] + b"\r\n0\r\n\r\n"
    )
    return [(Side.CLIENT, request), (Side.SERVER, response)] * 2


def neither() -> list[tuple[Side, bytes]]:
    return [(Side.CLIENT, b"EHLO me\r\n" * 9), (Side.SERVER, b"250 hello\r\n")]


def decode(pieces: list[tuple[Side, bytes]]) -> list[Frame]:
    """With all times the same, since how bytes were cut decides when a frame is complete."""
    decoder = Decoder()
    made = decoder.take(OPENED)
    for sender, content in pieces:
        made += decoder.take(Chunk(connection=1, time=1, sender=sender, content=content))
    return [dataclasses.replace(frame, time=0, since_last=0) for frame in made]


def cut(pieces: list[tuple[Side, bytes]], random_: random.Random) -> list[tuple[Side, bytes]]:
    """The same bytes in other pieces."""
    smaller = []
    largest = random_.choice((1, 7, 100, 5000))
    for sender, content in pieces:
        while content:
            size = random_.randint(1, largest)
            smaller.append((sender, content[:size]))
            content = content[size:]
    return smaller


@settings(deadline=None)
@given(st.integers(0, 1 << 32))
def test_frames_do_not_depend_on_how_bytes_are_cut(seed: int) -> None:
    """HTTP/2, HTTP/1.1 and what is neither: the same records from other pieces."""
    for talk in (conversation(), of_http1(), neither()):
        assert decode(talk) == decode(cut(talk, random.Random(seed)))


def lose(talk: Talk, sender: Side, count: int | None) -> list[Frame]:
    return talk.pass_on(Missing(connection=1, time=talk.now, sender=sender, count=count))


def test_a_hole_between_frames() -> None:
    """Decoding goes on at the next frame boundary; entries made later are known again."""
    talk = Talk().begin()
    talk.call()
    before = talk.encoders[Side.CLIENT].encode([("x-lost", "entry")])
    (hole,) = lose(talk, Side.CLIENT, 500)
    assert Kind.MISSING == hole.kind
    known = [("x-new", "entry")]
    made = talk.client(
        frames.ping(b"12345678"),
        talk.headers(Side.CLIENT, 3, [*REQUEST, ("x-lost", "entry"), *known]),
        talk.headers(Side.CLIENT, 5, [*REQUEST, *known]),
    )
    assert before
    assert [Kind.PING, Kind.HEADERS, Kind.HEADERS] == kinds(made)
    third, fifth = (frame.detail for frame in made[1:])
    assert isinstance(third, records.Headers)
    assert isinstance(fifth, records.Headers)
    assert UNKNOWN_NAME.decode() in [field.name for field in third.fields]
    assert "entry" == third.value("x-new")
    assert "entry" == fifth.value("x-new")


def test_a_hole_ends_inside_a_frame() -> None:
    """What is left of it is skipped, and said."""
    talk = Talk().begin()
    talk.call()
    lose(talk, Side.SERVER, None)
    rest = bytes(range(256)) * 3
    said = envelope(pb.Message(message="again").SerializeToString())
    ping = frames.ping(b"12345678")
    made = talk.server(rest, ping, frames.data(1, said), ping, ping)
    assert [Kind.BYTES, Kind.PING, Kind.DATA, Kind.PING, Kind.PING] == kinds(made)
    assert len(rest) == made[0].length
    assert ["again"] == [one.value.message for one in made[2].messages]  # type: ignore[union-attr]
    assert isinstance(made[2].detail, records.Data)
    assert records.Window(stream=None, connection=None) == made[2].detail.window


def test_a_hole_inside_one_data_frame_costs_only_its_message() -> None:
    """The frame header tells where the next begins; windows stay known."""
    talk = Talk().begin()
    talk.call()
    raw = frames.data(1, envelope(bytes(1000)))
    talk.server(raw[:100])
    cut_short, hole = lose(talk, Side.SERVER, 300)
    assert [Kind.DATA, Kind.MISSING] == kinds([cut_short, hole])
    assert () == hole.notes
    said = envelope(pb.Message(message="next").SerializeToString())
    (following,) = talk.server(raw[400:], frames.data(1, said))
    assert isinstance(following.detail, records.Data)
    assert 65535 - 1005 - len(said) == following.detail.window.connection
    assert "next" in following.messages[0].text


def test_no_boundary_after_a_hole_is_said_once() -> None:
    """From there on undecoded, counted, and the other direction goes on."""
    talk = Talk().begin()
    lose(talk, Side.CLIENT, None)
    noise = random.Random(1).randbytes(400_000).replace(b"\0", b"\1")
    made = talk.client(noise) + talk.client(noise)
    assert 1 == notes(made).count("from here on undecoded")
    assert [Kind.PING] == kinds(talk.server(frames.ping(b"12345678")))
    ended = talk.end(Side.CLIENT)[-1]
    assert isinstance(ended.detail, records.Ended)
    assert 800_000 == ended.detail.undecoded


def test_joining_midway() -> None:
    """Both directions are found again; messages of unknown methods go by field number."""
    talk = Talk(MIDWAY)
    assert "beginning was not seen" in notes(talk.made)
    said = envelope(pb.Message(name="Bob", message="hi").SerializeToString())
    ping = frames.ping(b"12345678")
    made = talk.server(b"...", ping, frames.data(7, said), ping)
    made += talk.client(ping, ping, ping)
    messages = [message for frame in made for message in frame.messages]
    assert ['1: "Bob" 2: "hi"'] == [message.text for message in messages]
    assert [Kind.PING] * 3 == kinds(made[-3:])


def test_joining_midway_before_the_beginning() -> None:
    """What is said to be midway but shows its preface is decoded like any other."""
    talk = Talk(MIDWAY)
    made = talk.client(PREFACE, frames.settings())
    assert [Kind.PREFACE, Kind.SETTINGS] == kinds(made)


def test_a_hole_before_one_side_s_first_bytes() -> None:
    """Costs the other side nothing: its beginning is the preface."""
    talk = Talk()
    lose(talk, Side.SERVER, 9)
    ping = frames.ping(b"12345678")
    talk.server(ping, ping, ping)
    made = talk.client(PREFACE, frames.settings())
    assert [Kind.PREFACE, Kind.SETTINGS] == kinds(made)


def test_bytes_before_a_hole_that_are_too_few() -> None:
    """Are told where they are, and in the sum."""
    for first in (frames.settings(), b""):
        talk = Talk()
        if first:
            talk.server(first)
        talk.client(PREFACE[:10])
        told, _ = lose(talk, Side.CLIENT, 14)
        assert (Kind.BYTES, 10) == (told.kind, told.length)
        (ended,) = talk.end(Side.CLIENT)
        assert isinstance(ended.detail, records.Ended)
        assert 10 == ended.detail.undecoded


def test_other_connections_are_not_touched() -> None:
    """Each has its own state."""
    decoder = Decoder()
    second = Opened(connection=2, time=0, client=("::1", 1), server=("::1", 2))
    decoder.take(OPENED)
    decoder.take(second)
    talk = Talk()
    head = talk.headers(Side.CLIENT, 1, REQUEST)
    raw = PREFACE + frames.settings() + head
    for connection in (1, 2):
        made = decoder.take(Chunk(connection=connection, time=1, sender=Side.CLIENT, content=raw))
        assert [Kind.PREFACE, Kind.SETTINGS, Kind.HEADERS] == kinds(made)
        assert {connection} == {frame.connection for frame in made}
    assert RESPONSE
