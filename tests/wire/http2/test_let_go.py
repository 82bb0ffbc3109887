"""A connection that is gone is free at once, and not when the garbage collector comes by."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from chatroom.wire.grpc import request_headers
from chatroom.wire.http2.client import Client
from chatroom.wire.http2.connection import Connection
from chatroom.wire.http2.events import RequestReceived
from chatroom.wire.http2.limits import Http2Limits
from chatroom.wire.http2.output import SharedFrames


class Owner:
    """As the port's protocol: it has the connection, and is told of output."""

    def __init__(self) -> None:
        self.marked = 0
        self.http2 = Connection(Http2Limits(), SharedFrames(), self.flush, 0.0)

    def flush(self) -> None:
        self.marked += 1


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("cut", [0, 9, 70, 300])
def test_nothing_holds_itself(cut: int) -> None:
    """Wherever it was cut off: in the preface, in headers, in a body that a stream waits for."""
    client = Client()
    for _ in range(3):
        stream = client.request(request_headers("/rpc.ChatService/Chat", "localhost"))
        client.send(stream, b"\0\0")
    octets = client.data_to_send()
    owner = Owner()
    for event in owner.http2.receive_data(octets[: cut or None], 0.0):
        if isinstance(event, RequestReceived):
            event.stream.headers(b"\x88")  # :status 200
            event.stream.wait(0.0)
            del event
    assert cut or owner.http2.streams
    gone = weakref.ref(owner)
    owner.http2.output.let_go()
    del owner
    assert gone() is None
