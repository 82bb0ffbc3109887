"""Keys and revoked tokens: read before a server listens, and again whenever their files change."""

from __future__ import annotations

import asyncio
import logging

from .access.access import Access
from .access.key_file import KeyFile, KeysUnusable
from .access.revoked import RevokedTokens

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""From one look at the files to the next."""


class WatchedKeys:
    """Has `Access` know the keys that there are now, and which tokens are revoked."""

    def __init__(self, file: KeyFile, revoked: RevokedTokens | None, access: Access) -> None:
        """`revoked`: None where nothing is kept in a directory, so nothing is revoked."""
        self._file = file
        self._revoked = revoked
        self._access = access
        self._watching: asyncio.Task[None] | None = None

    async def begin(self, *, certificates_asked: bool) -> None:
        """Read everything, and look for changes from here on; raises KeysUnusable.

        `certificates_asked`: clients are asked for certificates, which keys may name.
        """
        keys = await asyncio.to_thread(self._file.read)
        self._access.take(keys)
        if keys.certificates and not certificates_asked:
            log.warning(
                "%s names certificates, and no --tls-client-ca asks for any", self._file.path
            )
        if not await self._read_revoked():
            raise KeysUnusable("it is not known which tokens are revoked; see above")
        self._watching = asyncio.create_task(self._watch(), name="keys")

    def read(self) -> None:
        """Read the keys again; raises KeysUnusable."""
        self._access.take(self._file.read())

    def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _read_revoked(self) -> bool:
        """Have revoked tokens refused; False if it is not known which are, and the log says so."""
        if self._revoked is None:
            return True
        try:
            self._access.revoke(await asyncio.to_thread(self._revoked.read))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            log.error("cannot read %s: %s; no other token is revoked", error.filename, why)  # noqa: TRY400 # an operator needs no traceback
            return False
        return True

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Exception:  # who is no longer to be let in must not be by a fault of this
                log.exception("looking at the keys failed; it is tried again")

    async def _look(self) -> None:
        if await asyncio.to_thread(self._file.changed):
            try:
                self._access.take(await asyncio.to_thread(self._file.read))
            except KeysUnusable as error:
                log.error("%s; the last ones stay", error)  # noqa: TRY400 # likewise
            else:
                log.info("read the keys again: they had changed")
        if self._revoked is not None and await asyncio.to_thread(self._revoked.changed):
            await self._read_revoked()
