"""An HTTP/2 connection seen from outside: raw frames in, records out (RFC 9113)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyperframe.exceptions import HyperframeError

from chatroom.chatwire.decode import names
from chatroom.chatwire.decode.compression import Block, Undecodable
from chatroom.chatwire.decode.directions import Direction
from chatroom.chatwire.decode.framing import FRAME_BYTES, HEADER_BYTES, RawFrame, Skipped
from chatroom.chatwire.decode.parsing import parsed, precedence_of
from chatroom.chatwire.decode.pings import Pings
from chatroom.chatwire.decode.records import (
    NOT_DECODED,
    Data,
    Field,
    Goaway,
    Headers,
    Kind,
    Ping,
    Precedence,
    Reset,
    Role,
    Settings,
    Undecoded,
    WindowUpdate,
)
from chatroom.chatwire.decode.rules import broken_rules
from chatroom.chatwire.decode.settings import named
from chatroom.chatwire.decode.streams import Stream, Streams
from chatroom.chatwire.passage import SIDES, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from chatroom.chatwire.decode.calls import Call
    from chatroom.chatwire.decode.messages import Message
    from chatroom.chatwire.decode.recording import Recording
    from chatroom.chatwire.decode.records import Detail
    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.passage import Faulted


@dataclass(slots=True)
class Draft:
    """A record in the making."""

    raw: RawFrame
    sender: Side
    detail: Detail | None = None
    messages: list[Message] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Http2:
    """Follows both directions of one connection."""

    def __init__(self, record: Recording, schema: Schema) -> None:
        self._record = record
        self._of = {Side.CLIENT: Direction(), Side.SERVER: Direction()}
        self._streams = Streams(schema)
        self._pings = Pings()
        self._take: dict[Kind, Callable[[Draft, Any], None]] = {
            Kind.DATA: self._data,
            Kind.HEADERS: self._headers,
            Kind.PRIORITY: self._priority,
            Kind.RST_STREAM: self._reset,
            Kind.SETTINGS: self._settings,
            Kind.PUSH_PROMISE: self._headers,
            Kind.PING: self._ping,
            Kind.GOAWAY: self._goaway,
            Kind.WINDOW_UPDATE: self._window_update,
            Kind.CONTINUATION: self._continuation,
        }

    def feed(self, sender: Side, content: bytes) -> None:
        """Bytes that a side sent."""
        direction = self._of[sender]
        if direction.splitter.synchronised:
            self._frames(sender, direction.splitter.feed(content))
            return
        direction.arrivals.add(len(content), self._record.now)
        self._found(sender, direction.splitter.feed(content))

    def lose(self, sender: Side, count: int | None) -> bool:
        """So many bytes that a side sent are missing here; None: it is not known how many.

        True if they are inside one frame whose header is known, so that nothing but its
        payload is lost.
        """
        direction = self._of[sender]
        self._found(sender, direction.splitter.lose(count))
        if direction.splitter.synchronised:
            return True
        direction.compression.forget()
        direction.block = None
        for side in Side:
            self._of[side].allowance.forget()
        self._streams.all_seen = False
        for stream in self._streams.known.values():
            stream.call.lose(sender)
        return False

    def fault(self, passed: Faulted) -> tuple[str, list[Message]]:
        """Something was done to a stream; the path of its call, and the messages it is about."""
        stream = self._streams.get(passed.stream or 0)
        if passed.unpassed:
            self._of[passed.sender].allowance.spend(passed.stream or 0, passed.unpassed)
        if stream is None:
            return "", []
        return stream.call.path, stream.call.read(passed.sender, passed.content)

    def end(self, sender: Side) -> int:
        """A side will send nothing more; how many of its bytes were left undecoded."""
        if owed := self._of[sender].splitter.owed:
            self._record(
                sender,
                Kind.BYTES,
                detail=Undecoded(count=0),
                notes=(f"it ends inside the frame before: {owed} bytes of it never came",),
            )
        found, left, begun = self._of[sender].splitter.end()
        self._found(sender, found)
        if left:
            whole = (
                f" of a {begun.kind} frame of {begun.length} bytes on stream {begun.stream}"
                if begun
                else ""
            )
            self._record(
                sender,
                Kind.BYTES,
                length=left,
                detail=Undecoded(count=left),
                notes=(f"it ends inside a frame: {left} bytes{whole}",),
            )
        return self._of[sender].splitter.undecoded

    def _found(self, sender: Side, found: list[RawFrame | Skipped]) -> None:
        """Frames and what is none, at the times at which they had come."""
        direction, now = self._of[sender], self._record.now
        for one in found:
            size = one.count if isinstance(one, Skipped) else HEADER_BYTES + one.length
            self._record.now = direction.arrivals.take(size, now)
            self._frames(sender, [one])
        self._record.now = now
        if direction.splitter.synchronised or direction.splitter.given_up:
            direction.arrivals.clear()

    def _frames(self, sender: Side, found: list[RawFrame | Skipped]) -> None:
        for one in found:
            if isinstance(one, Skipped):
                self._skipped(sender, one)
            else:
                self._frame(Draft(one, sender))

    def _skipped(self, sender: Side, skipped: Skipped) -> None:
        self._record(
            sender,
            Kind.BYTES,
            length=skipped.count,
            detail=Undecoded(count=skipped.count),
            notes=(self._of[sender].splitter.why(skipped),),
        )

    def _frame(self, draft: Draft) -> None:
        raw, direction = draft.raw, self._of[draft.sender]
        if wrong := broken_rules(raw, draft.sender, direction):
            draft.notes += wrong
        if raw.kind is Kind.UNKNOWN:
            draft.notes.append(f"frame type 0x{raw.type:02x}, to be ignored (RFC 9113, 5.5)")
        elif raw.payload is None:
            self._without_payload(draft)
        else:
            try:
                self._take[raw.kind](draft, parsed(raw))
            except HyperframeError as error:
                draft.notes.append(f"broken: {error}")
                self._lose_body(draft)
        self._finish(draft)

    def _finish(self, draft: Draft) -> None:
        """Record it, and half-close its stream where it says so."""
        raw, sender = draft.raw, draft.sender
        stream = self._streams.get(raw.stream)
        path = stream.call.path if stream else ""
        flags = raw.flags
        if stream and "END_STREAM" in flags:
            # With HEADERS in several frames too: what follows of them is CONTINUATION.
            stream.closed.add(sender)
            messages, wrong = stream.call.end(sender)
            draft.messages += messages
            if wrong:
                draft.notes.append(wrong)
        unfinished = self._of[sender].block
        pending = unfinished is not None and unfinished.stream == raw.stream
        if stream and (len(stream.closed) == SIDES or raw.kind is Kind.RST_STREAM) and not pending:
            self._forget(raw.stream)
        self._record(
            sender,
            raw.kind,
            stream=raw.stream,
            type=raw.type,
            length=raw.length,
            flags=flags,
            call=path,
            detail=draft.detail,
            messages=tuple(draft.messages),
            notes=tuple(draft.notes),
        )

    def _without_payload(self, draft: Draft) -> None:
        raw = draft.raw
        long = raw.length > FRAME_BYTES
        why = f"longer than {FRAME_BYTES >> 20} MiB" if long else "not all of it was seen"
        draft.notes.append(f"{NOT_DECODED}: {why}")
        if raw.kind is Kind.DATA:
            draft.notes += self._of[draft.sender].allowance.spend(raw.stream, raw.length)
        self._lose_body(draft)

    def _lose_body(self, draft: Draft) -> None:
        """What the payload would have said is lost to what depends on it."""
        raw, direction = draft.raw, self._of[draft.sender]
        stream = self._streams.get(raw.stream)
        if raw.kind is Kind.DATA and stream:
            stream.call.lose(draft.sender)
        elif raw.kind in (Kind.HEADERS, Kind.PUSH_PROMISE, Kind.CONTINUATION):
            direction.compression.forget()
            direction.block = None
        elif raw.kind is Kind.WINDOW_UPDATE and raw.payload is None:
            self._of[draft.sender.other].allowance.forget()

    def _open(self, number: int) -> Stream:
        stream = self._streams.open(number)
        if self._streams.get(number) is stream:
            for direction in self._of.values():
                direction.allowance.open(number)
            if (oldest := self._streams.surplus()) is not None:
                self._forget(oldest)
        return stream

    def _forget(self, number: int) -> None:
        self._streams.close(number)
        for direction in self._of.values():
            direction.allowance.close(number)

    def _data(self, draft: Draft, frame: Any) -> None:
        raw, allowance = draft.raw, self._of[draft.sender].allowance
        stream = self._streams.get(raw.stream)
        if stream is None and not self._streams.all_seen:
            stream = self._open(raw.stream)
        if (mark := self._record.mark) is not None and mark.unsent:
            allowance.grant(raw.stream, mark.unsent)
            allowance.grant(0, mark.unsent)
        draft.notes += allowance.spend(raw.stream, raw.length)
        draft.detail = Data(
            payload=frame.data,
            padding=frame.pad_length,
            window=allowance.window(raw.stream),
        )
        if stream is None:
            draft.notes.append("on a stream that is closed, or was never opened")
        elif draft.sender in stream.closed:
            draft.notes.append("after END_STREAM: STREAM_CLOSED (RFC 9113, 5.1)")
        else:
            draft.messages += stream.call.feed(draft.sender, frame.data)

    def _headers(self, draft: Draft, frame: Any) -> None:
        raw, direction = draft.raw, self._of[draft.sender]
        self._open(raw.stream)
        promised = frame.promised_stream_id if raw.kind is Kind.PUSH_PROMISE else None
        block = Block(raw.stream, bytearray(), "END_STREAM" in raw.flags, promised)
        block.add(frame.data)
        precedence = None
        if "PRIORITY" in raw.flags:
            precedence = precedence_of(frame)
        self._block(draft, direction, block, precedence)

    def _continuation(self, draft: Draft, frame: Any) -> None:
        direction = self._of[draft.sender]
        block = direction.block
        if block is None or block.stream != draft.raw.stream:
            draft.notes.append("continues no header block: PROTOCOL_ERROR (RFC 9113, 6.10)")
            direction.compression.forget()
            return
        block.add(frame.data)
        self._block(draft, direction, block, None)

    def _block(
        self, draft: Draft, direction: Direction, block: Block, precedence: Precedence | None
    ) -> None:
        """Decode the header block if this was its last frame."""
        detail = Headers(promised=block.promised, precedence=precedence)
        draft.detail = detail
        if "END_HEADERS" not in draft.raw.flags:
            direction.block = block
            return
        direction.block = None
        try:
            if block.too_long:
                raise direction.compression.fail(
                    "the header block is longer than is decoded here", bytes(block.content)
                )
            fields = direction.compression.decode(bytes(block.content))
        except Undecodable as error:
            draft.detail = Headers(
                promised=block.promised, precedence=precedence, block=error.block
            )
            if error.sentence:
                draft.notes.append(error.sentence)
            return
        draft.detail = self._decoded(draft, block, fields, precedence)

    def _decoded(
        self,
        draft: Draft,
        block: Block,
        fields: tuple[Field, ...],
        precedence: Precedence | None,
    ) -> Headers:
        if block.promised is not None:
            self._open(block.promised).call.headers(Side.CLIENT, fields, last=True)
            role, status = Role.PUSHED, None
        else:
            call = self._open(block.stream).call
            role, status = call.headers(draft.sender, fields, last=block.ends_stream)
        return Headers(
            role=role,
            fields=fields,
            status=status,
            precedence=precedence,
            promised=block.promised,
        )

    def _priority(self, draft: Draft, frame: Any) -> None:
        draft.detail = precedence_of(frame)

    def _reset(self, draft: Draft, frame: Any) -> None:
        draft.detail = Reset(code=frame.error_code, error=names.error_name(frame.error_code))

    def upgraded(self, call: Call, settings: bytes) -> None:
        """It was HTTP/1.1 before (RFC 7540, 3.2): that request is on stream 1 and complete.

        `settings` is the payload of HTTP2-Settings; the switch has acknowledged it.
        """
        stream = self._open(1)
        stream.call = call
        stream.closed.add(Side.CLIENT)
        self._of[Side.SERVER].announced(named(settings), Side.CLIENT)
        self._of[Side.SERVER].acknowledged()

    def _settings(self, draft: Draft, _frame: Any) -> None:
        sender = draft.sender
        if "ACK" in draft.raw.flags:
            draft.detail = Settings(values=(), acknowledges=True)
            self._of[sender].acknowledged()
        else:
            values = named(draft.raw.payload or b"")
            draft.detail = Settings(values=values, acknowledges=False)
            # What a side announces governs what the other sends.
            draft.notes += self._of[sender.other].announced(values, sender)

    def _ping(self, draft: Draft, frame: Any) -> None:
        acknowledges = "ACK" in draft.raw.flags
        now = self._record.now
        round_trip = None
        if acknowledges:
            round_trip = self._pings.answered(draft.sender, frame.opaque_data, now)
        else:
            self._pings.sent(draft.sender, frame.opaque_data, now)
        draft.detail = Ping(
            opaque=frame.opaque_data, acknowledges=acknowledges, round_trip=round_trip
        )

    def _goaway(self, draft: Draft, frame: Any) -> None:
        draft.detail = Goaway(
            last_stream=frame.last_stream_id & 0x7FFFFFFF,
            code=frame.error_code,
            error=names.error_name(frame.error_code),
            debug=frame.additional_data,
        )

    def _window_update(self, draft: Draft, frame: Any) -> None:
        allowance = self._of[draft.sender.other].allowance
        draft.notes += allowance.grant(draft.raw.stream, frame.window_increment)
        draft.detail = WindowUpdate(
            stream=draft.raw.stream,
            increment=frame.window_increment,
            window=allowance.window(draft.raw.stream),
        )
