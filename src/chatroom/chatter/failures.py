"""What ends the program with a message for a person instead of a result."""

from __future__ import annotations

from typing import IO, Any

import click


class Failure(click.ClickException):
    """Something did not work: shown as `chatter: message`, exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        complain(self.message, file)


def complain(sentence: str, file: IO[Any] | None = None) -> None:
    """Tell the person at the terminal, on standard error unless `file` is given."""
    click.echo(f"chatter: {sentence}", file, err=True)
