"""Each recipe of docs/proxies.md, run with the proxy that Debian has."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.page.codes import draw
from chatroom.server.page.edition import Edition
from chatroom.server.page.guards import POLICY
from tests.carriers import run
from tests.client.certificates import Pair, authority, signed
from tests.faults.server_process import ServerProcess, serving
from tests.launch.quick_server import QUICK

from .proxied_members import EVENTS, GrpcMember, Member, WebMember
from .recipes import haproxy, nginx

GRACE = 1.5
"""Seconds that a member with a session stays after its stream."""
SOON = 1.0


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """A certificate authority, and what it has signed for 127.0.0.1."""
    directory = tmp_path_factory.mktemp("certificates")
    ca = authority(directory, "ca")
    return ca, signed(directory, ca, "localhost", "IP:127.0.0.1")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with serving("--in-memory", "--room", "lobby", program=(*QUICK, f"grace={GRACE}")) as running:
        yield running


@pytest.fixture(params=["nginx", "haproxy", "PROXY protocol"])
def proxy(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    server: ServerProcess,
    pairs: tuple[Pair, Pair],
) -> Iterator[int]:
    """A proxy with TLS by the recipe of this name, before a server: its port."""
    _, pair = pairs
    with ExitStack() as stack:
        enter: Callable[[AbstractContextManager[int]], int] = stack.enter_context
        if request.param == "nginx":
            yield enter(nginx(tmp_path, server.address, pair=pair))
        elif request.param == "haproxy":
            yield enter(haproxy(tmp_path, server.address, pair=pair))
        else:
            behind = stack.enter_context(
                serving(
                    "--in-memory", "--room", "lobby", "--proxy-protocol", "--open",
                    "--tls-cert", str(pair.certificate), "--tls-key", str(pair.key),
                    program=(*QUICK, f"grace={GRACE}"),
                )
            )  # fmt: skip
            yield enter(haproxy(tmp_path, behind.address, "haproxy, PROXY protocol"))


@pytest.mark.parametrize("kind", [GrpcMember, WebMember])
@pytest.mark.parametrize("features", [(), EVENTS], ids=["plain", "events"])
def test_who_comes_through_a_proxy_hears_and_is_missed(
    proxy: int, pairs: tuple[Pair, Pair], kind: type[Member], features: tuple[pb.Feature, ...]
) -> None:
    """A message comes at once. Who closes leaves at once, with a session after the grace."""
    ca = pairs[0].certificate

    async def scene() -> None:
        alice, other = GrpcMember(proxy, ca), kind(proxy, ca)
        try:
            room = await alice.room()
            await alice.join(room, "Alice", *EVENTS)
            await other.join(room, "Bob", *features)
            await alice.say("Hello")
            while (await other.hear()).message != "Hello":
                pass
            begun = asyncio.get_running_loop().time()
            await other.close()
            async with asyncio.timeout(20):
                while (await alice.hear()).WhichOneof("event") != "left":
                    pass
            took = asyncio.get_running_loop().time() - begun
            assert took < SOON if not features else GRACE - 0.1 < took < GRACE + SOON
        finally:
            await alice.close()

    run(scene())


def test_how_a_stream_ended_comes_through(proxy: int, pairs: tuple[Pair, Pair]) -> None:
    """A refused join has its status, and a deleted room its last message besides."""
    ca = pairs[0].certificate

    async def scene() -> None:
        member, admin = GrpcMember(proxy, ca), GrpcMember(proxy, ca)
        try:
            for _ in range(3):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await member.join("nowhere", "Bob")
                assert grpc.StatusCode.NOT_FOUND is refused.value.code()
            room = await admin.room()
            await member.join(room, "Bob")
            await admin.delete(room)
            assert "chat room is closing" == (await member.hear()).message
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await member.hear()
            assert "was closed" in str(ended.value.details())
        finally:
            await member.close()
            await admin.close()

    run(scene())


def test_a_script_gets_its_answer(proxy: int, pairs: tuple[Pair, Pair]) -> None:
    """JSON over HTTP/1.1, through the same port."""
    tls = ssl.create_default_context(cafile=str(pairs[0].certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", proxy, context=tls, timeout=20)
    headers = {"content-type": "application/json"}
    connection.request("POST", "/rpc.ChatService/ListChatRooms", "{}", headers)
    answer = connection.getresponse()
    assert (200, True) == (answer.status, b'"lobby"' in answer.read())
    connection.close()


def test_a_page_comes_whole(proxy: int, pairs: tuple[Pair, Pair]) -> None:
    """The document and a module as they left the server, with what guards them, and a code."""
    tls = ssl.create_default_context(cafile=str(pairs[0].certificate))
    page = Edition.read()
    module = next(path for path in page.files if path.endswith(".js"))
    code = f"/qr?room=lobby&origin=https%3A%2F%2F127.0.0.1%3A{proxy}"
    expected = {"/r/lobby": page.document.plain.content, module: page.files[module].plain.content}
    for path in ("/r/lobby", module, code):
        connection = http.client.HTTPSConnection("127.0.0.1", proxy, context=tls, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert 200 == answer.status
        assert POLICY.decode() == answer.getheader("content-security-policy")
        body = answer.read()
        assert body == expected.get(path, draw(f"https://127.0.0.1:{proxy}/r/lobby"))
        connection.close()


def test_the_shortest_nginx_serves_methods_and_streams(
    tmp_path: Path, server: ServerProcess
) -> None:
    """Stock `proxy_pass` speaks HTTP/1.0, and gathers what does not tell it not to."""

    async def scene() -> None:
        bob = WebMember(port, None, own_origin=False)
        alice = GrpcMember(server.port, None)
        room = await alice.room()
        await alice.join(room, "Alice")
        await bob.join(room, "Bob")
        await alice.say("Hello")
        async with asyncio.timeout(10):
            while (await bob.hear()).message != "Hello":
                pass
        await bob.close()
        await alice.close()

    with nginx(tmp_path, server.address, "nginx, the shortest") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/healthz")
        assert b"ok\n" == connection.getresponse().read()
        connection.close()
        run(scene())


@pytest.mark.parametrize("asks", ["/healthz", "OPTIONS /"])
def test_haproxys_checks_succeed(
    tmp_path: Path, server: ServerProcess, pairs: tuple[Pair, Pair], asks: str
) -> None:
    """The one of the recipe, and the one that HAProxy makes by itself, over HTTP/1.0."""
    changed = {"proto h2 check": "proto h2 check inter 50ms rise 1 fall 1"}
    if asks == "OPTIONS /":
        changed = {
            "    http-check send meth GET uri /healthz\n": "",
            "proto h2 check": "check inter 50ms rise 1 fall 1",
        }
    changed["defaults\n"] = (
        f"global\n    stats socket {tmp_path / 'stats.sock'}\n\n"
        # Else an answer is due within the 50 ms, which a busy machine needs.
        "defaults\n    timeout check 20s\n"
    )
    with haproxy(tmp_path, server.address, pair=pairs[1], changed=changed):
        while (state := checked(tmp_path / "stats.sock")) == "INI":
            pass
        assert "L7OK" == state


def checked(stats: Path) -> str:
    """What HAProxy's last check of its server came to; INI: there was none."""
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(stats))
        except (FileNotFoundError, ConnectionRefusedError):  # it comes after the port
            return "INI"
        asked.sendall(b"show stat\n")
        names, *rows = asked.makefile().read().strip().splitlines()
    columns = names.removeprefix("# ").split(",")
    found = [dict(zip(columns, row.split(","), strict=True)) for row in rows]
    state = next(row["check_status"] for row in found if row["svname"] == "chat1")
    return state.removeprefix("* ")
