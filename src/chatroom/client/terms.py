"""What was asked for when a room was joined, and the message that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.api.rpc import chat_pb2
    from chatroom.client.errors import NameTaken
    from chatroom.client.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The same for every stream of a membership."""

    room_id: str
    name: str
    history: int | None = None
    events: bool = True
    echo: bool = False
    typing: bool = False
    resume: Session | None = None
    """Of another process, which the first stream is to go on with."""
    when_taken: Callable[[NameTaken], object] | None = None
    """Is told that the name is in use and is waited for; None: it is not waited for."""

    def join(self, name: str, session: Session | None) -> chat_pb2.ChatMessage:
        """The first message of a stream; `name` is the name tag as the room knows it.

        With a session the stream goes on with it.
        """
        from chatroom.api.rpc import chat_pb2

        features = [chat_pb2.FEATURE_ECHO] if self.echo else []
        if self.events:
            # Echoes are the acknowledgements; who did not ask is not shown them.
            features = [chat_pb2.FEATURE_EVENTS, chat_pb2.FEATURE_ECHO]
        return chat_pb2.ChatMessage(
            join=chat_pb2.JoinChat(
                room_id=self.room_id,
                name=name,
                features=features,
                history=self.history,
                resume=session.request() if session is not None else None,
            )
        )
