"""From messages to the bytes of a body, and back."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.wire import envelopes
from chatroom.wire.envelopes import (
    COMPRESSED,
    EnvelopeError,
    EnvelopeReader,
    compressed,
    decompressed,
    envelope,
    head,
    payload,
    payloads,
    whole,
)

LIMIT = 1024


@pytest.mark.parametrize(
    ("message", "flags", "octets"),
    [
        (b"", 0, b"\0\0\0\0\0"),
        (b"hello", 0, b"\0\0\0\0\5hello"),
        (b"x" * 258, 1, b"\1\0\0\1\2" + b"x" * 258),
        (b"grpc-status: 0\r\n", 0x80, b"\x80\0\0\0\x10grpc-status: 0\r\n"),
    ],
)
def test_an_envelope_is_written_as_the_document_says(
    message: bytes, flags: int, octets: bytes
) -> None:
    """Flags, four bytes of length in network order, the message."""
    assert octets == envelope(message, flags)
    assert (flags, len(message)) == head(octets)


def test_what_we_compress_any_gzip_reads() -> None:
    """And the envelope says so."""
    octets = compressed(b"hello" * 20)
    assert COMPRESSED == octets[0]
    assert b"hello" * 20 == gzip.decompress(payload(octets))


messages = st.lists(st.tuples(st.binary(max_size=200), st.booleans()), max_size=8)


@given(messages, st.data())
def test_messages_come_out_whole_however_they_are_cut(
    sent: list[tuple[bytes, bool]], data: st.DataObject
) -> None:
    """Frames and messages have no boundaries in common."""
    body = b"".join(compressed(m) if small else envelope(m) for m, small in sent)
    reader = EnvelopeReader(b"gzip", LIMIT)
    received: list[bytes] = []
    while body:
        cut = data.draw(st.integers(1, len(body)))
        received += reader.feed(body[:cut])
        body = body[cut:]
    reader.end()
    assert [message for message, _ in sent] == received


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_a_run_of_envelopes_comes_apart_again(sent: list[bytes]) -> None:
    """What is joined for one write is what Connect sends one by one."""
    assert sent == payloads(b"".join(envelope(message) for message in sent))
    assert sent == [payload(envelope(message)) for message in sent]


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.integers(1, 4))
def test_whole_envelopes_are_known_from_pieces(sent: list[bytes], missing: int) -> None:
    """A run is whole, and is not with fewer bytes or more, or a flag that is none of ours."""
    run = b"".join(envelope(message, COMPRESSED) for message in sent)
    assert whole(run)
    assert not whole(run[:-missing])
    assert not whole(run + b"\0" * missing)
    assert not whole(run + envelope(b"", 0x80))


@given(st.binary(max_size=300), st.sampled_from([b"", b"identity", b"gzip"]))
def test_garbage_is_refused_and_nothing_else(garbage: bytes, encoding: bytes) -> None:
    """No bytes bring out anything but messages and its own errors."""
    reader = EnvelopeReader(encoding, LIMIT)
    try:
        for message in reader.feed(garbage):
            assert len(message) <= LIMIT
        reader.end()
    except EnvelopeError:
        pass


BAD: dict[str, tuple[bytes, bytes, type[EnvelopeError], dict[str, object]]] = {
    "flags 2": (b"", b"\2\0\0\0\1x", envelopes.FlagsUnknown, {"flags": 2}),
    "flags 128": (b"", b"\x80\0\0\0\1x", envelopes.FlagsUnknown, {"flags": 128}),
    "compressed, no encoding": (b"", b"\1\0\0\0\1x", envelopes.EncodingMissing, {}),
    "compressed, identity": (b"identity", b"\1\0\0\0\1x", envelopes.EncodingMissing, {}),
    "not gzip": (
        b"gzip", b"\1\0\0\0\1x", envelopes.CompressionInvalid, {"encoding": "gzip"},
    ),
    "gzip cut short": (
        b"gzip", envelope(gzip.compress(b"x" * 50)[:-3], COMPRESSED),
        envelopes.CompressionInvalid, {"problem": "it is incomplete"},
    ),
    "something after gzip": (
        b"gzip", envelope(gzip.compress(b"x" * 50) + b"y", COMPRESSED),
        envelopes.CompressionInvalid, {"problem": "something follows it"},
    ),
    "something after deflate": (
        b"gzip", envelope(gzip.compress(b"x") + zlib.compress(b"x"), COMPRESSED),
        envelopes.CompressionInvalid, {"problem": "something follows it"},
    ),
    "second member cut short": (
        b"gzip", envelope(gzip.compress(b"x") + gzip.compress(b"y")[:-3], COMPRESSED),
        envelopes.CompressionInvalid, {"problem": "it is incomplete"},
    ),
    "more members than anybody has": (
        b"gzip", envelope(gzip.compress(b"") * 33, COMPRESSED),
        envelopes.CompressionInvalid, {"problem": "it has more than 32 members"},
    ),
    "too long over two members": (
        b"gzip", envelope(gzip.compress(b"x" * 600) * 2, COMPRESSED),
        envelopes.MessageTooLong, {"size": 1025, "limit": LIMIT},
    ),
    "too long": (
        b"", b"\0\0\0\4\1", envelopes.MessageTooLong, {"size": 1025, "limit": LIMIT},
    ),
    "too long inflated": (
        b"gzip", compressed(b"x" * 5000), envelopes.MessageTooLong, {"size": 1025, "limit": LIMIT},
    ),
    "too long inflated by one byte": (
        b"gzip", compressed(b"x" * (LIMIT + 1)),
        envelopes.MessageTooLong, {"size": 1025, "limit": LIMIT},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "body", "kind", "fields"), BAD.values(), ids=BAD.keys())
def test_each_bad_envelope_has_its_error(
    encoding: bytes, body: bytes, kind: type[EnvelopeError], fields: dict[str, object]
) -> None:
    """A type, with what was wrong in its fields; what came before has been read."""
    reader = EnvelopeReader(encoding, LIMIT)
    read: list[bytes] = []
    with pytest.raises(EnvelopeError) as error:
        read.extend(reader.feed(envelope(b"before") + body))
    assert [b"before"] == read
    assert kind is type(error.value)
    assert fields == {name: getattr(error.value, name) for name in fields}


def test_an_unknown_encoding_is_known_to_be_one() -> None:
    """Before any message is read."""
    with pytest.raises(envelopes.EncodingUnknown) as error:
        EnvelopeReader(b"snappy", LIMIT)
    assert b"snappy" == error.value.encoding


def test_a_body_that_ends_within_a_message_is_refused() -> None:
    """Half a message is none."""
    reader = EnvelopeReader(b"", LIMIT)
    assert [] == list(reader.feed(envelope(b"hello")[:-1]))
    with pytest.raises(envelopes.CutShort, match="in the middle"):
        reader.end()


UNUSUAL = {
    "no bytes": (b"", b""),
    "a member of nothing": (gzip.compress(b""), b""),
    "two members": (gzip.compress(b"a") + gzip.compress(b"bc"), b"abc"),
    "32 members": (gzip.compress(b"") * 31 + gzip.compress(b"a"), b"a"),
    "nothing between": (b"".join(map(gzip.compress, (b"a", b"", b"x" * 1000))), b"a" + b"x" * 1000),
    "just as long as it may be": (gzip.compress(b"x" * LIMIT), b"x" * LIMIT),
}


@pytest.mark.parametrize(("compressed_form", "message"), UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_compressed_in_unusual_ways(compressed_form: bytes, message: bytes) -> None:
    """RFC 1952, 2.2: several members; Connect, "Unary-Request": what is empty is not compressed."""
    reader = EnvelopeReader(b"gzip", LIMIT)
    assert [message] == list(reader.feed(envelope(compressed_form, COMPRESSED)))


def test_deflate_is_what_http_calls_so() -> None:
    """With the head of zlib (RFC 1950)."""
    assert b"hello" == decompressed(zlib.compress(b"hello"), "deflate", LIMIT)


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    """A kilobyte that would become a hundred megabytes costs no more than the limit."""
    bomb = compressed(b"\0" * 100_000_000)
    reader = EnvelopeReader(b"gzip", 64 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(envelopes.MessageTooLong):
            list(reader.feed(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
