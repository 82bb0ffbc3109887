"""How long a body over HTTP/2 may take that an application waits for."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count

import pytest

from chatroom.server.port.asgi import Receive, Scope, Send
from chatroom.server.port.bridge import BodyBounds, asgi_calls
from chatroom.server.port.notices import Notices
from chatroom.server.port.port import Port, PortLimits
from chatroom.server.port.rota import Rota
from chatroom.server.port.sockets import listen
from chatroom.wire.addresses import Address
from tests.interop.raw_http2 import Connection, Response
from tests.server.port.http1_server import Run, read_body, respond


async def whole(_scope: Scope, receive: Receive, send: Send) -> None:
    """An answer once all of the body has come."""
    with contextlib.suppress(AssertionError):  # the peer is gone
        await read_body(receive)
        await respond(send, b"")


def dribble(address: str) -> Response:
    """The answer to a body of which a byte comes now and then, without an end."""
    with Connection(address) as connection:
        head = connection.request_headers("/", b"text/plain")
        stream = connection.open(head)
        response = connection.responses[stream]
        for _ in count():
            connection.data(stream, b"x")
            connection.read(0.02)
            if response.over:
                return response
    raise AssertionError


@pytest.mark.parametrize(
    "bounds", [BodyBounds(seconds=0.5), BodyBounds(idle_seconds=None, seconds=0.5)]
)
def test_all_of_a_body_has_its_time(run: Run, bounds: BodyBounds) -> None:
    """A byte now and then does not buy more; 408."""

    async def scene() -> None:
        [listener] = listen(Address("127.0.0.1", 0))
        opened = Port(
            (listener,),
            asgi_calls(whole, lambda _: bounds, Rota()),
            whole,
            PortLimits(tick=0.05),
            notices=Notices(asyncio.get_running_loop().time),
        )
        opened.open()
        host, port = listener.getsockname()
        response = await asyncio.to_thread(dribble, f"{host}:{port}")
        assert 408 == response.http_status
        await opened.close(1)

    run(scene)
