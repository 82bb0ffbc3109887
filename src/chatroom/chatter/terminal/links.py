"""Links in what was said: where they are, and how a terminal is told of them (OSC 8)."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LINK = re.compile(r"\bhttps?://[^\s<>\"“”«»„‹›]+", re.IGNORECASE)
LONGEST = 2_048
"""Characters of a link; a longer one is text, as in most browsers' address lines."""
AFTER = ".,;:!?'*_~…。、，；：！？」』】）’"
"""What may stand after a link and is seldom the end of one."""
BRACKETS = {")": "(", "]": "[", "}": "{"}
KEPT = "%/:?#[]@!&'()*+,;=~-._"
"""What stands in a link as it is; the rest is written in percent (RFC 3986), so that a link is of
ASCII, and no program that is given one takes a part of it for a command."""
MOST_LINKS = 2_000
"""Of each room, and on the screen, the newest are known."""
STYLE = re.compile(r"(?<!\S)class:to-(\d+)(?!\S)")


def links(text: str) -> list[str]:
    """The links of a text, in order, as they are written there."""
    if "://" not in text:
        return []
    found = (_end(match[0]) for match in LINK.finditer(text))
    return [link for link in found if link.rpartition("://")[2] and len(link) <= LONGEST]


def _end(link: str) -> str:
    """The link without what follows it, such as the full stop of a sentence."""
    while link:
        last = link[-1]
        opening = BRACKETS.get(last)
        unbalanced = opening is not None and link.count(last) > link.count(opening)
        if last not in AFTER and not unbalanced:
            break
        link = link[:-1]
    return link


def address(link: str) -> str:
    """The link as a program takes it: ASCII, without spaces or quotes."""
    return quote(link, safe=KEPT.replace("'", ""))


def pieces(rows: Sequence[str], text: str) -> list[list[tuple[str, str]]]:
    """The rows that a text was broken into, cut where its links begin and end.

    Each piece has the link that it is a part of, if it is; a link may go over several rows.
    """
    ends = list(_ends(rows, links(text)))
    cut: list[list[tuple[str, str]]] = []
    at = 0
    for row in rows:
        parts, done = [], 0
        for begin, end, link in ends:
            first, last = max(begin - at, done), min(end - at, len(row))
            if first < last and last > 0:
                parts += [(row[done:first], ""), (row[first:last], link)]
                done = last
        cut.append([part for part in (*parts, (row[done:], "")) if part[0]] or [("", "")])
        at += len(row)
    return cut


def _ends(rows: Sequence[str], found: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Where each link is in the rows joined: rows lose spaces alone, and links have none."""
    joined = "".join(rows)
    end = 0
    for link in found:
        begin = joined.find(link, end)
        if begin >= 0:
            end = begin + len(link)
            yield begin, end, link


class Targets:
    """Gives each link a style, by which it is known again where characters are written.

    A style has a number in it and not the link, which is a stranger's text.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._links: dict[int, str] = {}
        self._last = 0

    def style(self, link: str) -> str:
        """What is added to the style of a link's text."""
        number = self._numbers.get(link)
        if number is None:
            self._last = number = self._last + 1
            self._numbers[link], self._links[number] = number, link
            if len(self._links) > MOST_LINKS:
                oldest = next(iter(self._links))
                del self._numbers[self._links.pop(oldest)]
        return f" class:link class:to-{number}"

    def begins(self, style: str) -> str:
        """What tells the terminal that a link begins that is written so; empty for other text.

        Pieces of one link have the same id: they are one, however many rows it has.
        """
        found = STYLE.search(style)
        link = self._links.get(int(found[1])) if found else None
        return f"\x1b]8;id={found[1]};{address(link)}\x1b\\" if found and link else ""


ENDS = "\x1b]8;;\x1b\\"
"""Tells the terminal that what follows is no link."""


class Seen:
    """The links of one room, each with a number that it keeps."""

    def __init__(self) -> None:
        self._numbers: dict[str, tuple[int, str]] = {}
        self._last = 0

    def look_at(self, text: str, name: str) -> None:
        """Number the links of what somebody has said."""
        for link in links(text):
            number, _ = self._numbers.pop(link, (self._last + 1, ""))
            self._last = max(self._last, number)
            self._numbers[link] = (number, name)
            if len(self._numbers) > MOST_LINKS:
                del self._numbers[next(iter(self._numbers))]

    def forget(self, text: str) -> None:
        """Forget the links of a text that is withdrawn."""
        for link in links(text):
            self._numbers.pop(link, None)

    def newest(self, count: int) -> Mapping[int, tuple[str, str]]:
        """The links that were said last, the newest at the end: by number, with who said it."""
        found = list(islice(reversed(self._numbers.items()), count))
        return {number: (link, name) for link, (number, name) in reversed(found)}

    def numbered(self, number: int) -> str:
        """The link of this number; empty if there is none."""
        return next((link for link, (each, _) in self._numbers.items() if each == number), "")


def shows_links(term: str) -> bool:
    """Whether a terminal that calls itself so shows links, or passes over them."""
    return term not in ("linux", "eterm-color", "cygwin") and not term.startswith(("vt", "ansi"))
