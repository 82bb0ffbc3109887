"""By what rooms can be sorted."""

from __future__ import annotations

SORTS = {
    "messages": "active", "members": "members", "readers": "readers", "behind": "behind",
    "kept": "bytes",
}  # fmt: skip
"""And what the server has to be asked for. Where most is said, something was said just now."""
