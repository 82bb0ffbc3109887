"""A server that remembers from which addresses it was asked, and clients that ask it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

from chatroom.core.grants import Identity
from chatroom.core.limits import Limits
from chatroom.journal.memory import MemoryJournal
from chatroom.server.access.access import Access
from chatroom.server.calls import connect
from chatroom.server.calls.streams import Streams
from chatroom.server.port.asgi import Application, Receive, Scope, Send, respond
from chatroom.server.port.bridge import BodyBounds, asgi_calls
from chatroom.server.port.clients import Clients
from chatroom.server.port.front import Front
from chatroom.server.port.gate import HEALTH_PATH, Allowed, Gate
from chatroom.server.port.in_flight import InFlight
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port, PortLimits
from chatroom.server.port.rota import Rota, by_turns
from chatroom.server.port.sockets import listen
from chatroom.server.rooms.audit import Audit
from chatroom.wire.addresses import Address
from chatroom.wire.grpc import CHAT, SUBSCRIBE, UNARY
from tests.server.listeners import lobby


class Watched(Access):
    """Remembers the address of each who asked."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def identity(self, authorization: str, address: str = "", certificate: bytes = b"") -> Identity:
        who = super().identity(authorization, address, certificate)
        self.addresses.append(who.address)
        return who


async def well(_scope: Scope, _receive: Receive, send: Send) -> None:
    """For proxies that look whether there is a server."""
    await respond(send, 200, b"ok", b"text/plain")


@contextlib.asynccontextmanager
async def watched(*trusted: str, **limits: Any) -> AsyncIterator[tuple[int, list[str]]]:
    """The port of a server that trusts these proxies, and the addresses of its callers so far."""
    access = Watched()
    notices = Notices(asyncio.get_running_loop().time)
    gate = Gate(Allowed())
    clients = Clients([ip_network(each) for each in trusted], notices)
    in_flight = InFlight((CHAT, SUBSCRIBE, *UNARY))
    async with lobby(MemoryJournal()) as hub:
        streams = Streams(hub, gate, clients, in_flight, access)
        audit = Audit(MemoryJournal(), clock=time.time_ns)
        contract = connect.applications(hub, Limits(), access, audit)
        routes: dict[str, Application] = {
            **dict.fromkeys((CHAT, SUBSCRIBE), streams.application),
            **contract,
            HEALTH_PATH: well,
        }
        application = Front(routes, gate, clients, native={}, in_flight=in_flight, notices=notices)
        rota = Rota()
        [listener] = listen(Address("127.0.0.1", 0))
        port = Port(
            (listener,),
            streams.on_http2(asgi_calls(application, lambda _: BodyBounds(), rota), rota),
            by_turns(application, rota),
            PortLimits(**limits),
            notices=notices,
        )
        port.open()
        try:
            yield listener.getsockname()[1], access.addresses
        finally:
            await hub.drain()
            port.drain()
            await port.close(1)
