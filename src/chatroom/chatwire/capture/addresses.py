"""The addresses that stand in a written packet."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from chatroom.chatwire.passage import Opened, Side

SERVER_PORT = 8080
"""Wireshark's registered port of HTTP, on which it follows a connection preface to HTTP/2
without a setting (it does not on a port it does not know)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both ends as they are written; both addresses are of one family."""

    client: tuple[bytes, int]
    """The packed address, 4 or 16 bytes, and the port."""
    server: tuple[bytes, int]

    @property
    def is_ipv6(self) -> bool:
        return len(self.client[0]) == 16

    def of(self, sender: Side) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        """The source and the destination of what `sender` sends."""
        if sender is Side.CLIENT:
            return self.client, self.server
        return self.server, self.client


class WrittenAddresses:
    """Gives each connection of a file endpoints that no other connection of it has.

    The server's port is always 8080. A client keeps its address and port, unless the port
    is 8080 or lower (Wireshark asks the dissector of the lower port first, and the lower
    one has to be the server's) or the connection would be taken for an earlier one; then it
    gets the highest free port.
    """

    def __init__(self) -> None:
        self._taken: set[Endpoints] = set()
        self._above: dict[tuple[bytes, bytes], int] = {}
        """Of the ports above, none is free any more between these two addresses."""

    def choose(self, opened: Opened) -> Endpoints:
        """Endpoints for a new connection. After 57,455 of one pair of addresses they repeat."""
        client, server = _one_family(_address(opened.client[0]), _address(opened.server[0]))
        wanted = opened.client[1]
        if wanted > SERVER_PORT and self._take(found := _endpoints(client, wanted, server)):
            return found
        # Those that were found taken are not tried again: one search costs one step, not 57,455.
        for port in range(self._above.get((client, server), 0xFFFF), SERVER_PORT, -1):
            self._above[client, server] = port - 1
            if self._take(found := _endpoints(client, port, server)):
                return found
        return _endpoints(client, 0xFFFF, server)

    def _take(self, endpoints: Endpoints) -> bool:
        """Whether they were free."""
        if endpoints in self._taken:
            return False
        self._taken.add(endpoints)
        return True


def _endpoints(client: bytes, port: int, server: bytes) -> Endpoints:
    return Endpoints((client, port), (server, SERVER_PORT))


def true_addresses(opened: Opened) -> str:
    """Which connection this is, for people: `127.0.0.1:40112 to [::1]:50051`."""
    return f"{_shown(opened.client)} to {_shown(opened.server)}"


WRITTEN = re.compile(r"connection \d+, (\S+):(\d+) to (\S+):(\d+);.* is written as \d+")
"""What `Synthesis` says about the first packet of a connection."""


def addresses_in(comment: str) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """The client's and the server's true address, where a comment of ours says them."""
    found = WRITTEN.fullmatch(comment)
    if found is None:
        return None
    client, client_port, server, server_port = found.groups()
    return (client.strip("[]"), int(client_port)), (server.strip("[]"), int(server_port))


def _address(host: str) -> Address:
    """The IP address; what is none, a name or a path, stands for this machine."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ipaddress.IPv4Address("127.0.0.1")


def _one_family(client: Address, server: Address) -> tuple[bytes, bytes]:
    """Both packed; if they are of two families, the IPv4 one is mapped (RFC 4291, 2.5.5.2)."""
    if client.version == server.version:
        return client.packed, server.packed
    return _mapped(client), _mapped(server)


def _mapped(address: Address) -> bytes:
    if address.version == 6:
        return address.packed
    return bytes(10) + b"\xff\xff" + address.packed


def _shown(endpoint: tuple[str, int]) -> str:
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
