"""How long this library waits for what: every timer by name, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The defaults are right for people and bots; tests of silence want less."""

    call: float = 15.0
    """For the answer to a call (not a stream), its retries included, and to a join that
    resumes; then the server counts as unavailable. Longer than the 10 s that a plaintext
    server may take to give up a TLS handshake."""
    start: float = 1.0
    """A stream is on the wire as soon as its connection is ready. One that is not after so
    long waits behind others, and begins on another connection instead."""
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
    """The contract promises a heartbeat after 25 s without a message, and an answer to
    each. Once one has come, or been sent, silence for so long means that the connection
    is lost."""
    heartbeat: float = 20.0
    """A member that has sent nothing for so long sends a heartbeat, so that both sides
    notice a dead path. Not below 10 (more often is not answered) nor near 60 (after so
    long without any the server ends the stream)."""
    recovery: float | None = 600.0
    """The longest that a lost connection is tried to be got back, from its loss; None:
    for ever, 0: not at all. The default is how long a server keeps a session."""
    backoff: float = 0.25
    """The first retry comes after a random time below this; the bound then doubles."""
    backoff_limit: float = 10.0
    """The bound does not grow above this: less than the 15 s for which a member keeps its
    place, so that a server that is back is found in time."""
    name: float = 30.0
    """How long a name tag that is in use is asked for again: after a lost connection, and when
    a room is entered with `when_taken`. A server keeps the place of a member whose process was
    killed, or whose session it has forgotten, for 15 s."""
