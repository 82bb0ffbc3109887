"""NATS JetStream: one stream keeps all rooms, a room is a subject of it.

A member is a push consumer of its own, which acknowledges nothing (docs.nats.io, "JetStream
wire API Reference"); it is never asked for more than it had. Each message is published with an
inbox, so the server acknowledges it once it is kept. A consumer would be given its own messages
too, so who speaks has none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.peers.nats import Nats, NatsConnection, NatsCrowd
from bench.peers.peer import Keeps
from bench.peers.plain import PlainConnection, PlainMember
from bench.sockets import Poll, WireError
from bench.tally import MARKER, TEXT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.rooms import Place

STREAM = "chat"
KEPT = 10_000
"""Messages of a room, as ours keeps."""
CONSUMERS = 100_000
"""Of the stream; it would be 1,000, which are fewer than there are members."""
CREATE_SECONDS = 10
HOURS = 3600 * 10**9


class JetStreamMember(PlainMember):
    """A consumer from `after` on: 0 from the first message on, None from the next one on."""

    __slots__ = ("after", "seen")

    def __init__(self, connection: PlainConnection, place: Place, *, after: int | None) -> None:
        super().__init__(connection, place, listens=not place.speaks)
        self.after = after
        self.seen = 0
        """The stream's sequence of the newest message, where the connection `notes` it."""


class JetStreamConnection(NatsConnection):
    """One connection. One that `notes` reads the position of each message."""

    _opened = 0

    def __init__(self, loop: Poll, port: int) -> None:
        super().__init__(loop, port)
        JetStreamConnection._opened += 1
        self._number = JetStreamConnection._opened
        self.created = False
        self.notes = False
        self.write(b"SUB in.%d 1\r\n" % self._number)

    def saying(self, member: PlainMember) -> tuple[bytes, bytes]:
        room = member.place.room_id.encode()
        return b"PUB room.%b in.%d %d\r\n" % (room, self._number, TEXT_BYTES), b"\r\n"

    def ask(self, member: PlainMember) -> None:
        if not member.listens:
            self.write(b"PING\r\n")
            return
        assert isinstance(member, JetStreamMember)
        subject = f"to.{self._number}.{len(self.members)}"
        config: dict[str, str | int | bool] = {
            "deliver_subject": subject,
            "ack_policy": "none",
            "filter_subject": f"room.{member.place.room_id}",
            "mem_storage": True,
            "max_deliver": 1,
            "inactive_threshold": HOURS,
            "deliver_policy": "new",
        }
        if member.after is not None:
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": member.after + 1}
        self.write(f"SUB {subject} {len(self.members) + 1}\r\n".encode())
        self.request(f"CONSUMER.CREATE.{STREAM}", {"stream_name": STREAM, "config": config})

    def request(self, method: str, asked: object) -> None:
        text = json.dumps(asked).encode()
        head = f"PUB $JS.API.{method} in.{self._number} {len(text)}\r\n".encode()
        self.write(head + text + b"\r\n")

    def message(self, line: bytes, text: bytes) -> None:
        words = line.split(b" ")
        if MARKER in text:  # the consumer was quicker than the answer that it is made
            member = self.members[-1] if self.waiting else self.members[0]
            whole = bytearray(text)
            member.tally.take(whole, 0, len(whole))
            if isinstance(member, JetStreamMember):
                member.seen = int(words[3].split(b".")[5])
            return
        answer = json.loads(text)
        if "error" in answer:
            raise WireError(f"JetStream answers {answer['error']}")
        if answer.get("type", "").endswith("consumer_create_response"):
            self.waiting.popleft().entered = True
        else:
            self.created = True

    def came(self, buffer: bytearray, end: int) -> None:
        if self.notes:
            self._kept = self.answered(self._kept + bytes(buffer[:end]))
        else:
            super().came(buffer, end)

    def settled(self) -> None:
        if not self.notes:
            super().settled()

    def dropped(self, buffer: bytearray, end: int) -> None:
        if buffer.find(b'"error"', 0, end) >= 0:
            raise WireError(f"JetStream answers {bytes(buffer[:end])!r}")


class JetStreamCrowd(NatsCrowd):
    """Members on the port of nats-server with JetStream."""

    connection = JetStreamConnection

    def create(self, connection: PlainConnection, room_ids: Iterable[str]) -> None:
        """Make the stream: it keeps the messages of every room."""
        del room_ids
        assert isinstance(connection, JetStreamConnection)
        config = {
            "name": STREAM,
            "subjects": ["room.>"],
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "max_msgs_per_subject": KEPT,
            "max_consumers": CONSUMERS,
        }
        connection.request(f"STREAM.CREATE.{STREAM}", config)
        self.loop.until(lambda: connection.created, CREATE_SECONDS, "the stream")

    def join(self, connection: PlainConnection, place: Place) -> PlainMember:
        return self._from(connection, place, None)

    def _from(
        self, connection: PlainConnection, place: Place, after: int | None
    ) -> JetStreamMember:
        member = JetStreamMember(connection, place, after=after)
        connection.join(member)
        return member

    def replay(self, connection: PlainConnection, place: Place) -> PlainMember:
        """Join, and be given everything that is kept of the room."""
        return self._from(connection, place, 0)

    def remember(self, connection: PlainConnection, place: Place) -> PlainMember:
        """Join, and note how far it has read."""
        assert isinstance(connection, JetStreamConnection)
        connection.notes = not place.speaks
        return self._from(connection, place, None)

    def resume(
        self, connection: PlainConnection, earlier: PlainMember, *, early: bool
    ) -> PlainMember:
        """Go on from where the earlier member was."""
        del early
        assert isinstance(earlier, JetStreamMember)
        return self._from(connection, earlier.place, earlier.seen)


class JetStream(Nats):
    """nats-server with JetStream as it is by default: a sync every two minutes."""

    name = "jetstream"
    title = "NATS JetStream"
    keeps = Keeps.WRITES
    replays = True
    resumes = True
    sync = "2m"

    def settings(self, data: Path) -> str:
        return (
            f'jetstream {{ store_dir: "{data}", sync_interval: {self.sync},'
            " max_mem: 2G, max_file: 8G }\n"
        )

    def crowd(self, port: int) -> JetStreamCrowd:
        return JetStreamCrowd(port)


class SyncedJetStream(JetStream):
    """The same, told to sync before it acknowledges."""

    name = "jetstream-sync"
    title = "NATS JetStream (sync always)"
    keeps = Keeps.SYNCS
    sync = "always"
