"""Names that tokens fix, as a start finds them."""

from __future__ import annotations

import pytest

from chatroom.core import names
from chatroom.core.denials import NameReserved
from chatroom.core.grants import ANYBODY
from chatroom.core.notes import Note, NoteKind
from chatroom.journal.memory import MemoryJournal
from chatroom.server.rooms.reserved_names import Reservation, ReservedNames


def test_a_name_that_nobody_may_have_any_more_hinders_no_start() -> None:
    """Rules of names may become stricter than they were when one was stored."""
    reserved = ReservedNames(MemoryJournal(), lambda: 1, characters=32)
    stored = [Reservation(name, "ann", 1).stored() for name in ("chat server", "Ann")]
    reserved.restore([Note(NoteKind.NAME, str(n), each) for n, each in enumerate(stored)])
    with pytest.raises(NameReserved):
        reserved.check(names.name_tag("ann", characters=32), ANYBODY)
