"""A member that stops reading: it gives back no HTTP/2 window, or takes not even TCP's bytes.

Nothing is read behind the scenes, so that what the server feels is what is described.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Literal

from hyperframe.frame import Frame, RstStreamFrame

from bench.http2_frames import (
    ACK,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_WINDOW,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    request_headers,
)
from chatroom.api.rpc import chat_pb2 as pb
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT

from .voices import enveloped

FRAME_HEADER_BYTES = 9

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
            self._socket.sendall(_chats(port, room, names, wide=kind == "socket"))
        self._framed = kind != "http1"
        self._streams = {2 * number + 1 for number in range(len(names))}
        self._reset: set[int] = set()
        self._closed = False
        self._bytes = b""

    def close(self) -> None:
        self._socket.close()

    def ends(self) -> str:
        """Now read what is there, and say how its streams ended: all alike, or "open"."""
        self._socket.setblocking(False)
        try:
            while chunk := self._socket.recv(1 << 20):
                self._bytes += chunk
            self._closed = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self._closed = True
        while self._framed and len(self._bytes) >= FRAME_HEADER_BYTES:
            head = memoryview(self._bytes[:FRAME_HEADER_BYTES])
            found, length = Frame.parse_frame_header(head)
            end = FRAME_HEADER_BYTES + length
            if len(self._bytes) < end:
                break
            if isinstance(found, RstStreamFrame):
                self._reset.add(found.stream_id)
            self._bytes = self._bytes[end:]
        if self._closed:
            return "closed"
        return "reset" if self._streams == self._reset else "open"


def _chats(port: int, room: str, names: Sequence[str], *, wide: bool) -> bytes:
    """The beginning of an HTTP/2 connection with a `Chat` for each name; `wide` windows or not."""
    octets = [PREFACE]
    if wide:
        most = struct.pack(">HI", INITIAL_WINDOW_SIZE, MAX_WINDOW)
        widened = struct.pack(">I", MAX_WINDOW - DEFAULT_WINDOW)
        octets += [frame(SETTINGS, 0, 0, most), frame(WINDOW_UPDATE, 0, 0, widened)]
    else:
        octets.append(frame(SETTINGS, 0, 0))
    octets.append(frame(SETTINGS, ACK, 0))
    headers = request_headers(CHAT, f"127.0.0.1:{port}")
    for number, name in enumerate(names):
        join = pb.ChatMessage(join=pb.JoinChat(room_id=room, name=name))
        stream = 2 * number + 1
        octets.append(frame(HEADERS, END_HEADERS, stream, headers))
        octets.append(frame(DATA, 0, stream, enveloped(join)))
    return b"".join(octets)
