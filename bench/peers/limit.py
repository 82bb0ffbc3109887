"""The machine's limit as a peer: a server that only copies prebuilt frames (limit.c).

What its members say is the DATA frame that a member of ours would be given, so the bytes of a
delivery are as many. No server that delivers over TCP, one write for each member, can cost less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import builds
from bench.peers.peer import Keeps, Peer, version_in
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.servers import Program, free_port
from bench.tally import STAMP, TEXT_BYTES
from chatroom.api.rpc import chat_pb2
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = builds.ROOT / "bench" / "peers" / "limit.c"
INSIDE = b"in\n"


def _frame() -> tuple[bytes, bytes]:
    text = "?" * TEXT_BYTES
    message = chat_pb2.Message(name="member 1", message=text, sequence=123_456)
    message.sent.seconds, message.sent.nanos = 1_700_000_000, 123_456_789
    before, after = frames.data(1, envelope(message.SerializeToString())).split(text.encode())
    return before, after


AROUND = _frame()
FRAME_BYTES = sum(map(len, AROUND)) + TEXT_BYTES
assert STAMP < TEXT_BYTES


class LimitConnection(PlainConnection):
    """One connection, of one member."""

    is_greeted = False

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        del member
        return AROUND

    def ask(self, member: PlainMember) -> None:
        role = b"L" if member.listens else b"S"
        self.write(b"%b %b\n" % (role, member.place.room_id.encode()))

    def answered(self, octets: bytes) -> bytes:
        if len(octets) < len(INSIDE):
            return octets
        self.waiting.popleft().entered = True
        return octets[len(INSIDE) :]


class LimitCrowd(PlainCrowd):
    """Members on the port of the limit."""

    connection = LimitConnection
    deaf_speakers = True


class Limit(Peer):
    """The server of limit.c."""

    name = "limit"
    title = "the machine's limit"
    keeps = Keeps.NOTHING
    program_name = "limit"
    get = "Debian's gcc"
    shares_idle = False

    def __init__(self, fault: str = "", at: int = 0) -> None:
        """`fault`: drop, repeat or swap the frame number `at`, for one listener, once."""
        self._fault = [fault, str(at), str(FRAME_BYTES)] if fault else []

    def prepare(self) -> None:
        builds.c_program(SOURCE)

    def version(self) -> str:
        return version_in(["cc", "--version"], r"(.*)\n")

    def program(self, data: Path) -> Program:
        del data
        port = free_port()
        command = [str(builds.c_program(SOURCE)), str(port), *self._fault]
        return Program(command, port=port)

    def crowd(self, port: int) -> LimitCrowd:
        return LimitCrowd(port)
