"""The fixture, for this folder: the line that docs/faults.md has is for a whole tree."""

from __future__ import annotations

from chatroom.chatwire.faults.fixture import faulty_tap

__all__ = ["faulty_tap"]
