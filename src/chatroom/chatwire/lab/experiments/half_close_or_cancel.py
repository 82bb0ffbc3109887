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
        for hearer in ("Ann", "Bob"):
            await stage.until(sent_to(hearer, Kind.DATA, sets("left"), authored("Dora")))
        calls["Ann"].cancel()
        await stage.until(sent_to("Bob", Kind.DATA, sets("left"), authored("Ann")))
        calls["Bob"].cancel()


EXPERIMENT = Experiment(
    name="half-close-or-cancel",
    title="Half-close or cancel",
    summary="three ways to stop talking, and what the server can know of each",
    intro="""
        Ann half-closes, Carl cancels, Dora leaves, and Bob is there to hear it. On the wire
        these are three different frames, and they mean different things. None of the four asked
        for features, so nobody has a session: a member whose stream is lost leaves at once.
    """,
    scene=scene,
    story=(
        Step(
            title="Ann half-closes",
            prose="END_STREAM ends her messages, and nothing else.",
            shows=(sent_by("Ann", Kind.DATA, END_STREAM),),
        ),
        Step(
            title="Carl cancels",
            prose="""
                RST_STREAM with CANCEL ends both directions at once: Carl needs the stream no
                more, and waits for no answer.
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
                The server tells the room. It cannot know why Carl has left: a cancelled call, a
                killed program and a proxy that gave up look the same. Carl gets nothing from
                the server, not even a status: the CANCELLED that his program sees is made by
                his library.
            """,
            shows=(sent_to("Bob", Kind.DATA, sets("left"), authored("Carl")),),
        ),
        Step(
            title="Ann is still there",
            prose="She gets what Bob says next.",
            shows=(
                sent_by("Bob", Kind.DATA, says("Who is still here?")),
                sent_to("Ann", Kind.DATA, says("Who is still here?"), OPEN),
            ),
        ),
        Step(
            title="Dora leaves",
            prose="""
                `leave` is a message of this service. The server can answer it: when all that
                Dora has said is stored, her stream ends with OK. So she knows that nothing was
                lost, without an echo of each message (FEATURE_ECHO), which none of the four
                asked for.
            """,
            shows=(
                sent_by("Dora", Kind.DATA, sets("leave")),
                sent_to("Dora", Kind.HEADERS, role(Role.TRAILERS), status("OK"), END_STREAM),
            ),
        ),
    ),
    why="""
        Cancelling is quick and gets no answer. So the client cannot know whether the server
        took what was on its way. And frames that the server had sent before may still come:
        HTTP/2 demands that the sender of RST_STREAM is ready for them.

        Half-close keeps the other direction open, and in a room that lasts for ever nothing
        ends that one. So a service with long streams should have a message for the end, such as
        `leave` here.
    """,
    try_next="""
        Cancel with a session: join with FEATURE_EVENTS and cancel. The others see nothing for
        15 s, since it might be a lost connection. The experiment `resume` comes back within
        that time.

        `chatter` sends `leave` when you type Ctrl-D. End another one with `kill -9`, and see
        with `chatwire --frame data,rst-stream,ended` what the server gets.
    """,
    references=(
        rfc(9113, "5.1", "what each side may do in which state"),
        rfc(9113, "6.4", "RST_STREAM: the end of a stream at once"),
        rfc(9113, "7", "CANCEL and the other error codes"),
        grpc_document("PROTOCOL-HTTP2", "how errors of HTTP/2 become statuses"),
    ),
)
