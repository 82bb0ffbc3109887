"""A node that others took for dead."""

from __future__ import annotations

from .refusals import Refusal


class NodeFenced(Refusal):
    """The server was cut off for so long that others have taken its members over."""

    reason = "NODE_FENCED"
    said_again = True
    retry_after = 1.0

    def __init__(self) -> None:
        super().__init__("this server was cut off; connect again, and another one goes on with you")
