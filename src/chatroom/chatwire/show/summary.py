"""What has passed, by stream and by connection."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatroom.chatwire.decode import records
from chatroom.chatwire.decode.messages import Part
from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.passage import How, Side
from chatroom.chatwire.show.harmless import harmless, shortened

if TYPE_CHECKING:
    from chatroom.chatwire.decode.messages import Status
    from chatroom.chatwire.decode.records import Frame

STREAMS = 1000
"""That are listed; of more, the oldest are only counted."""
CONNECTIONS = 100
UNCOUNTED = frozenset({Kind.PREFACE, Kind.BYTES, Kind.MISSING, Kind.UNUSED})
"""Of BYTES the sum is in ENDED or STOPPED. MISSING may lie in a frame that counts, UNUSED is in
none. The preface is none."""
MEANING = (
    "bytes: of a stream, its DATA or body; of a connection, the payloads of all its frames "
    "(heads and bodies of HTTP/1.1), and what was not decoded"
)


@dataclass(slots=True)
class Sent:
    """What one side sent."""

    frames: int = 0
    """Of HTTP/2: HTTP/1.1 has none."""
    bytes: int = 0
    """For a stream, of DATA (padding included) or of the body of HTTP/1.1; for a connection, of
    the payloads of all frames, of heads and bodies, and what was passed on undecoded."""
    messages: int = 0
    body: int = 0
    """What of `bytes` belongs to a body of HTTP/1.1 that is not complete."""

    def as_text(self) -> str:
        counts = {"message": self.messages, "byte": self.bytes, "frame": self.frames}
        return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for noun, count in counts.items())

    def add_body(self, length: int, *, complete: bool) -> None:
        """Count a message of a body, or its end: then `length` is that of all of it."""
        if complete:
            self.bytes += length - self.body
            self.body = 0
        else:
            self.bytes += length
            self.body += length

    def as_object(self) -> dict[str, int]:
        return {"frames": self.frames, "bytes": self.bytes, "messages": self.messages}


@dataclass(slots=True)
class Account:
    """Of a stream or of a connection. Times in nanoseconds since the start."""

    begin: int
    end: int = 0
    call: str = ""
    closed: set[Side] = field(default_factory=set)
    ending: str = ""
    faults: int = 0
    """Frames that a fault has touched, and what it did that is no frame."""
    sent: dict[Side, Sent] = field(default_factory=lambda: {side: Sent() for side in Side})

    def add(self, frame: Frame, *, whole: bool) -> None:
        """Count a frame: all of it, or only what it carries of a message body."""
        self.end = frame.since_start
        sent = self.sent[frame.sender]
        sent.frames += frame.type is not None
        sent.messages += sum(message.part is Part.MESSAGE for message in frame.messages)
        detail = frame.detail
        if isinstance(detail, records.Body):
            sent.add_body(frame.length, complete=detail.complete)
        elif isinstance(detail, records.Ended | records.Stopped):
            sent.bytes += detail.undecoded  # that of every BYTES before
        elif frame.kind is Kind.DATA or (whole and frame.kind not in UNCOUNTED):
            sent.bytes += frame.length

    def as_text(self, name: str) -> str:
        seconds = f"{self.begin / 1e9:.3f} to {self.end / 1e9:.3f} s"
        call = f"  {shortened(self.call, 100)}" if self.call else ""
        lines = [
            f"{name}{call}  {seconds}  {self.ending or 'still open'}",
            *(f"    from the {side}: {self.sent[side].as_text()}" for side in Side),
        ]
        if self.faults:
            lines.append(f"    of the tap: {self.faults} fault{'s' * (self.faults != 1)}")
        return "".join(f"{harmless(line)}\n" for line in lines)

    def as_object(self) -> dict[str, Any]:
        return {
            "call": self.call,
            "begin": self.begin,
            "end": self.end,
            "ending": self.ending,
            "faults": self.faults,
            "client": self.sent[Side.CLIENT].as_object(),
            "server": self.sent[Side.SERVER].as_object(),
        }


class Summary:
    """Adds up frames."""

    def __init__(self) -> None:
        self._streams: OrderedDict[tuple[int, int], Account] = OrderedDict()
        self._connections: OrderedDict[int, Account] = OrderedDict()
        self._older = 0

    def take(self, frame: Frame) -> None:
        connection = self._account(self._connections, frame.connection, frame, CONNECTIONS)
        connection.faults += touched(frame)
        if frame.kind is Kind.FAULT:
            if stream := self._streams.get((frame.connection, frame.stream or 0)):
                stream.faults += 1
            return  # nothing that a side has sent
        connection.add(frame, whole=True)
        detail = frame.detail
        if isinstance(detail, records.Ended):
            connection.closed.add(frame.sender)
            connection.ending = connection.ending or how_ended(frame, reset=detail.reset)
            self._cut(frame.connection, connection)
        elif isinstance(detail, records.Goaway):
            connection.ending = f"GOAWAY {detail.error} {from_whom(frame)}"
        if frame.stream and frame.kind not in (Kind.WINDOW_UPDATE, Kind.PRIORITY):
            self._stream(frame, (frame.connection, frame.stream))

    def _stream(self, frame: Frame, key: tuple[int, int]) -> None:
        account = self._account(self._streams, key, frame, STREAMS)
        account.add(frame, whole=False)
        account.faults += touched(frame)
        account.call = frame.call or account.call
        detail = frame.detail
        if status := status_of(frame):
            account.ending = status.name
        elif isinstance(detail, records.Reset) and not account.ending:
            account.ending = f"RST_STREAM {detail.error} {from_whom(frame)}"
        if frame.ends_stream or completes_message(frame):
            account.closed.add(frame.sender)
            if account.closed == set(Side):
                account.ending = account.ending or "ended by both sides"

    def _cut(self, number: int, connection: Account) -> None:
        for (of, _), account in self._streams.items():
            if of == number and not account.ending:
                account.ending = f"cut: the connection was {connection.ending}"

    def _account(
        self, accounts: OrderedDict[Any, Account], key: object, frame: Frame, limit: int
    ) -> Account:
        account = accounts.get(key)
        if account is None:
            account = accounts[key] = Account(frame.since_start)
            if len(accounts) > limit:
                del accounts[next(iter(accounts))]
                self._older += 1
        return account

    def as_text(self) -> str:
        """Safe to print."""
        older = f"{self._older} older streams and connections are not listed\n"
        return "".join([
            "\nsummary\n",
            f"{MEANING}\n",
            older if self._older else "",
            *(a.as_text(f"connection {number}") for number, a in self._connections.items()),
            *(
                a.as_text(f"connection {of}, stream {number}")
                for (of, number), a in self._streams.items()
            ),
        ])  # fmt: skip

    def as_json(self) -> str:
        """One line: an object with the one member `summary`."""
        summary = {
            "connections": [
                {"connection": number, **account.as_object()}
                for number, account in self._connections.items()
            ],
            "streams": [
                {"connection": connection, "stream": number, **account.as_object()}
                for (connection, number), account in self._streams.items()
            ],
            "not_listed": self._older,
        }
        return json.dumps({"summary": summary}, separators=(",", ":")) + "\n"


def touched(frame: Frame) -> bool:
    """Whether a fault has to do with it."""
    return frame.kind is Kind.FAULT or frame.altered is not None


def from_whom(frame: Frame) -> str:
    """Whose frame it is, in a sentence."""
    invented = frame.altered is not None and frame.altered.how == How.INVENTED
    return "by a fault" if invented else f"from the {frame.sender}"


def how_ended(frame: Frame, *, reset: bool) -> str:
    """How a side has ended a connection; "by" the tap or a fault where it is known to be theirs."""
    how = "reset" if reset else "ended"
    why = frame.notes[0] if frame.notes else f"by the {frame.sender}"
    return f"{how} {why}" if why.startswith("by ") else why


def completes_message(frame: Frame) -> bool:
    """Whether a request or response of HTTP/1.1 is complete with it."""
    detail = frame.detail
    if isinstance(detail, records.Headers):
        return detail.bodiless
    return isinstance(detail, records.Body) and detail.complete


def status_of(frame: Frame) -> Status | None:
    """The status with which a frame ends its call."""
    if isinstance(frame.detail, records.Headers) and frame.detail.status:
        return frame.detail.status
    return next((message.status for message in frame.messages if message.status), None)
