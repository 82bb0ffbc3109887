"""A call that is pushed, over an ASGI server's exchange, and `Subscribe` over HTTP/1.1."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf import json_format

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.server.port.exchange_asgi import ROOM_BYTES, AsgiExchange
from chatroom.wire.envelopes import cut, envelope
from tests.carriers import run
from tests.server.services import Running, running


class Peer:
    """An ASGI server: what the client sent, and whether it takes what it is sent."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.taken: list[dict[str, Any]] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.sending = asyncio.Event()
        self.fails = False

    async def receive(self) -> dict[str, Any]:
        return await self.events.get()

    async def send(self, event: dict[str, Any]) -> None:
        self.sending.set()
        await self.takes.wait()
        if self.fails:
            raise ConnectionResetError
        self.taken.append(event)

    def body(self, data: bytes, *, more: bool = True) -> None:
        self.events.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def go(self) -> None:
        self.events.put_nowait({"type": "http.disconnect"})


class Call:
    """Remembers what it was pushed."""

    def __init__(self, exchange: AsgiExchange) -> None:
        self.exchange = exchange
        self.heard: list[tuple[bytes, bool]] = []
        self.came = asyncio.Event()
        self.writables = 0
        self.wanted = asyncio.Event()
        self.gones = 0
        self.over = asyncio.Event()

    def hear(self, data: bytes, *, end: bool) -> None:
        self.heard.append((data, end))
        self.came.set()

    def writable(self) -> None:
        assert self.exchange.idle
        assert self.exchange.room > 0
        self.writables += 1
        self.wanted.set()

    def gone(self) -> None:
        self.gones += 1
        self.over.set()
        self.exchange.release()

    def leaving(self) -> None: ...

    def check(self, now: float) -> None: ...


@asynccontextmanager
async def exchange(peer: Peer) -> AsyncIterator[tuple[AsgiExchange, Call, asyncio.Task[None]]]:
    carried = AsgiExchange({}, peer.receive, peer.send)
    call = Call(carried)
    carried.carry(call)
    running = asyncio.create_task(carried.run())
    try:
        yield carried, call, running
    finally:
        peer.takes.set()
        peer.go()
        await running


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run(scene())


def test_who_waits_hears_of_room_when_what_was_sent_is_taken() -> None:
    """The head counts, too; until then nothing is taken by an offer."""

    async def scene() -> None:
        peer = Peer()
        peer.takes.clear()
        async with exchange(peer) as (carried, call, _):
            assert carried.idle
            carried.begin([])
            assert (False, 0, False) == (carried.idle, carried.room, carried.offer(b"no"))
            await peer.sending.wait()
            peer.takes.set()
            await call.wanted.wait()
            call.wanted.clear()
            peer.takes.clear()
            assert carried.offer(b"one")
            assert not carried.offer(b"two")
            carried.wait(3)
            peer.takes.set()
            await call.wanted.wait()
            assert [b"one"] == [event["body"] for event in peer.taken[1:]]
            assert 2 == call.writables

    play(scene)


def test_the_last_bytes_go_behind_what_was_sent_before() -> None:
    """However long that takes; the exchange lasts until then, and the call is let go."""

    async def scene() -> None:
        peer = Peer()
        peer.takes.clear()
        async with exchange(peer) as (carried, _, running):
            carried.begin([])
            carried.send(b"one")
            carried.end(None, b"last")
            carried.release()
            await peer.sending.wait()
            assert not running.done()
            peer.takes.set()
            await running
            assert [(b"one", True), (b"last", False)] == [
                (event["body"], event["more_body"]) for event in peer.taken[1:]
            ]

    play(scene)


@pytest.mark.parametrize("fails", [True, False])
def test_a_peer_that_goes_while_it_takes_nothing_is_noticed(fails: bool) -> None:
    """Whether the write fails then or, as ASGI servers do, says nothing."""

    async def scene() -> None:
        peer = Peer()
        peer.takes.clear()
        async with exchange(peer) as (carried, call, running):
            carried.begin([])
            carried.send(b"one")
            await peer.sending.wait()
            peer.go()
            await call.over.wait()
            peer.fails = fails
            peer.takes.set()
            await running
            assert 1 == call.gones

    play(scene)


def test_a_request_is_read_as_its_bytes_are_acknowledged() -> None:
    """Up to a bound; what comes behind it waits with the server."""

    async def scene() -> None:
        peer = Peer()
        async with exchange(peer) as (carried, call, _):
            for _ in range(3):
                peer.body(bytes(ROOM_BYTES // 2))
            while len(call.heard) < 2:
                call.came.clear()
                await call.came.wait()
            for _ in range(5):
                await asyncio.sleep(0)
            assert (2, 1) == (len(call.heard), peer.events.qsize())
            call.came.clear()
            carried.acknowledge(ROOM_BYTES // 2)
            await call.came.wait()
            assert 3 == len(call.heard)
            carried.acknowledge(ROOM_BYTES)

    play(scene)


# ---- Over HTTP/1.1 -----------------------------------------------------------------------

KINDS = {
    "grpc-web": b"application/grpc-web+proto",
    "connect": b"application/connect+proto",
    "connect-json": b"application/connect+json",
}


class Subscriber:
    """`Subscribe` by hand, over HTTP/1.1."""

    def __init__(self, kind: str) -> None:
        self.media = KINDS[kind]
        self.json = kind == "connect-json"
        self.body = b""
        self._begun = False
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def begin(self, port: int, join: pb.JoinChat) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        payload = join.SerializeToString()
        if self.json:
            payload = json_format.MessageToJson(join, preserving_proto_field_name=True).encode()
        body = envelope(payload)
        self.writer.write(
            b"POST /rpc.ChatService/Subscribe HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (self.media, len(body), body)
        )

    def close(self) -> None:
        """Be gone, with FIN."""
        self.writer.close()

    def half_close(self) -> None:
        """Send no more, and read on."""
        self.writer.write_eof()

    def reset(self) -> None:
        """Be gone, with RST."""
        self.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()

    async def _chunk(self) -> bool:
        """Read a chunk of the body; False: it was the last."""
        if not self._begun:
            head = await self.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            self._begun = True
        size = int(await self.reader.readline(), 16)
        self.body += await self.reader.readexactly(size)
        assert b"\r\n" == await self.reader.readexactly(2)
        return size > 0

    @property
    def messages(self) -> list[str]:
        found = []
        for flags, begin, end in cut(self.body):
            if not flags:
                octets = self.body[begin:end]
                found.append(
                    json.loads(octets).get("message", "")
                    if self.json
                    else pb.Message.FromString(octets).message
                )
        return found

    async def until(self, text: str) -> None:
        while text not in self.messages:
            assert await self._chunk()

    async def end(self) -> bytes:
        """The last envelope."""
        while await self._chunk():
            pass
        *_, (flags, begin, end) = cut(self.body)
        assert flags == (0x80 if b"web" in self.media else 0x02)
        assert end == len(self.body)
        return self.body[begin:end]


async def crowd(server: Running, count: int) -> None:
    """Wait until so many are in the room."""
    while server.service.hub.rooms.get("lobby").member_count != count:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_subscribe_hands_out_what_is_said_and_the_last_envelope(kind: str) -> None:
    """Each message in order, once; then the reason that the room was closed for."""

    async def scene() -> None:
        async with running() as server:
            await server.create()
            subscriber = Subscriber(kind)
            await subscriber.begin(server.port, pb.JoinChat(room_id="lobby", name="Sub"))
            await subscriber.until("Has entered the chat")
            alice = await server.join("lobby", "Alice", pb.FEATURE_EVENTS)
            for number in range(30):
                await server.say(alice, f"{number}")
            await subscriber.until("29")
            assert [f"{number}" for number in range(30)] == subscriber.messages[2:]
            await server.carrier.call(
                "DeleteChatRoom", pb.DeleteChatRoomRequest(room_id="lobby", reason="enough")
            )
            last = await subscriber.end()
            if kind == "grpc-web":
                assert b"grpc-status: 5\r\n" in last
            else:
                assert "not_found" == json.loads(last)["error"]["code"]
            subscriber.writer.close()

    play(scene)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["reset", "close", "half_close"])
@pytest.mark.parametrize("features", [[], [pb.FEATURE_EVENTS]], ids=["plain", "events"])
def test_a_subscriber_that_is_gone_leaves_though_nothing_is_written(
    kind: str, how: str, features: list[pb.Feature]
) -> None:
    """A closed tab's FIN, or RST: without a session at once, with one after the grace."""

    async def scene() -> None:
        async with running(limits=Limits(grace=0.5)) as server:
            await server.create()
            subscriber = Subscriber(kind)
            join = pb.JoinChat(room_id="lobby", name="Sub", features=features)
            await subscriber.begin(server.port, join)
            await subscriber.until("Has entered the chat")
            await crowd(server, 1)
            begun = asyncio.get_running_loop().time()
            getattr(subscriber, how)()
            await crowd(server, 0)
            took = asyncio.get_running_loop().time() - begun
            assert took < 0.4 if not features else 0.4 < took < 4

    play(scene)


def test_a_watch_of_health_ends_with_its_peer() -> None:
    """The other stream that HTTP/1.1 carries; it is said of a call that is not ours."""

    async def scene() -> None:
        async with running() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(
                b"POST /grpc.health.v1.Health/Watch HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Content-Type: application/connect+proto\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0"
            )
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            writer.write_eof()
            async with asyncio.timeout(2):
                await server.service._in_flight.none()
            writer.close()

    play(scene)


def test_a_subscriber_that_does_not_read_holds_nobody_up_and_gets_everything() -> None:
    """A megabyte waits in the log, not for its connection; the others chat on meanwhile."""

    async def scene() -> None:
        async with running(limits=Limits(message_rate=0)) as server:
            await server.create()
            subscriber = Subscriber("grpc-web")
            await subscriber.begin(server.port, pb.JoinChat(room_id="lobby", name="Sub"))
            await subscriber.until("Has entered the chat")
            subscriber.writer.transport.pause_reading()
            alice = await server.join("lobby", "Alice", pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
            text = "x" * 4_000
            for number in range(400):
                await server.say(alice, f"{number} {text}")
                while (await alice.receive()).message != f"{number} {text}":
                    pass
            place = next(
                place for place in server.service.hub._streams if place.member.name == "Sub"
            )
            assert place.member.cursor < place.room.newest
            subscriber.writer.transport.resume_reading()
            got = 0
            while got < 400:
                assert await subscriber._chunk()
                got = _strip(subscriber, got)
            assert 400 == got
            subscriber.writer.close()

    play(scene)


def _strip(subscriber: Subscriber, got: int) -> int:
    """Check and drop the messages that are whole."""
    through = 0
    for _, begin, end in cut(subscriber.body):
        message = pb.Message.FromString(subscriber.body[begin:end])
        if message.name == "Alice" and message.message[:1].isdigit():
            assert f"{got}" == message.message.partition(" ")[0]
            got += 1
        through = end
    subscriber.body = subscriber.body[through:]
    return got
