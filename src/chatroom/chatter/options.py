"""The options that several commands have, before the name of the command or after it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from chatroom.chatter.completion import complete_rooms, complete_servers
from chatroom.chatter.given import SHARED, Given
from chatroom.chatter.help_pages import option
from chatroom.chatter.numbers import Seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]

SERVER = "Server (before a command or after it)"
OUTPUT = "Output"
TALK = "Talking"


_FILE = click.Path(dir_okay=False, path_type=Path)

CONNECTION: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--host",),
        {
            "metavar": "HOST:PORT",
            "help": "The chat server; without this and --server: localhost:8080.",
        },
    ),
    (
        ("--server",),
        {
            "metavar": "NAME",
            "shell_complete": complete_servers,
            "help": "A server of the configuration file, with its settings there.",
        },
    ),
    (("--insecure",), {"is_flag": True, "help": "Connect without TLS to any address."}),
    (
        ("--ca",),
        {"type": _FILE, "help": "Trust servers with certificates signed by this, PEM."},
    ),
    (("--cert",), {"type": _FILE, "help": "Show the server this certificate, PEM."}),
    (("--key",), {"type": _FILE, "help": "The private key of that certificate, PEM."}),
    (
        ("--token-file",),
        {"type": _FILE, "help": "A file with a token to show to the server."},
    ),
    (
        ("--config",),
        {"type": _FILE, "help": "Read this configuration file instead of your own."},
    ),
)
"""The options that say which server, and how to get there."""

RECONNECT: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--reconnect",),
    {
        "type": Seconds(),
        "metavar": "SECONDS",
        "help": "How long to try to get a lost connection back; default 600, 0: not at all.",
    },
)
JSON: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--json", "as_json"),
    {"is_flag": True, "help": "Print one JSON object on each line."},
)
COLOR: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--color",),
    {
        "type": click.Choice(["auto", "always", "never"]),
        "help": "Colours on the screen; auto: unless NO_COLOR is set.",
    },
)
LOG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--log",),
    {"type": _FILE, "metavar": "FILE", "help": "Append what is said on the screen to FILE."},
)
ROOM: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--room",),
    {"metavar": "ID", "shell_complete": complete_rooms, "help": "The room."},
)
NAME: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--name",),
    {"metavar": "NAME", "help": "The name tag."},
)


def takes_given(function: Function) -> Function:
    """Call the function with a Given first, in the place of the shared parameters.

    What is not UTF-8 in a text is wrong usage; paths may have any bytes.
    """

    @functools.wraps(function)
    def command(**parameters: Any) -> Any:
        for value in parameters.values():
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and not _is_unicode(text):
                    raise click.UsageError(f"{text!a} is not UTF-8 text")
        others = {name: value for name, value in parameters.items() if name not in SHARED}
        return function(Given.to(click.get_current_context()), **others)

    return command


def _is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogate, as which Python takes undecodable bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shared_option(
    which: tuple[tuple[str, ...], dict[str, Any]], section: str, *, top: bool = False, **more: Any
) -> Callable[[Function], Function]:
    """Add one of the shared options to a command.

    The environment is asked last, so only the `top` ones, of the program itself, ask it.
    """
    names, common = which
    if top:
        more["envvar"] = "CHATTER_" + names[0].removeprefix("--").replace("-", "_").upper()
        more["show_envvar"] = True
    return option(*names, section=section, **(common | more))


def server_options(*, top: bool = False) -> Callable[[Function], Function]:
    """Add what every command has that asks a server: which one, and --json."""

    def add(function: Function) -> Function:
        for which in reversed(CONNECTION):
            function = shared_option(which, SERVER, top=top)(function)
        return shared_option(JSON, OUTPUT, top=top)(function)

    return add


def reject_unused(context: click.Context) -> None:
    """Refuse options before the name of a command that has none of that name.

    Raises UsageError. What the environment says is a default, and so may be of no use.
    """
    group = context.command
    assert isinstance(group, click.Group), "only a group has commands"
    assert context.invoked_subcommand, "there is a command"
    command = group.get_command(context, context.invoked_subcommand)
    assert command is not None, "click has found it"
    takes = {parameter.name for parameter in command.params}
    words = {word for parameter in command.params for word in parameter.opts}
    for parameter in group.params:
        name, word = parameter.name or "", parameter.opts[0]
        if name in takes or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if word in words:
            raise click.UsageError(f"{word} stands after 'chatter {command.name}'", context)
        raise click.UsageError(f"'chatter {command.name}' has no option {word}", context)
