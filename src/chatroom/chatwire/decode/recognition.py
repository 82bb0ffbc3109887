"""Finds out what both sides speak from some byte on, and follows that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.arrivals import Arrivals
from chatroom.chatwire.decode.beginnings import (
    NOTHING_KNOWN,
    TLS,
    settings_begin,
    too_little,
    what_it_is,
)
from chatroom.chatwire.decode.client_first import ClientFirst
from chatroom.chatwire.decode.framing import HEADER_BYTES
from chatroom.chatwire.decode.http1 import Http1
from chatroom.chatwire.decode.http2 import Http2
from chatroom.chatwire.decode.records import Kind, Undecoded
from chatroom.chatwire.decode.server_first import ServerFirst
from chatroom.chatwire.passage import Side
from chatroom.wire.http2.frames import PREFACE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatroom.chatwire.decode.following import Follower
    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Faulted

REQUEST_LINE = re.compile(rb"[A-Z]{3,7} [^\r\n]*\r")
MAYBE_REQUEST_LINE = re.compile(rb"[A-Z]{1,7}|[A-Z]{3,7} [^\r\n]*")
LINE_BYTES = 8192
HELD_BYTES = 64 * 1024
"""What is kept until it is known what the connection speaks."""


class Unknown:
    """A protocol that is not known here: it is counted."""

    def __init__(self) -> None:
        self._count = dict.fromkeys(Side, 0)

    def feed(self, sender: Side, content: bytes) -> None:
        self._count[sender] += len(content)

    def lose(self, sender: Side, count: int | None) -> bool:  # noqa: ARG002 # as others lose
        return True

    def end(self, sender: Side) -> int:
        return self._count[sender]

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:  # noqa: ARG002 # as others do
        return "", []


class Recognition:
    """Holds what comes until it is known what it is; then what knows that follows it.

    HTTP/1.1 that switches to something else has a recognition of its own for that.
    """

    def __init__(self, record: Recording, schema: Schema, unseen: Iterable[Side] = ()) -> None:
        """`unseen`: the sides whose beginning is not known."""
        self._record = record
        self._schema = schema
        self._follower: Follower | None = None
        self._held = {Side.CLIENT: bytearray(), Side.SERVER: bytearray()}
        self._arrivals = {side: Arrivals() for side in Side}
        self._unseen = set(unseen)
        self._unknown = dict.fromkeys(Side, 0)
        """Bytes before a hole that were too few to know what they are."""
        self._ended: set[Side] = set()

    def feed(self, sender: Side, content: bytes) -> None:
        """Bytes that a side sent."""
        if self._follower is not None:
            self._follower.feed(sender, content)
            return
        self._held[sender] += content
        self._arrivals[sender].add(len(content), self._record.now)
        self._recognise()

    def lose(self, sender: Side, count: int | None) -> bool:
        """Bytes are missing here; whether everything after them can be decoded all the same."""
        if self._follower is not None:
            return self._follower.lose(sender, count)
        # Of what has come so far the beginning is known, but not enough of it.
        self._unseen.add(sender)
        if held := len(self._held[sender]):
            self._unknown[sender] += held
            too_little(self._record, sender, held)
        self._held[sender].clear()
        self._arrivals[sender].clear()
        return False

    def end(self, sender: Side) -> int:
        """A side will send nothing more; how many of its bytes were left undecoded."""
        self._ended.add(sender)
        if self._follower is None and (any(self._held.values()) or self._ended == set(Side)):
            self._give_up(self._held_beginning(), "too little to know what it is")
        undecoded = self._unknown[sender]
        return undecoded if self._follower is None else undecoded + self._follower.end(sender)

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:
        """Something was done to a stream; the path of its call, and the messages it is about."""
        return ("", []) if self._follower is None else self._follower.fault(passed)

    def _recognise(self) -> None:
        client, server = self._held[Side.CLIENT], self._held[Side.SERVER]
        if self._unseen:
            self._recognise_midway()
        else:
            if client:
                self._recognise_client(bytes(client[:HELD_BYTES]))
            if self._follower is None and len(server) >= HEADER_BYTES:
                # The server speaks first, or while too little is here of the client.
                self._recognise_server(server)
        if self._follower is None and sum(map(len, self._held.values())) > HELD_BYTES:
            self._give_up(self._held_beginning(), NOTHING_KNOWN)

    def _recognise_server(self, beginning: bytearray) -> None:
        if settings_begin(beginning):
            self._follow(ServerFirst(self._record, Http2(self._record, self._schema)))
        elif not self._held[Side.CLIENT]:
            self._give_up(Side.SERVER, what_it_is(bytes(beginning[:HEADER_BYTES])))

    def _recognise_client(self, beginning: bytes) -> None:
        if beginning.startswith(PREFACE):
            self._record(Side.CLIENT, Kind.PREFACE, stream=0, length=len(PREFACE))
            del self._held[Side.CLIENT][: len(PREFACE)]
            self._arrivals[Side.CLIENT].take(len(PREFACE), self._record.now)
            self._follow(ClientFirst(self._record, Http2(self._record, self._schema)))
        elif PREFACE.startswith(beginning) or TLS.startswith(beginning):
            return
        elif beginning.startswith(PREFACE[:12]):
            self._give_up(Side.CLIENT, "a broken connection preface of HTTP/2")
        elif line := REQUEST_LINE.match(beginning):
            if line[0].endswith((b"HTTP/1.1\r", b"HTTP/1.0\r")):
                self._follow(self._http1())
            else:
                self._give_up(Side.CLIENT, NOTHING_KNOWN)
        elif not MAYBE_REQUEST_LINE.fullmatch(beginning) or len(beginning) > LINE_BYTES:
            self._give_up(Side.CLIENT, what_it_is(beginning))

    def _recognise_midway(self) -> None:
        for side, held in self._held.items():
            if held.startswith(PREFACE):
                self._recognise_client(bytes(held))
                return
            if re.match(rb"HTTP/1\.[01] |[A-Z]{3,7} /[^\r\n]* HTTP/1\.", held):
                self._follow(self._http1())
                return
            if len(held) >= HEADER_BYTES or side in self._ended:
                http2 = Http2(self._record, self._schema)
                for each in self._unseen:
                    http2.lose(each, None)
                before = Side.CLIENT not in self._unseen
                self._follow(ServerFirst(self._record, http2) if before else http2)
                return

    def _held_beginning(self) -> Side:
        return Side.CLIENT if self._held[Side.CLIENT] else Side.SERVER

    def _give_up(self, sender: Side, why: str) -> None:
        """Only count from here on; what was not recognised counts as well."""
        if any(self._held.values()):
            self._record(
                sender,
                Kind.BYTES,
                detail=Undecoded(count=0),
                notes=(f"{why}: passed on without being decoded",),
            )
        self._follow(Unknown())

    def _follow(self, follower: Follower) -> None:
        """What was held is followed as it came."""
        self._follower, now = follower, self._record.now
        runs = [(time, side, n) for side in Side for n, time in self._arrivals[side].runs()]
        for time, side, count in sorted(runs, key=lambda run: run[0]):
            self._record.now = time
            held = bytes(self._held[side][:count])
            del self._held[side][:count]
            follower.feed(side, held)
        self._record.now = now
        for side in self._ended:
            follower.end(side)

    def _http1(self) -> Http1:
        record, schema = self._record, self._schema
        return Http1(record, schema, lambda: Recognition(record, schema))
