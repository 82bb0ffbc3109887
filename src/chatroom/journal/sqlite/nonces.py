"""Which nonces an append may have used before, without asking the tables for each."""

from __future__ import annotations

from collections.abc import Iterable

from chatroom.core.entry import Entry
from chatroom.journal.port import NONCE_SECONDS

MOST = 250_000
"""Nonces that are known, each 60 bytes: what a server hears in ten minutes at 400 a second."""


class Nonces:
    """The nonces that count and that the tables need not be asked for.

    All that were used since the start are known by their hashes, up to `MOST`. Of authors
    that were there before it, and of all while there are more, nothing is certain.
    """

    def __init__(
        self, before: Iterable[int] | None = (), last_sent: int = 0, most: int = MOST
    ) -> None:
        """`before`: authors whose nonces of earlier runs may count, up to `last_sent`.

        None: that cannot be told.
        """
        self._before = frozenset(before or ())
        self._before_sent = last_sent
        self._most = most
        self._new: set[int] = set()
        self._new_sent = 0
        self._old: set[int] = set()
        self._old_sent = 0
        self._unknown_sent = last_sent if before is None else 0
        """When the newest that had no place here was sent; 0: there is none."""

    def may_be_used(self, nonced: Iterable[Entry]) -> bool:
        """Whether one of these may have been used before; False is certain."""
        if self._unknown_sent:
            return True
        before, new, old = self._before, self._new, self._old
        for entry in nonced:
            mark = hash((entry.author, entry.nonce))
            if mark in new or mark in old or entry.author in before:
                return True
        return False

    def used(self, nonced: Iterable[Entry]) -> None:
        """Note that these are stored now."""
        for entry in nonced:
            if len(self._new) + len(self._old) >= self._most:
                self._unknown_sent = max(self._unknown_sent, entry.sent)
            else:
                self._new.add(hash((entry.author, entry.nonce)))
                self._new_sent = max(self._new_sent, entry.sent)

    def sweep(self, now: int) -> None:
        """Forget those that count no more by `now` (ns since 1970), as the tables do."""
        until = now - NONCE_SECONDS * 1_000_000_000
        if self._old_sent <= until:
            self._old, self._old_sent = self._new, self._new_sent
            self._new, self._new_sent = set(), 0
            if self._old_sent <= until:
                self._old, self._old_sent = set(), 0
        if self._unknown_sent <= until:
            self._unknown_sent = 0
        if self._before_sent <= until:
            self._before = frozenset()
