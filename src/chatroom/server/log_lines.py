"""What the log looks like, on standard error: lines for people, or JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import click

LogForm = Literal["text", "json"]

FIELDS = ("peer", "stream", "room", "code", "reason")
"""What is known of where and why, if it is: `port.log_names` makes it, as `extra` of a line.

`code`: the name of a status of gRPC, or of an error of HTTP/2. `reason`: as in ErrorInfo, or
of `port.notices`.
"""
CHATTY = ("asyncio", "hpack")
"""They tell of each turn of the loop, and of each header field with what is in it."""


@dataclass(slots=True, frozen=True)
class LogStyle:
    """What is logged, and how."""

    level: int = logging.INFO
    """At least; one of `logging`."""
    form: LogForm = "text"

    def begin(self, worker: int = 0) -> None:
        """Log so from here on, and say of which worker it is."""
        log = logging.StreamHandler(sys.stderr)
        log.setFormatter(JsonLines(worker) if self.form == "json" else _text_lines(worker))
        logging.basicConfig(handlers=[log], level=self.level, force=bool(worker))
        for chatty in CHATTY:
            logging.getLogger(chatty).setLevel(max(self.level, logging.WARNING))

    def say(self, sentence: str, *, level: int = logging.INFO) -> None:
        """Tell an operator what has to be told, whatever the level is."""
        if self.form == "json":
            said = logging.LogRecord("chatserver", level, "", 0, sentence, None, None)
            click.echo(JsonLines().format(said), err=True)
        else:
            click.echo(f"chatserver: {sentence}", err=True)


def _text_lines(worker: int) -> logging.Formatter:
    of = f"worker {worker}: " if worker else ""
    return logging.Formatter(f"%(asctime)s %(levelname)s {of}%(message)s")


class JsonLines(logging.Formatter):
    """One object a line, of ASCII: what a stranger chooses does nothing to a terminal either."""

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, object] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if self._worker:
            fields["worker"] = self._worker
        fields |= {name: record.__dict__[name] for name in FIELDS if name in record.__dict__}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def _time(seconds: float) -> str:
    """RFC 3339, in UTC, to the millisecond."""
    at = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")
