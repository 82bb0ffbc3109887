"""What faults there are, each with what it needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from chatroom.wire.http2.frames import ErrorCode, Setting


@dataclass(frozen=True, slots=True)
class Delay:
    """Pass on later: messages, or all bytes of a direction."""

    seconds: float
    jitter: float = 0.0
    """Seconds; what is drawn lies between `seconds` - `jitter` and `seconds` + `jitter`."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep messages until their key is released."""

    key: str
    at_most: float | None = None
    """Seconds after which they go without it."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Pass on no more bytes than this in a second."""

    bytes_a_second: int


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection: by a reset, or in order."""

    reset: bool


@dataclass(frozen=True, slots=True)
class StopReading:
    """Read nothing of a side, so that its system's buffers and then its windows fill."""

    seconds: float | None = None
    """None: to the end of the connection."""


@dataclass(frozen=True, slots=True)
class Withhold:
    """Keep WINDOW_UPDATE."""

    seconds: float | None = None
    """None: to the end of the connection."""


@dataclass(frozen=True, slots=True)
class RstStream:
    """RST_STREAM with this error."""

    code: ErrorCode


@dataclass(frozen=True, slots=True)
class Goaway:
    """GOAWAY with this error, last stream and debug data."""

    code: ErrorCode
    last: int
    debug: bytes = b""


@dataclass(frozen=True, slots=True)
class Ping:
    """PING with these eight bytes; the tap keeps the answer to itself."""

    opaque: bytes


@dataclass(frozen=True, slots=True)
class SettingsOf:
    """SETTINGS with these values; the tap keeps the acknowledgement to itself."""

    values: tuple[tuple[Setting, int], ...]


@dataclass(frozen=True, slots=True)
class Inject:
    """Send a frame in the name of the other side."""

    frame: RstStream | Goaway | Ping | SettingsOf


@dataclass(frozen=True, slots=True)
class Drop:
    """Do not pass a message on."""


@dataclass(frozen=True, slots=True)
class Double:
    """Pass a message on several times."""

    times: int = 2


@dataclass(frozen=True, slots=True)
class Reorder:
    """Pass a message on behind the ones that follow it on its stream."""

    behind: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a call with a status; the server never sees it."""

    code: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Trailers:
    """Change what ends a call. What is not named stays."""

    missing: bool = False
    """The stream ends, and there are none at all."""
    code: int | None = None
    message: str = ""
    without: tuple[str, ...] = ()
    """Names of fields that are left out."""
    fields: tuple[tuple[str, str], ...] = ()
    """Fields that are put in the place of those of the same name, or added."""


@dataclass(frozen=True, slots=True)
class Vanish:
    """Be silent: nothing passes any more, no FIN and no reset either."""


Fault = (
    Delay
    | Hold
    | Throttle
    | Cut
    | StopReading
    | Withhold
    | Inject
    | Drop
    | Double
    | Reorder
    | Answer
    | Trailers
    | Vanish
)

ON_BYTES = (Throttle, Cut, StopReading, Vanish)
"""What needs no HTTP/2, as long as its rule speaks of no call. So does a delay of a direction."""
