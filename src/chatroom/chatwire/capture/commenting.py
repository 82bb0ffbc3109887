"""What the decoder has to say about packets, as comments in a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatwire.capture.synthesis import Comment
from chatroom.chatwire.capture.writer import CaptureWriter
from chatroom.chatwire.decode.records import Fault, Headers, Kind
from chatroom.chatwire.passage import Chunk
from chatroom.chatwire.show.facts import altered_line, fault_line, message_line, status_line
from chatroom.chatwire.show.harmless import harmless

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from chatroom.chatwire.decode.records import Frame
    from chatroom.chatwire.passage import Passage, Side

PREFACE_BYTES = 24
FRAME_HEADER_BYTES = 9
TEXT_CHARACTERS = 20_000
"""Of one message: what Wireshark still shows in one piece, and a comment holds in UTF-8."""
WITHOUT_PLACE = frozenset({Kind.MISSING, Kind.BYTES, Kind.REQUEST, Kind.RESPONSE, Kind.BODY})
"""After these the bytes of a side are no longer the sum of its HTTP/2 frames."""


class CommentedCapture:
    """A capture in which each packet that completes a message has its text as a comment."""

    def __init__(self, path: str | os.PathLike[str], say: Callable[[str], object]) -> None:
        """Raises OSError when the file cannot be opened; `say` is as for CaptureWriter."""
        self._writer = CaptureWriter(path, say)
        self._commenting = Commenting()

    def take(self, passage: Passage, frames: Sequence[Frame]) -> None:
        """Append a passage, and what the decoder made of it. Never raises."""
        self._writer.write(passage, self._commenting.comments(passage, frames))

    def close(self) -> None:
        """Close the file; what is taken after that is dropped."""
        self._writer.close()


class Commenting:
    """Tells for each chunk which messages and statuses it completes, and where in it.

    The place is found by counting: what a side has sent up to a frame is its preface and
    its frames. Where that does not hold a comment stands at its chunk's end.
    """

    def __init__(self) -> None:
        self._sent: dict[tuple[int, Side], int] = {}
        self._framed: dict[tuple[int, Side], int | None] = {}

    def comments(self, passage: Passage, frames: Sequence[Frame]) -> list[Comment]:
        """For the frames that the decoder made of this passage."""
        before = 0
        if isinstance(passage, Chunk):
            key = passage.connection, passage.sender
            before = self._sent.get(key, 0)
            self._sent[key] = before + len(passage.content)
        comments = []
        for frame in frames:
            framed = self._count(frame)
            here = isinstance(passage, Chunk) and frame.sender is passage.sender
            end = framed - before if here and framed is not None else None
            comments += [Comment(text, end) for text in _texts(frame)]
        return comments

    def _count(self, frame: Frame) -> int | None:
        """Bytes that its sender has sent up to the frame's end; None if that is not known."""
        key = frame.connection, frame.sender
        framed = self._framed.get(key, 0)
        if frame.kind in WITHOUT_PLACE:
            framed = None
        elif framed is not None and frame.kind is Kind.PREFACE:
            framed += PREFACE_BYTES
        elif framed is not None and frame.type is not None:
            framed += FRAME_HEADER_BYTES + frame.length
        self._framed[key] = framed
        return framed


def _texts(frame: Frame) -> Iterator[str]:
    """Messages and the status, each on a line, safe to show."""
    stream = f"stream {frame.stream}: " if frame.stream else ""
    if frame.altered is not None:
        yield harmless(f"fault, {stream}{altered_line(frame.altered)}")
    if isinstance(frame.detail, Fault):
        yield harmless(f"fault, {stream}{fault_line(frame.detail)}")
    for message in frame.messages:
        yield harmless(f"{stream}{message_line(message, TEXT_CHARACTERS)}")
    if isinstance(frame.detail, Headers) and frame.detail.status is not None:
        yield harmless(f"{stream}{status_line(frame.detail.status)}")
