"""Half-close against cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    OPEN,
    authored,
    error,
    role,
    says,
    sent_by,
    sent_to,
    sets,
    status,
    stream,
)
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.requests import joining, leaving, saying

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage


async def scene(stage: Stage) -> None:
    """Ann half-closes, Carl cancels, Dora leaves; Bob talks on."""
    async with (
        stage.client("Ann") as ann,
        stage.client("Bob") as bob,
        stage.client("Carl") as carl,
        stage.client("Dora") as dora,
    ):
        calls = {"Ann": ann.Chat(), "Bob": bob.Chat(), "Carl": carl.Chat(), "Dora": dora.Chat()}
        entered: list[str] = []
        for name, call in calls.items():
            await call.write(joining(name, features=()))
            entered.append(name)
            for hearer in entered:
                await stage.until(sent_to(hearer, Kind.DATA, sets("entered"), authored(name)))
        await calls["Ann"].done_writing()
        await stage.until(sent_by("Ann", Kind.DATA, END_STREAM))
        calls["Carl"].cancel()
        for hearer in ("Ann", "Bob", "Dora"):
            await stage.until(sent_to(hearer, Kind.DATA, sets("left")))
        await calls["Bob"].write(saying("Who is still here?"))
        await stage.until(sent_to("Ann", Kind.DATA, says("Who is still here?")))
        await stage.until(sent_to("Dora", Kind.DATA, says("Who is still here?")))
        await calls["Dora"].write(leaving())
        await stage.until(sent_to("Dora", Kind.HEADERS, status("OK")))
        for name in ("Ann", "Bob"):
            calls[name].cancel()


EXPERIMENT = Experiment(
    name="half-close-or-cancel",
    title="Half-close or cancel",
    summary="three ways to stop talking, and what the server can know of each",
    intro="""
        Ann half-closes, Carl cancels, Dora says goodbye. On the wire these are three
        different frames, and they promise different things. None of the four asked for
        features, so no one has a session to come back with, and a member who is gone is gone
        at once.
    """,
    scene=scene,
    story=(
        Step(
            title="Ann half-closes",
            prose="END_STREAM: the end of her messages, and of nothing else.",
            shows=(sent_by("Ann", Kind.DATA, END_STREAM),),
        ),
        Step(
            title="Carl cancels",
            prose="""
                RST_STREAM with CANCEL ends both directions at once: the stream is not needed any
                more, and nobody waits for an answer.
            """,
            shows=(sent_by("Carl", Kind.RST_STREAM, error("CANCEL"), stream(1)),),
            not_before=(sent_by("Carl", Kind.DATA, END_STREAM),),
            not_after=(
                sent_to("Carl", Kind.DATA),
                sent_to("Carl", Kind.HEADERS),
            ),
        ),
        Step(
            title="Carl has left",
            prose="""
                The server tells the room. It cannot know why: a cancelled call, a killed
                program and a proxy that gave up look the same. To Carl it says nothing, not
                even a status: his library made CANCELLED up by itself.
            """,
            shows=(sent_to("Bob", Kind.DATA, sets("left"), authored("Carl")),),
        ),
        Step(
            title="Ann is still there",
            prose="What Bob says then comes to her, as if nothing had happened.",
            shows=(
                sent_by("Bob", Kind.DATA, says("Who is still here?")),
                sent_to("Ann", Kind.DATA, says("Who is still here?"), OPEN),
            ),
        ),
        Step(
            title="Dora leaves",
            prose="""
                A message that means the end, in the service's own words. The server can answer
                it: once all she has said is stored, the stream ends with OK. So she knows
                that nothing was lost, without an echo of each message (FEATURE_ECHO), which
                none of the four asked for.
            """,
            shows=(
                sent_by("Dora", Kind.DATA, sets("leave")),
                sent_to("Dora", Kind.HEADERS, role(Role.TRAILERS), status("OK"), END_STREAM),
            ),
        ),
    ),
    why="""
        Cancelling is quick and needs no answer, and so it gets none: what was under way may
        or may not have been taken, and neither side can tell. HTTP/2 says so too: who sends
        RST_STREAM must be ready for frames that the other had sent before it came.

        Half-close keeps the other direction, but a room that goes on for ever never ends by
        it. So a service whose streams last should have a message for the end, as `leave` here.
    """,
    try_next="""
        Cancel with a session: join with FEATURE_EVENTS and cancel. The others see nothing for
        15 s, since it might be a lost connection; the experiment `resume` uses that time.

        `chatter` sends `leave` when you type Ctrl-D. End another one with `kill -9` and see
        what the server gets of it: `chatwire --frame data,rst-stream,ended`.
    """,
    references=(
        rfc(9113, "5.1", "what each side may do in which state"),
        rfc(9113, "6.4", "RST_STREAM: the end of a stream at once"),
        rfc(9113, "7", "CANCEL and the other error codes"),
        grpc_document("PROTOCOL-HTTP2", "how errors of HTTP/2 become statuses"),
    ),
)
