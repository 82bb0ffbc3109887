"""Redis streams: a room is a stream, a member waits in XREAD and asks again after each answer.

The requests are those of redis.io, "Redis Streams". Who speaks only adds, with XADD, and each
is answered with the entry's id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bench.peers.peer import Keeps, Peer, version_in
from bench.peers.plain import PlainConnection, PlainCrowd, PlainMember
from bench.redis_crowd import command
from bench.servers import Program, free_port
from bench.sockets import HOST, WireError
from bench.tally import AFTER_STAMP, TEXT_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from bench.rooms import Place

KEPT = 10_000
"""Entries of a room, as ours keeps; about, for Redis trims whole nodes."""
MOST = 1_000
"""Entries that one XREAD is answered with."""
HEAD = re.compile(rb"\*1\r\n\*2\r\n\$\d+\r\n[^\r]*\r\n\*(\d+)\r\n")
"""An answer to XREAD begins with its one stream and the number of entries."""
ID = re.compile(rb"\$\d+\r\n(\d+-\d+)\r\n\*2\r\n")
LAST = AFTER_STAMP + b"\r\n"
"""What each entry ends with."""


class StreamConnection(PlainConnection):
    """A connection of one member, which reads on from `position`."""

    is_greeted = False
    position = b""
    _begun = b""

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        parts = (b"XADD", member.place.room_id.encode(), b"MAXLEN", b"~", b"%d" % KEPT, b"*", b"m")
        words = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        return b"*8\r\n%b$%d\r\n" % (words, TEXT_BYTES), b"\r\n"

    def ask(self, member: PlainMember) -> None:
        if self.position and member.listens:
            self.waiting.popleft().entered = True
            self._read_on()
        elif member.listens:
            room = member.place.room_id.encode()
            self.write(command(b"XREVRANGE", room, b"+", b"-", b"COUNT", b"1"))
        else:
            self.write(command(b"PING"))

    def answered(self, octets: bytes) -> bytes:
        """The newest entry of the room, from which it reads on; or none; or PONG."""
        if octets.startswith(b"-"):
            raise WireError(f"Redis answers {octets[:100]!r}")
        if not (octets in {b"+PONG\r\n", b"*0\r\n"} or octets.endswith(LAST)):
            return octets
        found = ID.search(octets)
        self.position = found[1] if found else b"0"
        member = self.waiting.popleft()
        member.entered = True
        if member.listens:
            self._read_on()
        return b""

    def came(self, buffer: bytearray, end: int) -> None:
        super().came(buffer, end)
        if not self.members[0].listens:
            return
        self._begun += buffer[:end]
        if self._begun.startswith(b"-"):
            raise WireError(f"Redis answers {self._begun[:100]!r}")
        if not self._begun.endswith(LAST):
            return
        head = HEAD.match(self._begun)
        if head and self._begun.count(LAST) == int(head[1]):
            self.position = ID.findall(self._begun)[-1]
            self._begun = b""
            self._read_on()

    def dropped(self, buffer: bytearray, end: int) -> None:
        if buffer.startswith(b"-"):
            raise WireError(f"Redis answers {bytes(buffer[:end])!r}")

    def _read_on(self) -> None:
        room = self.members[0].place.room_id.encode()
        most = b"%d" % MOST
        waits = (b"XREAD", b"COUNT", most, b"BLOCK", b"0", b"STREAMS", room, self.position)
        self.write(command(*waits))


class StreamCrowd(PlainCrowd):
    """Members on the port of redis-server."""

    connection = StreamConnection
    deaf_speakers = True

    def replay(self, connection: PlainConnection, place: Place) -> PlainMember:
        """Join, and be given everything that is kept of the room."""
        assert isinstance(connection, StreamConnection)
        connection.position = b"0"
        return self.join(connection, place)

    def remember(self, connection: PlainConnection, place: Place) -> PlainMember:
        """Join; every connection notes how far it has read."""
        return self.join(connection, place)

    def resume(
        self, connection: PlainConnection, earlier: PlainMember, *, early: bool
    ) -> PlainMember:
        """Go on from where the earlier member was."""
        del early
        assert isinstance(connection, StreamConnection)
        assert isinstance(earlier.connection, StreamConnection)
        connection.position = earlier.connection.position
        return self.join(connection, earlier.place)


class RedisStreams(Peer):
    """redis-server with its append-only file synced each second."""

    name = "redis-streams"
    title = "Redis streams"
    keeps = Keeps.WRITES
    program_name = "redis-server"
    get = "Debian's redis-server"
    replays = True
    resumes = True
    shares_idle = False
    sync = "everysec"

    def version(self) -> str:
        return version_in([self.executable(), "--version"], r"v=([\d.]+)")

    def program(self, data: Path) -> Program:
        data.mkdir(exist_ok=True)
        port = free_port()
        options = {
            "--port": str(port),
            "--bind": HOST,
            "--dir": str(data),
            "--save": "",
            "--appendonly": "yes",
            "--appendfsync": self.sync,
            "--daemonize": "no",
            "--maxclients": "15000",
        }
        words = (word for option in options.items() for word in option)
        ready = rf"port=({port})\.[\s\S]*Ready to accept connections"
        return Program([self.executable(), *words], ready=ready)

    def crowd(self, port: int) -> StreamCrowd:
        return StreamCrowd(port)


class SyncedRedisStreams(RedisStreams):
    """The same, synced before anybody is answered."""

    name = "redis-streams-sync"
    title = "Redis streams (fsync always)"
    keeps = Keeps.SYNCS
    sync = "always"
