"""Requests as they come: header blocks, bodies, trailers (RFC 9113, 8.1)."""

from __future__ import annotations

from . import frames
from .events import DataReceived, HeadersTooLong, RequestReceived, TrailersReceived
from .frames import (
    END_HEADERS,
    END_STREAM,
    LARGEST_STREAM_ID,
    PADDED,
    PRIORITY,
    ConnectionFault,
    ErrorCode,
    Kind,
    StreamFault,
    unpadded,
)
from .headers import BlockDecoder, HeaderListTooLong, Malformed, check_request, check_trailers
from .state import ConnectionState, End
from .streams import State, Stream


class Block:
    """A header block whose end has not come."""

    __slots__ = ("continuations", "flags", "parts", "size", "stream_id")

    def __init__(self, stream_id: int, flags: int, first: bytes) -> None:
        self.stream_id = stream_id
        self.flags = flags
        self.parts = [first]
        self.size = len(first)
        self.continuations = 0


class Requests(ConnectionState):
    """The frames of which requests consist."""

    _decoder: BlockDecoder
    _block: Block | None

    def _data(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        size = len(payload)
        increment = self._receive.pass_on(size)
        if increment:
            if increment < 0:
                raise ConnectionFault(
                    ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is overrun"
                )
            self.output.queue(frames.window_update(0, increment))
        if flags & PADDED:  # wrong padding ends the connection, whatever the stream's state (6.1)
            payload = unpadded(flags, payload)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._on_closed(Kind.DATA, stream_id, now, end=bool(flags & END_STREAM))
            return
        if stream.state is not State.OPEN:
            raise StreamFault(stream_id, ErrorCode.STREAM_CLOSED, "DATA after the request's end")
        if not stream.receive.take(size):
            raise StreamFault(
                stream_id, ErrorCode.FLOW_CONTROL_ERROR, "the stream's window is overrun"
            )
        if size > len(payload):
            stream.acknowledge(size - len(payload))
        end = bool(flags & END_STREAM)
        if stream.counted and not stream.count(len(payload), end=end):
            raise StreamFault(
                stream_id, ErrorCode.PROTOCOL_ERROR, "the body is unlike its content-length"
            )
        if end:
            stream.request_over()
        elif not payload:
            self._buckets.take("empty_data", now)
            return
        self._events.append(DataReceived(stream, payload, end))

    def _headers(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if not stream_id & 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a request has an even stream id")
        payload = unpadded(flags, payload)
        if flags & PRIORITY:
            if len(payload) < 5:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS lacks its priority")
            depends_on = int.from_bytes(payload[:4], "big") & LARGEST_STREAM_ID
            if depends_on == stream_id:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")
            payload = payload[5:]
        self._block = Block(stream_id, flags, payload)
        if flags & END_HEADERS:
            self._block_over(now)

    def _continuation(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        block = self._block
        if block is None or block.stream_id != stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of no header block")
        block.continuations += 1
        block.size += len(payload)
        if block.continuations > self.limits.continuations or block.size > self.limits.header_block:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "a header block is too long")
        block.parts.append(payload)
        if flags & END_HEADERS:
            self._block_over(now)

    def _block_over(self, now: float) -> None:
        block, self._block = self._block, None
        assert block is not None
        self.timing.block_taken()
        if block.size > self.limits.header_block:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "a header block is too long")
        too_long = ""
        headers: list[tuple[bytes, bytes]] = []
        try:
            headers = self._decoder.decode(b"".join(block.parts))
        except HeaderListTooLong as error:
            # Its sentence alone: an error kept here would keep, by its traceback, this frame and
            # all that was read with the block until the collector comes.
            too_long = str(error)
        stream_id = block.stream_id
        end = bool(block.flags & END_STREAM)
        stream = self.streams.get(stream_id)
        if stream is not None:
            self._trailers(stream, headers, end, too_long)
            return
        if stream_id <= self._highest:
            self._on_closed(Kind.HEADERS, stream_id, now, end=end)
            return
        self._highest = stream_id
        if stream_id > self._last_served:
            self._buckets.take("idle_frames", now)
            return
        # A call may be over while its response waits for window: both are bounded.
        over = len(self.streams) >= self.limits.streams
        if over or self.working >= self.limits.streams:
            if self.timing.settled:  # only who has that many streams open is at fault
                self._buckets.take("faults" if over else "resets", now)
            self._remember(stream_id, End.RESET_BY_US)
            self.output.queue(frames.rst_stream(stream_id, ErrorCode.REFUSED_STREAM))
            return
        try:
            body = None if too_long else check_request(headers)
        except Malformed as error:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, str(error)) from None
        if end and body:
            raise StreamFault(
                stream_id, ErrorCode.PROTOCOL_ERROR, "the body is unlike its content-length"
            )
        stream = Stream(stream_id, self.output, self._window_acknowledged, body)
        self.streams[stream_id] = stream
        self.working += 1
        if end:
            stream.request_over()
        if too_long:
            self._events.append(HeadersTooLong(stream, too_long))
        else:
            self._events.append(RequestReceived(stream, headers, end))

    def _trailers(
        self,
        stream: Stream,
        headers: list[tuple[bytes, bytes]],
        end: bool,
        too_long: str,
    ) -> None:
        if stream.state is not State.OPEN:
            raise StreamFault(
                stream.stream_id, ErrorCode.STREAM_CLOSED, "HEADERS after the request's end"
            )
        try:
            check_trailers(headers, end=end)
        except Malformed as error:
            raise StreamFault(stream.stream_id, ErrorCode.PROTOCOL_ERROR, str(error)) from None
        if too_long:
            raise StreamFault(stream.stream_id, ErrorCode.ENHANCE_YOUR_CALM, too_long)
        if not stream.count(0, end=True):
            raise StreamFault(
                stream.stream_id, ErrorCode.PROTOCOL_ERROR, "the body is unlike its content-length"
            )
        stream.request_over()
        self._events.append(TrailersReceived(stream, headers))

    def _on_closed(self, kind: Kind, stream_id: int, now: float, *, end: bool) -> None:
        """A frame of a stream that is over, or never was; its window was given back."""
        self._check_not_idle(stream_id, kind.name)
        if end:
            self.output.early.pop(stream_id, None)
        how = self._closed.get(stream_id)
        if how is End.RESET_BY_US or stream_id > self._last_served:
            self._buckets.take("idle_frames", now)
            return
        if kind is Kind.HEADERS and (how is not None or stream_id > self._forgotten):
            code = ErrorCode.PROTOCOL_ERROR if how is None else ErrorCode.STREAM_CLOSED
            raise ConnectionFault(code, "HEADERS of a stream that is over")
        raise StreamFault(
            stream_id, ErrorCode.STREAM_CLOSED, f"{kind.name} of a stream that is over"
        )
