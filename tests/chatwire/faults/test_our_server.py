"""Faults between a chat client and our server, over TLS too: what the chat makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.chatwire import tls
from chatroom.chatwire.decode.schema import own_schema
from chatroom.chatwire.faults.meaning import Meanings
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.faults.taps import FaultyTap, faulty
from chatroom.chatwire.passage import Faulted, Passage
from chatroom.wire.addresses import Address
from tests.chatwire.loops import LOOPS, run
from tests.client.servers import OURS, running

from .echo import OPTIONS

FEATURES = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running([*OURS, "--room", "lobby", "--in-memory"]) as address:
        yield address


def joining(name: str, **more: object) -> pb.ChatMessage:
    return pb.ChatMessage(
        join=pb.JoinChat(room_id="lobby", name=name, features=FEATURES, history=0, **more)  # type: ignore[arg-type]
    )


def saying(text: str, nonce: str = "") -> pb.ChatMessage:
    return pb.ChatMessage(message=pb.Message(message=text, nonce=nonce))


async def heard(address: str, name: str, *said: pb.ChatMessage, last: str) -> list[pb.Message]:
    """What a member gets from its `live` on, up to a text."""
    async with grpc.aio.insecure_channel(address, OPTIONS) as channel:
        call = ChatServiceStub(channel).Chat()
        await call.write(joining(name))
        while not (await call.read()).HasField("live"):
            pass
        for message in said:
            await call.write(message)
        got = [await call.read()]
        while got[-1].message != last:
            got.append(await call.read())
        await call.write(pb.ChatMessage(leave=pb.Leave()))
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass
        return got


def through(
    server: str, rule: str, name: str, *said: pb.ChatMessage, last: str
) -> list[pb.Message]:
    async def scene() -> list[pb.Message]:
        async with faulty(server, rule) as tap:
            return await heard(tap.address, name, *said, last=last)

    return run(scene())


def test_a_lost_message_leaves_a_gap(server: str) -> None:
    """Sequences have no holes, so a client that looks at them finds it."""
    said = [saying(text) for text in ("one", "two", "three")]
    got = through(server, 'drop down field message="two"', "Ann", *said, last="three")
    assert ["one", "three"] == [message.message for message in got]
    assert 2 == got[1].sequence - got[0].sequence


def test_a_doubled_message_is_stored_once_by_its_nonce(server: str) -> None:
    """All its echoes have one sequence. Without a nonce it is two messages."""
    said = [saying("pay", "n1"), saying("end")]
    got = through(server, 'double up text "pay"', "Ann", *said, last="end")
    assert 1 == len({one.sequence for one in got if one.message == "pay"})
    bare = through(server, 'double up text "pay"', "Ann", saying("pay"), saying("end"), last="end")
    assert 2 == len({one.sequence for one in bare if one.message == "pay"})


def test_the_others_notice_nothing(server: str) -> None:
    """A delay for one member's connection delays no other's."""

    async def scene() -> list[str]:
        async with (
            faulty(server, 'hold down text "quick" connection 1: key a') as tap,
            grpc.aio.insecure_channel(tap.address, OPTIONS) as channel,
        ):
            call = ChatServiceStub(channel).Chat()
            await call.write(joining("Slow"))
            while not (await call.read()).HasField("live"):
                pass
            quick = await heard(tap.address, "Quick", saying("quick"), last="quick")
            assert 1 == tap.release("a")
            got = [await call.read()]
            while got[-1].message != "quick":
                got.append(await call.read())
            call.cancel()
            return [quick[-1].message, got[-1].message]

    assert ["quick", "quick"] == run(scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_over_tls(server: str, tmp_path: Path, loop: str) -> None:
    """The tap reads both sides' TLS, and its faults are those of what is inside."""
    certificate, key = tls.made_certificate(["localhost"])
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    seen: list[Passage] = []
    to_clients = tls.client_side(certificate, key)
    to_server = tls.server_side("h2", tmp_path / "cert.pem")

    async def scene(to: str) -> list[str]:
        plan = Plan.of('drop down text "two"', "delay up: 5ms")
        port = Address.parse(to).port
        tap = FaultyTap(
            Address("localhost", port), seen.append, plan=plan, meaning=Meanings(own_schema()),
            client_tls=to_clients,
            server_tls=lambda _: to_server,
        )  # fmt: skip
        credentials = grpc.ssl_channel_credentials(certificate)
        async with (
            tap,
            grpc.aio.secure_channel(f"localhost:{tap.bound.port}", credentials) as channel,
        ):
            call = ChatServiceStub(channel).Chat()
            await call.write(joining("Ann"))
            for text in ("one", "two", "three"):
                await call.write(saying(text))
            await call.write(pb.ChatMessage(leave=pb.Leave()))
            await call.done_writing()
            got = [message.message async for message in call]
            return [text for text in got if text in ("one", "two", "three")]

    with running([*OURS, "--room", "lobby", "--in-memory", *files]) as address:
        assert ["one", "three"] == run(scene(address), loop)
    assert any(isinstance(one, Faulted) for one in seen)
