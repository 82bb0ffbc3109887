"""Whose address a call has behind each recipe of docs/proxies.md."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT
from tests.carriers import run
from tests.client.certificates import Pair, authority, signed
from tests.server.whose import watched

from .raw_http2 import Connection
from .recipes import haproxy, nginx

CLIENT = "127.0.0.2"
"""On Linux all of 127.0.0.0/8 is this machine's; the proxy comes from 127.0.0.1."""
LIES = {"x-forwarded-for": "203.0.113.7", "forwarded": "for=203.0.113.8"}
PROXIES: dict[str, Callable[..., AbstractContextManager[int]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """A certificate authority, and what it has signed for 127.0.0.1."""
    directory = tmp_path_factory.mktemp("certificates")
    ca = authority(directory, "ca")
    return ca, signed(directory, ca, "localhost", "IP:127.0.0.1")


def over_http1(port: int, tls: ssl.SSLContext) -> None:
    """A call of Connect."""
    made = http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=10, source_address=(CLIENT, 0), context=tls
    )
    with contextlib.closing(made) as connection:
        headers = {"content-type": "application/json", **LIES}
        connection.request("POST", "/rpc.ChatService/ListChatRooms", b"{}", headers)
        assert 200 == connection.getresponse().status


def over_grpc(port: int, tls: ssl.SSLContext) -> None:
    """A stream of gRPC, until it has joined."""
    with Connection(f"127.0.0.1:{port}", tls, source=CLIENT) as connection:
        fields = {
            ":method": "POST", ":scheme": "https", ":path": CHAT, ":authority": "127.0.0.1",
            "te": "trailers", "content-type": "application/grpc", **LIES,
        }  # fmt: skip
        stream = connection.open([(k.encode(), v.encode()) for k, v in fields.items()])
        join = pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Ann"))
        leave = pb.ChatMessage(leave=pb.Leave())
        both = [envelope(each.SerializeToString()) for each in (join, leave)]
        connection.data(stream, b"".join(both), end=True)
        assert 0 == connection.response(stream).grpc_status


@pytest.mark.parametrize("name", PROXIES)
def test_behind_each_recipe_the_client_has_its_own_address(
    name: str, tmp_path: Path, pairs: tuple[Pair, Pair]
) -> None:
    """Over gRPC and over HTTP/1.1, whatever the client writes into its own headers."""
    ca, pair = pairs

    async def scene() -> None:
        async with watched("127.0.0.1") as (port, addresses):

            def ask() -> None:
                with PROXIES[name](tmp_path, f"127.0.0.1:{port}", pair=pair) as proxy:
                    for call, protocol in ((over_http1, "http/1.1"), (over_grpc, "h2")):
                        tls = ssl.create_default_context(cafile=ca.certificate)
                        tls.check_hostname = False
                        tls.set_alpn_protocols([protocol])
                        call(proxy, tls)

            await asyncio.to_thread(ask)
            assert [CLIENT, CLIENT] == addresses

    run(scene())
