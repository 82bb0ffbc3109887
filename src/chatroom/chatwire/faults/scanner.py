"""Words of a rule, each with the column where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TOKEN = re.compile(r'(?P<space>\s+)|"(?P<string>(?:[^"\\]|\\.)*)"|(?P<sign>[:=±])|[^\s":=±]+')
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class RuleInvalid(ValueError):
    """A rule is none. `str()` names the column and says what is allowed there."""

    def __init__(self, text: str, column: int, sentence: str) -> None:
        super().__init__(f"column {column}: {sentence}")
        self.text = text
        self.column = column
        """Counted from 1."""
        self.sentence = sentence

    @property
    def drawn(self) -> str:
        """The rule, and below it a mark and the sentence."""
        line = self.text.replace("\n", " ").replace("\t", " ")
        return f"{line}\n{' ' * (self.column - 1)}^ column {self.column}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a sign, or what stood in quotation marks."""

    text: str
    column: int
    quoted: bool = False


def listed(names: Iterable[str]) -> str:
    """As in: a, b or c."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


class Scanner:
    """The words of a rule, one after the other."""

    def __init__(self, text: str) -> None:
        """Raises RuleInvalid for a quotation mark that is not closed."""
        self.text = text
        self._tokens: list[Token] = []
        self._next = 0
        at = 0
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise RuleInvalid(text, at + 1, 'this " is never closed')
            if (string := match["string"]) is not None:
                self._tokens.append(Token(ESCAPE.sub(r"\1", string), at + 1, quoted=True))
            elif match["space"] is None:
                self._tokens.append(Token(match[0], at + 1))
            at = match.end()

    def peek(self) -> Token | None:
        """The next one, which stays."""
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def sees(self, *texts: str) -> bool:
        """Whether one of these comes next, outside quotation marks."""
        token = self.peek()
        return token is not None and not token.quoted and token.text in texts

    def take(self, wanted: str) -> Token:
        """The next one. `wanted` says what it should be, should there be none."""
        if (token := self.peek()) is None:
            raise self.wrong(None, f"here the rule ends; {wanted} must follow")
        self._next += 1
        return token

    def skip(self, *texts: str) -> bool:
        """Take one of these if it comes next; whether it did."""
        if self.sees(*texts):
            self._next += 1
            return True
        return False

    def wrong(self, token: Token | None, sentence: str) -> RuleInvalid:
        """What to raise about a word, or about the end."""
        column = len(self.text.rstrip()) + 1 if token is None else token.column
        return RuleInvalid(self.text, column, sentence)

    def end(self) -> None:
        """Nothing may follow. Raises RuleInvalid."""
        if (token := self.peek()) is not None:
            raise self.wrong(token, f'"{token.text}" is too much: the rule is complete before it')
