"""When a connection has waited long enough: for a preface, a frame, an answer. No clock."""

from __future__ import annotations

from .frames import ConnectionFault, ErrorCode
from .limits import Http2Limits


class Timing:
    """The times of one connection, in seconds of whatever clock its owner has."""

    __slots__ = (
        "_answer_since", "_began", "_header_since", "_held_since", "_limits", "_partial_since",
        "_pinged", "_settings_since", "_silence", "heard_at", "leaving_since", "settled",
        "within",
    )  # fmt: skip

    def __init__(self, limits: Http2Limits, now: float, spread: float) -> None:
        """`spread`, 0 to 1: how much of a quarter of the silence it pings sooner."""
        self._limits = limits
        self._began = now
        self._silence = limits.ping_silence * (1.0 - spread / 4.0)
        self._settings_since: float | None = None
        self._header_since: float | None = None
        self._partial_since: float | None = None
        self._pinged = False
        self._answer_since: float | None = None
        self._held_since: float | None = None
        self.heard_at = now
        """When the last byte came."""
        self.within = False
        """Something has begun to come and is not whole yet."""
        self.settled = False
        """Whether the peer has acknowledged our SETTINGS."""
        self.leaving_since: float | None = None
        """When the first of the two GOAWAYs was said."""

    def heard(self, now: float) -> None:
        """Bytes have come; any of them answer a PING."""
        self.heard_at = now
        self._pinged = False
        self._answer_since = None

    def opened(self) -> None:
        """The preface and the first SETTINGS are there; ours are to be acknowledged."""
        self._settings_since = self.heard_at

    def incomplete(self, now: float, *, header: bool, partial: bool) -> None:
        """Note what has begun to come and is not whole yet."""
        self.within = header or partial
        if not header:
            self._header_since = None
        elif self._header_since is None:
            self._header_since = now
        if not partial:
            self._partial_since = None
        elif self._partial_since is None:
            self._partial_since = now

    def frame_taken(self) -> None:
        """A whole frame was taken: what is incomplete after it is another one."""
        self._partial_since = None

    def block_taken(self) -> None:
        """A whole header block was taken: what is incomplete after it is another one."""
        self._header_since = None

    def hold(self, now: float) -> None:
        """The peer is not read any more: until `go_on` it is late with nothing."""
        if self._held_since is None:
            self._held_since = now

    def go_on(self, now: float) -> None:
        """The peer is read again; its times go on where they stood."""
        if self._held_since is None:
            return
        held, self._held_since = now - self._held_since, None
        self._began += held
        self.heard_at += held
        if self._settings_since is not None:
            self._settings_since += held
        if self._header_since is not None:
            self._header_since += held
        if self._partial_since is not None:
            self._partial_since += held
        if self._answer_since is not None:
            self._answer_since += held

    def ping_due(self, now: float, *, unsent: bool) -> bool:
        """Whether a PING is to be sent now.

        `unsent`: bytes of ours wait for the kernel. Raises ConnectionFault when the peer has
        taken too long for something.
        """
        if self._held_since is not None:
            return False
        limits = self._limits
        if self._settings_since is None:
            if now - self._began >= limits.preface_seconds:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the preface did not come in time")
            return False
        if not self.settled and now - self._settings_since >= limits.settings_seconds:
            raise ConnectionFault(ErrorCode.SETTINGS_TIMEOUT, "SETTINGS were not acknowledged")
        if self._header_since is not None and now - self._header_since >= limits.header_seconds:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, "a header block did not come in time"
            )
        if self._partial_since is not None and now - self._partial_since >= limits.frame_seconds:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "a frame did not come in time")
        if not self._pinged:
            if now - self.heard_at < self._silence:
                return False
            self._pinged = True
            self._answer_since = None if unsent else now
            return True
        if self._answer_since is None:
            if not unsent:
                self._answer_since = now
        elif now - self._answer_since >= limits.ping_answer * (2.0 if unsent else 1.0):
            raise ConnectionFault(ErrorCode.NO_ERROR, "the peer does not answer")
        return False
