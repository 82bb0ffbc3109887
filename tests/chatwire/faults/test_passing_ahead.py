"""What passes before it is looked at: of a server, while no rule is about a call."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatroom.chatwire.faults import loosely
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.passage import Doing, How, Side
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from tests.faults.scale import scaled

from .sides import FIELD, REQUEST, TRAILERS, Between
from .test_core import doings, hows, talking

WINDOW = 65535


def part(both: Between, side: Side, octets: bytes) -> None:
    """A part of what a side sends arrives."""
    both.sent[side] += octets
    both.under_way[side] += octets
    both.receive_some(side)


def test_a_server_of_whom_no_rule_is_passes_in_parts() -> None:
    """Also within a frame; what the tap then has to say for it waits until the frame is whole."""
    both = talking("answer call 2: UNAVAILABLE")
    both.server.h2.send_data(1, envelope(b"a long answer"))
    frame = both.server.h2.data_to_send()
    part(both, Side.SERVER, frame[:12])
    assert both.sent == both.delivered
    both.client.h2.send_headers(3, REQUEST)
    part(both, Side.CLIENT, both.client.h2.data_to_send())
    assert [Doing.ANSWERS] == doings(both)
    assert both.sent[Side.SERVER] == both.delivered[Side.SERVER]
    part(both, Side.SERVER, frame[12:])
    assert [b"a long answer"] == both.client.messages(1)
    assert {3} == both.client.over
    assert [How.INVENTED] == hows(both)


def test_what_a_server_has_said_before_a_rule_is_about_it_counts() -> None:
    """Its windows, its table of fields and the streams that it has ended are as they should be."""
    both = talking("double down stream 3 message 1")
    for text in (b"one", b"two"):
        both.server.say(1, envelope(text))
    both.server.end(1, [*TRAILERS, FIELD])
    both.settle()
    assert both.sent == both.delivered
    both.call(3, FIELD)
    both.server.say(3, envelope(b"three" * 4000))
    both.server.end(3, [*TRAILERS, FIELD])
    both.settle()
    assert [b"three" * 4000] * 2 == both.client.messages(3)
    assert [(FIELD[0].encode(), FIELD[1].encode())] == both.client.headers[3][-1][1:]
    assert 65535 - 2 * 20_005 <= both.server.h2.local_flow_control_window(1)


def test_windows_are_right_after_what_was_skimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server said before took the connection's window: for a copy there is none left."""
    monkeypatch.setattr(loosely, "AHEAD_BYTES", 2000)
    both = talking("double down stream 3 message 1")
    both.client.reads = False
    for _ in range(120):
        both.server.say(1, envelope(b"x" * 495))
        both.settle()
    assert both.sent[Side.SERVER] == both.delivered[Side.SERVER]
    both.call(3)
    both.server.say(3, envelope(b"y" * 4000))
    both.settle()  # h2 raises where more comes than it has window for
    both.client.reads = True
    both.settle()
    assert [b"y" * 4000] * 2 == both.client.messages(3)


def fill(both: Between) -> int:
    """How much DATA a client that reads nothing has once a doubled message wants all its window.

    h2 raises where that is too much.
    """
    both.call(3)
    both.server.say(3, envelope(b"y" * WINDOW))
    both.settle()
    return sum(map(len, both.client.came.values()))


@settings(max_examples=scaled(300, 3000))
@given(
    says=st.lists(
        st.tuples(st.sampled_from([0, 1, 30, 300, 3000]), st.booleans(), st.booleans()),
        max_size=15,
    ),
    pieces=st.none() | st.integers(0, 99),
    ahead=st.sampled_from([60, 300, 2000]),
)
def test_however_it_comes_the_window_is_what_is_left(
    says: list[tuple[int, bool, bool]], pieces: int | None, ahead: int
) -> None:
    """Frames alone, several in a read, parts of them; with frames of other kinds between them."""
    with patch.object(loosely, "AHEAD_BYTES", ahead):
        both = Between(Plan.of("double down stream 3"), pieces)
        both.call(1)
        both.client.reads = False
        for size, asks, waits in says:
            both.server.say(1, envelope(bytes(size)))
            both.server.work()
            if asks:
                both.server.h2.ping(b"question")
            if waits:
                both.settle()
        both.settle()
        assert both.sent[Side.SERVER] == both.delivered[Side.SERVER]
        assert WINDOW == fill(both)


def test_a_part_of_a_frame_that_looks_like_one_is_a_part() -> None:
    """A frame of DATA that comes alone is only counted; this one is in the middle of another."""
    both = Between(Plan.of("double down stream 3"))
    both.call(1)
    both.client.reads = False
    like = frames.data(1, b"in a message")
    frame = frames.data(1, envelope(like * 3))
    both.server.h2.send_data(1, envelope(like * 3))
    assert frame == both.server.h2.data_to_send()
    border = len(frame) - 2 * len(like)
    for octets in (frame[:border], frame[border:][: len(like)], frame[-len(like) :]):
        part(both, Side.SERVER, octets)
    assert WINDOW == fill(both)


def test_a_client_of_whose_calls_no_rule_is_is_charged_once() -> None:
    """Its DATA before and behind a frame that is looked at, in two reads."""
    both = Between(Plan.of("double up stream 5"))
    both.call(1)
    both.server.reads = False
    both.client.say(1, envelope(b"x" * 1000))
    both.client.work()
    both.client.h2.send_headers(3, REQUEST)
    both.client.say(1, envelope(b"x" * 1000))
    both.client.work()
    octets = both.client.h2.data_to_send()
    for some in (octets[:500], octets[500:]):
        part(both, Side.CLIENT, some)
    both.settle()
    both.call(5)
    both.client.say(5, envelope(b"y" * WINDOW))
    both.settle()
    assert WINDOW == sum(map(len, both.server.came.values()))
