"""A proxy that the environment names: which one, and what is said when it is in the way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatroom.client import ServerUnavailable, connect
from chatroom.client.proxies import Proxy, proxy_to
from chatroom.wire.addresses import Address
from tests.client.servers import OURS, running

FAR = Address("chat.example", 443)
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"


@contextlib.contextmanager
def proxying(answer: bytes) -> Iterator[tuple[str, list[str]]]:
    """A proxy on this machine that lets nobody through; its address, and where it was to go."""
    asked: list[str] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                asked.append(client.recv(4096).decode().split(" ")[1])
                client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address of this machine at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def failure(address: str) -> ServerUnavailable:
    """What asking for the rooms fails with."""

    async def scene() -> ServerUnavailable:
        async with connect(address, insecure=True) as chat:
            with pytest.raises(ServerUnavailable) as failed:
                await chat.rooms()
            return failed.value

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"http_proxy": "http://p:3128"}, ("http_proxy", "p:3128")),
        ({"http_proxy": "http://p:1", "https_proxy": "http://q:2"}, ("https_proxy", "q:2")),
        ({"https_proxy": "http://q:2", "grpc_proxy": "http://r"}, ("grpc_proxy", "r")),
        ({"http_proxy": "http://me:secret@p:3128/"}, ("http_proxy", "p:3128")),
        ({"https_proxy": "", "http_proxy": "http://p:3128"}, None),
        ({"http_proxy": "p:3128"}, None),
        ({"HTTP_PROXY": "http://p:3128"}, None),
        ({"http_proxy": "http://[::1"}, None),
        ({"http_proxy": "http://p:1", "no_proxy": "other, CHAT.example"}, None),
        ({"http_proxy": "http://p:1", "no_proxy": ".example"}, None),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, ("http_proxy", "p:1")),
        ({"http_proxy": "http://p:1", "no_proxy": "chat.example.org,"}, ("http_proxy", "p:1")),
    ],
)
def test_the_proxy_is_the_one_that_grpc_takes(
    environment: dict[str, str], expected: tuple[str, str] | None
) -> None:
    """The first variable that is set, unless an exception covers the host."""
    found = proxy_to(FAR, environment)
    assert expected == (found and (found.variable, found.where))


def test_exceptions_may_be_networks_and_of_grpc_alone() -> None:
    """`no_grpc_proxy` counts in the place of `no_proxy`, and is what is named then."""
    environment = {"http_proxy": "http://p:1", "no_proxy": "10.0.0.0/8"}
    assert proxy_to(Address("10.1.2.3", 80), environment) is None
    assert Proxy("http_proxy", "p:1", "no_proxy") == proxy_to(Address("11.1.2.3"), environment)
    environment["no_grpc_proxy"] = ""
    taken = proxy_to(Address("10.1.2.3", 80), environment)
    assert Proxy("http_proxy", "p:1", "no_grpc_proxy") == taken


def test_the_variable_is_named_where_nobody_listens(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what goes past it, and without the password in it."""
    monkeypatch.setenv("http_proxy", f"http://me:secret@{nobody}")
    monkeypatch.delenv("no_proxy", raising=False)
    failed = failure("chat.example:80")
    assert str(failed) == (
        f"cannot reach chat.example:80 by the proxy {nobody} that http_proxy names: "
        "the proxy refused the connection (no_proxy=chat.example goes past the proxy)"
    )
    assert "the proxy refused the connection" == failed.cause


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (FORBIDDEN, "the proxy does not let it through"),
        (b"SSH-2.0 hello\r\n", "the connection was closed at once"),
        (b"", "the connection was closed at once"),
    ],
)
@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_the_variable_is_named_where_the_proxy_refuses(
    variable: str, answer: bytes, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each variable that gRPC reads."""
    monkeypatch.delenv("no_proxy", raising=False)
    with proxying(answer) as (where, asked):
        monkeypatch.setenv(variable, f"http://{where}")
        failed = failure("chat.example:80")
    assert {"chat.example:80"} == set(asked)
    assert cause == failed.cause
    assert f"by the proxy {where} that {variable} names" in str(failed)


def test_who_is_nearby_is_reached_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that a proxy cannot know is not asked of it, and the proxy not blamed."""
    monkeypatch.delenv("no_proxy", raising=False)
    with proxying(FORBIDDEN) as (where, asked):
        monkeypatch.setenv("http_proxy", f"http://{where}")
        failed = failure("nobody.local:80")
    assert [] == asked
    assert "proxy" not in str(failed)


def test_this_machine_is_reached_without(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every name that it has."""
    monkeypatch.setenv("http_proxy", f"http://{nobody}")
    monkeypatch.delenv("no_proxy", raising=False)

    async def scene(address: str) -> None:
        async with connect(address) as chat:
            assert ["lobby"] == [room.room_id for room in await chat.rooms()]

    with running([*OURS, "--room", "lobby"]) as address:
        asyncio.run(scene(address))
        asyncio.run(scene(address.replace("127.0.0.1", "localhost")))
