"""A scene that is broken does not pass for one that shows its story."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment
from chatroom.chatwire.lab.finding import ACK, OPEN, says, sent_by, sent_to, sets
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.running import run
from chatroom.chatwire.lab.servers import Server, ServerDidNotStart, chatserver
from chatroom.chatwire.lab.stage import Stage
from chatroom.chatwire.lab.story import NotShown
from tests.chatwire.lab.forked import quick

JOIN = quick("join")


def why_not(experiment: Experiment) -> str:
    """The sentence with which an experiment fails."""
    with pytest.raises(NotShown) as caught:
        asyncio.run(run(experiment, patience=1.0))
    return str(caught.value)


def test_a_scene_that_leaves_something_out() -> None:
    """The first step without its frames is named, with the frame that is missing."""

    async def connects_only(stage: Stage) -> None:
        async with stage.client("Ann"):
            await stage.until(sent_by("Ann", Kind.SETTINGS, ACK))
            await stage.until(sent_to("Ann", Kind.SETTINGS, ACK))

    sentence = why_not(replace(JOIN, scene=connects_only))
    assert sentence.startswith('step 6, "The call begins" is not shown: no HEADERS from Ann')


def test_a_scene_that_waits_in_vain() -> None:
    """What it waited for is said beside the step."""

    async def silent(stage: Stage) -> None:
        async with stage.client("Ann") as ann:
            talk = ann.Chat()
            await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
            talk.cancel()

    sentence = why_not(replace(JOIN, scene=silent))
    assert 'step 7, "The first message: a join" is not shown' in sentence
    assert "(waited 1 s for DATA to Ann with a message that sets live)" in sentence


def test_a_frame_that_must_not_pass() -> None:
    """It is named, with the step that it contradicts."""
    *others, last = JOIN.story
    strict = replace(last, not_after=(sent_by("Ann", Kind.DATA, OPEN, says("Hello")),))

    async def talkative(stage: Stage) -> None:
        async with stage.client("Ann") as ann:
            talk = ann.Chat()
            await talk.write(joining("Ann"))
            await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
            await talk.write(saying("Hello"))
            await stage.until(sent_to("Ann", Kind.DATA, says("Hello")))
            talk.cancel()

    sentence = why_not(replace(JOIN, scene=talkative, story=(*others, strict)))
    assert "your own arrival" in sentence
    assert 'is DATA from Ann with no END_STREAM and with the text "Hello"' in sentence


def test_frames_of_another_client_do_not_count() -> None:
    """Bob's join is not Ann's."""

    async def bob_instead(stage: Stage) -> None:
        async with stage.client("Bob") as bob:
            talk = bob.Chat()
            await talk.write(joining("Bob"))
            await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
            talk.cancel()

    assert "step 1, " in why_not(replace(JOIN, scene=bob_instead))


def test_a_scene_that_fails() -> None:
    """With the error, when the story is complete nevertheless."""

    async def fails_at_the_end(stage: Stage) -> None:
        await JOIN.scene(stage)
        raise ConnectionResetError("by peer")

    assert "the scene broke off: ConnectionResetError: by peer" == why_not(
        replace(JOIN, scene=fails_at_the_end)
    )


def test_a_server_that_does_not_start() -> None:
    """What it said last is told."""

    async def start() -> Server:
        async with chatserver("--message-rate", "many") as server:
            return server

    with pytest.raises(ServerDidNotStart, match="'many' is not a valid float"):
        asyncio.run(start())
