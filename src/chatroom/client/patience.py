"""How long this library waits for what: every timer by name, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The defaults are right for people and bots; tests of silence want less."""

    call: float = 15.0
    """For the answer to a call (not a stream); then the server counts as unavailable.
    Longer than the 10 s that a plaintext server may take to give up a TLS handshake."""
    admission: float = 5.0
    """A server with events speaks first; one that is silent for so long has none."""
    leave: float = 30.0
    """The longest that leaving a room's block waits to hear that all is stored."""
    hasty_leave: float = 1.0
    """The same when an exception leaves the block."""
    plain_leave: float = 1.0
    """A server without events knows no `leave` and confirms nothing: so long after the
    last message it has surely read it, and the call is cancelled."""
    silence: float = 45.0
    """The contract promises a heartbeat after 25 s without a message. Once one has come,
    silence for so long means that the connection is lost."""
