"""What an HTTP/1.1 connection may take: times in seconds, sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Http1Limits:
    """Each bound with its default. A time is exact to one tick of `check`."""

    head_seconds: float = 10.0
    """From the first byte of a request, or of a new connection, to the end of its head."""
    body_idle_seconds: float = 10.0
    """How long an application may wait for the next byte of a body. Not for `streaming`
    paths, whose requests last as long as they like."""
    body_seconds: float = 60.0
    """How long all of a body may take, likewise: a byte now and then does not buy more time."""
    keep_alive_seconds: float = 60.0
    """How long a connection may be idle after a response."""
    write_seconds: float = 10.0
    """How long a peer may take nothing of what waits for it."""
    half_close_seconds: float = 5.0
    """How long a response may still take when the peer has ended its side (FIN).

    A peer that has half-closed and one that has closed look alike until something is
    written. Streams do not wait: they end at once (`Endless.responses`).
    """
    linger_seconds: float = 2.0
    """How long a connection is read after a response that was sent before its request had
    ended: closed at once, TCP resets it and the response may be lost (RFC 9112, 9.6)."""
    head_bytes: int = 32 * 1024
    """Request line and fields, to within one `piece_bytes`."""
    head_fields: int = 64
    """Fields of a head; as many again in the trailers of a chunked body."""
    body_bytes: int = 128 * 1024
    """A body, except on `streaming` paths. A longer one is refused before it is kept."""
    unread_body_bytes: int = 16 * 1024
    """What of a body waits for its application, to within one `piece_bytes`; then the
    connection is not read."""
    chunk_overhead_bytes: int = 16 * 1024
    """What chunk sizes, extensions and trailers may take beside eight times the body
    (CVE-2024-22019: extensions without end)."""
    piece_bytes: int = 4 * 1024
    """What is parsed at a time. It bounds the pipelined requests that are taken apart while
    a response is in progress; everything behind them waits as bytes, and at most
    one read of the transport (256 KiB) of those."""
    write_bytes: int = 32 * 1024
    """Of a response: above this the application waits, and what it writes is cut into such
    pieces. So a reader that stalls holds at most twice as much."""
