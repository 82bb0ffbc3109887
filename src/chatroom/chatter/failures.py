"""What ends the program with a message for a person instead of a result."""

from __future__ import annotations

from typing import IO, Any

import click

from chatroom.chatter.safe_text import one_line


class Failure(click.ClickException):
    """Something did not work: shown as `chatter: message`, exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        complain(self.message, file)


class NameInUse(Failure):
    """Somebody in the room has the name tag, and it may be free later: exit code 3."""

    exit_code = 3


class Terminated(BaseException):
    """SIGTERM came, and everything was left in order."""


def complain(sentence: str, file: IO[Any] | None = None) -> None:
    """Tell the person at the terminal, on standard error unless `file` is given."""
    click.echo(f"chatter: {one_line(sentence)}", file, err=True)


def remark(sentence: str) -> None:
    """Tell the person something that is no fault, on standard error."""
    click.echo(one_line(sentence), err=True)
