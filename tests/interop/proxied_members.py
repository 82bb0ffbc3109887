"""Members that come through a proxy: over gRPC, and as a browser does."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import grpc
import grpc.aio

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc.chat_pb2_grpc import ChatServiceStub
from chatroom.wire.envelopes import cut, envelope

EVENTS = (pb.FEATURE_EVENTS,)


class GrpcMember:
    """`Chat` by grpcio, which sends nothing by itself while nothing is said."""

    def __init__(self, port: int, ca: Path | None) -> None:
        where = f"127.0.0.1:{port}"
        if ca is None:
            self._channel = grpc.aio.insecure_channel(where)
        else:
            trusted = grpc.ssl_channel_credentials(ca.read_bytes())
            self._channel = grpc.aio.secure_channel(where, trusted)
        self._stub = ChatServiceStub(self._channel)

    async def room(self) -> str:
        """A room of the test's own."""
        room = await self._stub.CreateChatRoom(pb.CreateChatRoomRequest())
        return room.room_id

    async def delete(self, room: str) -> None:
        await self._stub.DeleteChatRoom(pb.DeleteChatRoomRequest(room_id=room))

    async def join(self, room: str, name: str, *features: pb.Feature) -> None:
        """Return when it has seen its own arrival."""
        self._call = self._stub.Chat()
        join = pb.JoinChat(room_id=room, name=name, features=features)
        await self._call.write(pb.ChatMessage(join=join))
        while not (await self.hear()).HasField("entered"):
            pass

    async def say(self, text: str) -> None:
        await self._call.write(pb.ChatMessage(message=pb.Message(message=text)))

    async def hear(self) -> pb.Message:
        """The next message; raises EOFError or AioRpcError at the end."""
        message = await self._call.read()
        if message is grpc.aio.EOF:
            raise EOFError
        return message

    async def close(self) -> None:
        await self._channel.close()


class WebMember:
    """`Subscribe` over HTTP/1.1 by gRPC-Web, as a browser sends it."""

    def __init__(self, port: int, ca: Path | None, *, own_origin: bool = True) -> None:
        """Of a page of the same host, or, as a script, of none."""
        self._port = port
        self._own_origin = own_origin
        self._tls = None if ca is None else ssl.create_default_context(cafile=str(ca))
        self._body = b""
        self.head = b""

    async def join(self, room: str, name: str, *features: pb.Feature) -> None:
        """Return when it has seen its own arrival."""
        self._reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self._port, ssl=self._tls
        )
        body = envelope(pb.JoinChat(room_id=room, name=name, features=features).SerializeToString())
        host = f"127.0.0.1:{self._port}"
        scheme = "https" if self._tls else "http"
        origin = f"Origin: {scheme}://{host}\r\n" if self._own_origin else ""
        self.writer.write(
            f"POST /rpc.ChatService/Subscribe HTTP/1.1\r\nHost: {host}\r\n{origin}"
            "Content-Type: application/grpc-web+proto\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        self.head = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in self.head.splitlines()[0], self.head
        while not (await self.hear()).HasField("entered"):
            pass

    async def hear(self) -> pb.Message:
        """The next message; raises EOFError at the end, with or without a status."""
        while True:
            for flags, begin, end in cut(self._body):
                if flags:
                    raise EOFError
                message = pb.Message.FromString(self._body[begin:end])
                self._body = self._body[end:]
                return message
            size = int(await self._reader.readline() or b"0", 16)
            if not size:
                raise EOFError
            self._body += (await self._reader.readexactly(size + 2))[:size]

    async def close(self) -> None:
        """As a closed tab does: FIN, without waiting for an answer to TLS's close_notify."""
        self.writer.transport.abort()


Member = GrpcMember | WebMember


async def cut_after(member: Member, seconds: float) -> float | None:
    """Read for so long: when the stream ended, in seconds from now; None: it did not."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(seconds):
            while True:
                await member.hear()
    except TimeoutError:
        return None
    except (EOFError, OSError, grpc.aio.AioRpcError):  # IncompleteReadError is an EOFError
        return loop.time() - begun
