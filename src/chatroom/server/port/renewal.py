"""Certificates that are renewed while the port is open: read again once their files change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from chatroom.server.settings import TlsUnusable

from .certificates import Certificates

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""From one look at the files to the next."""
SETTLING_LOOKS = 5
"""So often files are tried that cannot be used, before that is a fault: whoever replaces a
certificate and its key does so one after the other, and writes each in pieces."""
LATE = 0.2
"""Of its time a certificate has so much left when it should have been renewed; certbot does that
at a third."""
LATE_SECONDS = 14 * 86_400.0
"""And at most so long before its end."""
AGAIN_SECONDS = 86_400.0
"""From one line about it in the log to the next."""


class Renewal:
    """Looks at the files of certificates, and has them read again."""

    def __init__(self, certificates: Certificates, clock: Callable[[], float] = time.time) -> None:
        """`clock` is in seconds since 1970."""
        self._certificates = certificates
        self._clock = clock
        self._told_at: float | None = None
        self._failures = 0
        """In a row. After SETTLING_LOOKS of them the files are left alone until they change."""

    async def run(self) -> None:
        """Look once a second, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.look)
            except Exception:  # one day the certificate ends, and it has to be this that works
                log.exception("looking at the certificates failed; it is tried again")

    def look(self) -> None:
        """Have the files read if they have changed; what cannot be used stays as it was.

        The log says once that they cannot be used, and why. It says once a day that the
        certificate has ended, or ends soon.
        """
        self._read_again()
        self._tell_of_the_end()

    def _tell_of_the_end(self) -> None:
        now = self._clock()
        begins, ends = self._certificates.validity
        if now < ends - min(LATE * (ends - begins), LATE_SECONDS):
            self._told_at = None
            return
        if self._told_at is not None and 0 <= now - self._told_at < AGAIN_SECONDS:
            return
        self._told_at = now
        when = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"
        if now < ends:
            log.warning("%s ends at %s, and was not renewed", self._certificates.path, when)
        else:
            log.error("%s has ended at %s: clients refuse it", self._certificates.path, when)

    def _read_again(self) -> None:
        if self._certificates.changed():
            if self._failures >= SETTLING_LOOKS:
                self._failures = 0
        elif not 0 < self._failures < SETTLING_LOOKS:
            return
        try:
            self._certificates.reload()
        except TlsUnusable as error:
            self._failures += 1
            if self._failures == SETTLING_LOOKS:
                log.error("%s; the last ones stay", error)  # noqa: TRY400 # an operator needs no traceback
        else:
            self._failures = 0
            log.info("read the certificates again: they had changed")
