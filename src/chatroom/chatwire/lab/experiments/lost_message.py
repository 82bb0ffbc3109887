"""A message that is lost on its way, and a client that looks at sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.experiments.resume import RESUMES, joined_with, place_of
from chatroom.chatwire.lab.finding import RESET, fault, says, sent_by, sent_to, sets
from chatroom.chatwire.lab.references import grpc_document, rfc
from chatroom.chatwire.lab.requests import joining, saying

if TYPE_CHECKING:
    from chatroom.chatwire.lab.stage import Stage

FIRST, LOST, LAST = "First", "Second", "Third"


async def scene(stage: Stage) -> None:
    """Of three messages of Ann's, whose client is not shown, Bob's connection loses one."""
    async with stage.behind() as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann"))
        while not (await talk.read()).HasField("live"):
            pass
        async with stage.client("Bob") as bob:
            first = bob.Chat()
            await first.write(joining("Bob"))
            await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
            for text in (FIRST, LOST, LAST):
                await talk.write(saying(text))
                while (await talk.read()).message != text:
                    pass
            seen = await stage.until(sent_to("Bob", Kind.DATA, says(FIRST)))
            place = place_of(stage.tap.frames[: seen.number])
            await stage.until(sent_to("Bob", Kind.DATA, says(LAST)))
            stage.tap.cut()
        async with stage.client("Bob again") as bob:
            back = joining("Bob")
            back.join.resume.CopyFrom(place)
            second = bob.Chat()
            await second.write(back)
            await stage.until(sent_to("Bob again", Kind.DATA, sets("live")))
            second.cancel()


EXPERIMENT = Experiment(
    name="lost-message",
    title="A message that is lost",
    summary="a gap in the sequences, and a resume that fills it",
    intro="""
        TCP loses no byte. But between two programs there is more than TCP: proxies that end one
        connection and begin another, queues that are full, code that forgets. Here the tap
        loses one message of the server's on its way to Bob. HTTP/2 and gRPC notice nothing, and
        nothing ends.
    """,
    faults=(f'drop connection 1 down field message="{LOST}"',),
    scene=scene,
    story=(
        Step(
            title="A message comes",
            prose="""
                Bob is in the room. Ann's first message comes to him with its sequence. In a
                room sequences have no holes.
            """,
            shows=(sent_to("Bob", Kind.DATA, sets("live")), sent_to("Bob", Kind.DATA, says(FIRST))),
        ),
        Step(
            title="The next one does not",
            prose="""
                The server has sent it, and it counts as sent: its bytes were taken from the
                windows. FAULT is no frame. The line says what the tap does, by which rule.

                The receiver gives window only for what it has got. So the bytes of a lost
                message would be missing in the server's windows for ever, and after enough of
                them the stream would stand still. The tap gives them back in Bob's name:
                `invented`.
            """,
            shows=(
                sent_to("Bob", Kind.FAULT, fault("drops"), says(LOST)),
                sent_by("Bob", Kind.WINDOW_UPDATE),
            ),
        ),
        Step(
            title="The one after it tells",
            prose="""
                Its sequence is two above that of the first. A client that looks at sequences
                knows now that something is missing, and which. One that does not shows a
                conversation with a hole that nobody sees.
            """,
            shows=(sent_to("Bob", Kind.DATA, says(LAST)),),
            not_before=(sent_to("Bob", Kind.DATA, says(LOST)),),
        ),
        Step(
            title="Away, and back",
            prose="""
                There is no way to ask for one message on the open stream. So Bob ends the
                connection; the scene cuts it. He comes back and resumes after the *first*
                message: the last one before the gap, not the highest that he has seen.
            """,
            shows=(
                sent_by("Bob", Kind.ENDED, RESET),
                sent_by("Bob again", Kind.DATA, RESUMES),
            ),
        ),
        Step(
            title="Everything after that",
            prose="""
                The missing message comes, and the third comes once more: it has the sequence
                that Bob knows, so that his client can leave it out.
            """,
            shows=(
                sent_to("Bob again", Kind.DATA, joined_with(pb.RECOVERY_COMPLETE)),
                sent_to("Bob again", Kind.DATA, says(LOST), says(LAST)),
            ),
        ),
    ),
    why="""
        "At least once" is two promises: that a sender tries again, and that a receiver notices
        what is missing. A stream gives neither by itself. It promises that what comes, comes in
        order. With a sequence without holes the receiver notices each loss as soon as the next
        message comes, whatever lost it.

        The last message of a conversation has no next one. For that there are heartbeats and
        the events of the service: a client that is told the newest sequence can compare.

        A client that remembers the highest sequence, and resumes after that, makes the loss
        final: the server believes that it has everything before. The position to remember is
        the end of the part without holes.
    """,
    try_next="""
        `chatwire lab resume`: the same way back after a broken connection, where nothing was
        lost on the way.

        `chatwire fault --drop 'down message every 10'` before a service of your own. Does any
        of its clients notice?

        Add `--delay 'down: 200ms'`, and look at how late the gap is seen.
    """,
    references=(
        rfc(9113, "6.9.1", "what counts against which window"),
        rfc(9293, "3.4", "what TCP numbers: bytes, of one connection"),
        grpc_document("statuscodes", "no status says that a message is missing"),
    ),
)
