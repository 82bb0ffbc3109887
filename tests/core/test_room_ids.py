"""The form of room ids, and how new ones are made."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.core.refusals import RoomIdInvalid
from chatroom.core.room_ids import (
    checked_room_id,
    is_private_form,
    new_private_room_id,
    new_room_id,
)
from tests.texts import CHARACTERS


@pytest.mark.parametrize("raw", ["126859", "1234", "a", "-", "lobby-2", "0" * 64, "9f" * 16])
def test_room_ids_of_the_form(raw: str) -> None:
    """An id of the form is returned unchanged, made here or chosen by an admin."""
    assert raw == checked_room_id(raw)


@pytest.mark.parametrize(
    "raw",
    ["", "a" * 65, "Lobby", "a b", "a_b", "a.b", "../a", "a\n", "\n", "é", "１２", "٣", "a\x00"],
)
def test_other_room_ids_are_refused(raw: str) -> None:
    """Anything else is refused, whatever regular expressions make of line ends and digits."""
    with pytest.raises(RoomIdInvalid, match="1 to 64 characters, each one of a-z, 0-9 and -"):
        checked_room_id(raw)


@given(st.text(CHARACTERS) | st.text("abz-09AZ_\n", max_size=70))
def test_a_checked_id_has_the_form(raw: str) -> None:
    """Of any string: it is refused, or it is ASCII of the form, unchanged."""
    try:
        room_id = checked_room_id(raw)
    except RoomIdInvalid:
        return
    assert raw == room_id
    assert 1 <= len(room_id) <= 64
    assert set() == set(room_id) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.integers())
def test_new_ids_are_six_digits(seed: int) -> None:
    """With room to spare a new id has six digits, the first not 0, and the form of ids."""
    room_id = new_room_id(lambda _: False, random.Random(seed))
    assert re.fullmatch("[1-9][0-9]{5}", room_id, re.ASCII)
    assert room_id == checked_room_id(room_id)


def test_new_ids_differ_from_those_taken() -> None:
    """A number that is taken is drawn again."""
    drawn = iter([126859, 126859, 555555])

    class Drawn:
        def randrange(self, start: int, stop: int, /) -> int:
            return next(drawn)

    assert "555555" == new_room_id({"126859"}.__contains__, Drawn())


def test_new_ids_grow_when_crowded() -> None:
    """When every number of six digits is taken, the next has seven."""
    room_id = new_room_id(lambda room_id: len(room_id) == 6, random.Random(1))
    assert re.fullmatch("[1-9][0-9]{6}", room_id, re.ASCII)


def test_new_ids_end_when_all_is_taken() -> None:
    """The search has an end; the longest id tried is the longest that the form allows."""
    tried: list[str] = []
    with pytest.raises(RuntimeError, match="taken"):
        new_room_id(lambda room_id: not tried.append(room_id), random.Random(1))
    assert 64 == max(map(len, tried))
    assert (64 - 5) * 8 == len(tried)


def test_private_ids_hold_all_their_bits() -> None:
    """A private id is 16 bytes of what it was handed, as 32 hexadecimal digits."""
    asked: list[int] = []

    def token(size: int) -> bytes:
        asked.append(size)
        return bytes(range(0xF0, 0xF0 + size))

    room_id = new_private_room_id(token)
    assert "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" == room_id
    assert [16] == asked
    assert room_id == checked_room_id(room_id)


def test_a_private_rooms_id_has_a_form_of_its_own() -> None:
    """32 hexadecimal digits in lower case, which no other id that is made here has."""
    assert is_private_form(new_private_room_id(lambda count: bytes(range(count))))
    for other in ("lobby", "0" * 31, "0" * 33, "g" * 32, "123456"):
        assert not is_private_form(other)
