"""What holds for any input: our encoder, and the windows upwards."""

from __future__ import annotations

import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from chatroom.wire.http2.frames import ErrorCode
from chatroom.wire.http2.headers import Malformed, check_request, encode
from chatroom.wire.http2.windows import ReceiveWindow

from .peer import REQUEST, Peer, encoded, resets

NAMES = st.sampled_from([b"grpc-status", b"content-type", b":status", b"authorization", b"x-a"])


@given(st.lists(st.tuples(NAMES, st.binary(max_size=300))))
def test_what_we_write_is_read_as_it_was(headers: list[tuple[bytes, bytes]]) -> None:
    """RFC 7541: by a decoder that no one here wrote, whose table stays empty."""
    decoder = Decoder(max_header_list_size=1 << 20)
    assert [(name, value) for name, value in decoder.decode(encode(headers), raw=True)] == headers
    assert len(decoder.header_table.dynamic_entries) == 0


@given(st.lists(st.integers(0, 20_000)), st.integers(2, 1 << 20))
def test_a_receive_window_loses_nothing(reads: list[int], size: int) -> None:
    """RFC 9113, 6.9: what was read and is not given back yet is less than half of it."""
    window, other = ReceiveWindow(size), ReceiveWindow(size)
    for read in reads:
        could = window.take(read)
        window.give_back(read)
        if could:
            assert other.pass_on(read) >= 0
            assert other.left == window.left, "the quick way counts alike"
        else:
            assert other.pass_on(read) == -1
            return
        assert (size - window.left) * 2 < size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b":method", b"GET /x"),
        (b":path", b"/a b"),
        (b":path", b"/a\x01"),
        (b":path", b"/a\x7f"),
        (b":path", "/ä".encode()),
        (b":authority", b"me@localhost"),
        (b":authority", b"local host"),
    ],
)
def test_what_no_request_line_could_hold(name: bytes, value: bytes) -> None:
    """9113, 8.3.1 and 10.3: what would become two requests at a server of HTTP/1.1 is none."""
    headers = [
        (name, value) if name == known else (known, said) for known, said in encoded(*REQUEST)
    ]
    with pytest.raises(Malformed):
        check_request(headers)
    peer = Peer().open()
    peer.client.request(headers)
    assert peer.tell() == []
    assert resets(peer.read_all()) == [(1, ErrorCode.PROTOCOL_ERROR)]
