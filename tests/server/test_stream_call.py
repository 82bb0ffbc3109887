"""A call with a stream: what it takes, what it acknowledges, and how it ends."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.refusals import Refusal, RoomFull
from chatroom.server.calls.protocols import PROTOCOLS, Rewritten, as_json
from chatroom.server.calls.said import bytes_of, said_in
from chatroom.server.calls.stream_call import StreamCall
from chatroom.server.port.log_names import UNNAMED
from chatroom.wire.envelopes import compressed, envelope
from chatroom.wire.grpc import Code

GRPC = b"application/grpc"
LIMIT = 64 * 1024
NOT_PROTOBUF = envelope(b"\xff\xff\xff\xff")
UNKNOWN_FLAGS = b"\x02\0\0\0\0"


def said(text: str) -> bytes:
    return envelope(pb.ChatMessage(message=pb.Message(message=text)).SerializeToString())


class Exchange:
    """Remembers what a call does with it."""

    def __init__(self, room: int = 1 << 20) -> None:
        self.room = room
        self.heads: list[Any] = []
        self.sent: list[bytes] = []
        self.ends: list[Any] = []
        self.acknowledged = 0
        self.released = 0

    @property
    def idle(self) -> bool:
        return self.room > 0

    log_name = UNNAMED

    def carry(self, call: Any) -> None: ...

    def begin(self, headers: Any) -> None:
        self.heads.append(headers)

    def offer(self, data: bytes) -> bool:
        if self.room < len(data):
            return False
        self.send(data)
        return True

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def wait(self, size: int) -> None: ...

    def end(self, trailers: Any, last: bytes = b"") -> None:
        self.ends.append(dict(trailers))

    def whole(self, headers: Any) -> None:
        self.ends.append(dict(headers))

    def acknowledge(self, size: int) -> None:
        self.acknowledged += size

    def abort(self) -> None: ...

    def release(self) -> None:
        self.released += 1

    @property
    def statuses(self) -> list[int]:
        return [int(end[b"grpc-status"]) for end in self.ends]


class Listener:
    """Takes as many messages as it is told to."""

    def __init__(self) -> None:
        self.taking = 1 << 20
        self.at_once = 0
        """How many messages of a run it takes."""
        self.heard: list[str] = []
        self.half_closes = 0
        self.gones = 0
        self.works_on = False
        """Whether it goes on for a while once the call is over."""
        self.raising: Exception | None = None
        self.checked: list[float] = []

    def hear(self, message: pb.ChatMessage) -> bool:
        if self.raising is not None:
            raise self.raising
        if not self.taking:
            return False
        self.taking -= 1
        self.heard.append(message.message.message)
        return True

    def hear_run(self, run: bytes) -> int:
        taken = 0
        for text, _ in said_in(run)[0][: self.at_once]:
            if not self.taking:
                break
            self.hear(pb.ChatMessage(message=pb.Message(message=text)))
            taken += 1
        return bytes_of(run, taken)

    def half_closed(self) -> None:
        self.half_closes += 1

    def writable(self) -> None: ...

    def leaving(self) -> None: ...

    def gone(self) -> bool:
        self.gones += 1
        return not self.works_on

    def check(self, now: float) -> None:
        self.checked.append(now)
        if self.raising is not None:
            raise self.raising


class Scene:
    """A call between an exchange and a listener."""

    def __init__(
        self,
        *headers: tuple[bytes, bytes],
        media: bytes = GRPC,
        json: Rewritten | None = None,
        room: int = 1 << 20,
    ) -> None:
        self.exchange = Exchange(room)
        self.listener = Listener()
        self.ended = 0
        self.call = StreamCall(
            self.exchange,
            PROTOCOLS[media],
            list(headers),
            pb.ChatMessage,
            limit=LIMIT,
            json=json or Rewritten(as_json),
            extra=[],
            now=100.0,
            on_end=self._on_end,
        )
        self.call.serve(self.listener)

    def _on_end(self) -> None:
        self.ended += 1

    def hear(self, data: bytes, *, end: bool = False) -> None:
        self.call.hear(data, end=end)

    def take(self, count: int) -> None:
        """Let it take so many more messages."""
        self.listener.taking = count
        self.call.go_on()


# ---- What comes --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6, 7, 13, 1000])
def test_envelopes_may_come_in_pieces_of_any_size(size: int) -> None:
    """Each is heard once, in order; what came of the next one is acknowledged all the same."""
    scene = Scene()
    body = b"".join(said(f"{number}" * (number % 40)) for number in range(60))
    for at in range(0, len(body), size):
        scene.hear(body[at : at + size])
        assert min(at + size, len(body)) == scene.exchange.acknowledged
    assert [f"{number}" * (number % 40) for number in range(60)] == scene.listener.heard


def test_the_first_bytes_of_a_message_are_acknowledged_while_nothing_else_waits() -> None:
    """A message may be 64 KiB, and a window 16."""
    scene = Scene()
    body = said("x" * 60_000)
    for at in range(0, len(body), 16_384):
        scene.hear(body[at : at + 16_384])
        assert min(at + 16_384, len(body)) == scene.exchange.acknowledged
    assert ["x" * 60_000] == scene.listener.heard


def test_what_is_not_taken_is_not_acknowledged() -> None:
    """Nothing of it, and nothing behind it, until it is taken; then all of it, once."""
    scene = Scene()
    scene.listener.taking = 1
    one = said("one")
    scene.hear(one)
    assert len(one) == scene.exchange.acknowledged
    body = said("two") + said("three") + said("four")
    scene.hear(body[:-3])
    assert scene.call.waits
    scene.take(1)
    assert ["one", "two"] == scene.listener.heard
    assert len(one) == scene.exchange.acknowledged
    scene.take(1)
    assert ["one", "two", "three"] == scene.listener.heard
    assert not scene.call.waits
    assert len(one + body) - 3 == scene.exchange.acknowledged  # four's beginning, too
    scene.hear(body[-3:])
    assert not scene.listener.taking
    assert scene.call.waits
    assert len(one + body) - 3 == scene.exchange.acknowledged
    scene.take(1)
    assert ["one", "two", "three", "four"] == scene.listener.heard
    assert len(one + body) == scene.exchange.acknowledged


@pytest.mark.parametrize("at_once", [0, 1, 5, 1000])
@pytest.mark.parametrize("takes", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 10, 64, 500])
def test_whatever_comes_and_is_taken_in_whatever_pieces_is_heard_in_order(
    takes: int, size: int, at_once: int
) -> None:
    """Messages come while others wait; between two takes more may have come."""
    scene = Scene()
    scene.listener.taking = 0
    scene.listener.at_once = at_once
    body = b"".join(said(f"{number}") for number in range(100))
    for turn, at in enumerate(range(0, len(body), size)):
        scene.hear(body[at : at + size])
        if turn % 3 == 2:
            scene.take(takes)
    while scene.call.waits:
        assert scene.exchange.acknowledged < len(body)
        scene.take(takes)
    assert [f"{number}" for number in range(100)] == scene.listener.heard
    assert len(body) == scene.exchange.acknowledged


def test_what_waits_is_held_as_it_came() -> None:
    """A window of well compressed messages is 11 MiB: a call holds one of them, not all."""
    scene = Scene((b"grpc-encoding", b"gzip"))
    scene.listener.taking = 0
    one = compressed(pb.ChatMessage(message=pb.Message(message="x" * 65_000)).SerializeToString())
    body = one * (16_384 // len(one))
    assert 100 < body.count(one)
    tracemalloc.start()
    try:
        scene.hear(body)
        scene.hear(body)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 400_000
    scene.take(1 << 20)
    assert 2 * body.count(one) == len(scene.listener.heard)
    assert 2 * len(body) == scene.exchange.acknowledged


# ---- What is wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(UNKNOWN_FLAGS, id="flags"),
        pytest.param(NOT_PROTOBUF, id="not protobuf"),
        pytest.param(b"\x01" + said("x")[1:], id="not gzip"),
        pytest.param(b"\0\0\2\0\0", id="too long"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_wrong_is_told_behind_what_came_before_it(wrong: bytes, pieces: int) -> None:
    """And nothing that follows it is taken."""
    scene = Scene((b"grpc-encoding", b"gzip"))
    scene.listener.taking = 0
    body = [said("one") + said("two"), wrong + said("three")]
    if pieces == 1:
        body = [b"".join(body)]
    for piece in body:
        scene.hear(piece)
    scene.hear(said("four"))
    scene.take(1)
    assert [] == scene.exchange.ends
    scene.take(1)
    if scene.call.waits:  # what is no message at all is found when it could be taken
        scene.take(1)
    assert ["one", "two"] == scene.listener.heard
    assert [Code.INVALID_ARGUMENT if wrong[2] == 0 else Code.RESOURCE_EXHAUSTED] == (
        scene.exchange.statuses
    )
    scene.hear(said("five"))
    scene.take(9)
    assert ["one", "two"] == scene.listener.heard
    assert (1, 1, 1) == (scene.listener.gones, scene.ended, scene.exchange.released)


def test_the_end_within_a_message_is_told_behind_what_came_before_it() -> None:
    """It is no half-close."""
    scene = Scene()
    scene.listener.taking = 0
    scene.hear(said("one") + said("two")[:-1], end=True)
    assert [] == scene.exchange.ends
    scene.take(5)
    assert ["one"] == scene.listener.heard
    assert [Code.INVALID_ARGUMENT] == scene.exchange.statuses
    assert 0 == scene.listener.half_closes


def test_a_half_close_is_told_once_behind_everything_that_came() -> None:
    """Also if it comes alone, and the bytes before it are acknowledged."""
    scene = Scene()
    scene.listener.taking = 0
    scene.hear(said("one") + said("two"))
    scene.hear(b"", end=True)
    scene.take(1)
    assert 0 == scene.listener.half_closes
    scene.take(1)
    assert (["one", "two"], 1) == (scene.listener.heard, scene.listener.half_closes)
    assert len(said("one") + said("two")) == scene.exchange.acknowledged
    scene.take(1)
    assert 1 == scene.listener.half_closes
    assert [] == scene.exchange.ends


def test_a_failure_of_the_server_says_no_more_than_that() -> None:
    """What it was stands in the log."""
    scene = Scene()
    scene.listener.raising = ZeroDivisionError("secret")
    scene.hear(said("one") + said("two"))
    assert [Code.INTERNAL] == scene.exchange.statuses
    assert b"secret" not in scene.exchange.ends[0][b"grpc-message"]
    assert 0 == scene.exchange.acknowledged


# ---- The end -----------------------------------------------------------------------------


def test_the_deadline_ends_a_call() -> None:
    """Counted from its beginning; the listener is checked until then, and not again."""
    scene = Scene((b"grpc-timeout", b"1500m"))
    scene.call.check(101.4)
    assert ([101.4], []) == (scene.listener.checked, scene.exchange.ends)
    scene.call.check(101.5)
    scene.call.check(101.6)
    assert [101.4] == scene.listener.checked
    assert [Code.DEADLINE_EXCEEDED] == scene.exchange.statuses
    assert (1, 1) == (scene.listener.gones, scene.exchange.released)


def test_a_check_may_refuse() -> None:
    """As a message may."""
    scene = Scene()
    scene.listener.raising = RoomFull("lobby", 5)
    scene.call.check(101.0)
    assert [Code.RESOURCE_EXHAUSTED] == scene.exchange.statuses


@pytest.mark.parametrize("encoding", [b"br", b"deflate"])
def test_a_head_that_cannot_be_served_begins_no_call(encoding: bytes) -> None:
    """The refusal is the caller's to send."""
    with pytest.raises(Refusal):
        Scene((b"grpc-encoding", encoding))


def test_a_call_has_one_status_whatever_happens() -> None:
    """And whoever listens hears once that it is over."""
    scene = Scene()
    ends: list[Callable[[], None]] = [
        scene.call.finish,
        lambda: scene.call.refuse(RoomFull("lobby", 5)),
        scene.call.gone,
        scene.call.leave,
        lambda: scene.hear(UNKNOWN_FLAGS),
        scene.call.begin,
    ]
    for end in ends:
        end()
    assert ([Code.OK], [], 1, 1) == (
        scene.exchange.statuses, scene.exchange.heads, scene.listener.gones, scene.ended,
    )  # fmt: skip


def test_a_call_that_is_gone_gets_no_status() -> None:
    """Nobody is there; its place is free."""
    scene = Scene()
    scene.listener.taking = 0
    scene.hear(said("one"))
    scene.call.gone()
    scene.take(1)
    scene.call.finish()
    assert ([], [], 1, 1) == (
        scene.listener.heard, scene.exchange.ends, scene.ended, scene.exchange.released,
    )  # fmt: skip


@pytest.mark.parametrize("gone", [True, False])
def test_a_call_keeps_its_place_while_its_listener_works_on(gone: bool) -> None:
    """Whether its peer went away or it had its status (CVE-2023-44487)."""
    scene = Scene()
    scene.listener.works_on = True
    if gone:
        scene.call.gone()
    else:
        scene.call.finish()
    assert (0, 0) == (scene.exchange.released, scene.ended)
    scene.call.release()
    assert (1, 1) == (scene.exchange.released, scene.ended)


# ---- JSON --------------------------------------------------------------------------------


def test_json_of_a_run_is_made_once_for_everyone() -> None:
    """All are handed the very same bytes, whether they could be offered at once or not."""
    json = Rewritten(as_json)
    scenes = [Scene(media=b"application/connect+json", json=json) for _ in range(3)]
    scenes += [Scene(media=b"application/grpc-web+json", json=json, room=10) for _ in range(3)]
    run = envelope(pb.Message(name="Alice", message="Hello", sequence=7).SerializeToString())
    for scene in scenes:
        assert scene.call.offer(run)
    sent = {id(scene.exchange.sent[0]) for scene in scenes}
    assert 1 == len(sent)
    assert (
        b'{"name": "Alice", "message": "Hello", "sequence": "7"}'
        == (scenes[0].exchange.sent[0][5:])
    )


def test_json_is_not_sent_where_there_is_no_room() -> None:
    """And is not made either."""
    scene = Scene(media=b"application/connect+json", room=0)
    assert not scene.call.offer(b"\0\0\0\0\1\xff")  # which would raise
    assert [] == scene.exchange.sent


# ---- Runs --------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [0, 1, 2, 3])
def test_what_is_not_taken_at_once_is_taken_one_by_one(at_once: int) -> None:
    """A run may be taken in part; the rest comes behind it, and all is acknowledged."""
    scene = Scene()
    scene.listener.at_once = at_once
    body = said("one") + said("two") + said("three")
    scene.hear(body[:-1])
    scene.hear(body[-1:], end=True)
    assert ["one", "two", "three"] == scene.listener.heard
    assert (len(body), 1) == (scene.exchange.acknowledged, scene.listener.half_closes)


def test_the_end_within_a_message_is_told_behind_a_run() -> None:
    """What is left of the piece is half a message, and none comes after it."""
    scene = Scene()
    scene.listener.at_once = 10
    scene.hear(said("one") + said("two")[:-1])
    scene.hear(b"", end=True)
    assert ["one"] == scene.listener.heard
    assert [Code.INVALID_ARGUMENT] == scene.exchange.statuses


def test_a_call_that_fails_with_a_run_is_over() -> None:
    """What comes behind the message that failed is not heard."""
    scene = Scene()
    scene.listener.at_once = 10
    scene.listener.raising = RoomFull("lobby", 1)
    scene.hear(said("one") + said("two"))
    assert [] == scene.listener.heard
    assert [Code.RESOURCE_EXHAUSTED] == scene.exchange.statuses
