"""Why members leave."""

from __future__ import annotations

import enum


class LeaveReason(enum.IntEnum):
    """Why a member left; the numbers are those of `rpc.LeaveReason`."""

    QUIT = 1
    LOST = 2
    REMOVED = 3
    TOO_SLOW = 4
