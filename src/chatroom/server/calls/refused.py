"""What the log has of a refusal, for debugging: a client's mistake is nothing for an operator."""

from __future__ import annotations

import logging

from chatroom.core.refusals import Refusal
from chatroom.server.port.log_names import LogName

from .statuses import code_of

log = logging.getLogger(__name__)


def log_refused(name: LogName, refusal: Refusal) -> None:
    """By its reason alone: its sentence may have somebody's name."""
    if log.isEnabledFor(logging.DEBUG):
        known = name.known(code=code_of(refusal).name, reason=refusal.reason)
        log.debug("%s was refused: %s", name, refusal.reason, extra=known)
