"""Lines of the log that an operator should read, counted: what has no figure of its own."""

from __future__ import annotations

import logging

LEVELS = {"warning": logging.WARNING, "error": logging.ERROR}
"""What is told beyond the ordinary; above `error` there is nothing."""
LOGGER = "chatroom"
"""Above all of ours."""


class Complaints(logging.Handler):
    """Counts as long as it hears. What `--log-level` leaves out is not counted either."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines = dict.fromkeys(LEVELS, 0)

    def hear(self) -> None:
        """Count from here on."""
        logging.getLogger(LOGGER).addHandler(self)

    def leave(self) -> None:
        """Count no more."""
        logging.getLogger(LOGGER).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line, by the highest level that it reaches."""
        self.lines["error" if record.levelno >= logging.ERROR else "warning"] += 1
