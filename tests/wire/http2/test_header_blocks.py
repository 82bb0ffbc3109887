"""Header blocks: HPACK (RFC 7541) that never falls out of step, within bounds."""

from __future__ import annotations

import pytest
from hpack import Decoder

from chatroom.wire.http2 import frames
from chatroom.wire.http2.events import HeadersTooLong, RequestReceived
from chatroom.wire.http2.frames import ErrorCode, Kind, Setting, frame
from chatroom.wire.http2.headers import encode, encode_cached
from chatroom.wire.http2.limits import Http2Limits

from .peer import RESPONSE, Peer

MARK = ("x-mark", "in the table")


def in_step(peer: Peer, stream_id: int) -> None:
    """Assert that the server's table is the peer's: `MARK` is sent by its index alone."""
    block = peer.block(MARK)
    assert b"x-mark" not in block
    assert len(block) < 24
    (event,) = peer.send(frames.headers(stream_id, block, end=True))
    assert isinstance(event, RequestReceived)
    assert (b"x-mark", b"in the table") == event.headers[-1]


@pytest.mark.parametrize(
    "extra",
    [[("x-long", "x" * 16_000), ("x-more", "y" * 400)], [(f"x-{n}", "1") for n in range(70)]],
    ids=["bytes", "fields"],
)
def test_a_long_list_is_decoded_to_its_end(extra: list[tuple[str, str]]) -> None:
    """RFC 9113, 6.5.2 and 10.5.1: it is answered with 431, and the table stays in step."""
    peer = Peer().open()
    block = peer.block(*extra, MARK)
    first, rest = block[:16_384], block[16_384:]
    if rest:
        frame_bytes = frame(Kind.HEADERS, 0, 1, first) + frame(Kind.CONTINUATION, 4, 1, rest)
    else:
        frame_bytes = frames.headers(1, block)
    (event,) = peer.send(frame_bytes)
    assert isinstance(event, HeadersTooLong)
    event.stream.headers(encode(((b":status", b"431"),)), end=True)
    peer.connection.release(event.stream)
    in_step(peer, 3)


def test_a_list_as_long_as_announced_is_read() -> None:
    """6.5.2: name, value and 32 bytes a field; one byte more is too long."""
    peer = Peer(Http2Limits(header_list=1024)).open()
    size = sum(len(name) + len(value) + 32 for name, value in peer_fields(peer))
    fits = ("x", "y" * (1024 - size - 33))
    assert [RequestReceived] == [type(e) for e in peer.send(frames.headers(1, peer.block(fits)))]
    more = ("x", fits[1] + "y")
    assert [HeadersTooLong] == [type(e) for e in peer.send(frames.headers(3, peer.block(more)))]


def peer_fields(peer: Peer) -> list[tuple[bytes, bytes]]:
    """The usual request, as the server reads it."""
    (event,) = Peer(peer.limits).open().send(frames.headers(1, Peer().block()))
    assert isinstance(event, RequestReceived)
    return event.headers


def test_a_small_block_that_becomes_a_huge_list_ends_the_connection() -> None:
    """CVE-2016-6581, the HPACK bomb: one field of 4,000 bytes, and its index for ever."""
    peer = Peer().open()
    bomb = peer.block(("x", "y" * 3_900)) + b"\xbe" * 10_000
    peer.ended(peer.send(frames.headers(1, bomb)), ErrorCode.ENHANCE_YOUR_CALM)


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xbe",
        b"\x00\x05ab",
        b"\x00\x81\xff\x00",
        b"\x82\x20",
        b"\x3f\xe2\x1f",
        b"\x7f",
    ],
    ids=[
        "6.1 index 0", "5.1 an endless number", "2.3.3 beyond the table", "5.2 a string cut short",
        "5.2 Huffman padding", "4.2 a table update behind a field", "6.3 a table above 4,096",
        "5.1 a number cut short",
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_ends_the_connection(block: bytes) -> None:
    """RFC 7541, by section; RFC 9113, 4.3: COMPRESSION_ERROR."""
    peer = Peer().open()
    peer.ended(peer.send(frames.headers(1, block)), ErrorCode.COMPRESSION_ERROR)


@pytest.mark.parametrize("update", [b"\x20", b"\x3f\xe1\x1f", b"\x3f\x81\x80\x80\x00"])
def test_two_table_updates_are_legal_and_three_are_not(update: bytes) -> None:
    """RFC 7541, 4.2: the least and the last; a block of 10,000 of them would only cost time."""
    peer = Peer().open()
    (event,) = peer.send(frames.headers(1, update * 2 + Peer().block()))
    assert isinstance(event, RequestReceived)
    wrong = frames.headers(3, update * 3 + Peer().block())
    peer.ended(peer.send(wrong), ErrorCode.COMPRESSION_ERROR)


def test_a_refused_request_is_decoded() -> None:
    """RFC 9113, 4.3: also for a stream that is not served."""
    peer = Peer(Http2Limits(streams=1)).open()
    stream = peer.request(1, end=True)
    assert [] == peer.send(frames.headers(3, peer.block(MARK)))
    assert [(3, ErrorCode.REFUSED_STREAM)] == peer.resets()
    stream.headers(b"\x88", end=True)
    peer.connection.release(stream)
    in_step(peer, 5)


def test_a_malformed_request_is_decoded() -> None:
    """8.1.1: a stream error, the table goes on."""
    peer = Peer().open()
    peer.send(frames.headers(1, peer.block(("connection", "close"), MARK)))
    assert [(1, ErrorCode.PROTOCOL_ERROR)] == peer.resets()
    in_step(peer, 3)


def test_trailers_of_a_reset_stream_are_decoded() -> None:
    """5.1: they were on their way."""
    peer = Peer().open()
    peer.connection.reset(peer.request(1), ErrorCode.CANCEL)
    assert [] == peer.send(frames.headers(1, peer.block(MARK, fields=()), end=True))
    in_step(peer, 3)


# ---- CONTINUATION (CVE-2024-27316) ---------------------------------------------------------


@pytest.mark.parametrize("piece", [b"", b"\x82"], ids=["empty", "of a byte"])
def test_continuations_are_counted(piece: bytes) -> None:
    """RFC 9113, 6.10: eight are taken, whatever is in them; the ninth ends the connection."""
    peer = Peer().open()
    begun = frame(Kind.HEADERS, 0, 1, b"")
    more = frame(Kind.CONTINUATION, 0, 1, piece)
    assert [] == peer.send(begun, more * 8)
    peer.ended(peer.send(more), ErrorCode.ENHANCE_YOUR_CALM)


def test_eight_continuations_are_a_request() -> None:
    """6.10: just not too many."""
    peer = Peer().open()
    block = peer.block()
    parts = [frame(Kind.CONTINUATION, 0, 1, block[at : at + 1]) for at in range(7)]
    last = frame(Kind.CONTINUATION, 4, 1, block[7:])
    (event,) = peer.send(frame(Kind.HEADERS, 0, 1, b""), *parts, last)
    assert isinstance(event, RequestReceived)


LONG_VALUE = b"\0\1x\x7f\xfa\xfe\1"
"""A field whose value has 127 + 0x7a + (0x7e << 7) + (1 << 14) = 32,761 bytes: 32 KiB in all."""


@pytest.mark.parametrize("over", [0, 1])
def test_the_bytes_of_a_block_are_bounded(over: int) -> None:
    """32 KiB over all its frames; they are decoded, and the list is then too long."""
    peer = Peer().open()
    size = 32_768 + over - len(LONG_VALUE)
    block = LONG_VALUE + b"v" * size
    peer_bytes = [
        frame(Kind.HEADERS, 0, 1, block[:16_384]),
        frame(Kind.CONTINUATION, 0, 1, block[16_384:32_768]),
        frame(Kind.CONTINUATION, 4, 1, block[32_768:]),
    ]
    events = peer.send(*peer_bytes)
    if over:
        assert "a header block is too long" == peer.ended(events, ErrorCode.ENHANCE_YOUR_CALM)
    else:
        assert [HeadersTooLong] == [type(event) for event in events]


# ---- Out -----------------------------------------------------------------------------------


def test_response_blocks_are_the_same_for_everyone() -> None:
    """RFC 7541, 6.2.2: static or literal, whatever was sent before; no table of ours grows."""
    block = encode(RESPONSE)
    assert b"\x88\x0f\x10\x10application/grpc" == block
    assert encode_cached(RESPONSE) is encode_cached(RESPONSE)
    decoder = Decoder()
    for _ in range(3):
        assert list(RESPONSE) == [tuple(field) for field in decoder.decode(block, raw=True)]
    assert 0 == len(decoder.header_table.dynamic_entries)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (b"authorization", b"\x1f\x08"),
        (b"cookie", b"\x1f\x11"),
        (b"set-cookie", b"\x1f\x28"),
        (b"proxy-authorization", b"\x1f\x22"),
    ],
)
def test_a_secret_is_never_indexed(name: bytes, first: bytes) -> None:
    """RFC 7541, 6.2.3 and 7.1.3: nor may anybody on the way do it."""
    assert first + b"\x06secret" == encode(((name, b"secret"),))


def test_a_long_value_has_its_length_in_pieces() -> None:
    """RFC 7541, 5.1: 127 and more."""
    fields = ((b"x-name", b"v" * 126), (b"x-name", b"v" * 127), (b"x-name", b"v" * 5000))
    assert list(fields) == [tuple(f) for f in Decoder().decode(encode(fields), raw=True)]


def test_a_smaller_table_is_said_first_in_the_next_block() -> None:
    """RFC 7541, 4.2 and 6.3: an update, once, before the first field."""
    peer = Peer().open((Setting.HEADER_TABLE_SIZE, 100))
    for stream_id, expected in ((1, b"\x20\x88"), (3, b"\x88")):
        peer.request(stream_id, end=True).headers(b"\x88", end=True)
        assert [expected] == [f.payload for f in peer.read() if f.kind == Kind.HEADERS]
    peer.send(frames.settings((Setting.HEADER_TABLE_SIZE, 0)))
    peer.request(5, end=True).headers(b"\x88", end=True)
    assert [b"\x88"] == [f.payload for f in peer.read() if f.kind == Kind.HEADERS]


def test_it_is_said_in_trailers_as_well() -> None:
    """RFC 7541, 4.2: the next block, whichever that is."""
    peer = Peer().open()
    stream = peer.request(1, end=True)
    stream.headers(b"\x88")
    peer.read()
    peer.send(frames.settings((Setting.HEADER_TABLE_SIZE, 0)))
    stream.end(b"\x88")
    assert [b"\x20\x88"] == [f.payload for f in peer.read() if f.kind == Kind.HEADERS]


@pytest.mark.parametrize("size", [4096, 1 << 20])
def test_a_table_that_is_no_smaller_needs_no_word(size: int) -> None:
    """RFC 7541, 4.2: the encoder may use less than it is allowed."""
    peer = Peer().open((Setting.HEADER_TABLE_SIZE, size))
    peer.request(1, end=True).headers(b"\x88", end=True)
    assert [b"\x88"] == [f.payload for f in peer.read() if f.kind == Kind.HEADERS]


def test_a_long_block_goes_in_pieces() -> None:
    """RFC 9113, 6.10: HEADERS and CONTINUATION, with nothing between them."""
    peer = Peer().open()
    block = encode(((b"x", b"v" * 40_000),))
    peer.request(1, end=True).headers(block, end=True)
    pieces = block[:16_384], block[16_384:32_768], block[32_768:]
    heads = bytes.fromhex("004000 01 01 00000001"), bytes.fromhex("004000 09 00 00000001")
    last = len(pieces[2]).to_bytes(3) + bytes.fromhex("09 04 00000001")
    assert heads[0] + pieces[0] + heads[1] + pieces[1] + last + pieces[2] == peer.written()
