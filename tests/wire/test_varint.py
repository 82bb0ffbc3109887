"""Numbers as protobuf writes them."""

from __future__ import annotations

from google.protobuf.wrappers_pb2 import UInt64Value
from hypothesis import given
from hypothesis import strategies as st

from chatroom.wire.varint import varint


@given(st.one_of(st.integers(1, (1 << 64) - 1), st.integers(1, 1 << 15)))
def test_a_number_is_written_as_protobuf_writes_it(number: int) -> None:
    """Behind the key of field 1; protobuf leaves 0 out."""
    assert b"\x08" + varint(number) == UInt64Value(value=number).SerializeToString()


def test_nothing_is_one_byte() -> None:
    """The least number has a form of its own."""
    assert b"\0" == varint(0)
