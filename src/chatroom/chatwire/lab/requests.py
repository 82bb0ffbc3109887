"""What clients of the scenes say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.lab.servers import ROOM

if TYPE_CHECKING:
    from collections.abc import Sequence

EVENTS, ECHO = pb.FEATURE_EVENTS, pb.FEATURE_ECHO


def joining(
    name: str,
    features: Sequence[pb.Feature] = (EVENTS, ECHO),
    room: str = ROOM,
    history: int | None = None,
) -> pb.ChatMessage:
    """The first message of a Chat. `history`: entries to replay; None: the server's 10."""
    return pb.ChatMessage(
        join=pb.JoinChat(room_id=room, name=name, features=features, history=history)
    )


def saying(text: str, nonce: str = "") -> pb.ChatMessage:
    """A message for everybody."""
    return pb.ChatMessage(message=pb.Message(message=text, nonce=nonce))


def leaving() -> pb.ChatMessage:
    """The end of a membership."""
    return pb.ChatMessage(leave=pb.Leave())
