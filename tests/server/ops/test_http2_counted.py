"""What goes wrong on connections, by figures: floods, resets, readers that take nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import socket

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, SUBSCRIBE
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE, SETTINGS_ACK, ErrorCode, Setting, data, rst_stream
from chatroom.wire.http2.limits import Http2Limits, Rate
from tests.carriers import run
from tests.floods.hostile import headers

from .looking import Watched, watched
from .scrapes import Scrape, scraped

HELLO = PREFACE + frames.settings() + SETTINGS_ACK


async def until(ops: Watched, name: str, before: Scrape) -> Scrape:
    """Scrape until a metric has moved."""
    while not (scrape := await scraped(ops)).since(before, of=name):
        pass
    return scrape


def test_a_flood_that_is_cut_off() -> None:
    """By what there was too much of, and among what strangers do."""

    async def scene() -> None:
        http2 = dataclasses.replace(Http2Limits(), settings=Rate(5, 0.001))
        async with watched(http2=http2) as ops:
            before = await scraped(ops)
            reader, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
            writer.write(HELLO + frames.settings() * 10)
            while await reader.read(1000):
                pass
            writer.close()
            after = await scraped(ops)
            assert {("settings",): 1} == after.since(before, of="chatroom_http2_floods_total")
            assert {("flood",): 1} == after.since(before, of="chatroom_notices_total")

    run(scene())


def test_streams_that_are_reset() -> None:
    """By the client, which cancels; and by the server, for what no client may do."""

    async def scene() -> None:
        async with watched() as ops:
            before = await scraped(ops)
            _, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
            writer.write(HELLO)
            for stream in (1, 3, 5):
                writer.write(headers(stream, CHAT) + rst_stream(stream, ErrorCode.CANCEL))
            writer.write(headers(7, CHAT) + frames.window_update(7, 0))
            after = before
            while len(moved := after.since(before, of="chatroom_http2_resets_total")) < 2:
                after = await scraped(ops)
            assert {("client",): 3, ("server",): 1} == moved
            writer.close()

    run(scene())


def test_every_call_that_begins_ends_once() -> None:
    """Whatever becomes of it: it is cut off with its connection, reset, or is no call at all."""

    async def scene() -> None:
        async with watched() as ops:
            await ops.server.create()
            before = await scraped(ops)
            _, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
            join = pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Ann"))
            writer.write(HELLO + headers(1, CHAT))
            writer.write(headers(3, CHAT) + data(3, envelope(join.SerializeToString())))
            writer.write(headers(5, CHAT) + rst_stream(5, ErrorCode.CANCEL))
            writer.write(headers(7, CHAT) + data(7, b"\x09nonsense"))
            while (await scraped(ops)).of("chatroom_readers") == 0:
                pass
            await until(ops, "grpc_server_handled_total", before)
            writer.close()
            chat = ("Chat", "rpc.ChatService", "bidi_stream")
            expected = {("Canceled", *chat): 3, ("InvalidArgument", *chat): 1}
            moved = {}
            while sum(moved.values()) < 4:
                after = await scraped(ops)
                moved = after.since(before, of="grpc_server_handled_total")
            assert expected == moved
            assert {chat: 4} == after.since(before, of="grpc_server_started_total")
            assert {("GONE",): 1} == after.since(before, of="chatroom_readers_ended_total")

    run(scene())


def test_a_reader_that_takes_nothing_is_ended() -> None:
    """Behind until then; afterwards its stream is one that stalled, and no reader any more."""

    async def scene() -> None:
        http2 = dataclasses.replace(Http2Limits(), stall_seconds=1.0)
        limits = Limits(message_rate=0, room_message_rate=0)
        async with watched(http2=http2, limits=limits) as ops:
            server = ops.server
            await server.create()
            before = await scraped(ops)
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            small = frames.settings((Setting.INITIAL_WINDOW_SIZE, 300))
            join = pb.JoinChat(room_id="lobby", name="Slow").SerializeToString()
            writer.write(PREFACE + small + SETTINGS_ACK)
            writer.write(headers(1, SUBSCRIBE) + data(1, envelope(join), end=True))
            while (await scraped(ops)).of("chatroom_readers") == 0:
                pass
            ann = await server.join("lobby", "Ann")
            for _ in range(20):
                await server.say(ann, "x" * 1000)
            during = await until(ops, "chatroom_readers_behind", before)
            assert 1 == during.of("chatroom_readers_behind", reads="memory")
            row = (await ops.get("/connz?sort=behind")).json()["connections"][0]
            assert row["behind"] > 10
            room = (await ops.get("/roomz?sort=behind")).json()["rooms"][0]
            assert 1 == room["behind"]
            assert room["farthest_behind"] > 10
            after = await until(ops, "chatroom_http2_stalled_total", before)
            assert {("stream",): 1} == after.since(before, of="chatroom_http2_stalled_total")
            assert {("server",): 1} == after.since(before, of="chatroom_http2_resets_total")
            assert {("GONE",): 1} == after.since(before, of="chatroom_readers_ended_total")
            assert {(): 1} == after.since(before, of="chatroom_readers")
            writer.close()

    run(scene())


def test_a_client_that_reads_nothing_is_ended() -> None:
    """Its windows are open, but its kernel takes no more: the connection goes, with its reader."""

    async def scene() -> None:
        http2 = dataclasses.replace(Http2Limits(), write_seconds=1.0)
        limits = Limits(message_rate=0, room_message_rate=0)
        async with watched(http2=http2, limits=limits) as ops:
            server = ops.server
            await server.create()
            before = await scraped(ops)
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.connect(("127.0.0.1", server.port))
                join = pb.JoinChat(room_id="lobby", name="Deaf").SerializeToString()
                wide = frames.settings((Setting.INITIAL_WINDOW_SIZE, 1 << 30))
                deaf.sendall(PREFACE + wide + SETTINGS_ACK + frames.window_update(0, 1 << 30))
                deaf.sendall(headers(1, SUBSCRIBE) + data(1, envelope(join), end=True))
                while (await scraped(ops)).of("chatroom_readers") == 0:
                    pass
                ann = await server.join("lobby", "Ann")
                for _ in range(200):
                    await server.say(ann, "x" * 4000)
                row = (await ops.get("/connz?sort=unsent_bytes")).json()["connections"][0]
                after = await until(ops, "chatroom_http2_stalled_total", before)
                assert 0 < row["unsent_bytes"] < 200_000
            assert {("connection",): 1} == after.since(before, of="chatroom_http2_stalled_total")
            ended = await until(ops, "chatroom_readers_ended_total", before)
            assert {("GONE",): 1} == ended.since(before, of="chatroom_readers_ended_total")

    run(scene())
