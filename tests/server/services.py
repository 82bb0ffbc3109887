"""A server in the test's own event loop, and clients for it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from chatroom.journal import Journal
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import GrpcCarrier, GrpcStream


@dataclass
class Running:
    service: Service
    carrier: GrpcCarrier

    @property
    def port(self) -> int:
        return self.service.addresses[0].port

    async def create(self, room_id: str = "lobby", **fields: Any) -> pb.ChatRoom:
        return await self.carrier.call(
            "CreateChatRoom", pb.CreateChatRoomRequest(room_id=room_id, **fields)
        )

    async def join(self, room_id: str, name: str, *features: int) -> GrpcStream:
        """A member whose own arrival has been read."""
        stream = self.carrier.chat()
        await stream.send(
            pb.ChatMessage(join=pb.JoinChat(room_id=room_id, name=name, features=features))
        )
        while not (message := await stream.receive()).HasField("entered"):
            if message.HasField("joined"):
                stream.joined = message.joined
        if pb.FEATURE_EVENTS in features:
            assert (await stream.receive()).HasField("live")
        return stream

    async def say(self, stream: GrpcStream, text: str, nonce: str = "") -> None:
        await stream.send(pb.ChatMessage(message=pb.Message(message=text, nonce=nonce)))


@contextlib.asynccontextmanager
async def running(
    data: Path | None = None,
    *,
    limits: Limits | None = None,
    journal: Journal | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    service = Service(
        Settings(bind=(Address("127.0.0.1", 0),), data=data, limits=limits or Limits(), **settings),
        journal,
    )
    await service.start()
    carrier = GrpcCarrier(service.addresses[0].port)
    try:
        yield Running(service, carrier)
    finally:
        await carrier.close()
        await service.stop()
