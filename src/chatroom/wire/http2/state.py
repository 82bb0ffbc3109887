"""What a connection knows, and how its streams and itself end (RFC 9113, 5.4)."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable

from . import frames
from .events import ConnectionEnded, Event, StreamReset
from .frames import (
    DEFAULT_WINDOW,
    LARGEST_STREAM_ID,
    ConnectionFault,
    ErrorCode,
    Setting,
    StreamFault,
)
from .limits import Buckets, Http2Limits
from .output import Output, SharedFrames
from .streams import Stream
from .timing import Timing
from .windows import ReceiveWindow


class Phase(enum.Enum):
    """The life of a connection."""

    PREFACE = "the client's preface is still to come"
    SETTINGS = "its first SETTINGS are still to come"
    OPEN = "open"
    LEAVING = "GOAWAY was said; what is open goes on"
    ENDED = "over: nothing is read any more"


class End(enum.Enum):
    """How a stream ended that is remembered."""

    RESET_BY_US = 1
    OTHERWISE = 2


class ConnectionState:
    """What the frames of a connection act on."""

    def __init__(
        self,
        limits: Http2Limits,
        shared: SharedFrames,
        on_output: Callable[[], object],
        now: float,
        *,
        spread: float = 0.0,
    ) -> None:
        """Times are in seconds; `spread`, 0 to 1, is how much sooner than others it pings."""
        self.limits = limits
        self.output: Output[Stream] = Output(
            on_output,
            self._stream_closed,
            shared,
            round_bytes=limits.round_bytes,
            least_data=limits.least_data,
            most_early=limits.streams,
        )
        self.streams: dict[int, Stream] = {}
        """Those that can still send or receive."""
        self.phase = Phase.PREFACE
        self.working = 0
        """Calls at work, also those whose stream is over."""
        self.timing = Timing(limits, now, spread)
        self._buckets = Buckets(limits)
        self._receive = ReceiveWindow(limits.connection_window)
        self._window_acknowledged = DEFAULT_WINDOW
        self._rest = b""
        """Bytes of a frame that has not come whole."""
        self._highest = 0
        self._last_served = LARGEST_STREAM_ID
        """Requests above it are neither answered nor kept: GOAWAY has said so."""
        self._closed: OrderedDict[int, End] = OrderedDict()
        self._forgotten = 0
        """The highest id that fell out of `_closed`: how one up to it has ended nobody knows."""
        self._events: list[Event] = []
        self._leave_when_open = False
        """GOAWAY is to be said as soon as the peer has begun."""
        self._shut_since: float | None = None
        """Since when the connection's window holds up who has something to send."""
        output = self.output
        output.queue(
            frames.settings(
                (Setting.MAX_CONCURRENT_STREAMS, limits.streams),
                (Setting.INITIAL_WINDOW_SIZE, limits.stream_window),
                (Setting.MAX_HEADER_LIST_SIZE, limits.header_list),
            )
        )
        output.queue(frames.window_update(0, limits.connection_window - DEFAULT_WINDOW))

    @property
    def over(self) -> bool:
        """Whether nothing is read any more."""
        return self.phase is Phase.ENDED

    # ---- How things end --------------------------------------------------------------

    def _stream_closed(self, stream: Stream, reset: bool) -> None:
        self.streams.pop(stream.stream_id, None)
        self._remember(stream.stream_id, End.RESET_BY_US if reset else End.OTHERWISE)

    def _remember(self, stream_id: int, how: End) -> None:
        closed = self._closed
        closed[stream_id] = how
        if len(closed) > self.limits.closed_streams:
            self._forgotten = max(self._forgotten, closed.popitem(last=False)[0])

    def _reset(self, fault: StreamFault, now: float) -> None:
        """Reset a stream for what the peer did; raises ConnectionFault if that is a flood."""
        self._buckets.take("faults", now)
        self.output.queue(frames.rst_stream(fault.stream_id, fault.code))
        stream = self.streams.get(fault.stream_id)
        if stream is None:
            self._highest = max(self._highest, fault.stream_id)
            self._remember(fault.stream_id, End.RESET_BY_US)
            return
        stream.close(reset=True)
        self._events.append(StreamReset(stream, fault.code, fault.reason, by_peer=False))

    def _fail(self, fault: ConnectionFault) -> None:
        """Say GOAWAY with the reason; nothing is read from here on."""
        self.phase = Phase.ENDED
        self._rest = b""
        last = min(self._highest, self._last_served)
        self.output.queue(frames.goaway(last, fault.code, fault.reason.encode()))
        self._events.append(ConnectionEnded(fault.code, fault.reason, by_peer=False))

    def _check_not_idle(self, stream_id: int, what: str) -> None:
        if not stream_id or stream_id > self._highest or not stream_id & 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"{what} of an idle stream")
