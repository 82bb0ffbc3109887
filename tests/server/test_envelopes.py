"""From the bytes of a request body to its messages."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.refusals import Refusal
from chatroom.server.calls.encode import envelope, payload, payloads
from chatroom.server.calls.envelopes import EnvelopeReader
from chatroom.server.calls.statuses import Code, EnvelopeInvalid, MessageTooLarge, code_of

LIMIT = 1024


def enveloped(body: bytes) -> bytes:
    """A body in an envelope that says it is compressed."""
    return b"\1" + len(body).to_bytes(4, "big") + body


def compressed(message: bytes) -> bytes:
    return enveloped(gzip.compress(message))


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


@given(st.binary(max_size=300), st.sampled_from([b"", b"identity", b"gzip"]))
def test_garbage_is_refused_and_nothing_else(garbage: bytes, encoding: bytes) -> None:
    """No bytes bring out anything but messages and refusals."""
    reader = EnvelopeReader(encoding, LIMIT)
    try:
        for message in reader.feed(garbage):
            assert len(message) <= LIMIT
        reader.end()
    except Refusal:
        pass


BAD = {
    "flags 2": (b"", b"\2\0\0\0\1x", Code.INVALID_ARGUMENT),
    "flags 128": (b"", b"\x80\0\0\0\1x", Code.INVALID_ARGUMENT),
    "compressed, no encoding": (b"", b"\1\0\0\0\1x", Code.INTERNAL),
    "compressed, identity": (b"identity", b"\1\0\0\0\1x", Code.INTERNAL),
    "not gzip": (b"gzip", b"\1\0\0\0\1x", Code.INVALID_ARGUMENT),
    "gzip cut short": (b"gzip", enveloped(gzip.compress(b"x" * 50)[:-3]), Code.INVALID_ARGUMENT),
    "too large": (b"", b"\0\0\0\4\1", Code.RESOURCE_EXHAUSTED),
    "too large inflated": (b"gzip", compressed(b"x" * (LIMIT + 1)), Code.RESOURCE_EXHAUSTED),
}


@pytest.mark.parametrize(("encoding", "body", "code"), BAD.values(), ids=BAD.keys())
def test_each_bad_envelope_has_its_code(encoding: bytes, body: bytes, code: Code) -> None:
    """As in the table of statuses."""
    reader = EnvelopeReader(encoding, LIMIT)
    with pytest.raises(Refusal) as refusal:
        list(reader.feed(body))
    assert code is code_of(refusal.value)


def test_an_unknown_encoding_is_unimplemented() -> None:
    """Before any message is read."""
    with pytest.raises(EnvelopeInvalid) as refusal:
        EnvelopeReader(b"snappy", LIMIT)
    assert Code.UNIMPLEMENTED is code_of(refusal.value)


def test_a_body_that_ends_within_a_message_is_refused() -> None:
    """Half a message is none."""
    reader = EnvelopeReader(b"", LIMIT)
    assert [] == list(reader.feed(envelope(b"hello")[:-1]))
    with pytest.raises(EnvelopeInvalid, match="in the middle"):
        reader.end()


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    """A kilobyte that would become a hundred megabytes costs no more than the limit."""
    bomb = compressed(b"\0" * 100_000_000)
    reader = EnvelopeReader(b"gzip", 64 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(MessageTooLarge):
            list(reader.feed(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
