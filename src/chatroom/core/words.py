"""Words: a text cut into what one searches for.

The boundaries are those of UAX #29, tailored as its section 4.2 allows, so that the pieces of a
compound are found too: punctuation always ends a word (`can't`, `3.14` and `example.com` are two
words each), and so does `_`. A character of a script that puts no spaces between words is a word of
its own, and so is a symbol such as an emoji. Whoever looks for a compound looks for its pieces one
behind the other: see `query`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_KNOWN = 20_000
"""Characters of which a table remembers what becomes of them: more than any language has."""

_ASCII = bytes(ord(chr(n).lower()) if n < 128 and chr(n).isalnum() else 32 for n in range(256))
"""What becomes of ASCII: letters and digits in lower case, and spaces."""

# Marks that are accents to whoever types without them: points of Hebrew and Arabic (combining
# classes 10 to 36), and what is through, above or below a letter (1, and 202 to 240). Vowel signs
# of Indic scripts, kana voicing and Thai tones have other classes: they make another word.
_ACCENTS = frozenset([1, *range(10, 37), *range(202, 241)])
_DIACRITICS = re.compile("[\u0300-\u036f]+")
"""The block of accents that nearly all are of; of these none stays."""

_IGNORED = frozenset([0x034F, 0x180B, 0x180C, 0x180D, 0x180F])
_IGNORED_RANGES = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""What only chooses how something looks: the grapheme joiner, variation selectors."""
_ZERO_WIDTH_SPACE = 0x200B
"""Of category Cf, like what is ignored, but it is where a word ends."""

# No spaces between words: ideographs and Hiragana, and the scripts of line breaking class SA
# (UAX #14), whose words only a dictionary knows.
_SPACELESS = (
    range(0x0E00, 0x0F00),  # Thai, Lao
    range(0x1000, 0x10A0),  # Myanmar
    range(0x1780, 0x1800),  # Khmer
    range(0x1950, 0x1AB0),  # Tai Le, New Tai Lue, Tai Tham
    range(0x3005, 0x3008),  # ideographic marks
    range(0x3021, 0x30A0),  # numerals, Hiragana
    range(0x3400, 0xA000),  # ideographs
    range(0xA9E0, 0xAA00),  # Myanmar
    range(0xAA60, 0xAAE0),  # Myanmar, Tai Viet
    range(0xF900, 0xFB00),  # ideographs
    range(0x11700, 0x11750),  # Ahom
    range(0x16FE0, 0x18E00),  # Tangut, Khitan
    range(0x1B000, 0x1B300),  # Kana, Nushu
    range(0x20000, 0x40000),  # ideographs
)


class _Table(dict[int, str | None]):
    """What becomes of each character; it knows those that it was asked for, so many at most."""

    def __init__(self, becomes: Callable[[int], str | None]) -> None:
        super().__init__()
        self._becomes = becomes

    def __missing__(self, code: int) -> str | None:
        if len(self) >= _KNOWN:
            self.clear()
        found = self[code] = self._becomes(code)
        return found


def _without_accent(code: int) -> str | None:
    char = chr(code)
    if unicodedata.combining(char) in _ACCENTS:
        return None
    if code in _IGNORED or any(code in each for each in _IGNORED_RANGES):
        return None
    if unicodedata.category(char) == "Cf" and code != _ZERO_WIDTH_SPACE:
        return None  # joiners, soft hyphens, directions (UAX #29, WB4)
    return char


def _apart(code: int) -> str | None:
    char = chr(code)
    category = unicodedata.category(char)
    if category[0] in "LMN":
        return f" {char} " if any(code in each for each in _SPACELESS) else char
    return f" {char} " if category == "So" else " "


_UNACCENTED = _Table(_without_accent)
_CUT = _Table(_apart)


def folded(text: str) -> str:
    """What texts have in common that are the same but for case, accents and forms of letters.

    It is in NFKC, of what is left. Folding it again changes nothing.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = _DIACRITICS.sub("", decomposed)
    if plain.isascii():  # as most of what is written in Latin letters: in half of the time
        return plain
    return unicodedata.normalize("NFKC", decomposed.translate(_UNACCENTED))


def words(text: str) -> list[str]:
    """The words of a text, folded, in their order."""
    if not text.isascii():
        text = folded(text)
        if not text.isascii():
            return text.translate(_CUT).split()
    return text.encode().translate(_ASCII).decode().split()
