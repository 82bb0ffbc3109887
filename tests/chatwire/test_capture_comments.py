"""Which packet says what: the place of a message within what was read at once."""

from __future__ import annotations

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.capture import Comment
from chatroom.chatwire.capture.commenting import Commenting
from chatroom.chatwire.decode import Decoder
from chatroom.chatwire.passage import Chunk, Missing, Opened, Passage, Side
from chatroom.wire.http2 import frames
from chatroom.wire.http2.frames import PREFACE

from .chat_by_hand import CLIENT, SERVER, Sent, chat_by_hand, enveloped

OPENED = Opened(connection=1, time=1, client=CLIENT, server=SERVER)


def commented(passages: list[Passage]) -> list[list[Comment]]:
    """The comments of each passage."""
    decoder, commenting = Decoder(), Commenting()
    return [commenting.comments(each, decoder.take(each)) for each in passages]


def from_client(content: bytes) -> Chunk:
    return Chunk(connection=1, time=2, sender=Side.CLIENT, content=content)


def beginning() -> bytes:
    """What a client sends up to an open call: preface, SETTINGS twice, HEADERS."""
    sent = [each.bytes for each in chat_by_hand() if each.sender is Side.CLIENT]
    return PREFACE + b"".join(sent[:3])


def large(number: int) -> tuple[bytes, str]:
    """A message that fills a frame by itself."""
    message = pb.ChatMessage(message=pb.Message(message="x" * 16_000, nonce=f"n{number}"))
    return frames.data(1, enveloped(message)), f'nonce: "n{number}"'


def test_each_message_is_placed_where_its_frame_ends() -> None:
    """Also if one read brings six, after a read that ended within a frame."""
    frames = [large(number) for number in range(6)]
    sent = b"".join(content for content, _ in frames)
    cut = 5_000
    first, second = commented(
        [OPENED, from_client(beginning() + sent[:cut]), from_client(sent[cut:])]
    )[1:]
    assert [] == first
    ends = []
    total = -cut
    for content, _ in frames:
        total += len(content)
        ends.append(total)
    assert ends == [each.end for each in second]
    for each, (_, nonce) in zip(second, frames, strict=True):
        assert each.text.startswith("stream 1: ChatMessage {")
        assert nonce in each.text


def test_a_message_over_two_frames_is_placed_at_the_second() -> None:
    """Where it is complete."""
    message = enveloped(pb.ChatMessage(message=pb.Message(message="Hello")))
    first, second = frames.data(1, message[:7]), frames.data(1, message[7:])
    (comment,) = commented([OPENED, from_client(beginning() + first), from_client(second)])[2]
    assert len(second) == comment.end


def test_after_a_hole_a_message_stands_at_the_end_of_its_chunk() -> None:
    """Counting does not hold any more."""
    hole = Missing(connection=1, time=2, sender=Side.CLIENT, count=100)
    content, nonce = large(1)
    said = commented([OPENED, from_client(beginning()), hole, from_client(content)])[3]
    assert [None] == [each.end for each in said]
    assert nonce in said[0].text


def test_the_status_is_said() -> None:
    """With its sentence, by the packet with the trailers."""
    passages: list[Passage] = [OPENED, from_client(PREFACE)]
    passages += [_chunk(each) for each in chat_by_hand()]
    last = commented(passages)[-1]
    assert ['stream 1: NOT_FOUND (5)  "Room lobby was closed"'] == [each.text for each in last]


def _chunk(sent: Sent) -> Chunk:
    return Chunk(connection=1, time=2, sender=sent.sender, content=sent.bytes)


def test_hostile_text_is_made_harmless() -> None:
    """tshark prints comments to a terminal."""
    message = pb.ChatMessage(message=pb.Message(message="\x1b[2J\u202eevil"))
    content = frames.data(1, enveloped(message))
    (comment,) = commented([OPENED, from_client(beginning()), from_client(content)])[2]
    assert comment.text.isprintable()
    assert "evil" in comment.text
