"""`/roomz` and `/connz`: rows, their order, pages, and what they do not tell."""

from __future__ import annotations

import asyncio
import base64
import re

import pytest
from hpack import Encoder

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.facts import RoomFacts
from chatroom.journal import StoredRoom
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import SUBSCRIBE
from chatroom.wire.http2 import frames
from tests.carriers import GrpcCarrier, run

from .looking import Watched, watched

EVENTS = pb.FEATURE_EVENTS
TOKEN = "a-token-that-nobody-may-see"


async def with_rooms(ops: Watched) -> None:
    """Three rooms, of two members, one and none."""
    for room_id in ("few", "none", "most"):
        await ops.server.create(room_id, title=f"title of {room_id}")
    for room_id, name in (("few", "Ann"), ("most", "Ann"), ("most", "Bob")):
        await ops.server.join(room_id, name)


def test_rooms_are_sorted_by_what_is_asked_for() -> None:
    """The largest first; without a word by members."""

    async def scene() -> None:
        async with watched() as ops:
            await with_rooms(ops)
            rows = (await ops.get("/roomz?names=1")).json()["rooms"]
            assert ["most", "few", "none"] == [row["room_id"] for row in rows]
            assert [2, 1, 0] == [row["members"] for row in rows]
            ann = await ops.server.join("none", "Ann")
            for _ in range(4):
                await ops.server.say(ann, "hello")
            while ops.server.service.hub.rooms.get("none").newest < 5:
                await asyncio.sleep(0)
            for sort in ("newest", "bytes", "active"):
                rows = (await ops.get(f"/roomz?names=1&sort={sort}")).json()["rooms"]
                assert "none" == rows[0]["room_id"], sort
            assert (5, 1) == (rows[0]["newest"], rows[0]["oldest"])

    run(scene())


def test_a_table_is_read_in_pages() -> None:
    """Of ten thousand rooms each is on one page; `total` says how many there are."""

    async def scene() -> None:
        async with watched() as ops:
            for number in range(10_000):
                facts = RoomFacts(1000 + number, f"room-{number}", "e", 1)
                ops.server.service.hub.rooms.take_over(StoredRoom(facts, newest=number % 7))
            keys: list[int] = []
            order: list[int] = []
            for offset in range(0, 10_500, 1000):
                page = (await ops.get(f"/roomz?sort=newest&limit=1000&offset={offset}")).json()
                assert (10_000, offset) == (page["total"], page["offset"])
                keys += [row["key"] for row in page["rooms"]]
                order += [row["newest"] for row in page["rooms"]]
            assert list(range(1000, 11_000)) == sorted(keys)
            assert sorted(order, reverse=True) == order
            assert 100 == len((await ops.get("/roomz")).json()["rooms"])

    run(scene())


def test_names_and_addresses_are_told_only_if_asked_for() -> None:
    """Neither of rooms and their titles, nor of members and their clients."""

    async def scene() -> None:
        async with watched() as ops:
            await with_rooms(ops)
            for path in ("/roomz", "/connz", "/roomz?names=0", "/connz?names=0"):
                seen = (await ops.get(path)).body
                assert not re.search(r"most|title|Ann|127\.0\.0\.1", seen), path
            row = (await ops.get("/connz?names=1")).json()["connections"][0]
            assert row["peer"].startswith("127.0.0.1:")
            names = [(each["room_id"], each["name"]) for each in row["in_rooms"]]
            assert [("few", "Ann"), ("most", "Ann"), ("most", "Bob")] == sorted(names)

    run(scene())


def test_nothing_that_lets_anybody_in_is_told() -> None:
    """No token, no session, no id of a private room; whatever is asked for."""

    async def scene() -> None:
        async with watched() as ops:
            room = await ops.server.create("", private=True, title="a secret title")
            carrier = ops.server.carrier
            stream = carrier.chat({"authorization": f"Bearer {TOKEN}"})
            await carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            await stream.cancel()
            ann = await ops.server.join(room.room_id, "Ann", EVENTS)
            secrets = [TOKEN, room.room_id, ann.joined.session, "a secret title"]
            for path in (
                "/metrics", "/varz", "/roomz", "/roomz?names=1", "/connz", "/connz?names=1",
            ):  # fmt: skip
                seen = (await ops.get(path)).body
                assert [] == [secret for secret in secrets if secret in seen], path
            rows = (await ops.get("/roomz?names=1")).json()["rooms"]
            assert [(True, None, None, 1)] == [
                (row["private"], row["room_id"], row["title"], row["members"]) for row in rows
            ]

    run(scene())


def test_connections_are_sorted_by_what_is_asked_for() -> None:
    """By streams and members those come first that have more of them; by age the oldest."""

    async def scene() -> None:
        async with watched() as ops:
            server = ops.server
            await server.create()
            await server.join("lobby", "Ann")
            busy = GrpcCarrier(server.port, alone=True)
            streams = [busy.chat() for _ in range(3)]
            for number, stream in enumerate(streams):
                join = pb.JoinChat(room_id="lobby", name=f"n{number}")
                await stream.send(pb.ChatMessage(join=join))
                while not (await stream.receive()).HasField("entered"):
                    pass
            for sort in ("streams", "members"):
                rows = (await ops.get(f"/connz?sort={sort}")).json()["connections"]
                assert [3, 1] == [row[sort] for row in rows], sort
            rows = (await ops.get("/connz")).json()["connections"]
            ages = [row["seconds"] for row in rows]
            assert sorted(ages, reverse=True) == ages
            assert ["http2", "http2"] == [row["protocol"] for row in rows]
            assert 2 == (await ops.get("/connz?limit=1")).json()["total"]
            second = (await ops.get("/connz?sort=members&limit=1&offset=1")).json()
            assert [1] == [row["members"] for row in second["connections"]]
            await busy.close()

    run(scene())


@pytest.mark.parametrize("form", ["connect+proto", "grpc-web-text"])
@pytest.mark.parametrize("protocol", ["http1", "http2"])
def test_members_are_known_however_they_are_connected(protocol: str, form: str) -> None:
    """Over HTTP/1.1 as a browser without TLS has it, and where the response is text."""

    async def scene() -> None:
        async with watched() as ops:
            await ops.server.create()
            body = envelope(pb.JoinChat(room_id="lobby", name="Sue").SerializeToString())
            if form == "grpc-web-text":
                body = base64.b64encode(body)
            _, writer = await asyncio.open_connection("127.0.0.1", ops.server.port)
            if protocol == "http1":
                head = (
                    f"POST {SUBSCRIBE} HTTP/1.1", "host: localhost",
                    f"content-type: application/{form}", f"content-length: {len(body)}", "", "",
                )  # fmt: skip
                writer.write("\r\n".join(head).encode() + body)
            else:
                writer.write(frames.PREFACE + frames.settings() + frames.SETTINGS_ACK)
                fields = {":method": "POST", ":scheme": "http", ":authority": "localhost"}
                fields |= {":path": SUBSCRIBE, "content-type": f"application/{form}"}
                block = Encoder().encode(list(fields.items()))
                writer.write(frames.frame(frames.Kind.HEADERS, frames.END_HEADERS, 1, block))
                writer.write(frames.data(1, body, end=True))
            while ops.server.service.hub.streaming == 0:
                await asyncio.sleep(0)
            rows = (await ops.get("/connz?names=1&sort=members")).json()["connections"]
            names = [member["name"] for member in rows[0]["in_rooms"]]
            assert (protocol, 1, ["Sue"]) == (rows[0]["protocol"], rows[0]["members"], names)
            writer.close()

    run(scene())


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sort=size", "sort is one of members, readers, behind, newest, bytes, active"),
        ("sort=", "sort is one of members"),
        ("limit=0", "limit is a number from 1 to 1000"),
        ("limit=1001", "limit is a number from 1 to 1000"),
        ("limit=ten", "limit is a number from 1 to 1000"),
        ("limit=%D9%A1", "limit is a number from 1 to 1000"),
        ("offset=-1", "offset is a number from 0 to 1000000000"),
        ("names=yes", "names is 0 or 1"),
        ("name=1", "those known are sort, limit, offset, names"),
        ("limit=1&limit=2", "limit is given twice"),
        ("limit", "not of the form name=value&name=value"),
        ("&".join(["limit=1"] * 50), "not of the form"),
        ("limit=%FF", "not of the form"),
    ],
)
def test_parameters_that_are_wrong_are_refused(query: str, sentence: str) -> None:
    """With 400, and what is allowed; nothing of the request is repeated."""

    async def scene() -> None:
        async with watched() as ops:
            seen = await ops.get(f"/roomz?{query}")
            assert (400, True) == (seen.status, sentence in seen.body)
            assert "text/plain; charset=utf-8" == seen.headers["content-type"]

    run(scene())
