"""How many there are of each."""

from __future__ import annotations

from chatroom.core.tally import Tally


def test_what_was_added_is_counted_until_it_is_removed() -> None:
    """A key of which there is none takes no memory; an empty one is nobody's."""
    tally = Tally()
    for key in ("ann", "bob", "ann", ""):
        tally.add(key)
    assert (2, 1, 0, 2) == (tally.of("ann"), tally.of("bob"), tally.of(""), len(tally))
    for key in ("ann", "ann", "bob", ""):
        tally.remove(key)
    assert (0, 0) == (tally.of("ann"), len(tally))
