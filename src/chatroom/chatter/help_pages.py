"""Help in sections: options and commands that belong together stand together."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


OTHERS = "Other options"


class Option(click.Option):
    """An option that stands in a section of the help."""

    def __init__(self, *arguments: Any, section: str = OTHERS, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """What stands in brackets; that a number is not negative need not."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def option(
    *names: str, section: str = OTHERS, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `click.option`, with its section of the help."""
    return click.option(*names, cls=Option, section=section, **more)


def with_kept_lines(text: str | None) -> str:
    """The help text; paragraphs with an indented line, as examples have, are not wrapped."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(
        f"\b\n{paragraph}" if re.search(r"^ ", paragraph, re.MULTILINE) else paragraph
        for paragraph in paragraphs
    )


class Command(click.Command):
    """A command whose options are shown by section."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.help = with_kept_lines(self.help)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self.get_params(ctx), ctx, formatter)


class Group(click.Group):
    """A group whose options and commands are shown by section.

    `sections` gives the title of each section of commands, and the commands in it.
    """

    command_class = Command

    def __init__(
        self,
        *arguments: Any,
        sections: dict[str, list[str]],
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self.help = with_kept_lines(self.help)
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
    """Write the options, each in its section, in the order in which they were declared.

    Those without a section come last.
    """
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        row = parameter.get_help_record(ctx)
        if row is not None and isinstance(parameter, click.Option):
            sections.setdefault(getattr(parameter, "section", OTHERS), []).append(row)
    for title, rows in sorted(sections.items(), key=lambda section: section[0] == OTHERS):
        with formatter.section(title):
            formatter.write_dl(rows)
