"""Notices: what strangers do to the port, told to the operator now and then.

A port on a network is knocked at all day. An operator whose clients do not come through
needs the reason in the log, and nobody needs it a thousand times.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass

from .log_names import LogName, peer_name

log = logging.getLogger(__name__)


class Kind(enum.Enum):
    """What is told at most once in `NoticeLimits.seconds`, each for itself."""

    HOST = "refused Hosts"
    ORIGIN = "refused Origins"
    FLOOD = "floods"
    NOT_HTTP = "bytes that are no HTTP"
    UNASKED = "connections that an option would let in"
    """TLS, or a PROXY header: whoever knocks with SSH all day does not hide those."""
    TLS = "failures of TLS"
    HANDSHAKES = "TLS handshakes ended to make room"
    NOT_PROXIED = "connections without their one PROXY header"
    FORWARDED = "headers of proxies that cannot be read"
    LIMIT = "times that an address was at a limit"
    FULL = "times that there were as many connections as may be"
    NOT_ACCEPTED = "connections that could not be accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLimits:
    """What strangers may have the log grow by."""

    seconds: float = 60.0
    """From one line of a kind to the next one."""
    characters: int = 300
    """Of a line: a stranger chooses parts of it."""


class Notices:
    """Tells the first of each kind, and later how many there were meanwhile.

    What is not told is logged for debugging.
    """

    def __init__(self, clock: Callable[[], float], limits: NoticeLimits | None = None) -> None:
        """`clock` gives seconds and never goes back."""
        self._clock = clock
        self._limits = limits or NoticeLimits()
        self._told: dict[Kind, float] = {}
        self._untold: dict[Kind, int] = {}
        self.counts = dict.fromkeys(Kind, 0)
        """How often each was, told or not."""

    def tell(self, kind: Kind, peer: object, what: str) -> None:
        """A peer, by its socket's name, has done something; `what` says it."""
        self.counts[kind] += 1
        now = self._clock()
        told = self._told.get(kind)
        if told is not None and now - told < self._limits.seconds:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            if log.isEnabledFor(logging.DEBUG):
                log.debug("%s", self._line(peer, what), extra=_known(kind, peer))
            return
        self._told[kind] = now
        more = self._untold.pop(kind, 0)
        log.warning(
            "%s%s",
            self._line(peer, what),
            f" (and {more} more {kind.value} before)" if more else "",
            extra=_known(kind, peer),
        )

    def _line(self, peer: object, what: str) -> str:
        return printable(f"{peer_name(peer)}: {what}", self._limits.characters)


def _known(kind: Kind, peer: object) -> dict[str, object]:
    return LogName(peer).known(reason=kind.name)


def printable(text: str, characters: int) -> str:
    """A text that fits on one line of a log and does nothing to a terminal."""
    if len(text) > characters:
        text = text[: characters - 1] + "…"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
