"""`chatserver config`: what the server would do as it is configured, and the same as a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from .configuration_file import file_of, keys_of
from .configuration_text import CannotBeWritten, as_file
from .forecast import forecast
from .serving import UNUSABLE
from .serving_options import Chosen, serving_options

_TYPED = f"{__name__}.typed"
"""In `Context.meta`: the arguments before a command."""


class KeepsArguments(click.Group):
    """A group whose arguments before a command count for that, if it is an `AsServer`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_TYPED] = list(args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        typed = ctx.meta[_TYPED]
        ctx.meta[_TYPED] = typed[: len(typed) - len(args)]
        return super().resolve_command(ctx, args)


class AsServer(click.Command):
    """A command with the options of the server, which go by the server's variables."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if parent is not None:
            extra.setdefault("auto_envvar_prefix", parent.find_root().auto_envvar_prefix)
            args = [*parent.meta.get(_TYPED, ()), *args]
        return super().make_context(info_name, args, parent, **extra)


@click.group("config")
def config_commands() -> None:
    """Check how the server is configured, and show it."""


@config_commands.command("check", cls=AsServer)
@serving_options
def config_check_command(ctx: click.Context, choose: Callable[[], Chosen]) -> None:
    """Say what the server would do.

    With these options, variables and --config. Files are read as a start reads them. Nothing is
    made, written or listened on, and no database is asked: whether a port is free, and a database
    there, shows when the server starts. What a start would refuse is refused here, with the same
    words and exit code: 2 for wrong usage, 1 for a file that cannot be used.
    """
    chosen = choose()
    try:
        sentences = list(forecast(chosen.settings, chosen.loop, chosen.log))
    except UNUSABLE as error:
        _fail(str(error))
    for source, keys in _said(ctx).items():
        click.echo(f"{source}: {', '.join(keys)}")
    for sentence in sentences:
        click.echo(sentence)


@config_commands.command("show", cls=AsServer)
@click.option(
    "--secrets",
    is_flag=True,
    allow_from_autoenv=False,
    help="Also the password in the address of a database.",
)
@partial(serving_options, also=("secrets",))
def config_show_command(ctx: click.Context, choose: Callable[[], Chosen], secrets: bool) -> None:
    """Print all options as a file for --config.

    They are as options, variables and --config say; the others have their defaults. What is wrong
    is refused as the server refuses it. What this prints, read again, is the same configuration.
    """
    choose()
    try:
        click.echo(as_file(ctx.command, ctx.params, secrets=secrets), nl=False)
    except CannotBeWritten as error:
        _fail(str(error))


def _said(ctx: click.Context) -> dict[str, list[str]]:
    """What has set which options, those apart that have their default."""
    said: dict[str, list[str]] = {}
    words = {
        ParameterSource.COMMANDLINE: "set by the command line",
        ParameterSource.ENVIRONMENT: "set by the environment",
        ParameterSource.DEFAULT_MAP: f"set by {file_of(ctx)}",
    }
    for source, word in words.items():
        for key, option in keys_of(ctx.command).items():
            if ctx.get_parameter_source(option.name or "") is source:
                said.setdefault(word, []).append(key)
    return said


def _fail(sentence: str) -> NoReturn:
    click.echo(f"chatserver: {sentence}", err=True)
    sys.exit(1)
