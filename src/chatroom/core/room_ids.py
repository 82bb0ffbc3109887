"""Room ids: their form, and new ones from randomness that is handed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from .refusals import RoomIdInvalid

_FORM = re.compile("[a-z0-9-]{1,64}")

_PRIVATE_FORM = re.compile("[a-f0-9]{32}")

_FEWEST_DIGITS = 6
_MOST_DIGITS = 64

# Tries before a number gets one more digit. With 10,000 rooms one try in 90 finds its
# number taken; eight in a row would mean that most numbers of that length are.
_TRIES = 8

_PRIVATE_BYTES = 16


class Randomness(Protocol):
    """What a new room id needs of `random.Random`."""

    def randrange(self, start: int, stop: int, /) -> int:
        """A number from `start` to below `stop`, each equally likely."""


def checked_room_id(raw: str) -> str:
    """`raw` unchanged, if it has the form of a room id: `[a-z0-9-]{1,64}`.

    All ids have it, chosen by an admin or made here. Raises RoomIdInvalid.
    """
    if not _FORM.fullmatch(raw):
        raise RoomIdInvalid("a room id has 1 to 64 characters, each one of a-z, 0-9 and -")
    return raw


def new_room_id(taken: Callable[[str], bool], random: Randomness) -> str:
    """An id of six random digits that is not taken; of more when six are crowded.

    It does not begin with 0, so that nobody loses a digit by taking it for a number.
    Raises RuntimeError if everything is taken, up to 64 digits.
    """
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1):
        for _ in range(_TRIES):
            room_id = str(random.randrange(10 ** (digits - 1), 10**digits))
            if not taken(room_id):
                return room_id
    raise RuntimeError("every room id that was tried is taken")


def is_private_form(room_id: str) -> bool:
    """Whether it has the form of a private room's id, which nobody may choose.

    Else who asks for one would be told whether there is such a room.
    """
    return _PRIVATE_FORM.fullmatch(room_id) is not None


def new_private_room_id(token: Callable[[int], bytes]) -> str:
    """An id that cannot be guessed: 128 random bits, as 32 lowercase hexadecimal digits.

    `token` gives as many random bytes as it is asked for, fit for secrets
    (`secrets.token_bytes`).
    """
    return token(_PRIVATE_BYTES).hex()
