"""Where the server listens: on every address of a name."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from chatroom.server.port import sockets
from chatroom.server.port.sockets import BindError, address_of
from chatroom.wire.addresses import Address

NOBODYS = "192.0.2.1"
"""RFC 5737."""
HERE = ["127.0.0.1", "::1"]


class Names:
    """A name server that knows one name, and gives its addresses as getaddrinfo does."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    def __call__(self, host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        assert "chat" == host
        found: list[tuple[Any, ...]] = []
        for address in self._addresses:
            found += socket.getaddrinfo(address, port, **options)
        return found


@contextlib.contextmanager
def listening(address: Address, *names: str) -> Iterator[list[Address]]:
    listeners = sockets.listen(address, *[Names(*names)] if names else [])
    try:
        yield [address_of(each) for each in listeners]
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize(
    "addresses",
    [HERE, HERE[::-1], ["127.0.0.1", *HERE], [*HERE, NOBODYS], [NOBODYS, *HERE]],
    ids=["both", "IPv6 first", "one of them twice", "and one of elsewhere", "elsewhere first"],
)
def test_a_name_is_listened_on_wherever_it_is(addresses: list[str]) -> None:
    """Each address of this machine once, in their order, all with the same port."""
    expected = [address for address in dict.fromkeys(addresses) if address != NOBODYS]
    with listening(Address("chat", 0), *addresses) as places:
        assert expected == [place.host for place in places]
        assert 1 == len({place.port for place in places})
        for place in places:
            socket.create_connection(tuple(place), timeout=5).close()


@pytest.mark.parametrize("taken", HERE)
def test_a_port_that_is_taken_on_one_address_is_refused(taken: str) -> None:
    """Half a server would be found by some clients only; nothing stays open."""
    with listening(Address(taken, 0)) as others:
        port = others[0].port
        with pytest.raises(BindError, match="in use"), listening(Address("chat", port), *HERE):
            pass
    with listening(Address("chat", port), *HERE) as places:
        assert 2 == len(places)


def test_localhost_is_what_this_machine_calls_so() -> None:
    """By the name server of the system."""
    known = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)
    with listening(Address("localhost", 0)) as places:
        assert {place.host for place in places} <= {where[0] for *_, where in known}
        assert "127.0.0.1" in [place.host for place in places]


def test_all_of_ipv6_is_all_of_ipv4_too() -> None:
    """One socket for `::`."""
    with listening(Address("::", 0)) as (place,):
        for host in HERE:
            socket.create_connection((host, place.port), timeout=5).close()


def test_an_address_of_elsewhere_is_refused() -> None:
    """With a sentence."""
    sentence = re.escape(f"cannot listen on {NOBODYS}:0: cannot assign")
    with pytest.raises(BindError, match=sentence), listening(Address(NOBODYS, 0)):
        pass
