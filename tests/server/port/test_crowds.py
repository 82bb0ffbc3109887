"""How many connections an address may have."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from chatroom.server.counters import Counters
from chatroom.server.port.bridge import BodyBounds, asgi_calls
from chatroom.server.port.certificates import Certificates
from chatroom.server.port.clients import Clients, Peer
from chatroom.server.port.crowds import Crowds
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port, PortLimits
from chatroom.server.port.rota import Rota
from chatroom.server.port.sockets import connection_limit, listen
from chatroom.server.settings import Tls
from chatroom.wire.addresses import Address
from tests.client.certificates import Pair
from tests.server.port.http1_server import Run
from tests.server.port.test_proxied import told, who
from tests.server.port.tls_peers import client_context

KEPT = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
ANN = b"PROXY TCP4 203.0.113.7 10.0.0.1 1 443\r\n"
BOB = b"PROXY TCP4 203.0.113.8 10.0.0.1 1 443\r\n"
NEIGHBOUR = b"PROXY TCP6 2001:db8::1 2001:db8:f::1 1 443\r\n"
OTHER_NEIGHBOUR = b"PROXY TCP6 2001:db8::2:2 2001:db8:f::1 1 443\r\n"
HEALTH = b"PROXY UNKNOWN\r\n"


class Strangers(Clients):
    """Takes this machine for any other."""

    def is_one(self, peer: Peer) -> bool:
        return peer is not None


@contextlib.asynccontextmanager
async def port(
    limit: int, *, proxied: bool = True, tls: Pair | None = None, connections: int = 0
) -> AsyncIterator[tuple[tuple[str, int], Crowds]]:
    """A port that answers everything, and its count of connections."""
    [listener] = listen(Address("127.0.0.1", 0))
    notices = Notices(asyncio.get_running_loop().time)
    kind = Clients if proxied else Strangers
    crowds = Crowds(limit, kind((), notices), notices=notices, counters=Counters())
    opened = Port(
        (listener,),
        asgi_calls(who, lambda _: BodyBounds(), Rota()),
        who,
        PortLimits(proxied=proxied, connections=connections),
        notices=notices,
        crowds=crowds,
        certificates=tls and Certificates(Tls(certificate=tls.certificate, key=tls.key)),
    )
    opened.open()
    try:
        yield listener.getsockname(), crowds
    finally:
        opened.drain()
        await opened.close(1)


async def opened(
    address: tuple[str, int], first: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has been answered once."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(first + KEPT)
    assert b"HTTP/1.1 200 OK\r\n" == await reader.readline()
    return reader, writer


async def gone(crowds: Crowds, left: int) -> None:
    """Return once so many addresses have a connection."""
    while len(crowds.addresses) != left:
        await asyncio.sleep(0)


@pytest.mark.parametrize(("mine", "others"), [(ANN, BOB), (NEIGHBOUR, ANN)], ids=["IPv4", "IPv6"])
def test_an_address_has_so_many_and_others_have_theirs(
    run: Run, mine: bytes, others: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """One above the limit is closed, counted, and told now and then; one that ends makes room."""

    async def scene() -> None:
        async with port(2) as (address, crowds):
            first, second = [await opened(address, mine) for _ in range(2)]
            for _ in range(3):
                assert b"" == await told(address, mine + LAST)
            assert 3 == crowds.counters.address_connections
            _, other = await opened(address, others)
            first[1].close()
            await first[1].wait_closed()
            while not (await told(address, mine + LAST)).startswith(b"HTTP/1.1 200"):
                pass
            for writer in (second[1], other):
                writer.close()
            await gone(crowds, 0)

    with caplog.at_level(logging.WARNING):
        run(scene)
    assert 1 == len(caplog.messages)
    assert "--address-connections" in caplog.messages[0]


def test_of_ipv6_neighbours_are_one(run: Run) -> None:
    """A /64 is what everybody has at least."""

    async def scene() -> None:
        async with port(1) as (address, _):
            _, writer = await opened(address, NEIGHBOUR)
            assert b"" == await told(address, OTHER_NEIGHBOUR + LAST)
            writer.close()

    run(scene)


def test_the_proxys_own_connections_are_not_counted(run: Run) -> None:
    """Its health checks name nobody."""

    async def scene() -> None:
        async with port(1) as (address, crowds):
            writers = [(await opened(address, HEALTH))[1] for _ in range(3)]
            assert 0 == len(crowds.addresses)
            for writer in writers:
                writer.close()

    run(scene)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_without_a_proxy_the_peer_counts(run: Run, tls: bool, ca: Pair, localhost: Pair) -> None:
    """What stands above TLS is no second one; above the limit there is not even a handshake."""

    async def scene() -> None:
        async with port(2, proxied=False, tls=localhost if tls else None) as (address, crowds):
            context = client_context(ca.certificate) if tls else None
            name = "localhost" if tls else None
            writers = []
            for _ in range(2):
                reader, writer = await asyncio.open_connection(
                    *address, ssl=context, server_hostname=name
                )
                writer.write(KEPT)
                assert b"HTTP/1.1 200 OK\r\n" == await reader.readline()
                writers.append(writer)
            assert b"" == await told(address)
            assert 1 == crowds.counters.address_connections
            for writer in writers:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
            await gone(crowds, 0)

    run(scene)


def test_this_machines_connections_are_not_counted(run: Run) -> None:
    """A proxy may be on it."""

    async def scene() -> None:
        notices = Notices(asyncio.get_running_loop().time)
        crowds = Crowds(1, Clients((), notices), notices=notices, counters=Counters())
        for peer in (("127.0.0.1", 1), ("::1", 1), None):
            assert "" == crowds.room_for(peer)

    run(scene)


def test_nobody_is_accepted_above_all_connections_and_that_is_counted(run: Run) -> None:
    """Who comes waits, until somebody goes."""

    async def scene() -> None:
        async with port(0, connections=2) as (address, crowds):
            first, second = [await opened(address, ANN) for _ in range(2)]
            waiting = asyncio.create_task(told(address, ANN + LAST))
            while not crowds.counters.connections:
                await asyncio.sleep(0)
            assert not waiting.done()
            first[1].close()
            assert (await waiting).startswith(b"HTTP/1.1 200")
            second[1].close()

    run(scene)


def test_what_is_wanted_counts_up_to_what_can_be() -> None:
    """The system has the last word."""
    possible = connection_limit()
    assert 7 == connection_limit(7)
    if possible:
        assert possible == connection_limit(possible + 1)
