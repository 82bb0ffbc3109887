"""Segments that come late, twice, overlapping or never."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatwire.capture.conversations import Conversations
from chatroom.chatwire.capture.reassembly import WAITING_BYTES
from chatroom.chatwire.capture.segments import Segment
from chatroom.chatwire.passage import Chunk, Ended, Missing, Opened, Passage, Side

CLIENT = ("10.0.0.1", 40000)
SERVER = ("10.0.0.2", 50051)
FIRST = 0xFFFF_FF00
"""Near the end of the sequence space, so that every longer stream wraps around."""


def from_client(offset: int, payload: bytes = b"", **more: object) -> Segment:
    """A segment of the client; `offset` counts from its first byte."""
    return Segment(
        **{  # type: ignore[arg-type]
            "time": 1,
            "source": CLIENT,
            "destination": SERVER,
            "sequence": (FIRST + offset) % 2**32,
            "acknowledged": 1000,
            "payload": payload,
            **more,
        }
    )


def from_server(acknowledges: int, payload: bytes = b"", **more: object) -> Segment:
    """A segment of the server that has the client's bytes up to an offset."""
    return Segment(
        **{  # type: ignore[arg-type]
            "time": 1,
            "source": SERVER,
            "destination": CLIENT,
            "sequence": 1000,
            "acknowledged": (FIRST + acknowledges) % 2**32,
            "payload": payload,
            **more,
        }
    )


HANDSHAKE = [
    from_client(0, syn=True, acknowledged=None),
    from_server(0, syn=True),
    from_client(0),
]


def read(segments: Iterable[Segment]) -> list[Passage]:
    conversations = Conversations()
    passages = [each for segment in segments for each in conversations.segment(segment)]
    return [*passages, *conversations.rest()]


def stream(passages: Iterable[Passage], sender: Side = Side.CLIENT) -> bytes:
    """What one side sent, with `?` for each byte that is missing."""
    parts = []
    for each in passages:
        if isinstance(each, Chunk) and each.sender is sender:
            parts.append(each.content)
        elif isinstance(each, Missing) and each.sender is sender:
            assert each.count is not None
            parts.append(b"?" * each.count)
    return b"".join(parts)


CONTENT = bytes(range(65, 91)) * 40
spans = st.integers(0, len(CONTENT) - 1).flatmap(
    lambda start: st.tuples(st.just(start), st.integers(start + 1, len(CONTENT)))
)


@given(st.lists(spans, max_size=12), st.integers(1, 400), st.randoms(use_true_random=False))
def test_any_order_and_overlap_gives_the_stream(
    repeated: list[tuple[int, int]], size: int, random: object
) -> None:
    """However segments are mixed and repeated, the bytes are those that were sent."""
    cuts = [(start, min(start + size, len(CONTENT))) for start in range(0, len(CONTENT), size)]
    mixed = cuts + repeated
    random.shuffle(mixed)  # type: ignore[attr-defined]
    segments = [from_client(start, CONTENT[start:end]) for start, end in mixed]
    passages = read([*HANDSHAKE, *segments, from_client(len(CONTENT), fin=True)])
    assert CONTENT == stream(passages)
    assert Ended(connection=1, time=1, sender=Side.CLIENT) == passages[-1]


@given(st.sets(st.integers(0, 25)), st.booleans())
def test_what_is_not_captured_is_missing_in_its_place(lost: set[int], acknowledged: bool) -> None:
    """Every byte is there or missing, none out of place, acknowledged at once or at the end."""
    segments = list(HANDSHAKE)
    expected = b""
    for number in range(26):
        part = CONTENT[number * 10 : number * 10 + 10]
        if number in lost:
            expected += b"?" * 10
        else:
            expected += part
            segments.append(from_client(number * 10, part))
            if acknowledged:
                segments.append(from_server(number * 10 + 10))
    passages = read([*segments, from_client(260, fin=True)])
    assert expected == stream(passages)
    assert isinstance(passages[-1], Ended)


def test_a_hole_is_waited_for_until_it_is_acknowledged() -> None:
    """Bytes behind a hole come with the segment that fills it, or the acknowledgement."""
    conversations = Conversations()
    for each in HANDSHAKE:
        list(conversations.segment(each))
    assert [] == list(conversations.segment(from_client(3, b"def")))
    filled = list(conversations.segment(from_client(0, b"abc", time=7)))
    assert [(7, b"abc"), (7, b"def")] == [(each.time, each.content) for each in filled]  # type: ignore[union-attr]
    assert [] == list(conversations.segment(from_client(9, b"jkl")))
    hole = list(conversations.segment(from_server(12, time=8)))
    assert b"???jkl" == stream(hole)
    assert [7, 7] == [each.time for each in hole]
    assert b"mno" == stream(conversations.segment(from_client(12, b"mno", time=9)))


def test_what_waits_behind_a_hole_is_bounded() -> None:
    """A capture of one direction only has no acknowledgements; its holes are given up."""
    conversations = Conversations()
    for each in HANDSHAKE[:1]:
        list(conversations.segment(each))
    piece = bytes(1 << 20)
    held = WAITING_BYTES // len(piece)
    for number in range(held):
        waiting = from_client(10 + number * len(piece), piece)
        assert [] == list(conversations.segment(waiting))
    given_up = list(conversations.segment(from_client(10 + held * len(piece), b"more")))
    assert b"?" * 10 + piece * held + b"more" == stream(given_up)


def test_a_payload_cut_by_the_snap_length_is_missing_at_its_end() -> None:
    """What follows is in its place."""
    passages = read([*HANDSHAKE, from_client(0, b"abc", cut=4), from_client(7, b"hij")])
    assert b"abc????hij" == stream(passages)


def test_what_was_acknowledged_and_never_seen_is_missing_at_the_end() -> None:
    """An acknowledgement of one byte more may be of a FIN, and says nothing."""
    seen = [*HANDSHAKE, from_client(0, b"abc")]
    assert b"abc??????" == stream(read([*seen, from_server(9)]))
    assert b"abc" == stream(read([*seen, from_server(4)]))


def test_a_refused_connection_opens_and_is_reset() -> None:
    """A SYN that is answered by RST."""
    refused = from_server(0, reset=True, time=5)
    assert [
        Opened(connection=1, time=1, client=CLIENT, server=SERVER),
        Ended(connection=1, time=5, sender=Side.SERVER, reset=True),
        Ended(connection=1, time=5, sender=Side.CLIENT, reset=True),
    ] == read([from_client(0, syn=True, acknowledged=None), refused])


def test_a_reset_after_the_own_end_ends_the_other_side() -> None:
    """As from a program that has closed and is sent more."""
    conversations = Conversations()
    for each in [*HANDSHAKE, from_client(0, fin=True), from_server(1, b"more")]:
        list(conversations.segment(each))
    reset = from_client(1, reset=True, acknowledged=None, time=8)
    ended = Ended(connection=1, time=8, sender=Side.SERVER, reset=True)
    assert [ended] == list(conversations.segment(reset))
    assert [] == list(conversations.rest())


def test_ports_used_again_are_another_connection() -> None:
    """A SYN with another number begins one; the same SYN sent again does not."""
    again = from_client(0, syn=True, acknowledged=None, sequence=77)
    passages = read([HANDSHAKE[0], *HANDSHAKE, from_client(0, b"a"), again])
    assert [1, 2] == [each.connection for each in passages if isinstance(each, Opened)]


def test_a_syn_that_was_captured_late_begins_nothing() -> None:
    """It is that of the bytes that were seen before it, from either side."""
    data = from_client(0, b"a")
    for late in (HANDSHAKE[0], HANDSHAKE[1]):
        conversations = Conversations([SERVER[1]])
        segments = (data, late, from_client(1, b"b"))
        passages = [each for one in segments for each in conversations.segment(one)]
        assert b"ab" == stream(passages)
        assert 1 == sum(isinstance(each, Opened) for each in passages)


def test_without_a_syn_the_preface_tells_the_client() -> None:
    """Even if its port looks more like a server's."""
    sent = from_server(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", source=("10.0.0.2", 80))
    opened = read([sent])[0]
    assert isinstance(opened, Opened)
    assert (("10.0.0.2", 80), CLIENT, True) == (opened.client, opened.server, opened.midway)


def test_without_a_syn_the_port_tells_the_server() -> None:
    """A port that was named, else 8080, else one that no client is given, else the lower."""
    odd = from_client(0, b"x", source=("10.0.0.1", 60000), destination=("10.0.0.2", 33000))

    def server(*ports: int) -> object:
        opened = next(Conversations(ports).segment(odd))
        assert isinstance(opened, Opened)
        return opened.server[1]

    assert 33000 == server()
    assert 60000 == server(60000)


def test_an_acknowledgement_alone_opens_nothing() -> None:
    """Midway a connection begins with its first bytes."""
    assert [] == read([from_client(0), from_server(0)])
