"""Name tags: what a member may be called, and which names would pass for each other.

A name tag is a nickname of RFC 8266. Two of them collide if RFC 8266 compares them
as equal, or if they look alike by the skeletons of Unicode TR39 (UTS #39, section 4).
Why each tag has up to two keys for that: docs/decisions/0004-name-tags.md.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import unicodedata
from collections.abc import Callable, Container
from dataclasses import dataclass

import precis_i18n

from .refusals import NameInvalid

SERVER_NAME = "chat server"
"""The author of the server's own lines; no member's name may pass for it."""

MARKS_IN_A_ROW = 4
"""Nonspacing marks on one character, as UTS #39 section 5.4 suggests."""

# No character decomposes canonically to more than four, so a longer name can only fit
# by spaces that would be squeezed out. Refusing it here keeps the cost of a hostile
# name (64 KiB) at that of a long one: 0.6 ms.
_RAW_FACTOR = 4

# Steps of the suggestion "Bob 2", "Bob 3" ... "Bob 9", "Bob 17", "Bob 33" ...: a person
# gets a small number, a crowd of equal names still gets one within 18 tries.
_FREE_STEPS = (*range(1, 9), *(1 << power for power in range(4, 14)))

# RFC 8266 section 2.3 (enforcement) and section 2.4 (comparison: the same in lower case).
_ENFORCEMENT = precis_i18n.get_profile("NicknameCasePreserved")
_COMPARISON = precis_i18n.get_profile("NicknameCaseMapped:ToLower")

# RFC 5892 lets these into some scripts, where they only shape letters. They are zero
# wide everywhere, so they are taken out once PRECIS has found them in their place.
_JOINERS = re.compile("[\u200c\u200d]")

# Allowed by PRECIS as symbols, letters or marks, yet blank on every screen: Braille
# blank, Egyptian blanks, Khitan filler, musical null notehead, object replacement.
_BLANKS = re.compile("[\u2800\U00013441\U00013442\U00016fe4\U0001d159\ufffc]")

# Default_Ignorable_Code_Point, DerivedCoreProperties.txt of Unicode 16.0.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

_NUMBERED = re.compile(r"(.+) ([1-9][0-9]{0,3})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NameTag:
    """A name tag that is allowed. Two tags collide if they share a key."""

    text: str
    """The name as everybody is shown it: NFKC, no control or format character in it."""
    keys: tuple[str, ...]
    """One or two keys: what the name says, and what it looks like if that differs."""

    @property
    def key(self) -> str:
        """What the name says: the same for all names that RFC 8266 compares as equal."""
        return self.keys[0]


def name_tag(raw: str, *, characters: int) -> NameTag:
    """The tag that `raw` is after enforcing the Nickname profile (RFC 8266, section 2.3).

    It has 1 to `characters` characters (code points, after enforcing). Raises
    NameInvalid, saying what to change, for anything that the profile does not allow,
    and beyond it: a character that is always blank, a combining mark with nothing
    under it or above MARKS_IN_A_ROW on one character, and a name that collides with
    SERVER_NAME. A tag's own text gives the same tag again.
    """
    if len(raw) > _RAW_FACTOR * characters:
        raise _too_long(characters)
    text = _enforced(raw)
    if _JOINERS.search(text):
        text = _enforced(_JOINERS.sub("", text))
    if blank := _BLANKS.search(text):
        raise NameInvalid(f"a name tag may not contain {_described(blank[0])}, which is blank")
    _check_marks(text)
    if len(text) > characters:
        raise _too_long(characters)
    keys = _keys(text)
    if not _server_keys().isdisjoint(keys):
        raise NameInvalid(
            f'this name tag is reserved: it is, or looks like, "{SERVER_NAME}"; choose another'
        )
    return NameTag(text, keys)


def free_name(
    tag: NameTag, taken: Callable[[str], bool] | Container[str], *, characters: int
) -> str | None:
    """A tag like `tag` none of whose keys is taken: "Bob 2" for "Bob", "Bob 3" for "Bob 2".

    The name is cut where the number would take it above `characters`. None if 18
    tries found nothing free.
    """
    is_taken = taken if callable(taken) else taken.__contains__
    numbered = _NUMBERED.fullmatch(tag.text)
    stem, number = (numbered[1], int(numbered[2])) if numbered else (tag.text, 1)
    for step in _FREE_STEPS:
        suffix = f" {number + step}"
        if len(suffix) >= characters:
            return None
        try:
            candidate = name_tag(stem[: characters - len(suffix)] + suffix, characters=characters)
        except NameInvalid:  # the cut, or the digits beside those of another script
            continue
        if not any(is_taken(key) for key in candidate.keys):
            return candidate.text
    return None


def skeleton(text: str) -> str:
    """The skeleton of UTS #39 section 4: equal for texts that may look the same.

    For comparing only; never shown, never parsed.
    """
    return _mapped(text, _prototypes())


# ---- What the profile leaves to us -------------------------------------------


def _enforced(raw: str) -> str:
    """`raw` as the Nickname profile has it; raises NameInvalid."""
    try:
        return _ENFORCEMENT.enforce(raw)
    except UnicodeEncodeError as error:
        raise NameInvalid(_complaint(error)) from None


def _complaint(error: UnicodeEncodeError) -> str:
    """What a person can do about a name that PRECIS refused."""
    if error.reason.endswith("/empty"):
        return "a name tag needs at least one character that is not a space"
    if error.reason.endswith("/not_idempotent"):
        return "this name tag changes each time it is normalized (RFC 8266); choose another"
    where = _described(error.object[error.start])
    if error.reason.endswith("/unassigned"):
        return f"a name tag may not contain {where}: this server does not know that character"
    return f"a name tag may not contain {where}, at least not in this place"


def _described(char: str) -> str:
    """A character by its number and name, never itself: it may be one no screen takes."""
    name = unicodedata.name(char, "").lower()
    return f"U+{ord(char):04X} ({name})" if name else f"the character U+{ord(char):04X}"


def _check_marks(text: str) -> None:
    """Raise NameInvalid if a mark has nothing under it, or stands in a pile of them."""
    before, run = " ", 0
    for char in unicodedata.normalize("NFD", text):
        category = unicodedata.category(char)
        if before == " " and category.startswith("M"):
            raise NameInvalid(
                f"a name tag may not have {_described(char)} at the beginning of a word: "
                "it is a mark that belongs on a letter"
            )
        run = run + 1 if category in ("Mn", "Me") else 0
        if run > MARKS_IN_A_ROW:
            raise NameInvalid(
                f"a name tag may have at most {MARKS_IN_A_ROW} combining marks in a row"
            )
        before = char


def _too_long(characters: int) -> NameInvalid:
    return NameInvalid(f"a name tag may have at most {characters} characters")


# ---- What uniqueness compares ------------------------------------------------


def _keys(text: str) -> tuple[str, ...]:
    """The keys of an enforced name; raises NameInvalid if it has no comparison form.

    Names with equal comparison forms (RFC 8266, section 2.4) share the first key,
    names with equal skeletons the second.
    """
    try:
        compared = _COMPARISON.enforce(text)
    except UnicodeEncodeError as error:
        raise NameInvalid(_complaint(error)) from None
    # What it says, in lower case. ASCII stays as it is, so that "player L" is not
    # "player 1"; letters of other scripts become the ASCII letters they imitate.
    says = _mapped(compared, _foreign_prototypes())
    # What it looks like as it stands, then without its case. In the skeleton "l" also
    # stands for "I" and "1", and must not become one with "L" ("Ian" is not "Lan");
    # "rn" also stands for "m", and must not become one with "RN" ("tom" is not "TORN").
    looks = skeleton(text).replace("l", "|").replace("rn", "m").lower()
    return (says,) if says == looks else (says, looks)


def load() -> None:
    """Read the tables that `name_tag` needs; else the first name waits for them.

    It takes some 50 ms, once in a process, and reads a file.
    """
    _foreign_prototypes()
    _server_keys()


@functools.cache
def _server_keys() -> frozenset[str]:
    return frozenset(_keys(SERVER_NAME))


def _mapped(text: str, prototypes: dict[int, str]) -> str:
    """The steps of UTS #39 section 4: NFD, without ignorables, mapped, NFD."""
    decomposed = _IGNORABLE.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", decomposed.translate(prototypes))


@functools.cache
def _prototypes() -> dict[int, str]:
    """Each confusable character's prototype, from confusables.txt; read once.

    confusable-homoglyphs keeps every line "source → prototype" of that file in both
    directions, in the file's order. A prototype is never a source, and a source has
    one prototype. So whatever is listed before it was named as a prototype is a source.
    """
    packaged = importlib.resources.files("confusable_homoglyphs") / "confusables.json"
    listed: dict[str, list[dict[str, str]]] = json.loads(packaged.read_text("utf-8"))
    table: dict[int, str] = {}
    prototypes: set[str] = set()
    for glyph, partners in listed.items():
        if glyph not in prototypes:
            prototype = partners[0]["c"]
            prototypes.add(prototype)
            # The file's comments put right-to-left characters between two U+200E.
            table[ord(glyph.replace("\u200e", ""))] = prototype.replace("\u200e", "")
    return table


@functools.cache
def _foreign_prototypes() -> dict[int, str]:
    """The prototypes of all characters but those of ASCII."""
    return {source: prototype for source, prototype in _prototypes().items() if source > 0x7F}
