"""A member that stops reading: it gives back no HTTP/2 window, or takes not even TCP's bytes.

Nothing is read behind the scenes, so that what the server feels is what is described.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Literal

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, request_headers
from chatroom.wire.http2.client import Client
from chatroom.wire.http2.frames import DEFAULT_WINDOW, LARGEST_WINDOW, Setting
from chatroom.wire.http2.frames import Kind as FrameKind

from .voices import enveloped

Kind = Literal["window", "socket", "http1"]
"""window: the HTTP/2 windows of 65,535 bytes are never updated; the kernel takes all.
socket: the windows are 2 GiB, and the socket is never read: TCP's window goes to zero.
http1: likewise, of a Connect stream over HTTP/1.1, which has no flow control but TCP's."""

SUBSCRIBE = (
    b"POST /rpc.ChatService/Subscribe HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    b"content-type: application/connect+proto\r\nconnect-protocol-version: 1\r\n"
    b"content-length: %d\r\n\r\n"
)


class StalledReader:
    """One connection with a member on each of its streams; none is ever read.

    HTTP/1.1 has one stream, so `names` is one name there.
    """

    def __init__(self, port: int, room: str, names: Sequence[str], kind: Kind) -> None:
        self._socket = socket.socket()
        size = DEFAULT_WINDOW * 16 if kind == "window" else 4096
        # Before connecting: the window that the peer is promised follows from it.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        self._socket.connect(("127.0.0.1", port))
        if kind == "http1":
            join = envelope(pb.JoinChat(room_id=room, name=names[0]).SerializeToString())
            self._socket.sendall(SUBSCRIBE % len(join) + join)
        else:
            most = LARGEST_WINDOW if kind == "socket" else DEFAULT_WINDOW
            self._client = _chats(port, room, names, most)
            self._socket.sendall(self._client.data_to_send())
        self._framed = kind != "http1"
        self._streams = {2 * number + 1 for number in range(len(names))}
        self._reset: set[int] = set()
        self._closed = False

    def close(self) -> None:
        self._socket.close()

    def ends(self) -> str:
        """Now read what is there, and say how its streams ended: all alike, or "open"."""
        self._socket.setblocking(False)
        try:
            while chunk := self._socket.recv(1 << 20):
                if self._framed:
                    came = self._client.receive_data(chunk)
                    self._reset |= {
                        one.stream_id for one in came if one.kind == FrameKind.RST_STREAM
                    }
            self._closed = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self._closed = True
        if self._closed:
            return "closed"
        return "reset" if self._streams == self._reset else "open"


def _chats(port: int, room: str, names: Sequence[str], window: int) -> Client:
    """A client that has begun a `Chat` for each name; each may be sent `window` bytes."""
    initial = Setting.INITIAL_WINDOW_SIZE, window
    client = Client(initial, connection_window=window, answers=False, gives_back=False)
    client.acknowledge_settings()
    for name in names:
        stream = client.request(request_headers(CHAT, f"127.0.0.1:{port}"))
        join = pb.ChatMessage(join=pb.JoinChat(room_id=room, name=name))
        client.data(stream, enveloped(join))
    return client
