"""Whom proxies say that they have forwarded a request for."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.wire.forwarded import FORWARDED, X_FORWARDED_FOR, ForwardedInvalid, hops


def told(name: bytes, *lines: bytes) -> list[str]:
    """The hops, the nearest first; "" for one that is hidden."""
    return ["" if hop is None else str(hop) for hop in hops(name, list(lines))]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((b"for=192.0.2.7",), ["192.0.2.7"]),
        ((b"For=192.0.2.7;Proto=https;by=203.0.113.1",), ["192.0.2.7"]),
        ((b"proto=https; for=192.0.2.7",), ["192.0.2.7"]),
        ((b'for="[2001:db8:cafe::17]:4711"',), ["2001:db8:cafe::17"]),
        ((b'for="[2001:DB8::17]"',), ["2001:db8::17"]),
        ((b'for="192.0.2.7:80"',), ["192.0.2.7"]),
        ((b'for="192.0.2.7:_x"',), ["192.0.2.7"]),
        ((b'for="\\1\\92.0.2.7"',), ["192.0.2.7"]),
        ((b'for="[::ffff:192.0.2.7]"',), ["192.0.2.7"]),
        ((b"for=192.0.2.7, for=198.51.100.1",), ["198.51.100.1", "192.0.2.7"]),
        ((b"for=192.0.2.7", b"for=198.51.100.1"), ["198.51.100.1", "192.0.2.7"]),
        ((b"for=192.0.2.7,,for=198.51.100.1, ",), ["198.51.100.1", "192.0.2.7"]),
        ((b"for=192.0.2.7;;proto=http;",), ["192.0.2.7"]),
        ((b"for=unknown",), [""]),
        ((b"for=_gazonk",), [""]),
        ((b'for="_gazonk:_p0rt"',), [""]),
        ((b"proto=https",), [""]),
        ((b'for=192.0.2.7;host="a, for=198.51.100.1"',), ["192.0.2.7"]),
        ((b"",), []),
        ((b" , ",), []),
    ],
)
def test_forwarded_is_read(lines: Sequence[bytes], expected: list[str]) -> None:
    """As RFC 7239 has it: pairs, quoted or not, in elements, in lines."""
    assert expected == told(FORWARDED, *lines)


@pytest.mark.parametrize(
    "line",
    [
        b"192.0.2.7",
        b"for",
        b"for=",
        b"for =192.0.2.7",
        b"for=2001:db8::7",
        b'for="2001:db8::7:80g"',
        b"for=[2001:db8::7]",
        b'for="192.0.2.7',
        b'for="192.0.2.7"x',
        b"for=192.0.2.7 for=198.51.100.1",
        b"for=192.0.2.7;for=198.51.100.1",
        b"for=somebody",
        b'for="[192.0.2.7]"',
        b'for="[fe80::1%eth0]"',
        b'for="192.0.2.7:"',
        b"for=\xff",
    ],
)
def test_what_is_no_forwarded_is_found(line: bytes) -> None:
    """Half of a header is nobody's word."""
    with pytest.raises(ForwardedInvalid):
        told(FORWARDED, line)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((b"192.0.2.7",), ["192.0.2.7"]),
        ((b"192.0.2.7, 198.51.100.1",), ["198.51.100.1", "192.0.2.7"]),
        ((b"192.0.2.7", b"198.51.100.1"), ["198.51.100.1", "192.0.2.7"]),
        ((b"192.0.2.7,,\t198.51.100.1 ",), ["198.51.100.1", "192.0.2.7"]),
        ((b"2001:DB8::7",), ["2001:db8::7"]),
        ((b"2001:db8::",), ["2001:db8::"]),
        ((b"[2001:db8::7]:443",), ["2001:db8::7"]),
        ((b"192.0.2.7:56324",), ["192.0.2.7"]),
        ((b"unknown, 192.0.2.7",), ["192.0.2.7", ""]),
        ((b"",), []),
    ],
)
def test_x_forwarded_for_is_read(lines: Sequence[bytes], expected: list[str]) -> None:
    """As proxies write it: some with ports, some in several lines."""
    assert expected == told(X_FORWARDED_FOR, *lines)


@pytest.mark.parametrize(
    "line", [b"somebody", b'"192.0.2.7"', b"192.0.2", b"192.0.2.7:x", b"for=192.0.2.7", b"\xff"]
)
def test_what_is_no_address_is_found(line: bytes) -> None:
    """Also where a good one follows it: whoever gets so far does not believe it."""
    found = hops(X_FORWARDED_FOR, [line, b"198.51.100.1"])
    assert "198.51.100.1" == str(next(found))
    with pytest.raises(ForwardedInvalid):
        next(found)


@given(st.sampled_from([FORWARDED, X_FORWARDED_FOR]), st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_read_or_refused(name: bytes, lines: list[bytes]) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(ForwardedInvalid):
        told(name, *lines)
