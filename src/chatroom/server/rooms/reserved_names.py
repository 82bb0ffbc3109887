"""Names that belong to somebody: those that tokens fix, from their first use on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from chatroom.core import names
from chatroom.core.denials import NameReserved
from chatroom.core.grants import Identity
from chatroom.core.names import NameTag
from chatroom.core.notes import SERVER, Note, NoteKind
from chatroom.core.refusals import NameInvalid
from chatroom.journal import Journal

from . import notes

NS = 1_000_000_000
DAY = 24 * 3600 * NS
KEPT = 30 * DAY
"""For so long after its last use a name still belongs to who had it."""


@dataclass(slots=True, frozen=True)
class Reservation:
    """Whose a name is."""

    name: str
    subject: str
    """A token's `sub`."""
    used: int
    """When it was last used, to a day: ns since 1970."""

    def stored(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def of(cls, stored: str) -> Reservation:
        """What `stored` has written; raises ValueError, TypeError."""
        return cls(**json.loads(stored))


class ReservedNames:
    """Of the whole server, compared as names are."""

    def __init__(self, journal: Journal, clock: Callable[[], int], *, characters: int) -> None:
        """`clock` is in ns since 1970; `characters` that a name tag may have."""
        self._journal = journal
        self._clock = clock
        self._characters = characters
        self._by_key: dict[str, Reservation] = {}
        """By each key of the name's tag."""

    def restore(self, stored: Sequence[Note]) -> None:
        """Take over what the journal has, or what has come."""
        for gone in notes.gone(stored, NoteKind.NAME):
            if (old := self._by_key.get(gone)) is not None:
                self._by_key = {key: each for key, each in self._by_key.items() if each != old}
        for reservation in notes.read(stored, NoteKind.NAME, Reservation.of, "the server").values():
            try:
                tag = names.name_tag(reservation.name, characters=self._characters)
            except NameInvalid:  # by rules that are newer than the name: nobody can have it
                continue
            self._by_key.update(dict.fromkeys(tag.keys, reservation))

    def check(self, tag: NameTag, who: Identity) -> None:
        """Raise NameReserved if a name, or one that passes for it, is somebody else's."""
        now = self._clock()
        for key in tag.keys:
            reservation = self._by_key.get(key)
            if (
                reservation is not None
                and reservation.subject != who.subject
                and now - reservation.used < KEPT
            ):
                raise NameReserved(tag.text)

    def due(self, tag: NameTag, who: Identity) -> bool:
        """Whether it is a fixed name whose use is to be noted: anew, or once a day."""
        if not (who.name and who.subject):
            return False
        mine = self._of(tag, who)
        return mine is None or self._clock() - mine.used >= DAY

    async def use(self, tag: NameTag, who: Identity) -> bool:
        """Note that a fixed name is used, after `due`; whether it was not theirs before.

        Raises JournalUnavailable; then nothing is noted.
        """
        mine = self._of(tag, who)
        reservation = Reservation(tag.text, who.subject, self._clock())
        note = Note(NoteKind.NAME, tag.key, reservation.stored())
        await notes.store(self._journal, SERVER, note)
        self._by_key.update(dict.fromkeys(tag.keys, reservation))
        return mine is None

    def _of(self, tag: NameTag, who: Identity) -> Reservation | None:
        known = self._by_key.get(tag.key)
        return known if known is not None and known.subject == who.subject else None

    async def sweep(self) -> None:
        """Forget those whose time is over; raises JournalUnavailable."""
        now = self._clock()
        old = {key: r for key, r in self._by_key.items() if now - r.used >= KEPT}
        if not old:
            return
        for key in old:
            del self._by_key[key]
        gone = [Note(NoteKind.NAME, key, "") for key in old]
        await notes.store(self._journal, SERVER, *gone)
