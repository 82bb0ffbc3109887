"""Texts of experiments, filled to a width."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def split(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


def paragraphs(text: str, width: int, indent: str = "", first: str | None = None) -> str:
    """The paragraphs of a text, each filled, with an empty line between; no newline at the end.

    `first` is what the first line begins with instead of `indent`, as in a list.
    """
    filled = []
    for number, paragraph in enumerate(split(text)):
        begin = first if first is not None and number == 0 else indent
        filled.append(
            textwrap.fill(
                paragraph,
                width,
                initial_indent=begin,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n\n".join(filled)


def items(texts: Iterable[str], width: int) -> str:
    """A list, each text one item; no newline at the end."""
    return "\n".join(paragraphs(text, width, "  ", "- ") for text in texts)


def clients(names: Mapping[int, str]) -> str:
    """Who is who on the lines, as in: #1 is Ann, #2 is Bob."""
    return ", ".join(f"#{number} is {who}" for number, who in sorted(names.items()))


def faults(rules: Iterable[str]) -> list[str]:
    """What goes wrong, as `chatwire fault` is told, a line for each rule."""
    parted = [rule.partition(" ") for rule in rules]
    return [f"chatwire fault --{kind} {shlex.quote(rest)}" for kind, _, rest in parted]
