"""Entries that are damaged on disk: who asks is refused, who replays is told in their place."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.client import Kind, connect
from tests.carriers import CARRIERS, Ended, run
from tests.journal.damaged_blocks import forget_entry
from tests.server.services import Running, running

TEXTS = ("one", "two", "three", "four", "five")
"""Said under the nonces n2 to n6, which are also their sequences."""
DAMAGED = ("chat server", "(this message is damaged on disk)", 4)


async def talked(data: Path) -> pb.Joined:
    """A lobby in which Alice has said the texts, and to which she may come back."""
    async with running(data) as server:
        await server.create("lobby")
        alice = await server.join("lobby", "Alice", pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
        for number, text in enumerate(TEXTS, 2):
            await server.say(alice, text, f"n{number}")
            assert number == (await alice.receive()).sequence
        return alice.joined


def flip(data: Path, text: bytes) -> None:
    """Flip the lowest bit of a text where it stands in the file."""
    path = data / "chatroom.db"
    octets = path.read_bytes()
    at = octets.index(text)
    path.write_bytes(octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :])


def shown(message: pb.Message) -> tuple[str, str, int]:
    return message.name, message.message, message.sequence


async def listed(server: Running, **request: int) -> list[int]:
    page = await server.carrier.call(
        "ListMessages", pb.ListMessagesRequest(room_id="lobby", **request)
    )
    return [message.sequence for message in page.messages]


async def refused(server: Running, **request: int) -> dict[str, str]:
    with pytest.raises(Ended) as ended:
        await listed(server, **request)
    assert ("DATA_LOSS", "DATA_LOSS") == (ended.value.code, ended.value.reason)
    return {name: ended.value.metadata[name] for name in ("sequence", "readable")}


def test_who_asks_is_refused_with_the_sequence(tmp_path: Path) -> None:
    """And learns how many entries can be asked for before it; beyond it all is as ever."""

    async def scene() -> None:
        await talked(tmp_path)
        flip(tmp_path, b"three")
        async with running(tmp_path) as server:
            assert {"sequence": "4", "readable": "3"} == await refused(server, after=0)
            assert {"sequence": "4", "readable": "2"} == await refused(server)
            assert {"sequence": "4", "readable": "0"} == await refused(server, after=3, page_size=1)
            assert [1, 2, 3] == await listed(server, after=0, page_size=3)
            assert [5, 6] == await listed(server, page_size=2)
            assert [5, 6] == await listed(server, after=4)
            assert [1, 2, 3] == await listed(server, before=4)

    run(scene())


def test_who_replays_finds_it_in_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As history and after a resume, with features and without. The log has one line."""

    async def scene() -> None:
        joined = await talked(tmp_path)
        flip(tmp_path, b"three")
        caplog.clear()
        async with running(tmp_path) as server:
            resume = pb.Resume(session=joined.session, epoch=joined.epoch, after=2)
            features = [pb.FEATURE_EVENTS, pb.FEATURE_ECHO]
            join = pb.JoinChat(room_id="lobby", name="Alice", features=features, resume=resume)
            alice = server.carrier.chat()
            await alice.send(pb.ChatMessage(join=join))
            assert pb.RECOVERY_COMPLETE == (await alice.receive()).joined.recovery
            back = [await alice.receive() for _ in range(4)]
            assert [("Alice", "two", 3), DAMAGED, ("Alice", "four", 5), ("Alice", "five", 6)] == [
                shown(message) for message in back
            ]
            assert back[1].HasField("damaged")
            assert not back[1].HasField("sent")
            assert (await alice.receive()).HasField("live")

            # Her retry of what nobody can read any more is refused, not stored again.
            await server.say(alice, "three", "n4")
            told = (await alice.receive()).refused
            assert ("n4", 15, "DATA_LOSS") == (told.nonce, told.code, told.reason)
            await server.say(alice, "six", "n7")
            assert 7 == (await alice.receive()).sequence

            plain = server.carrier.chat()
            await plain.send(pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Bob")))
            replayed = [shown(await plain.receive()) for _ in range(6)]
            said = [("Alice", text, number) for number, text in enumerate([*TEXTS, "six"], 2)]
            said[2] = DAMAGED
            assert said == replayed

            await refused(server)
            async with connect(f"127.0.0.1:{server.port}") as chat:
                page = await chat.history("lobby", after=0)
                assert [1, 2, 3, 4] == [message.sequence for message in page.messages]
                assert (Kind.DAMAGED, True) == (page.messages[-1].kind, page.more)
                page = await chat.history("lobby", after=4, page_size=2)
                assert [5, 6] == [message.sequence for message in page.messages]
                page = await chat.history("lobby", before=7)
                assert [4, 5, 6] == [message.sequence for message in page.messages]
                page = await chat.history("lobby", before=5)
                assert [Kind.DAMAGED] == [message.kind for message in page.messages]
                async with chat.join("lobby", "Carol", history=9) as room:
                    kinds = [(await anext(room)).kind for _ in range(6)]
                assert [Kind.SAID] * 2 + [Kind.DAMAGED] + [Kind.SAID] * 3 == kinds

    with caplog.at_level(logging.INFO):
        run(scene())
    lines = [record.getMessage() for record in caplog.records if "damaged" in record.getMessage()]
    assert ["room lobby: message 4 is damaged on disk"] == [line.split(";")[0] for line in lines]
    assert not [record for record in caplog.records if record.exc_info]


def test_a_hole_in_a_log_is_damage_as_well(tmp_path: Path) -> None:
    """An entry that is not there at all; nobody is told of something that they missed."""

    async def scene() -> None:
        await talked(tmp_path)
        forget_entry(tmp_path / "chatroom.db", 1, 4)
        async with running(tmp_path) as server:
            assert {"sequence": "4", "readable": "3"} == await refused(server, after=0)
            stream = server.carrier.chat()
            await stream.send(pb.ChatMessage(join=pb.JoinChat(room_id="lobby", name="Bob")))
            replayed = [shown(await stream.receive()) for _ in range(5)]
            assert DAMAGED == replayed[2]

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_on_every_protocol(tmp_path: Path, protocol: str) -> None:
    """Also where each entry is written anew, as with JSON."""

    async def scene() -> None:
        await talked(tmp_path)
        flip(tmp_path, b"three")
        async with running(tmp_path) as server:
            carrier = CARRIERS[protocol](server.port)
            stream = carrier.subscribe(pb.JoinChat(room_id="lobby", name="Bob"))
            replayed = [await stream.receive() for _ in range(5)]
            assert DAMAGED == shown(replayed[2])
            assert [False, False, True, False, False] == [
                message.HasField("damaged") for message in replayed
            ]
            with pytest.raises(Ended) as ended:
                await carrier.call("ListMessages", pb.ListMessagesRequest(room_id="lobby"))
            assert ("DATA_LOSS", "4") == (ended.value.reason, ended.value.metadata["sequence"])
            await stream.cancel()
            await carrier.close()

    run(scene())
