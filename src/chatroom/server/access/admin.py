"""Who may administer: whoever shows the admin token, where there is one."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import stat
from pathlib import Path

from .key_file import at_once

log = logging.getLogger(__name__)

TOKEN_BYTES = 4096
"""The longest token; headers may have 16 KiB in all."""
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class AdminTokenUnusable(Exception):
    """The file of the admin token cannot be used; the sentence says why."""


class AdminToken:
    """The secret of a file. Only its SHA-256 is kept.

    `read` comes before the first `is_shown`, and may come again when the file has changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = b""

    def read(self) -> None:
        """Take the token that is in the file; white space around it does not count.

        Raises AdminTokenUnusable; then the last one stays. A file that others may write is
        refused: whoever writes it is an admin. One that others may read is warned of,
        since that is how container platforms hand out secrets. A pipe is read once: to read it
        again would be to wait for who writes into it.
        """
        try:
            # Path.open has no opener.
            with open(self._path, "rb", opener=at_once if self._digest else None) as file:
                mode = os.fstat(file.fileno()).st_mode
                if self._digest and not stat.S_ISREG(mode):
                    raise self._unusable("it has to be a file, to be read again")
                content = file.read(TOKEN_BYTES + 1)
        except OSError as error:
            raise self._unusable((error.strerror or str(error)).lower()) from error
        if os.name == "posix":
            if mode & WRITABLE_BY_OTHERS:
                raise self._unusable("others may write it; chmod 600 helps")
            if mode & stat.S_IROTH:
                log.warning("everybody on this machine may read %s; chmod 600 helps", self._path)
        token = content.strip()
        if not token:
            raise self._unusable("it is empty")
        if len(content) > TOKEN_BYTES:
            raise self._unusable(f"it has more than {TOKEN_BYTES} bytes")
        if not all(0x21 <= byte <= 0x7E for byte in token):
            raise self._unusable(
                "a token is one line of ASCII letters, digits and signs, without spaces"
            )
        self._digest = hashlib.sha256(token).digest()

    def is_shown(self, token: str) -> bool:
        """Whether a token is this one.

        In a time that does not depend on how much of it is right.
        """
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        return hmac.compare_digest(digest, self._digest)

    def _unusable(self, why: str) -> AdminTokenUnusable:
        return AdminTokenUnusable(f"cannot use {self._path} as admin token: {why}")
