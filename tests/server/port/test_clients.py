"""Whose address a request has, when a proxy may have sent it."""

from __future__ import annotations

import logging
from ipaddress import ip_network

import pytest

from chatroom.server.port.clients import Clients
from chatroom.server.port.notices import Notices

PROXY = ("10.0.0.2", 4711)
CLIENT = "203.0.113.7"
USUAL = b"x-forwarded-for"


def clients(*trusted: str) -> Clients:
    networks = [ip_network(each) for each in trusted or ("10.0.0.0/8", "2001:db8:f::/48")]
    return Clients(networks, Notices(lambda: 0.0))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], "10.0.0.2"),
        ([(USUAL, b"203.0.113.7")], CLIENT),
        ([(b"forwarded", b"for=203.0.113.7")], CLIENT),
        ([(b"forwarded", b'for="[2001:db8:cafe::17]:4711"')], "2001:db8:cafe::17"),
        ([(USUAL, b"192.0.2.66, 203.0.113.7")], CLIENT),
        ([(USUAL, b"192.0.2.66"), (USUAL, b"203.0.113.7")], CLIENT),
        ([(USUAL, b"192.0.2.66, 203.0.113.7, 10.0.0.9")], CLIENT),
        ([(USUAL, b"203.0.113.7, 2001:db8:f::9, 10.0.0.9")], CLIENT),
        ([(b"forwarded", b"for=192.0.2.66, for=203.0.113.7"), (b"forwarded", b"for=10.0.0.9")],
         CLIENT),
        ([(USUAL, b"10.0.0.7, 10.0.0.9")], "10.0.0.7"),
        ([(USUAL, b"203.0.113.7, unknown")], "10.0.0.2"),
        ([(USUAL, b"203.0.113.7, unknown, 10.0.0.9")], "10.0.0.9"),
        ([(b"forwarded", b"for=203.0.113.7, for=_x")], "10.0.0.2"),
        ([(b"forwarded", b"proto=https")], "10.0.0.2"),
        ([(USUAL, b"")], "10.0.0.2"),
        ([(USUAL, b"somebody")], "10.0.0.2"),
        ([(USUAL, b"somebody, 10.0.0.9")], "10.0.0.2"),
        ([(b"forwarded", b"203.0.113.7")], "10.0.0.2"),
        ([(b"forwarded", b"for=192.0.2.66"), (USUAL, b"203.0.113.7")], CLIENT),
        ([(b"x-real-ip", b"192.0.2.66")], "10.0.0.2"),
    ],
)  # fmt: skip
def test_a_request_is_from_the_nearest_who_is_no_trusted_proxy(
    fields: list[tuple[bytes, bytes]], expected: str
) -> None:
    """Whatever a client wrote stands to the left of what the proxy has added."""
    found = clients().of(PROXY, fields)
    assert found is not None
    assert expected == found[0]


@pytest.mark.parametrize("peer", [("192.0.2.66", 4711), ("11.0.0.2", 4711), ("::1", 4711), None])
def test_nobody_else_is_believed(peer: tuple[str, int] | None) -> None:
    """Anybody can write a header."""
    fields = [(USUAL, b"203.0.113.7"), (b"forwarded", b"for=203.0.113.7")]
    assert peer == clients().of(peer, fields)


def test_a_proxy_is_known_on_a_socket_for_both_families_too() -> None:
    """There IPv4 comes within IPv6."""
    assert (CLIENT, 0) == clients().of(("::ffff:10.0.0.2", 4711), [(USUAL, b"203.0.113.7")])


def test_without_trust_there_are_no_proxies() -> None:
    """As long as nobody says so, the peer is the client."""
    assert PROXY == Clients((), Notices(lambda: 0.0)).of(PROXY, [(USUAL, b"203.0.113.7")])


def test_what_cannot_be_read_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """An operator learns that the proxy is set up wrongly."""
    now = [0.0]
    told = Clients([ip_network("10.0.0.0/8")], Notices(lambda: now[0]))
    with caplog.at_level(logging.WARNING):
        for second in range(70):
            now[0] = float(second)
            told.of(PROXY, [(USUAL, b"somebody")])
            told.of(PROXY, [(USUAL, b"203.0.113.7"), (b"forwarded", b"nonsense")])
            told.of(("192.0.2.66", 1), [(USUAL, b"somebody")])
    assert 2 == len(caplog.messages)
    assert "10.0.0.2:4711: its x-forwarded-for does not count" in caplog.messages[0]
    assert "59 more" in caplog.messages[1]


@pytest.mark.parametrize(
    ("address", "is_one", "counts"),
    [
        ("203.0.113.7", True, True),
        ("2001:db8::7", True, True),
        ("10.0.0.2", False, True),
        ("127.0.0.1", False, False),
        ("::1", False, False),
    ],
)
def test_whose_connections_and_calls_are_counted(address: str, is_one: bool, counts: bool) -> None:
    """A proxy's connections are everybody's; its calls are those for which it names nobody."""
    found = clients()
    assert (is_one, counts) == (found.is_one((address, 1)), found.counts(address))


def test_this_machine_counts_where_its_proxies_are_named() -> None:
    """Then others are told apart from it; but its connections are still everybody's."""
    found = clients("127.0.0.0/8", "::1")
    assert [True, True] == [found.counts(each) for each in ("127.0.0.1", "::1")]
    assert not found.is_one(("127.0.0.1", 1))


def test_a_unix_sockets_peers_are_nobodys() -> None:
    """They have no address."""
    assert (False, False) == (clients().is_one(None), clients().counts(""))
