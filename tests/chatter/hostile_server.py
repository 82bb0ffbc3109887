"""A server that sends whatever a test wants where a chatter prints what it is told.

It runs in a thread of its own. Its one room is "1"; everything it tells of is called as
`name` says, and every refusal or ending is explained with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Iterator

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import chat_pb2_grpc as rpc
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.api.rpc import moderation_pb2_grpc as mod_rpc

SECONDS = 30.0


class HostileServer(rpc.ChatServiceServicer, mod_rpc.ModerationServiceServicer):
    """What it says of rooms and members: `name`. What it answers joins with: `refusal`."""

    def __init__(self) -> None:
        self.address = ""
        self.name = "x"
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.call_refusal: tuple[grpc.StatusCode, str] | None = None
        """A status and a reason."""
        self.said: queue.Queue[pb.Message] = queue.Queue()
        """What was sent to it. Nothing is answered."""
        self._queues: list[asyncio.Queue[pb.Message | None]] = []
        self._ending: tuple[grpc.StatusCode, str] | None = None
        self._joined = threading.Event()
        self._loop = asyncio.new_event_loop()

    def send(self, *messages: pb.Message) -> None:
        """Send to whoever is in the room, as soon as somebody is."""
        assert self._joined.wait(SECONDS), "nobody joins"
        self._loop.call_soon_threadsafe(self._put, messages)

    def say(self, name: str, text: str) -> None:
        self.send(pb.Message(name=name, message=text))

    def end(self, code: grpc.StatusCode, reason: str) -> None:
        """End every stream with this status."""
        self._ending = (code, reason)
        self._loop.call_soon_threadsafe(self._put, (None,))

    @contextlib.contextmanager
    def running(self) -> Iterator[HostileServer]:
        ready = threading.Event()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(ready),))
        thread.start()
        try:
            assert ready.wait(SECONDS)
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()
            self._loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        self._stop = asyncio.Event()
        server = grpc.aio.server()
        rpc.add_ChatServiceServicer_to_server(self, server)
        mod_rpc.add_ModerationServiceServicer_to_server(self, server)
        self.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        ready.set()
        await self._stop.wait()
        await server.stop(None)

    def _put(self, messages: tuple[pb.Message | None, ...]) -> None:
        for answers in self._queues:
            for message in messages:
                answers.put_nowait(message)

    async def _refuse(self, context, code: grpc.StatusCode, reason: str) -> None:
        info = error_details_pb2.ErrorInfo(reason=reason, domain="rpc.ChatService")
        info.metadata.update(free=self.name, successor=self.name)
        status = status_pb2.Status(code=code.value[0])
        packed = Any()
        packed.Pack(info)
        status.details.append(packed)
        trailing = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(code, self.name, trailing)

    @property
    def _room(self) -> pb.ChatRoom:
        return pb.ChatRoom(room_id=self.name, title=self.name, member_count=7)

    async def Chat(self, requests, context):
        join = (await anext(aiter(requests))).join
        if self.refusal is not None:
            await self._refuse(context, *self.refusal)
        answers: asyncio.Queue[pb.Message | None] = asyncio.Queue()
        me, them = pb.Member(name=join.name), pb.Member(name=self.name)
        joined = pb.Joined(
            session="s", epoch="e", name=join.name, members=[me, them], room=self._room
        )
        await context.write(pb.Message(joined=joined))
        entered = pb.Message(entered=me, name=join.name, message="Has entered the chat", sequence=1)
        await context.write(entered)
        await context.write(pb.Message(live=pb.Live()))
        self._queues.append(answers)
        self._joined.set()
        listening = asyncio.create_task(self._listen(requests, answers))
        try:
            while (message := await answers.get()) is not None:
                await context.write(message)
            if self._ending is not None:
                await self._refuse(context, *self._ending)
        finally:
            listening.cancel()
            self._queues.remove(answers)
            self._joined.clear()

    async def _listen(self, requests, answers: asyncio.Queue[pb.Message | None]) -> None:
        with contextlib.suppress(grpc.aio.AbortError, asyncio.InvalidStateError):
            while request := await anext(aiter(requests), None):
                if request.HasField("leave"):
                    answers.put_nowait(None)
                elif request.HasField("message"):
                    self.said.put_nowait(request.message)

    async def _call(self, context) -> None:
        if self.call_refusal is not None:
            await self._refuse(context, *self.call_refusal)

    async def ListChatRooms(self, request, context):
        await self._call(context)
        return pb.ListChatRoomsResponse(chat_rooms=[self._room, self._room])

    async def CreateChatRoom(self, request, context):
        await self._call(context)
        return self._room

    async def DeleteChatRoom(self, request, context):
        await self._call(context)
        return self._room

    async def ListMembers(self, request, context):
        await self._call(context)
        return pb.ListMembersResponse(members=[pb.Member(name=self.name)])

    async def RemoveMember(self, request, context):
        await self._call(context)
        return pb.Member(name=self.name)

    async def ListMessages(self, request, context):
        await self._call(context)
        entries = [pb.Message(name=self.name, message=self.name, sequence=n) for n in (1, 2)]
        return pb.ListMessagesResponse(messages=[e for e in entries if e.sequence > request.after])

    async def UpdateChatRoom(self, request, context):
        await self._call(context)
        return self._room

    # ---- Moderation -----------------------------------------------------------------

    @property
    def _ban(self) -> mod.Ban:
        name = self.name
        return mod.Ban(ban_id=name, room_id=name, identity=name, reason=name, by=name)

    @property
    def _invitation(self) -> mod.Invitation:
        name = self.name
        return mod.Invitation(invitation_id=name, room_id=name, secret=name, name=name, by=name)

    async def SetMember(self, request, context):
        await self._call(context)
        return mod.MemberState(name=self.name, muted=True)

    async def CreateBan(self, request, context):
        await self._call(context)
        return self._ban

    async def LiftBan(self, request, context):
        await self._call(context)
        return self._ban

    async def ListBans(self, request, context):
        await self._call(context)
        return mod.ListBansResponse(bans=[self._ban])

    async def CreateInvitation(self, request, context):
        await self._call(context)
        return self._invitation

    async def RevokeInvitation(self, request, context):
        await self._call(context)
        return self._invitation

    async def ListInvitations(self, request, context):
        await self._call(context)
        return mod.ListInvitationsResponse(invitations=[self._invitation])
