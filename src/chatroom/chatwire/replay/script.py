"""What a client did, in order, and what had been answered by then."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.records import Kind, Role
from chatroom.chatwire.passage import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatroom.chatwire.decode.records import Frame

HTTP1 = (Kind.REQUEST, Kind.RESPONSE, Kind.BODY)
NOT_SENT = (Kind.PREFACE, Kind.CONTINUATION, Kind.UNUSED, Kind.FAULT, Kind.STOPPED)
"""Of a client: the preface is sent with the connection, and a header block is sent whole."""

Place = tuple[int, int]
"""A recorded connection, and a stream of it. Stream 0: the connection itself."""


class Answers:
    """Counts what a server says that a client may have waited for.

    A head, a message, trailers, the end of a body, a reset, GOAWAY. Not PING, SETTINGS and
    WINDOW_UPDATE, which say nothing about a call, nor the end of the connection: it may be that of
    the recording.
    """

    def __init__(self) -> None:
        self._ended: set[Place] = set()

    def count(self, frame: Frame) -> int:
        """How many of these are in a frame of the server's; of a stream's end only the first."""
        place = frame.connection, frame.stream or 0
        detail = frame.detail
        count = len(frame.messages)
        if isinstance(detail, records.Headers) and detail.fields and detail.promised is None:
            count += 1
        ends = frame.ends_stream or frame.kind is Kind.RST_STREAM
        if ends and place not in self._ended:
            self._ended.add(place)
            # Trailers have been counted.
            count += frame.kind in (Kind.RST_STREAM, Kind.DATA)
        return count + (frame.kind is Kind.GOAWAY)


@dataclass(frozen=True, slots=True)
class Act:
    """A frame of the client's, to be sent once more.

    `fields`: of HEADERS, the whole block. `ends`: its sender half-closes with it.
    """

    frame: Frame
    fields: tuple[records.Field, ...] = ()
    ends: bool = False

    @property
    def place(self) -> Place:
        return self.frame.connection, self.frame.stream or 0


@dataclass(frozen=True, slots=True)
class Answer:
    """So much of what the server answered came here."""

    frame: Frame
    count: int

    @property
    def place(self) -> Place:
        return self.frame.connection, self.frame.stream or 0


@dataclass(slots=True)
class Script:
    """What happened, in order."""

    steps: list[Act | Answer] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Sentences about what cannot be sent again."""
    streams: int = 0


def script_of(frames: Iterable[Frame], streams: frozenset[int] = frozenset()) -> Script:
    """The script of a capture. `streams`: only these; the connection's own frames always are."""
    reader = _Reader(streams)
    for frame in frames:
        reader.take(frame)
    return reader.script()


class _Reader:
    """Takes the frames of a capture."""

    def __init__(self, streams: frozenset[int]) -> None:
        self._wanted = streams
        self._script = Script()
        self._answers = Answers()
        self._begun: set[Place] = set()
        """Streams whose head is known."""
        self._unfinished: dict[int, Frame] = {}
        """By connection: the HEADERS whose block goes on in CONTINUATION."""
        self._broken: dict[int, str] = {}
        """Connections that cannot be followed, and why."""
        self._headless: Counter[Place] = Counter()
        self._take: dict[Kind, Callable[[Frame], None]] = {
            Kind.HEADERS: self._headers,
            Kind.CONTINUATION: self._headers,
        }

    def take(self, frame: Frame) -> None:
        """The next frame of the capture."""
        if frame.connection in self._broken:
            return
        if frame.kind in HTTP1:
            self._give_up(frame, "speaks HTTP/1.1, which is not sent again here")
        elif frame.kind is Kind.MISSING and frame.sender is Side.CLIENT:
            self._give_up(
                frame, f"is sent up to frame {frame.number}: bytes of its client are missing"
            )
        elif frame.kind is Kind.BYTES and frame.sender is Side.CLIENT:
            self._give_up(frame, f"is sent up to frame {frame.number}: what follows is not decoded")
        elif frame.sender is Side.CLIENT and records.undecoded(frame):
            self._give_up(frame, f"is sent up to frame {frame.number}: {frame.notes[0]}")
        elif frame.sender is Side.SERVER:
            self._answer(frame)
        elif frame.kind in self._take:
            self._take[frame.kind](frame)
        elif frame.kind not in NOT_SENT and "ACK" not in frame.flags:
            self._act(Act(frame, ends=frame.ends_stream))

    def script(self) -> Script:
        """What is to be done. A connection without a stream that is sent is not made."""
        script = self._script
        live = {connection for connection, _ in self._begun}
        script.steps = [step for step in script.steps if step.place[0] in live]
        script.streams = len(self._begun)
        script.left_out += [
            f"connection #{connection} {why}" for connection, why in self._broken.items()
        ]
        script.left_out += [
            f"stream {stream} of connection #{connection} is not sent: its head was not seen"
            for connection, stream in self._headless
        ]
        return script

    def _give_up(self, frame: Frame, why: str) -> None:
        self._broken[frame.connection] = why

    def _skips(self, stream: int) -> bool:
        return bool(self._wanted and stream and stream not in self._wanted)

    def _answer(self, frame: Frame) -> None:
        count = self._answers.count(frame)
        place = frame.connection, frame.stream or 0
        if count and not self._skips(place[1]) and (not place[1] or place in self._begun):
            self._script.steps.append(Answer(frame, count))

    def _headers(self, frame: Frame) -> None:
        """The block is with the frame that completes it, its END_STREAM with the first."""
        first = self._unfinished.pop(frame.connection, frame)
        if "END_HEADERS" not in frame.flags:
            self._unfinished[frame.connection] = first
            return
        detail = frame.detail
        if not isinstance(detail, records.Headers) or not detail.fields:
            self._give_up(frame, f"is sent up to frame {frame.number}: its head is not decoded")
            return
        place = frame.connection, frame.stream or 0
        if detail.role is Role.REQUEST and not self._skips(place[1]):
            self._begun.add(place)
        self._act(Act(frame, detail.fields, first.ends_stream))

    def _act(self, act: Act) -> None:
        _, stream = act.place
        if self._skips(stream):
            return
        if stream and act.place not in self._begun:
            self._headless[act.place] += act.frame.kind in (Kind.DATA, Kind.HEADERS)
            return
        self._script.steps.append(act)
