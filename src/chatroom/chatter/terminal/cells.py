"""How many cells of the terminal a text takes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from wcwidth import wcswidth, wcwidth

from chatroom.chatter.terminal.clusters import clusters

REGIONAL = ("\U0001f1e6", "\U0001f1ff")
"""The first and the last of the letters that flags are made of."""
SKIN = ("\U0001f3fb", "\U0001f3ff")
JOINER, EMOJI_SELECTOR, KEYCAP_MARK = "\u200d", "\ufe0f", "\u20e3"
MOST_CELLS = 15
"""Of one cluster: a family of seven, in a terminal that joins nothing."""


class Sort(Enum):
    """Clusters of which terminals disagree how wide they are, each with a sample to measure."""

    FLAG = "🇩🇪"
    HALF_FLAG = "🇩"
    FAMILY = "👨\u200d👩\u200d👧"
    SKIN_TONE = "👋🏽"
    EMOJI = "❤\ufe0f"
    KEYCAP = "1\ufe0f\u20e3"
    SPACING_MARK = "नी"
    AMBIGUOUS = "─"
    """One cell, or two in terminals that are set up for East Asia (UAX #11)."""


class Cells:
    """Widths as the terminal at hand has them, as far as it was asked; else wcwidth's table."""

    def __init__(self, measured: Mapping[Sort, int] | None = None) -> None:
        self._other = {
            sort: cells
            for sort, cells in (measured or {}).items()
            if cells != _table(sort.value) and 0 < cells <= MOST_CELLS
        }
        """The samples of which the table says something else."""
        self._ambiguous = self._other.get(Sort.AMBIGUOUS, 1)
        self._cluster = lru_cache(maxsize=8192)(self._width)

    @property
    def wide_signs(self) -> bool:
        """Whether a line's drawing takes two cells for each."""
        return self._ambiguous > 1

    @property
    def as_in_the_table(self) -> bool:
        """Whether nothing was measured that the table does not say."""
        return not self._other

    def of(self, text: str) -> int:
        """The cells of a text that is safe to print, and of one row."""
        return len(text) if text.isascii() else sum(map(self._cluster, clusters(text)))

    def cut(self, text: str, most: int, sign: str) -> str:
        """The text; if it takes more than `most` cells, its beginning and the sign of one cell."""
        if self.of(text) <= most:
            return text
        kept, left = [], most - 1
        for cluster in clusters(text):
            left -= self._cluster(cluster)
            if left < 0:
                break
            kept.append(cluster)
        return "".join(kept).rstrip(" ") + sign

    def _width(self, cluster: str) -> int:
        if not self._other:
            return _table(cluster)
        sort = _sort(cluster)
        if sort in (Sort.FLAG, Sort.HALF_FLAG, Sort.EMOJI, Sort.KEYCAP):
            return self._other.get(sort, _table(cluster))
        if sort in self._other:  # such clusters are drawn in their parts
            parts = map(self._width, _parts(cluster, sort)) if len(cluster) > 1 else ()
            return min(sum(parts), MOST_CELLS) or self._ambiguous
        if sort is Sort.FAMILY and (tone := self._other.get(Sort.SKIN_TONE)):
            extra = tone - _table(Sort.SKIN_TONE.value)  # tmux 3.3 joins families, but not these
            return min(_table(cluster) + sum(map(_is_tone, cluster)) * extra, MOST_CELLS)
        if len(cluster) == 1:
            return max(wcwidth(cluster, "auto", self._ambiguous), 0)
        return _table(cluster)


def _table(cluster: str) -> int:
    return max(wcswidth(cluster), 0)


def _parts(cluster: str, sort: Sort | None) -> list[str]:
    """What a terminal that does not know the whole draws one after the other."""
    if sort is Sort.FAMILY:
        return [part for part in cluster.split(JOINER) if part]
    parts: list[str] = []
    for character in cluster:
        if parts and character in (EMOJI_SELECTOR, KEYCAP_MARK):
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def _sort(cluster: str) -> Sort | None:
    first = cluster[0]
    if REGIONAL[0] <= first <= REGIONAL[1]:
        return Sort.FLAG if len(cluster) > 1 and cluster[1] <= REGIONAL[1] else Sort.HALF_FLAG
    if len(cluster) == 1:
        return Sort.AMBIGUOUS if unicodedata.east_asian_width(cluster) == "A" else None
    if JOINER in cluster[1:-1] and wcwidth(first) >= 1 and not first.isalpha():
        return Sort.FAMILY
    if any(map(_is_tone, cluster[1:])):
        return Sort.SKIN_TONE
    if KEYCAP_MARK in cluster and EMOJI_SELECTOR in cluster:
        return Sort.KEYCAP
    if EMOJI_SELECTOR in cluster and wcwidth(first) == 1:
        return Sort.EMOJI
    if any(unicodedata.category(each) == "Mc" for each in cluster):
        return Sort.SPACING_MARK
    return None


def _is_tone(character: str) -> bool:
    return SKIN[0] <= character <= SKIN[1]
