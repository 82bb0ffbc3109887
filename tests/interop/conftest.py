"""What interop tests share: one server, and for frames by hand a connection and a room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatroom.api.rpc import chat_pb2 as pb

from .programs import running
from .raw_grpc import CREATE, envelope
from .raw_http2 import Connection


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """HOST:PORT of a server with a room called lobby; tests make rooms of their own in it."""
    with running("--room", "lobby") as where:
        yield where


@pytest.fixture
def connection(address: str) -> Iterator[Connection]:
    with Connection(address) as opened:
        yield opened


@pytest.fixture
def room(connection: Connection) -> str:
    """A room of the test's own."""
    stream = connection.call(CREATE)
    connection.data(stream, envelope(b""), end=True)
    return pb.ChatRoom.FromString(connection.response(stream).payloads[0]).room_id
