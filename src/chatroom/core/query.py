"""Queries: what a search looks for in what was said.

A query is words and phrases, all of which a message must have. A quoted part is a phrase: its
words stand in the message one behind the other. So is a part without quotes that has several
words in it (`example.com`, `東京`). `from:Bob`, or `from:"Johnny Boi"`, says whose messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .refusals import QueryInvalid
from .words import folded, words

_QUOTED = r'"([^"]*)(?:"|$)'
_PART = re.compile(rf"(from:)(?:{_QUOTED}|(\S*))|{_QUOTED}|(\S+)", re.IGNORECASE)
_AUTHOR = "from:"
"""Before a name as a term: no word has a colon in it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a message must have; it has at least one of these."""

    phrases: tuple[tuple[str, ...], ...] = ()
    """Words that follow each other; mostly one alone."""
    author: str | None = None
    """A name, folded."""

    @property
    def terms(self) -> frozenset[str]:
        """Terms that every message has that is found: see `terms_of`."""
        found = frozenset(word for phrase in self.phrases for word in phrase)
        return found if self.author is None else found | {_AUTHOR + self.author}

    def finds(self, name: str, text: str) -> bool:
        """Whether a message is one of those that it looks for."""
        if self.author is not None and self.author != name_of(name):
            return False
        if not self.phrases:
            return True
        like = folded(text)  # it has no word that does not stand in it
        for phrase in self.phrases:
            for word in phrase:
                if word not in like:
                    return False
        there = words(like)
        return all(_has(there, phrase) for phrase in self.phrases)


def parsed(raw: str, *, characters: int, most: int) -> Query:
    """The query that somebody has written; raises QueryInvalid.

    It has at most so many `characters`, and `most` words.
    """
    if len(raw) > characters:
        raise QueryInvalid(f"a query may have {characters} characters; this one has {len(raw)}")
    phrases: dict[tuple[str, ...], None] = {}
    author = None
    for is_author, quoted_name, bare_name, quoted, bare in _PART.findall(raw):
        if is_author:
            name = name_of(quoted_name or bare_name)
            if author not in (None, name):
                raise QueryInvalid("a message is from one person alone; give one from:")
            author = name
        elif phrase := tuple(words(quoted or bare)):
            phrases[phrase] = None
    if author == "":
        raise QueryInvalid('from: needs a name: from:Bob, or from:"Johnny Boi"')
    if not phrases and author is None:
        raise QueryInvalid("a query needs a word to look for")
    if sum(map(len, phrases)) > most:
        raise QueryInvalid(f"a query may have {most} words; this one has more")
    return Query(tuple(phrases), author)


def terms_of(name: str, text: str) -> list[str]:
    """What a message may be found by: its words, and its author."""
    found = words(text)
    found.append(_AUTHOR + name_of(name))
    return found


@lru_cache(maxsize=1_000)
def name_of(name: str) -> str:
    """A name as names are compared here: folded, with single spaces."""
    return " ".join(folded(name).split())


def _has(there: list[str], phrase: tuple[str, ...]) -> bool:
    first, count = phrase[0], len(phrase)
    if first not in there:
        return False
    if count == 1:
        return True
    return any(
        word == first and tuple(there[at : at + count]) == phrase for at, word in enumerate(there)
    )
