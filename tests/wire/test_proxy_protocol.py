"""The PROXY protocol's header: HAProxy, doc/proxy-protocol.txt, sections 2.1 and 2.2."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.wire.proxy_protocol import (
    V1_BYTES,
    V2,
    V2_BYTES,
    ProxyHeader,
    ProxyHeaderInvalid,
    parse,
)


def binary(command: int, family: int, addresses: bytes) -> bytes:
    """A header of version 2."""
    return V2 + bytes((command, family)) + len(addresses).to_bytes(2, "big") + addresses


FOUR = bytes((203, 0, 113, 7, 10, 0, 0, 1)) + (56324).to_bytes(2, "big") + (443).to_bytes(2, "big")
SIX = (
    ipaddress.IPv6Address("2001:db8::7").packed
    + ipaddress.IPv6Address("2001:db8::1").packed
    + FOUR[8:]
)
ENDPOINT = b"\xea\0\x17\x01vpce-0123456789abcdef0"
"""What a cloud's load balancer adds."""

HEADERS = {
    "line of IPv4": (b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n", ("203.0.113.7", 56324)),
    "line of IPv6": (b"PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", ("2001:db8::7", 1)),
    "longest line": (
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535".ljust(105, b"f") + b"\r\n",
        None,
    ),
    "line of nobody": (b"PROXY UNKNOWN\r\n", None),
    "IPv4": (binary(0x21, 0x11, FOUR), ("203.0.113.7", 56324)),
    "IPv6": (binary(0x21, 0x21, SIX), ("2001:db8::7", 56324)),
    "with more": (binary(0x21, 0x11, FOUR + ENDPOINT), ("203.0.113.7", 56324)),
    "with as much as may be": (
        binary(0x21, 0x11, FOUR.ljust(V2_BYTES - 16, b"\0")),
        ("203.0.113.7", 56324),
    ),
    "Unix sockets": (binary(0x21, 0x31, bytes(216)), None),
    "UDP": (binary(0x21, 0x12, FOUR), None),
    "unspecified": (binary(0x21, 0x00, b""), None),
    "a check of the proxy's own": (binary(0x20, 0x00, b""), None),
    "a check that names addresses": (binary(0x20, 0x11, FOUR), None),
}


@pytest.mark.parametrize(("header", "peer"), HEADERS.values(), ids=HEADERS)
def test_a_header_is_read_wherever_it_is_cut(header: bytes, peer: tuple[str, int] | None) -> None:
    """Each of its beginnings asks for more; what is behind it is not touched."""
    assert {None} == {parse(header[:size]) for size in range(len(header))}
    assert ProxyHeader(len(header), peer) == parse(header)
    assert ProxyHeader(len(header), peer) == parse(header + b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\0\x05",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 56324\r\n",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443 1\r\n",
        b"PROXY TCP4 203.0.113.7  10.0.0.1 56324 443\r\n",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\n\r\n",
        b"PROXY TCP4 203.0.113.256 10.0.0.1 56324 443\r\n",
        b"PROXY TCP4 2001:db8::7 10.0.0.1 56324 443\r\n",
        b"PROXY TCP6 203.0.113.7 ::1 56324 443\r\n",
        b"PROXY TCP6 fe80::7%eth0 ::1 56324 443\r\n",
        b"PROXY TCP6 fe80::7%\x1b[2J\nx ::1 56324 443\r\n",
        b"PROXY TCP4 203.0.113.\xb2 10.0.0.1 56324 443\r\n",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 65536 443\r\n",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 080 443\r\n",
        b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 +443\r\n",
        b"PROXY UDP4 203.0.113.7 10.0.0.1 56324 443\r\n",
        b"PROXY UNKNOWN".ljust(V1_BYTES, b" "),
        binary(0x11, 0x11, FOUR),
        binary(0x22, 0x11, FOUR),
        binary(0x21, 0x13, FOUR),
        binary(0x21, 0x11, FOUR[:11]),
        binary(0x21, 0x21, FOUR),
        binary(0x21, 0x11, FOUR.ljust(V2_BYTES - 15, b"\0")),
        V2[:-1] + b"\r",
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    """With a sentence about it; a proxy that is set up wrong is found by it."""
    with pytest.raises(ProxyHeaderInvalid, match=r"\bits? "):
        parse(data)


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2, V2 + b"\x21\x11"]), st.binary())
def test_any_bytes_are_a_header_or_none_or_want_more(beginning: bytes, rest: bytes) -> None:
    """Nothing else comes of them, and more is never wanted beyond the bound."""
    try:
        header = parse(beginning + rest)
    except ProxyHeaderInvalid:
        return
    if header is None:
        assert len(beginning + rest) < V2_BYTES
    else:
        assert header.size <= len(beginning + rest)
