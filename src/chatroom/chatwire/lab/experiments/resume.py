"""A connection that is lost, and a member who comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import (
    END_STREAM,
    RESET,
    Condition,
    says,
    sent_by,
    sent_to,
    sets,
)
from chatroom.chatwire.lab.references import grpc_document, grpc_proposal, rfc
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.stage import DidNotHappen

if TYPE_CHECKING:
    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.lab.stage import Stage

MISSED = ("Did you see that?", "Bob? Are you there?")


def joined_with(recovery: pb.Recovery) -> Condition:
    """A `joined` that tells this recovery."""

    def holds(frame: Frame) -> bool:
        return any(
            isinstance(message.value, pb.Message)
            and message.value.HasField("joined")
            and message.value.joined.recovery == recovery
            for message in frame.messages
        )

    return Condition(f"a joined with {pb.Recovery.Name(recovery)}", holds)


RESUMES = Condition(
    "a join that resumes",
    lambda frame: any(
        isinstance(message.value, pb.ChatMessage) and message.value.join.HasField("resume")
        for message in frame.messages
    ),
)


async def scene(stage: Stage) -> None:
    """Bob's connection breaks while Ann, whose client is not shown, goes on talking."""
    async with stage.behind() as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann"))
        while not (await talk.read()).HasField("live"):
            pass
        async with stage.client("Bob") as bob:
            first = bob.Chat()
            await first.write(joining("Bob"))
            live = await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
            place = place_of(stage.tap.frames[: live.number])
            stage.tap.cut()
        for text in MISSED:
            await talk.write(saying(text))
            while (await talk.read()).message != text:
                pass
        async with stage.client("Bob again") as bob:
            back = joining("Bob")
            back.join.resume.CopyFrom(place)
            second = bob.Chat()
            await second.write(back)
            await stage.until(sent_to("Bob again", Kind.DATA, sets("live")))
            second.cancel()


def place_of(frames: list[Frame]) -> pb.Resume:
    """What a client notes of what it has got: session, epoch, newest sequence."""
    place = pb.Resume()
    for frame in frames:
        for message in frame.messages:
            if isinstance(message.value, pb.Message):
                if message.value.HasField("joined"):
                    place.session = message.value.joined.session
                    place.epoch = message.value.joined.epoch
                place.after = max(place.after, message.value.sequence)
    if not place.session:
        raise DidNotHappen("Bob was given no session")
    return place


EXPERIMENT = Experiment(
    name="resume",
    title="A lost connection, and what was missed",
    summary="a broken connection, a second one, and exactly the messages that came between",
    intro="""
        Bob is in a room when his network fails. Ann notices nothing and goes on talking. Bob
        connects again, and gets all that he has missed, and nothing twice. HTTP/2 and gRPC do
        not help with this: for them the second connection has nothing to do with the first.
    """,
    scene=scene,
    story=(
        Step(
            title="What to note",
            prose="""
                `joined` has a session, which proves later that Bob is Bob. It also has an
                epoch: as long as that is the same, sequences count from the same beginning.

                The entries of the room are numbered by sequences, without holes. The highest
                one that Bob has seen is his position, here that of his own arrival. He has to
                note session, epoch and position, and nothing else.
            """,
            shows=(
                sent_to(
                    "Bob", Kind.DATA, sets("joined"), says("Has entered the chat"), sets("live")
                ),
            ),
        ),
        Step(
            title="The connection breaks",
            prose="""
                The scene cuts the connection, and both ends get a reset of TCP. There is no
                RST_STREAM, no GOAWAY, and there are no trailers. So Bob's gRPC library makes up
                a status: UNAVAILABLE.
            """,
            shows=(sent_by("Bob", Kind.ENDED, RESET),),
            not_before=(
                sent_to("Bob", Kind.HEADERS, END_STREAM),
                sent_to("Bob", Kind.GOAWAY),
            ),
        ),
        Step(
            title="A second connection, and a join that resumes",
            prose="""
                Meanwhile Ann has said two things. A new connection begins from nothing:
                preface, SETTINGS, stream 1 again. Its join carries session, epoch, and the
                position after which to go on.
            """,
            shows=(sent_by("Bob again", Kind.DATA, RESUMES),),
        ),
        Step(
            title="Nothing is missing",
            prose="""
                RECOVERY_COMPLETE: everything after that position follows. A room keeps only its
                newest entries. If some after Bob's position were deleted, it would be
                RECOVERY_PARTIAL, and Bob's screen would have to show a gap.
            """,
            shows=(sent_to("Bob again", Kind.DATA, joined_with(pb.RECOVERY_COMPLETE)),),
        ),
        Step(
            title="What was missed",
            prose="""
                Both messages come, with the next sequences after his. They were not kept for
                him: they are read from the room's log, which is there for all.
            """,
            shows=(sent_to("Bob again", Kind.DATA, *map(says, MISSED)),),
            not_before=(sent_to("Bob again", Kind.DATA, says("Has entered the chat")),),
        ),
        Step(
            title="Live again",
            prose="""
                There is no `Has entered the chat`, since Bob was in the room all the time. A
                member with a session keeps their place for 15 seconds after a lost connection,
                and the others are told nothing.
            """,
            shows=(sent_to("Bob again", Kind.DATA, sets("live")),),
            not_before=(sent_to("Bob again", Kind.DATA, says("Has entered the chat")),),
        ),
    ),
    why="""
        A library that reconnects brings back a connection, not a conversation: it does not know
        which messages were sent and did not arrive. gRPC repeats a call by itself only if
        nothing of its response has come. After that only the program can say where to go on. So
        its own protocol needs a position.

        A sequence without holes makes that simple. A client that has n asks for everything
        after n. A client that gets n + 2 after n knows that something is missing. The `id` of
        server-sent events and the offsets of Kafka do the same.

        In the other direction, Bob cannot know whether his last message arrived. He sends it
        again with the same nonce, and it is stored once. docs/retrying.md has the rules for
        both directions.
    """,
    try_next="""
        Watch a `chatter`: let it connect through `chatwire`, end `chatwire` with Ctrl-C and
        start it again. `chatter` says that the connection was lost, and comes back.

        Wait more than 15 s before you start `chatwire` again: then the member has left, and the
        resume is an arrival too. The missed messages come all the same.

        `chatwire lab resume --stream 0`: what the second connection has to agree on again.
    """,
    references=(
        grpc_document("statuscodes", "UNAVAILABLE, and who makes it up"),
        rfc(9113, "5.4.3", "what the end of a connection means for its streams"),
        grpc_proposal("A6-client-retries", "when a call is committed, and not tried again"),
    ),
)
