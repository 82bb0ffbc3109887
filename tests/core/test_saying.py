"""Drafts of what plainly may be said, and of nothing else."""

from __future__ import annotations

import pytest

from chatroom.core.limits import Limits
from chatroom.core.saying import drafts_of

from .rooms import admit, new_room

LIMITS = Limits(text_bytes=40, nonce_bytes=5)
PLAIN = ("hello", "n1")


@pytest.mark.parametrize(
    "other",
    [
        ("", ""),
        ("forty-one bytes".ljust(41, "."), ""),
        ("ä" * 21, ""),
        ("\x1b[31m", ""),
        ("hello", "longer"),
        ("hello", "ä"),
    ],
)
def test_up_to_the_first_that_is_to_be_looked_at(other: tuple[str, str]) -> None:
    """Alone, first, between others and last."""
    ann = admit(new_room(LIMITS), "Ann")

    def texts(*said: tuple[str, str]) -> list[tuple[str, str]]:
        return [(draft.text, draft.nonce) for draft in drafts_of(ann, said, LIMITS)]

    plain = PLAIN
    assert [plain] == texts(PLAIN)
    assert [] == texts(other)
    assert [] == texts(other, PLAIN)
    assert [plain] == texts(PLAIN, other, PLAIN)
    assert [plain, plain] == texts(PLAIN, PLAIN, other)
    assert [plain] * 3 == texts(PLAIN, PLAIN, PLAIN)
