"""Which segments belong together, and who is the client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chatroom.chatwire.capture.addresses import SERVER_PORT, addresses_in
from chatroom.chatwire.capture.reassembly import Bytes, Direction, Finished, Hole, Piece
from chatroom.chatwire.capture.segments import Endpoint, Segment
from chatroom.chatwire.passage import Chunk, Ended, Missing, Opened, Passage, Side, Unused

REQUEST_BEGINNINGS = (b"PRI * HTTP/2.0", b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ")
"""With these a client begins (RFC 9113, 3.4; RFC 9110, 9.3)."""

EPHEMERAL_PORTS = 32768
"""From here on Linux takes ports for clients; others (RFC 6335, 6) from 49152."""


LOOK_EVERY = 10**8
"""Nanoseconds of a capture between two looks at what waits for holes on other connections."""


class Conversations:
    """Turns the segments of a capture, in its order, into passages.

    The passages of a direction are in order of time. Bytes have the time of the segment with
    which they, and all before them that the capture has, were there. Bytes behind a hole come
    when it is filled or known to stay, so that passages of other directions, with later
    times, may come before them. A connection that is not seen to begin opens with its first
    bytes or its end, as `midway`. Of a capture of ours it has the true addresses, which are in
    a comment.
    """

    def __init__(self, server_ports: Iterable[int] = ()) -> None:
        """`server_ports` tell the server's side where no SYN is there to do so."""
        self._server_ports = frozenset(server_ports)
        self._open: dict[frozenset[Endpoint], _Conversation] = {}
        self.count = 0
        """Connections so far."""
        self._waiting: set[_Conversation] = set()
        self._looked = 0
        self._latest = 0

    def segment(self, segment: Segment) -> Iterator[Passage]:
        """The passages that this segment makes certain."""
        self._latest = max(self._latest, segment.time)
        if self._waiting:
            yield from self._overdue(segment.time)
        key = frozenset((segment.source, segment.destination))
        conversation = self._open.get(key)
        if segment.syn and (conversation is None or conversation.is_over_with(segment)):
            if conversation is not None:
                yield from conversation.rest(segment.time)
                self._waiting.discard(conversation)
            conversation = self._begin(key, *_roles_by_syn(segment), segment, midway=False)
            yield conversation.opened(segment.time)
        elif conversation is None:
            if not (segment.payload or segment.cut or segment.fin or segment.reset):
                return
            conversation = self._begin(key, *self._roles_by_look(segment), segment, midway=True)
            yield conversation.opened(segment.time)
        yield from conversation.segment(segment)
        if conversation.waits:
            self._waiting.add(conversation)
        elif self._waiting:
            self._waiting.discard(conversation)

    def rest(self) -> Iterator[Passage]:
        """What was still waited for when the capture ended."""
        for conversation in self._open.values():
            yield from conversation.rest(self._latest)

    def _overdue(self, now: int) -> Iterator[Passage]:
        """What has waited long enough, on whichever connection."""
        if self._waiting and now >= self._looked + LOOK_EVERY:
            self._looked = now
            for conversation in list(self._waiting):
                yield from conversation.settled(now)
                if not conversation.waits:
                    self._waiting.discard(conversation)

    def _begin(
        self,
        key: frozenset[Endpoint],
        client: Endpoint,
        server: Endpoint,
        first: Segment,
        *,
        midway: bool,
    ) -> _Conversation:
        self.count += 1
        conversation = _Conversation(self.count, client, server, first, midway=midway)
        self._open[key] = conversation
        return conversation

    def _roles_by_look(self, segment: Segment) -> tuple[Endpoint, Endpoint]:
        """Client and server of a connection whose SYNs are not there."""
        source, destination = segment.source, segment.destination
        if segment.payload.startswith(REQUEST_BEGINNINGS):
            return source, destination
        if self._likely_server(source) > self._likely_server(destination):
            return destination, source
        return source, destination

    def _likely_server(self, endpoint: Endpoint) -> tuple[bool, bool, bool, int]:
        port = endpoint[1]
        return port in self._server_ports, port == SERVER_PORT, port < EPHEMERAL_PORTS, -port


class _Conversation:
    """One connection."""

    def __init__(
        self, number: int, client: Endpoint, server: Endpoint, first: Segment, *, midway: bool
    ) -> None:
        self._number = number
        self._client = client
        self._server = server
        self._midway = midway
        self._directions = {side: Direction() for side in Side}
        self._ended: set[Side] = set()
        self._was_reset = False
        self._true = addresses_in(first.comment)
        self._syn_of = {self._sender(first): first.sequence} if first.syn else {}

    def opened(self, time: int) -> Opened:
        return Opened(
            connection=self._number,
            time=time,
            client=self._true[0] if self._true else self._client,
            server=self._true[1] if self._true else self._server,
            midway=self._midway,
        )

    def is_over_with(self, syn: Segment) -> bool:
        """Whether a SYN begins another connection between the same ports."""
        sender = self._sender(syn)
        if sender in self._syn_of:
            return self._syn_of[sender] != syn.sequence
        late = self._directions[sender].began_near(syn.sequence)
        if syn.acknowledged is not None:
            late = late or self._directions[sender.other].began_near(syn.acknowledged)
        if late:
            self._syn_of[sender] = syn.sequence
            return False
        if self._syn_of and not self._ended:
            self._syn_of[sender] = syn.sequence
            return False
        return True

    @property
    def waits(self) -> bool:
        """Whether bytes wait for a hole to be filled."""
        client, server = self._directions.values()
        return client.waits or server.waits

    def settled(self, now: int) -> Iterator[Passage]:
        """What waits for a hole that will not be filled any more."""
        for side, direction in self._directions.items():
            yield from self._passages(direction.settled(now), side)

    def segment(self, segment: Segment) -> Iterator[Passage]:
        sender = self._sender(segment)
        own, other = self._directions[sender], self._directions[sender.other]
        if segment.syn:
            own.begin(segment.sequence, first=True)
        if segment.acknowledged is not None:
            if not self._midway and not segment.reset:
                # Where the other side began, should its SYN not be in the capture.
                other.begin(segment.acknowledged, first=False)
            other.acknowledge(segment.acknowledged, segment.time)
            if other.waits:
                yield from self._passages(other.settled(segment.time), sender.other)
        if segment.payload and not (segment.cut or segment.fin or segment.reset):
            time = own.at_once(segment.sequence, segment.payload, segment.time)
            if time is not None:
                yield Chunk(
                    connection=self._number, time=time, sender=sender, content=segment.payload
                )
                return
        pieces = own.segment(
            segment.sequence, segment.payload, segment.time, cut=segment.cut, fin=segment.fin
        )
        yield from self._passages(pieces, sender)
        if segment.reset:
            self._was_reset = True
            # A side that has sent its FIN resets what it will not read (RFC 9293, 3.6.1).
            yield from self._reset(sender.other if sender in self._ended else sender, segment.time)

    def rest(self, time: int) -> Iterator[Passage]:
        """What is left when nothing more comes: after a reset, the end of both sides.

        Not with the reset itself, since what the other side had sent by then comes after it.
        """
        for side, direction in self._directions.items():
            yield from self._passages(direction.rest(), side)
            if self._was_reset:
                yield from self._reset(side, time)

    def _reset(self, side: Side, time: int) -> Iterator[Passage]:
        direction = self._directions[side]
        yield from self._passages(direction.rest(), side)
        if side not in self._ended:
            direction.finish()
            yield self._end(side, time, reset=True)

    def _passages(self, pieces: Iterator[Piece], sender: Side) -> Iterator[Passage]:
        number = self._number
        for piece in pieces:
            time = piece.time
            match piece:
                case Bytes(content=content):
                    yield Chunk(connection=number, time=time, sender=sender, content=content)
                case Hole(count=count):
                    yield Missing(connection=number, time=time, sender=sender, count=count)
                case Finished():
                    if sender not in self._ended:
                        yield self._end(sender, time, reset=False)
                case _:
                    yield Unused(
                        connection=number, time=time, sender=sender, count=piece.count,
                        why=piece.why,
                    )  # fmt: skip

    def _end(self, sender: Side, time: int, *, reset: bool) -> Ended:
        self._ended.add(sender)
        return Ended(connection=self._number, time=time, sender=sender, reset=reset)

    def _sender(self, segment: Segment) -> Side:
        return Side.CLIENT if segment.source == self._client else Side.SERVER


def _roles_by_syn(segment: Segment) -> tuple[Endpoint, Endpoint]:
    """Who sends a SYN without an acknowledgement is the client (RFC 9293, 3.5)."""
    if segment.acknowledged is None:
        return segment.source, segment.destination
    return segment.destination, segment.source
