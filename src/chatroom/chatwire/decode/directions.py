"""What is known of one direction of an HTTP/2 connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatroom.chatwire.decode.arrivals import Arrivals
from chatroom.chatwire.decode.compression import UNACKNOWLEDGED, Block, Compression
from chatroom.chatwire.decode.flow import Allowance
from chatroom.chatwire.decode.framing import Splitter
from chatroom.chatwire.decode.settings import what_is_wrong

if TYPE_CHECKING:
    from chatroom.chatwire.passage import Side

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

    def announced(self, values: tuple[tuple[str, int], ...], receiver: Side) -> list[str]:
        """The receiver has sent SETTINGS; what is wrong with them."""
        wrong = {name: what_is_wrong(name, value, receiver) for name, value in values}
        said = {name: value for name, value in values if not wrong[name]}
        self.compression.allow(said.get("HEADER_TABLE_SIZE"))
        self.allowance.announce(said.get("INITIAL_WINDOW_SIZE"))
        self.limits.append(said.get("MAX_FRAME_SIZE", self.limits[-1]))
        del self.limits[1:-UNACKNOWLEDGED]
        self.splitter.frame_limit = max(self.limits)
        return [sentence for sentence in wrong.values() if sentence]

    def acknowledged(self) -> None:
        """The sender has acknowledged one SETTINGS of the receiver."""
        self.compression.acknowledged()
        self.allowance.acknowledged()
        if len(self.limits) > 1:
            del self.limits[0]
        self.splitter.frame_limit = max(self.limits)
