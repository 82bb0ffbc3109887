"""Directories that a loss of power does not take away again."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def make_durable(directory: Path) -> None:
    """Make a directory, for this user alone, and those above it; raises OSError.

    POSIX keeps a name only once the directory it stands in was synced. SQLite syncs
    the directory of its files, and knows nothing of those above.
    """
    new = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The first one's also if it is not new: who made it may have been killed just then.
    for parent in dict.fromkeys(each.parent for each in (directory, *new)):
        sync_directory(parent)


def sync_directory(directory: Path) -> None:
    """Have the names in a directory survive a loss of power, where that can be asked for."""
    # Not every system and not every file system can; SQLite ignores that as well.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
