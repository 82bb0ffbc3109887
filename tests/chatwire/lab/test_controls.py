"""What the experiments from `deadlock` on say of scenes in which their point is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment
from chatroom.chatwire.lab.experiments import deadlock
from chatroom.chatwire.lab.finding import ACK, error, says, sent_by, sent_to, sets
from chatroom.chatwire.lab.naive import answers, grpcio_server
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.running import run
from chatroom.chatwire.lab.stage import Stage
from chatroom.chatwire.lab.story import NotShown
from tests.chatwire.lab.forked import quick

if TYPE_CHECKING:
    from chatroom.chatwire.lab.naive import Context


def why_not(experiment: Experiment, patience: float = 5.0) -> str:
    """The sentence with which an experiment fails."""
    with pytest.raises(NotShown) as caught:
        asyncio.run(run(experiment, patience=patience))
    return str(caught.value)


async def reads_on(
    requests: AsyncIterator[pb.ChatMessage], context: Context
) -> AsyncIterator[pb.Message]:
    """The same answers as of the server in `deadlock`, but read in a task of its own."""
    read: asyncio.Queue[pb.Message | None] = asyncio.Queue()

    async def listen() -> None:
        async for answer in answers(requests, context):
            read.put_nowait(answer)
        read.put_nowait(None)

    listening = asyncio.create_task(listen())
    while answer := await read.get():
        yield answer
    await listening


def test_no_deadlock_with_a_server_that_reads_on() -> None:
    """Ann writes just as before, and all of it goes out."""

    async def scene(stage: Stage) -> None:
        async with grpcio_server(reads_on) as server:
            stage.turn_to(server)
            async with stage.client("Ann", deadlock.WINDOW) as ann:
                await deadlock.stuck(stage, ann.Chat())

    sentence = why_not(replace(quick("deadlock"), scene=scene))
    assert "all of Ann's messages went out although nobody read the answers" in sentence


def test_no_goaway_for_a_patient_client() -> None:
    """Who does not ask is not sent away."""

    async def scene(stage: Stage) -> None:
        async with grpcio_server(answers) as server:
            stage.turn_to(server)
            async with stage.client("Ann", ("grpc.http2.bdp_probe", 0)) as ann:
                talk = ann.Chat()
                await talk.write(joining("Ann"))
                await stage.until(sent_to("Ann", Kind.DATA, says("Has entered the chat")))
                await stage.until(sent_to("Ann", Kind.GOAWAY))

    sentence = why_not(replace(quick("pings"), scene=scene), 2.0)
    assert 'step 2, "Are you there?" is not shown: no PING from Ann' in sentence
    assert "(waited 2 s for GOAWAY to Ann)" in sentence


def test_a_deadline_that_is_not_sent() -> None:
    """A client that gives up says nothing of when it will."""

    async def scene(stage: Stage) -> None:
        async with stage.client("Ann") as ann:
            talk = ann.Chat()
            await talk.write(joining("Ann"))
            await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
            talk.cancel()
            await stage.until(sent_by("Ann", Kind.RST_STREAM, error("CANCEL")))

    sentence = why_not(replace(quick("deadline"), scene=scene))
    assert sentence.startswith('step 1, "Two seconds, and they begin now" is not shown')
    assert "with the field grpc-timeout = 2S" in sentence


def test_a_drain_without_a_farewell() -> None:
    """A killed server says nothing on any level."""

    async def scene(stage: Stage) -> None:
        async with stage.client("Ann") as ann:
            talk = ann.Chat()
            await talk.write(joining("Ann"))
            await talk.write(saying("Is anybody here?"))
            await stage.until(sent_to("Ann", Kind.DATA, says("Is anybody here?")))
            assert stage.server.process
            stage.server.process.kill()
            await stage.until(sent_to("Ann", Kind.ENDED))

    sentence = why_not(replace(quick("drain"), scene=scene))
    assert sentence.startswith('step 2, "To the program: draining" is not shown')


def test_coming_back_without_resuming() -> None:
    """A fresh join is no resume, whatever it is shown."""

    async def scene(stage: Stage) -> None:
        for who in ("Bob", "Bob again"):
            async with stage.client(who) as bob:
                talk = bob.Chat()
                await talk.write(joining(who))
                await stage.until(sent_to(who, Kind.DATA, sets("live")))
                stage.tap.cut()

    sentence = why_not(replace(quick("resume"), scene=scene))
    assert "A second connection, and a join that resumes" in sentence
    assert "no DATA from Bob again with a join that resumes" in sentence


def test_streams_on_connections_of_their_own() -> None:
    """A second connection has a compression table of its own, and stream 1 again."""

    async def scene(stage: Stage) -> None:
        for person in ("Ann", "Bob"):
            async with stage.client("the gateway") as gateway:
                talk = gateway.Chat()
                await talk.write(joining(person))
                await stage.until(sent_to("the gateway", Kind.DATA, sets("live")))
                await stage.until(sent_to("the gateway", Kind.SETTINGS, ACK))
                talk.cancel()

    sentence = why_not(replace(quick("streams"), scene=scene))
    assert sentence.startswith('step 2, "The second call: a byte for each field" is not shown')


def test_messages_that_are_not_compressed() -> None:
    """Without the option nothing names gzip."""

    async def scene(stage: Stage) -> None:
        async with stage.client("Ann") as ann:
            talk = ann.Chat()
            await talk.write(joining("Ann"))
            await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
            talk.cancel()

    sentence = why_not(replace(quick("envelopes"), scene=scene))
    assert "with the field grpc-encoding = gzip" in sentence
