"""Whose files are: what root makes for a server belongs to whom the server runs as."""

from __future__ import annotations

import os
from pathlib import Path


def hand_over(path: Path, like: Path) -> None:
    """Have a file belong to whom another belongs to, or a directory, if we are root.

    Else it cannot be otherwise than ours. Raises OSError.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:  # not on Windows
        return
    owner = like.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
