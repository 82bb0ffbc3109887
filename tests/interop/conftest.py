"""What interop tests share: one server, and for frames by hand a connection and a room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from tests.chatwire.programs import chatwire

from .programs import running
from .raw_grpc import CREATE
from .raw_http2 import Connection

CLIENTS = ("buf_curl", "go", "grpcurl", "json_over_http1", "node", "original_client")
"""The modules whose clients no one here wrote: they run once more through a tap."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".test_")[2]
    if "address" in metafunc.fixturenames and module in CLIENTS:
        ways = ["direct", "tapped"]
        metafunc.parametrize("address", ways, indirect=True, scope="session")


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """HOST:PORT of a server with a room called lobby; tests make rooms of their own in it.

    Of a chatwire before it, whose output nobody reads, where the test asks for that.
    """
    with running("--room", "lobby") as where:
        if getattr(request, "param", "direct") == "direct":
            yield where
            return
        with chatwire(where) as tap:
            yield tap.address
            tap.stop()
        assert 0 == tap.process.returncode, tap.errors


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
