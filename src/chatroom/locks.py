"""Lock files: one process at a time, as long as it lives."""

from __future__ import annotations

import os
from pathlib import Path


def locked(path: Path) -> int | None:
    """Hold the lock file until the descriptor is closed; it is made if need be, for this user.

    None on systems without flock. Raises BlockingIOError if somebody else holds it, OSError.
    """
    try:
        import fcntl  # not on Windows
    except ImportError:
        return None
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
