"""Nonces of messages that are not stored yet."""

from __future__ import annotations

from .entry import Draft


class NoncesInFlight:
    """Which messages with a nonce are on their way to the journal.

    A retry that comes meanwhile waits for the first; the journal knows those it has.
    """

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: dict[tuple[int, str], Draft] = {}

    def follows(self, draft: Draft) -> bool:
        """Whether another draft with its author and nonce is in flight; then it waits for that."""
        first = self._first.setdefault((draft.author, draft.nonce), draft)
        if first is draft:
            return False
        if first.repeats is None:
            first.repeats = []
        first.repeats.append(draft)
        return True

    def settled(self, draft: Draft) -> list[Draft]:
        """Take a draft out whose outcome is known; what has waited for it."""
        del self._first[draft.author, draft.nonce]
        return draft.repeats or []
