"""What is known of one direction of an HTTP/2 connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatroom.chatwire.decode.arrivals import Arrivals
from chatroom.chatwire.decode.compression import Block, Compression
from chatroom.chatwire.decode.flow import Allowance
from chatroom.chatwire.decode.framing import Splitter

FRAME_LIMIT = 16384
"""SETTINGS_MAX_FRAME_SIZE until something else is announced."""


@dataclass(slots=True)
class Direction:
    """What one side sends."""

    splitter: Splitter = field(default_factory=Splitter)
    arrivals: Arrivals = field(default_factory=Arrivals)
    """Of what the splitter has not found a frame in yet."""
    compression: Compression = field(default_factory=Compression)
    allowance: Allowance = field(default_factory=Allowance)
    block: Block | None = None
    limits: list[int] = field(default_factory=lambda: [FRAME_LIMIT])
    """Frame sizes the other side accepts: in force, then those not yet acknowledged."""
