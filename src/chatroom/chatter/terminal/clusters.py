"""Grapheme clusters (UAX #29): what a person calls a character, however many code points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wcwidth import grapheme_boundary_before, iter_graphemes


def clusters(text: str) -> Sequence[str]:
    """The clusters of a text, in order; joined they are the text."""
    return text if text.isascii() and "\r" not in text else list(iter_graphemes(text))


def cluster_starts(text: str) -> Iterator[int]:
    """Where each cluster begins."""
    at = 0
    for cluster in clusters(text):
        yield at
        at += len(cluster)


def start_at(text: str, position: int) -> int:
    """The boundary at this position, or the last one before it."""
    if not 0 < position < len(text):
        return max(min(position, len(text)), 0)
    return grapheme_boundary_before(text, position + 1)


def end_at(text: str, position: int) -> int:
    """The boundary at this position, or the first one after it."""
    position = min(position, len(text))
    start = start_at(text, position)
    if start >= position:
        return start
    return start + len(next(iter_graphemes(text, start)))


def begins_with(text: str, beginning: str) -> bool:
    """Whether the text begins with these clusters: `e` does not begin `é` of two code points."""
    return text.startswith(beginning) and start_at(text, len(beginning)) == len(beginning)
