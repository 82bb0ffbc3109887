"""Members of the lobby, each on a connection of its own, who come back when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from chatroom.api.rpc import chat_pb2 as pb
from tests.carriers import GrpcCarrier

BOTH = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)


class Member:
    """Somebody in the lobby."""

    def __init__(self, port: int, name: str, ca: Path | None = None) -> None:
        """`ca`: who has signed the port's certificate, if it speaks TLS."""
        self._port = port
        self._ca = ca
        self.name = name
        self.joined: pb.Joined | None = None
        self.last = 0
        self.seen: list[pb.Message] = []
        self.told_to_go = False
        """By a server that is about to stop."""

    async def come(self) -> None:
        """Join or resume, by a connection of its own; returns once live."""
        self.carrier = GrpcCarrier(self._port, alone=True, ca=self._ca)
        self.stream = self.carrier.chat()
        join = pb.JoinChat(room_id="lobby", name=self.name, features=BOTH)
        if self.joined is not None:
            join.resume.session = self.joined.session
            join.resume.epoch = self.joined.epoch
            join.resume.after = self.last
        await self.stream.send(pb.ChatMessage(join=join))
        while not (message := await self.hear()).HasField("live"):
            if message.HasField("joined"):
                self.joined = message.joined

    async def say(self, text: str) -> None:
        await self.stream.send(pb.ChatMessage(message=pb.Message(message=text)))

    async def hear(self) -> pb.Message:
        message = await self.stream.receive()
        self.told_to_go |= message.HasField("draining")
        if message.sequence:
            self.last = message.sequence
            self.seen.append(message)
        return message

    async def hear_text(self, text: str) -> None:
        while not any(each.message == text for each in self.seen):
            await self.hear()

    async def hear_text_by_and_by(self, text: str) -> int:
        """The same, and come back whenever the stream ends; how often that was."""
        came_back = 0
        while not any(each.message == text for each in self.seen):
            try:
                await self.hear()
            except Exception:  # noqa: BLE001 # whatever a broken connection raises
                await self.come_back()
                came_back += 1
        return came_back

    def missed(self) -> list[str]:
        """What is wrong with what it has seen: holes, and people who were seen leaving."""
        numbers = [each.sequence for each in self.seen]
        wrong = [] if numbers == list(range(numbers[0], numbers[0] + len(numbers))) else [numbers]
        left = [each.name for each in self.seen if each.HasField("left")]
        return [f"{self.name} saw {each}" for each in (*wrong, *(f"{n} leave" for n in left))]

    async def come_back(self) -> None:
        """Until the server takes it again; the port always accepts."""
        while True:
            await self.carrier.close()
            with contextlib.suppress(Exception):  # whatever the broken connection raises
                await self.come()
                return
            await asyncio.sleep(0.05)


async def members(port: int, count: int, ca: Path | None = None) -> list[Member]:
    """So many, who are in."""
    found = [Member(port, f"M{number}", ca) for number in range(count)]
    for each in found:
        await each.come()
    return found
