"""What one HTTP/2 connection may cost: bounds and times, and a bucket for each flood."""

from __future__ import annotations

from dataclasses import dataclass

from .frames import ConnectionFault, ErrorCode

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second from then on.

    What was used is only filled up again when nothing is left, so that after a pause up to
    twice the burst may come at once: counting a frame costs no look at the clock.
    """

    burst: int
    per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Http2Limits:
    """The bounds of one connection. Times are in seconds."""

    # What is announced
    streams: int = 128 + 32
    """Calls at work at once (MAX_CONCURRENT_STREAMS); cancelled ones count until their work
    has ended. 128 are for streams that last (`core.Limits.connection_streams`); the rest is
    for calls that are answered at once, which so never wait behind those."""
    stream_window: int = 16 * KIB
    """What a stream may send that was not read: not reading is felt so soon. A message of
    64 KiB comes all the same: bytes of an unfinished one are given back."""
    connection_window: int = 4 * MIB
    """At least `streams` times the window that a stream has before our SETTINGS are
    acknowledged would be 10 MiB; it is given back as it comes, so the streams' windows bound
    what is kept, and this one never holds anybody up."""
    header_list: int = 16 * KIB
    """As RFC 9113, 6.5.2 counts; a longer list is answered with 431."""
    header_list_end: int = 64 * KIB
    """A list that would be longer ends the connection (CVE-2016-6581: a small block that
    decodes to a huge list)."""
    header_block: int = 32 * KIB
    """Bytes of one compressed block, over all its frames."""
    header_fields: int = 64
    continuations: int = 8
    """CONTINUATION frames of one block, empty ones too (CVE-2024-27316)."""

    # What is kept
    round_bytes: int = 16 * KIB
    """What one stream sends before the next one has its turn, and what is joined for one
    write."""
    write_buffer: int = 32 * KIB
    """What waits for the kernel before streams wait. With what is joined for the next write a
    stalled reader holds at most 64 KiB."""
    read_hold: int = 64 * KIB
    """Answers that wait to be written before the socket is not read any more (CVE-2019-9512,
    -9515: floods whose answers nobody takes)."""
    answers: int = 2 * MIB
    """Large answers that are made, or may be, before the next call that wants one is begun: each
    is one message and waits whole for its window (CVE-2019-9517, as far as it is of messages)."""
    closed_streams: int = 256
    """Closed ids whose end is remembered."""
    least_data: int = 1 * KIB
    """A stream whose window is below this and below what it has to send waits
    (CVE-2019-9511: data in dribbles)."""

    # Times
    preface_seconds: float = 10.0
    """From the first byte to the end of the preface and the first SETTINGS, TLS included."""
    settings_seconds: float = 10.0
    """Until ours are acknowledged (6.5.3)."""
    header_seconds: float = 10.0
    """From the first byte of a header block to its last."""
    frame_seconds: float = 60.0
    """From the first byte of any other frame to its last."""
    ping_silence: float = 8.5
    """Nothing has come for so long: PING. Up to a quarter sooner, so that not all are sent
    at once. With the answer's time, and two ticks of half a second, it makes the 15 s in which a
    peer is noticed that has vanished without a word: once a PING is on its way, the kernel's
    keepalive does not look any more."""
    ping_answer: float = 5.0
    """And nothing for so long after the kernel had it: the peer is gone. Twice as long while
    bytes of ours are unsent."""
    stall_seconds: float = 10.0
    """A stream whose window stays closed, although it has something to send, is reset."""
    early_seconds: float = 1.0
    """From a response that ends before its request to the RST_STREAM with NO_ERROR that asks for
    no more of it, unless the peer ends it sooner. Meanwhile at most `stream_window` comes."""
    write_seconds: float = 11.0
    """A connection that takes no byte for so long, although there are some, is closed: one
    second later, so that a stalled stream ends alone."""
    goaway_seconds: float = 1.0
    """Between the two GOAWAYs, if the PING between them is not answered sooner (6.8)."""

    # Floods: what is above ends the connection with ENHANCE_YOUR_CALM
    resets: Rate = Rate(1000, 200.0)
    """Streams that the peer cancels (CVE-2023-44487, rapid reset). Cancelled calls keep their
    place until their work has ended, so this only bounds what beginning and ending cost;
    a proxy may cancel all its streams at once, again and again."""
    faults: Rate = Rate(200, 20.0)
    """Streams that we reset for what the peer does (CVE-2025-8671, made-you-reset;
    CVE-2019-9514)."""
    settings: Rate = Rate(50, 5.0)
    """SETTINGS frames (CVE-2019-9515)."""
    pings: Rate = Rate(5000, 2000.0)
    """PING frames (CVE-2019-9512). Clients that estimate bandwidth send one each round trip."""
    empty_data: Rate = Rate(100, 20.0)
    """DATA frames without a byte that do not end their stream (CVE-2019-9518)."""
    small_updates: Rate = Rate(20_000, 10_000.0)
    """WINDOW_UPDATEs below `least_data` (CVE-2019-9511). A client may give back each small
    message by itself."""
    idle_frames: Rate = Rate(1000, 200.0)
    """PRIORITY (CVE-2019-9513), and frames that are of no stream or of no known kind."""


class Bucket:
    """Counts one kind of frame against its rate."""

    __slots__ = ("_at", "_left", "_rate", "what")

    def __init__(self, rate: Rate, what: str, now: float) -> None:
        """`what` names it in the reason of the connection's end."""
        self._rate = rate
        self._left = float(rate.burst)
        self._at = now
        self.what = what

    def take(self, now: float) -> None:
        """Count one, at `now` in seconds; raises ConnectionFault above the rate."""
        left = self._left - 1.0
        if left < 0.0:
            rate = self._rate
            left = min(rate.burst, self._left + (now - self._at) * rate.per_second) - 1.0
            self._at = now
            if left < 0.0:
                raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, f"too many {self.what}")
        self._left = left


class Buckets:
    """The buckets of one connection; each is made when it is first needed."""

    __slots__ = ("_limits", "_made")

    def __init__(self, limits: Http2Limits) -> None:
        self._limits = limits
        self._made: dict[str, Bucket] = {}

    def take(self, kind: str, now: float) -> None:
        """Count one frame of a kind, named as its rate in `Http2Limits`.

        Raises ConnectionFault above the rate.
        """
        bucket = self._made.get(kind)
        if bucket is None:
            rate: Rate = getattr(self._limits, kind)
            bucket = self._made[kind] = Bucket(rate, kind.replace("_", " "), now)
        bucket.take(now)
