"""Rows: a table for a person, tab-separated fields for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatroom.chatter.screen import is_terminal, show, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def print_rows(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: str = ""
) -> None:
    """Print rows of safe, single-line texts; the column headed `numbers` is right-aligned.

    The headings are for people alone.
    """
    if not is_terminal():
        for row in rows:
            show("\t".join(row))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(
            heading, justify="right" if heading == numbers else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*map(Text, row))  # a plain str would be read as markup
    console = Console(highlight=False, emoji=False)
    with console.capture() as printed:
        console.print(table)
    write(printed.get())
