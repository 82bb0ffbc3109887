"""An outage: the journal cannot store, and how that is noticed, told and got over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from chatroom.core.limits import Limits
from chatroom.journal import JournalError

log = logging.getLogger(__name__)

LINES_SECONDS = 60.0
"""Between two lines that tell of a first failure: the log is often on the same disk. What lasts
for `Limits.outage` seconds is told each time, since health says it too."""


class Outage:
    """Whether messages can be stored now, by what became of the appends.

    From the first append that fails to the first that works it tries the journal by itself,
    every `Limits.journal_retry` seconds: where nobody is sent any more, nobody says anything.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        on_change: Callable[[bool], None],
        limits: Limits,
        monotonic: Callable[[], float],
    ) -> None:
        """`probe` is `Journal.probe`; `monotonic` is in seconds.

        `on_change` hears False when nothing was stored for `Limits.outage` seconds, and True
        when something is then. The log has a line before each of the two.
        """
        self._probe = probe
        self._limits = limits
        self._monotonic = monotonic
        self._on_change = on_change
        self._since = 0.0
        """Of the first failure."""
        self._failures = 0
        """In a row, up to now."""
        self._told = False
        self._said = float("-inf")
        self._trying: asyncio.Task[None] | None = None

    @property
    def failing(self) -> bool:
        """Whether the last append, or try, has failed."""
        return bool(self._failures)

    def failed(self, error: JournalError) -> None:
        """An append, or a try, has failed."""
        now = self._monotonic()
        if not self._failures:
            self._since = now
        self._failures += 1
        if now - self._said >= LINES_SECONDS:
            self._said = now
            log.error("cannot store messages: %s", error)
        if not self._told and now - self._since >= self._limits.outage:
            self._told = True
            self._said = now
            log.error(
                "nothing was stored for %.0f s, and health says so: %s", now - self._since, error
            )
            self._on_change(False)
        if self._trying is None:
            self._trying = asyncio.create_task(self._try(), name="outage")

    def worked(self) -> None:
        """An append, or a try, has worked."""
        if not self._failures:
            return
        if self._said >= self._since:
            times = "a failure" if self._failures == 1 else f"{self._failures} failures"
            log.warning("messages are stored again, after %s", times)
        self._failures = 0
        if self._told:
            self._told = False
            self._on_change(True)

    async def _try(self) -> None:
        while self._failures:
            await asyncio.sleep(self._limits.journal_retry)
            if self._failures:
                await self._try_once()
        self._trying = None

    async def _try_once(self) -> None:
        try:
            await self._probe()
        except JournalError as error:
            self.failed(error)
        else:
            self.worked()

    def stop(self) -> None:
        """Try no more: the journal is about to close."""
        if self._trying is not None:
            self._trying.cancel()
