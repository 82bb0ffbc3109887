"""The options of the programs as pages: what `--help` of each command says."""

from __future__ import annotations

from collections.abc import Iterator

import click

from chatroom.chatter.cli import cli as chatter
from chatroom.chatwire.cli import cli as chatwire
from chatroom.server.cli import chatserver

PROGRAMS: dict[str, click.Command] = {
    "chatserver": chatserver,
    "chatter": chatter,
    "chatwire": chatwire,
}
WIDTH = 90
"""Columns of the text."""


def page(name: str) -> str:
    """The page of a program, in Markdown."""
    lines = [f"# {name}: all options", ""]
    for title, text in _commands(PROGRAMS[name], name, None):
        if title != name:
            lines += [f"## {title}", ""]
        lines += ["````text", text, "````", ""]
    return "\n".join(lines)


def _commands(
    command: click.Command, name: str, above: click.Context | None
) -> Iterator[tuple[str, str]]:
    """A command and those below it, with what its `--help` says."""
    context = click.Context(
        command, info_name=name, parent=above, max_content_width=WIDTH, terminal_width=WIDTH
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None and not below.hidden:
                yield from _commands(below, each, context)
