"""What the environment says of the settings: nothing that keeps somebody out is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

import click
from click.core import ParameterSource

KEEP_OUT = frozenset(
    {
        "admin_token_file", "anonymous", "audit_file", "client_ca", "config", "journal",
        "journal_file", "keys", "proxy_protocol", "tls_cert", "tls_client_ca",
        "tls_client_required", "tls_key", "trust_proxy",
    }
)  # fmt: skip
"""Settings without which more people may do more, or less is known of them, or rooms are others.

An empty variable is no setting. For these that would be another server than whoever wrote the
line has meant, such as `CHATSERVER_KEYS=$KEYS` where nobody has set KEYS. All other settings
have a default that is safe, or are safer when they are not given.
"""
ALIKE = 0.8
"""How much of a name has to be as in another one to be a slip of the pen (`difflib`).

Names that Kubernetes makes of a service called chatserver, such as CHATSERVER_PORT, are not.
"""


def check_environment(ctx: click.Context, environment: Mapping[str, str]) -> None:
    """Raise UsageError for an empty variable of `KEEP_OUT`, and for a misspelt one.

    What the command line says counts before the environment.
    """
    prefix = f"{ctx.auto_envvar_prefix}_"
    for name in sorted(KEEP_OUT):
        variable = f"{prefix}{name.upper()}"
        said = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not said and variable in environment and not environment[variable].strip():
            raise click.UsageError(
                f"{variable} is empty, and the server would start without it: give it a value, or"
                " unset it"
            )
    server = ctx.find_root().command
    known = set(_names(server, prefix))
    ours = [name.removeprefix(prefix) for name in _of_command(server, prefix)]
    for variable in sorted(environment):
        if variable.startswith(prefix) and variable not in known:
            near = get_close_matches(variable.removeprefix(prefix), ours, n=1, cutoff=ALIKE)
            if near:
                raise click.UsageError(
                    f"{variable} is no setting, and would be passed over: {prefix}{near[0]} is one"
                )


def _of_command(command: click.Command, prefix: str) -> Iterator[str]:
    """The variables that a command asks for."""
    for parameter in command.params:
        yield f"{prefix}{(parameter.name or '').upper()}"
        if isinstance(parameter.envvar, str):
            yield parameter.envvar


def _names(command: click.Command, prefix: str) -> Iterator[str]:
    """The same of it and of all its commands, as click names them."""
    yield from _of_command(command, prefix)
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _names(each, f"{prefix}{name.replace('-', '_').upper()}_")
