"""A message that comes twice, with a nonce and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.lab.experiment import Experiment, Step
from chatroom.chatwire.lab.finding import Condition, says, sent_by, sent_to, sets, touched
from chatroom.chatwire.lab.references import Reference, grpc_proposal
from chatroom.chatwire.lab.requests import joining, saying

if TYPE_CHECKING:
    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.lab.stage import Stage

BARE, MARKED = "Ten of them, please", "Ten of those, please"
NONCE = "order-17"
QUIET = (("grpc.http2.bdp_probe", 0),)
SETTLED = 0.5
"""Seconds in which a second echo would have come."""


def sequences(frame: Frame, text: str) -> list[int]:
    """Of the messages with this text in a frame."""
    values = [one.value for one in frame.messages]
    return [one.sequence for one in values if isinstance(one, pb.Message) and one.message == text]


TWO = Condition("two sequences of one text", lambda frame: len(set(sequences(frame, BARE))) == 2)
ONE = Condition("one sequence of the text", lambda frame: len(sequences(frame, MARKED)) == 1)


async def scene(stage: Stage) -> None:
    """Ann orders without a nonce, then with one; each order comes to the server twice."""
    async with stage.client("Ann", *QUIET) as ann:
        talk = ann.Chat()
        await talk.write(joining("Ann"))
        await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
        for text, nonce in ((BARE, ""), (MARKED, NONCE)):
            await talk.write(saying(text, nonce))
            await stage.until(sent_to("Ann", Kind.DATA, says(text)))
            await stage.until_quiet(SETTLED)
        talk.cancel()


EXPERIMENT = Experiment(
    name="doubled",
    title="A message that comes twice",
    summary="two orders out of one, and a nonce that makes it one again",
    intro="""
        Ann's client sends an order. Its answer is late, so the client sends it again, and both
        arrive. Or a proxy tries again by itself. The tap does the same: it passes each order on
        twice. The server cannot see who has done it.
    """,
    faults=('double up text "please"',),
    scene=scene,
    story=(
        Step(
            title="An order, twice",
            prose="""
                The first frame is Ann's. The second is the tap's: `invented`. The server gets
                the same bytes twice. It gives window back for both, and the tap keeps the part
                for the second, since Ann has sent only one.
            """,
            shows=(
                sent_by("Ann", Kind.DATA, says(BARE)),
                sent_by("Ann", Kind.DATA, says(BARE), touched("invented")),
            ),
        ),
        Step(
            title="Two entries",
            prose="""
                Two sequences: everybody in the room sees two messages. Nothing here is wrong.
                Somebody may say the same thing twice, and a server may not guess.
            """,
            shows=(sent_to("Ann", Kind.DATA, TWO),),
        ),
        Step(
            title="An order with a number, twice",
            prose="""
                This one has a `nonce`: a name for the message that Ann's client has made up
                before it sent it first. All copies of the message have the same.
            """,
            shows=(
                sent_by("Ann", Kind.DATA, says(MARKED)),
                sent_by("Ann", Kind.DATA, says(MARKED), touched("invented")),
            ),
        ),
        Step(
            title="One entry",
            prose="""
                One sequence. The server has seen that it knows this nonce of Ann's session, and
                has stored nothing. A nonce that comes again later is answered by the echo of
                the first, with its sequence: whoever tries again learns that it had worked.
            """,
            shows=(sent_to("Ann", Kind.DATA, ONE),),
            not_after=(sent_to("Ann", Kind.DATA, TWO),),
        ),
    ),
    why="""
        A client that hears nothing has two choices. It may not try again, and then some
        messages are lost. Or it may try again, and then some come twice. No protocol below can
        help: the one who lost the answer does not know whether there was one.

        So the service must be able to know a message again, and only the sender can say what is
        the same and what is new. The nonce must be made once for each message, and not for each
        attempt. It must be kept as long as somebody may try again: here 10 minutes, within one
        session.

        gRPC's own retries have the same rule: a method may only have a retry policy if it does
        no harm to call it twice.
    """,
    try_next="""
        `chatwire fault --double 'up call 1-'` before a service of your own. Which of its
        methods may be called twice?

        docs/faults.md has a shop in which this costs money, with its test.

        docs/retrying.md has the rules for clients of this server.
    """,
    references=(
        grpc_proposal("A6-client-retries", "when a client repeats a call by itself"),
        Reference(
            "AIP-155",
            "https://google.aip.dev/155",
            "the same idea for methods: a request id",
        ),
    ),
)
