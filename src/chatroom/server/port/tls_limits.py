"""What TLS may cost: for one connection, and for all handshakes of a port."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsLimits:
    """Each bound with its default. A time is exact to one tick of `check`."""

    handshake_seconds: float = 10.0
    """From the first `check` to the end of the handshake, however the bytes come."""
    handshakes: int = 1000
    """Under way at once, all addresses together. One that stops in the middle keeps 44 KiB of
    memory, and a whole one takes half a millisecond of CPU: so these are 44 MiB, or half a second
    of work, and more come at once only after an outage."""
    handshake_bytes: int = 64 * 1024
    """What a peer may send for its handshake: 1 to 2 KiB, and a client's certificates."""
    closing_seconds: float = 10.0
    """How long a peer may take to read what is left when the connection is closed by us."""
    read_bytes: int = 64 * 1024
    """What the protocol above is handed at once."""
    barren_bytes: int = 64 * 1024
    """Records without content that may come beyond those with it: KeyUpdates, of which
    OpenSSL takes any number, and padding. Alerts and empty records in a row it bounds itself
    (5 and 32). A record that comes in pieces counts until it is whole, 16.4 KiB at most."""
