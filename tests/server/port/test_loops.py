"""A server process on either event loop: uvloop's, and asyncio's own, which is all some have."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.server.loops import LoopName, loop_factory
from tests.client.certificates import Pair
from tests.launch.program import Program, started

SECONDS = 20.0
ALONE = (("grpc.use_local_subchannel_pool", 1),)
"""Each channel of a test has a connection of its own."""

Call = grpc.aio.StreamStreamCall[pb.ChatMessage, pb.Message]


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> LoopName:
    """Each loop that is installed here."""
    name: LoopName = request.param
    if name == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    return name


@contextlib.contextmanager
def server(loop: LoopName, *arguments: str) -> Iterator[tuple[Program, int]]:
    """A server and its port."""
    command = ["-m", "chatroom.server", "--bind", "127.0.0.1:0", "--loop", loop, *arguments]
    process = started(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert process.stderr.readline().startswith("chatserver: rooms and messages are ")
        line = process.stderr.readline()
        assert line.startswith("chatserver: listening on "), line
        yield process, int(line.rpartition(":")[2])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@contextlib.asynccontextmanager
async def connected(port: int, authority: Path | None) -> AsyncIterator[ChatServiceStub]:
    """A client on a connection of its own, over TLS if it is to trust an authority."""
    if authority is None:
        channel = grpc.aio.insecure_channel(f"localhost:{port}", ALONE)
    else:
        trusted = grpc.ssl_channel_credentials(authority.read_bytes())
        channel = grpc.aio.secure_channel(f"localhost:{port}", trusted, ALONE)
    async with channel:
        yield ChatServiceStub(channel)


async def joined(stub: ChatServiceStub, name: str) -> Call:
    """A stream that is in the lobby."""
    call: Call = stub.Chat()
    await call.write(pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name=name)))
    await hears(call, name, "Has entered the chat")
    return call


async def hears(call: Call, name: str, text: str) -> None:
    """Read until somebody has said this."""
    while True:
        message = await call.read()
        assert message is not grpc.aio.EOF
        if (name, text) == (message.name, message.message):
            return


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
def test_people_chat_are_cut_and_are_told_when_it_stops(
    loop: LoopName, secure: bool, localhost: Pair, ca: Pair
) -> None:
    """The main scenarios of a server, from its first connection to its exit code 0."""
    files = ("--tls-cert", str(localhost.certificate), "--tls-key", str(localhost.key))
    authority = ca.certificate if secure else None

    async def scene(process: Program, port: int) -> None:
        async with connected(port, authority) as here:
            alice = await joined(here, "Alice")
            async with connected(port, authority) as there:
                bob = await joined(there, "Bob")
                await hears(alice, "Bob", "Has entered the chat")
                large = "x" * 4096
                for text in ("Hello", large, "Bye"):
                    await bob.write(pb.ChatMessage(message=pb.Message(message=text)))
                    await hears(alice, "Bob", text)
            await hears(alice, "Bob", "Has left the chat")  # its connection was cut
            process.send_signal(signal.SIGTERM)
            assert grpc.StatusCode.UNAVAILABLE == await alice.code()

    async def bounded(process: Program, port: int) -> None:
        async with asyncio.timeout(SECONDS):
            await scene(process, port)

    with server(loop, "--in-memory", "--room", "lobby", *(files if secure else ())) as found:
        process, port = found
        asyncio.run(bounded(process, port))
        assert 0 == process.wait(timeout=SECONDS)


def test_the_loop_is_the_one_that_was_asked_for(loop: LoopName) -> None:
    """And uvloop's, if it is installed, for who asks for none."""
    made = loop_factory(loop)()
    made.close()
    assert loop == type(made).__module__.partition(".")[0]
    if loop == "uvloop":
        assert loop_factory("auto") == loop_factory("uvloop")
