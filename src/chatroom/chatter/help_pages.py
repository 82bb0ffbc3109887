"""Help in sections: options and commands that belong together stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Option(click.Option):
    """An option that stands in a section of the help."""

    def __init__(self, *arguments: Any, section: str = "Options", **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.section = section


def option(
    *names: str, section: str = "Options", **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `click.option`, with its section of the help."""
    return click.option(*names, cls=Option, section=section, **more)


class Command(click.Command):
    """A command whose options are shown by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self.get_params(ctx), ctx, formatter)


class Group(click.Group):
    """A group whose options and commands are shown by section.

    `sections` gives the title of each section of commands, and the commands in it.
    """

    command_class = Command

    def __init__(self, *arguments: Any, sections: dict[str, list[str]], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        write_options(self.get_params(ctx), ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in self.sections.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, command.get_short_help_str(80)) for name, command in commands if command]
            with formatter.section(title):
                formatter.write_dl(rows)


def write_options(
    parameters: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write the options, each in its section, in the order in which they were declared."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        row = parameter.get_help_record(ctx)
        if row is not None:
            sections.setdefault(getattr(parameter, "section", "Other options"), []).append(row)
    for title, rows in sections.items():
        with formatter.section(title):
            formatter.write_dl(rows)
