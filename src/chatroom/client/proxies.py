"""Which proxy gRPC goes through to a server, as variables of the environment say.

As of gRPC's core (grpc/grpc, doc/environment_variables.md): the first of `VARIABLES` that is set
counts, in lower case alone; `no_grpc_proxy`, else `no_proxy`, lists ends of names, and networks,
that are reached without. gRPC itself says nothing of a proxy when it cannot connect.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatroom.wire.addresses import Address

VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy")
EXCEPTIONS = ("no_grpc_proxy", "no_proxy")


class Proxy(NamedTuple):
    """A proxy between here and a server."""

    variable: str
    """What names it."""
    where: str
    """Its host and port, without the password that may stand before them."""
    exceptions: str
    """The variable that lists what is reached without it."""


def proxy_to(address: Address, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy on the way to a server; None: it is reached without."""
    variable = next((name for name in VARIABLES if name in environment), None)
    if variable is None or address.nearby:
        return None
    try:
        found = urlsplit(environment[variable])
    except ValueError:
        return None  # gRPC does without, too
    where = found.netloc.rpartition("@")[2]
    if found.scheme != "http" or not where:
        return None
    exceptions = EXCEPTIONS[0] if EXCEPTIONS[0] in environment else EXCEPTIONS[1]
    entries = environment.get(exceptions, "").split(",")
    if any(_covers(entry.strip(), address.host) for entry in entries):
        return None
    return Proxy(variable, where, exceptions)


def _covers(entry: str, host: str) -> bool:
    if not entry:
        return False
    if host.lower().endswith(entry.lower()):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
