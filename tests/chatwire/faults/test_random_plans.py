"""Whatever the plan, both sides stay legal for h2, and where a model can tell, all is as planned.

40 plans of each kind; 1,000 with SOAK=1.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

import pytest
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.chatwire.faults import loosely
from chatroom.chatwire.faults.kinds import Double, Drop, Reorder
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.passage import Side
from chatroom.wire.envelopes import envelope
from tests.faults.scale import scaled

from .sides import TRAILERS, Between, Peer

PLANS = scaled(200, 1000, brief=40)
KEYS = ("a", "b")
LONG = 100.0
"""Seconds after which every time of a plan is over."""

WAY = st.sampled_from(["", "up ", "down "])
NUMBER = st.integers(1, 4).map(lambda number: f"message {number} ")
NUMBERS = st.one_of(
    st.just(""), NUMBER,
    st.integers(1, 3).map(lambda number: f"message {number}- "),
    st.integers(1, 3).map(lambda number: f"message every {number} "),
    st.sampled_from(['text "a" ', "chance 50% ", "stream 1 ", "stream 3 message 1 ", "call 2 "]),
)  # fmt: skip
TIME = st.sampled_from(["10ms", "1s", "2s ± 1s"])
KEPT = st.one_of(
    st.just("drop"), st.just("double"), st.just("double: 3 times"), st.just("reorder"),
    st.just("reorder: behind 2"),
    TIME.map("delay: {}".format),
    st.sampled_from(KEYS).map("hold: key {}".format),
    st.sampled_from(KEYS).map("hold: key {} at most 5s".format),
)  # fmt: skip
"""What keeps the connection, and every message that is not dropped."""
GRAVE = st.one_of(
    st.sampled_from([
        "cut: rst", "cut: fin", "vanish", "answer: UNAVAILABLE", 'answer: OK "why"',
        "trailers: missing", "trailers: status INTERNAL", "trailers: with grpc-status=99 x=1",
        "withhold", "withhold: 2s", "stop-reading: 1s", "throttle: 20KiB/s",
        "inject: rst_stream CANCEL", "inject: goaway NO_ERROR last 1", "inject: ping",
        "inject: settings INITIAL_WINDOW_SIZE=100",
        "inject: settings INITIAL_WINDOW_SIZE=200000",
        "inject: settings MAX_CONCURRENT_STREAMS=100",
    ])
)  # fmt: skip
ONLY_PLACES = ("answer", "trailers")


def rule(where: tuple[str, str], what: str) -> str:
    """A rule with WHERE put in, as far as its kind allows."""
    kind, colon, rest = what.partition(":")
    way, of = where
    if kind in ("withhold", "inject", "stop-reading") and not way:
        way = "up "
    if kind in ONLY_PLACES:
        way, of = "", of if of.startswith(("stream 1", "call", "chance")) else ""
    if kind in ("throttle", "withhold"):
        of = of if of.startswith("chance") else ""
    if "rst_stream" in rest and not of.startswith(("message", "stream", "text", "call")):
        of = "message 2 "
    return f"{kind} {way}{of}".rstrip() + colon + rest


def rules(what: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(rule, st.tuples(WAY, NUMBERS), what)


Step = Callable[[Between], None]
STREAMS = (1, 3, 5)


def say(side: Side, stream: int, size: int) -> Step:
    def step(both: Between) -> None:
        peer = both.peers[side]
        if peer.known(stream):
            peer.said.setdefault(stream, []).append(bytes([97 + len(peer.said)]) * size)
            peer.say(stream, envelope(peer.said[stream][-1]))
        both.settle()

    return step


def call(stream: int) -> Step:
    def step(both: Between) -> None:
        if stream > both.client.h2.highest_outbound_stream_id:
            both.call(stream, ("x-number", str(stream)), ("x-same", "always"))

    return step


def end(side: Side, stream: int) -> Step:
    def step(both: Between) -> None:
        trailers = [*TRAILERS, ("x-stream", str(stream))] if side is Side.SERVER else None
        if both.peers[side].known(stream):
            both.peers[side].end(stream, trailers)
        both.settle()

    return step


def cancel(side: Side, stream: int) -> Step:
    def step(both: Between) -> None:
        both.peers[side].cancel(stream)
        both.settle()

    return step


def resize(side: Side, size: int, table: int) -> Step:
    def step(both: Between) -> None:
        peer = both.peers[side]
        if not peer.unacknowledged:
            peer.unacknowledged += 1
            values = {SettingCodes.INITIAL_WINDOW_SIZE: size}
            if not peer.resized:  # of several changes hpack's encoder tells one too many
                peer.resized = True
                values[SettingCodes.HEADER_TABLE_SIZE] = table
            peer.h2.update_settings(values)
        both.settle()

    return step


def pause(side: Side) -> Step:
    def step(both: Between) -> None:
        both.peers[side].reads = not both.peers[side].reads
        both.settle()

    return step


PIECES = st.one_of(st.none(), st.integers(0, 99))
SIDES = st.sampled_from(list(Side))
SIZES = st.sampled_from([0, 1, 100, 20_000, 70_000])
TALK = st.one_of(
    st.builds(call, st.sampled_from(STREAMS)),
    st.builds(say, SIDES, st.sampled_from(STREAMS), SIZES),
    st.builds(say, SIDES, st.sampled_from(STREAMS), SIZES),
    st.builds(lambda seconds: lambda both: both.wait(seconds), st.sampled_from([0.005, 1.0, 3.0])),
    st.builds(lambda key: lambda both: both.release(key), st.sampled_from(KEYS)),
)
UNREST = st.one_of(
    TALK,
    st.builds(end, SIDES, st.sampled_from(STREAMS)),
    st.builds(cancel, SIDES, st.sampled_from(STREAMS)),
    st.builds(
        resize, SIDES, st.sampled_from([0, 50, 65_535, 300_000]), st.sampled_from([0, 99, 4096])
    ),
    st.builds(pause, SIDES),
)  # fmt: skip


def looked_at_often(pieces: int | None) -> AbstractContextManager[object]:
    """Bytes in pieces are also looked at soon after they have passed."""
    often = patch.object(loosely, "AHEAD_BYTES", 300)
    return nullcontext() if pieces is None else often


def all_out(both: Between) -> None:
    """Let go everything that waits."""
    for peer in both.peers.values():
        peer.reads = True
    both.settle()
    for _ in range(3):
        both.wait(LONG)
        for key in KEYS:
            both.release(key)


@pytest.mark.shortened
@settings(max_examples=PLANS, deadline=None)
@given(
    plan=st.lists(rules(st.one_of(KEPT, GRAVE)), min_size=1, max_size=4),
    steps=st.lists(UNREST, max_size=25),
    seed=st.integers(0, 9),
    pieces=PIECES,
)
def test_nothing_that_a_side_is_sent_is_illegal(
    plan: list[str], steps: list[Step], seed: int, pieces: int | None
) -> None:
    """h2 raises for windows, states and compression that are wrong; and it all comes to an end."""
    with looked_at_often(pieces):
        both = Between(Plan.of(*plan, seed=seed), pieces)
        call(1)(both)
        for step in steps:
            step(both)
        all_out(both)


def expected(plan: Plan, side: Side, stream: int, said: list[bytes]) -> list[bytes]:
    """What comes of these messages, when all that waits has been let go."""
    came: list[bytes] = []
    late: list[tuple[int, list[bytes]]] = []
    for number, message in enumerate(said, 1):
        fits = [
            one.fault for one in plan.rules
            if one.where.sent_by(side) and one.where.stream in (None, stream)
            and (one.where.call is None or (stream + 1) // 2 in one.where.call)
            and (one.where.message is None or number in one.where.message)
            and (one.where.text is None or one.where.text.encode() in message)
        ]  # fmt: skip
        if any(isinstance(fault, Drop) for fault in fits):
            continue
        times = max((fault.times for fault in fits if isinstance(fault, Double)), default=1)
        behind = max((fault.behind for fault in fits if isinstance(fault, Reorder)), default=0)
        if behind:
            late.append((behind + 1, [message] * times))
        else:
            came += [message] * times
        late = [(count - 1, them) for count, them in late]
        came += [one for count, them in late if count <= 0 for one in them]
        late = [(count, them) for count, them in late if count > 0]
    return came + [one for _, them in late for one in them]


@pytest.mark.shortened
@settings(max_examples=PLANS, deadline=None)
@given(
    plan=st.lists(rules(KEPT).filter(lambda text: "chance" not in text), min_size=1, max_size=4),
    steps=st.lists(TALK, max_size=25),
    pieces=PIECES,
)
def test_what_arrives_is_what_the_plan_says(
    plan: list[str], steps: list[Step], pieces: int | None
) -> None:
    """Every message, on every stream, in order; every header field; and window for more."""
    of = Plan.of(*plan)
    with looked_at_often(pieces):
        both = Between(of, pieces)
        for stream in STREAMS:
            call(stream)(both)
        both.wait(LONG)
        for step in steps:
            step(both)
        for stream in STREAMS:
            end(Side.CLIENT, stream)(both)
        all_out(both)
        for stream in STREAMS:
            end(Side.SERVER, stream)(both)
        all_out(both)
    for side, peer in both.peers.items():
        other = both.peers[side.other]
        for stream in STREAMS:
            wanted = expected(of, side, stream, peer.said.get(stream, []))
            assert wanted == other.messages(stream), (side, stream)
    assert set(STREAMS) == both.client.over == both.server.over
    for stream in STREAMS:
        assert (b"x-number", str(stream).encode()) in both.server.headers[stream][0]
        assert (b"x-stream", str(stream).encode()) in both.client.headers[stream][-1]
    assert whole(both, both.client, both.server)
    assert whole(both, both.server, both.client)


def whole(both: Between, sender: Peer, receiver: Peer) -> bool:
    """Whether no window of the connection was lost: a new stream takes many times as much."""
    stream = max(sender.h2.highest_outbound_stream_id, sender.h2.highest_inbound_stream_id) + 2
    stream += stream % 2 == 0
    call(stream)(both)
    all_out(both)
    sender.say(stream, envelope(bytes(300_000)))
    both.settle()
    all_out(both)
    all_out(both)
    got = receiver.messages(stream)
    return not sender.unsent.get(stream) and all(one == bytes(300_000) for one in got)
