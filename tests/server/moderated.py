"""A server with a moderator, and members of a room: for the tests of moderation."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.grants import anonymous
from tests.carriers import Ended, GrpcStream, Stream
from tests.server.access.tokens_for import bearer, key_file, token
from tests.server.services import Running, running

BOTH = [pb.FEATURE_EVENTS, pb.FEATURE_ECHO]
GUESTS = anonymous(("join", "send", "history", "list"))
MODERATOR = {"moderate": True}
ADMIN = {"admin": True}


@dataclass
class Moderated:
    """What a moderator of everything, an admin, and guests do."""

    server: Running

    async def moderate(self, method: str, request: Any, **chat: bool) -> Any:
        """Ask as somebody who moderates all rooms."""
        shown = bearer(token("mo", chat=chat or MODERATOR))
        return await self.server.carrier.call(method, request, shown)

    async def refused(self, method: str, request: Any, shown: str = "") -> tuple[str, str]:
        """Status and reason."""
        try:
            await self.server.carrier.call(method, request, bearer(shown) if shown else None)
        except Ended as ended:
            return ended.code, ended.reason
        return "OK", ""

    async def join(
        self, name: str, shown: str = "", *, room_id: str = "lobby", history: int = 0,
        resume: pb.Resume | None = None,
    ) -> GrpcStream:  # fmt: skip
        """A member who is live. Raises Ended."""
        stream = self.server.carrier.chat(bearer(shown) if shown else None)
        join = pb.JoinChat(room_id=room_id, name=name, features=BOTH, history=history)
        if resume is not None:
            join.resume.CopyFrom(resume)
        await stream.send(pb.ChatMessage(join=join))
        stream.joined = (await until(stream, "joined")).joined
        stream.told = []
        while not (message := await stream.receive()).HasField("live"):
            stream.told.append(message)
        return stream

    async def join_is_refused(self, name: str, shown: str = "", **how: Any) -> Ended:
        """How a join ends that lets nobody in."""
        try:
            await self.join(name, shown, **how)
        except Ended as ended:
            return ended
        raise AssertionError(f"{name} was let in")


@contextlib.asynccontextmanager
async def moderated(
    tmp_path: Path, *, data: bool = True, **settings: Any
) -> AsyncIterator[Moderated]:
    """A server with a lobby; who shows nothing may chat."""
    settings = {"anonymous": GUESTS, "rooms": ("lobby",), **settings}
    keys = tmp_path / "keys"
    if not keys.exists():
        key_file(keys)
    settings.setdefault("keys", keys)
    async with running(tmp_path / "data" if data else None, **settings) as server:
        yield Moderated(server)


async def until(stream: Stream, field: str) -> pb.Message:
    """The next message with an event of this kind."""
    while not (message := await stream.receive()).HasField(field):
        pass
    return message


async def end_of(stream: Stream) -> Ended:
    """How it ends, whatever comes before."""
    try:
        while True:
            await stream.receive()
    except Ended as ended:
        return ended


def resuming(stream: GrpcStream, after: int = 0) -> pb.Resume:
    """What brings somebody back who had everything up to a sequence."""
    joined = stream.joined
    return pb.Resume(session=joined.session, epoch=joined.epoch, after=after or joined.sequence)


async def until_said(stream: Stream, text: str) -> pb.Message:
    """The next message with this text."""
    while (message := await stream.receive()).message != text:
        pass
    return message
