"""`chatserver`: the command line of the server."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from chatroom.interrupts import exit_in_order

from .access_commands import keys_commands, token_commands
from .audit_command import audit_command
from .config_commands import KeepsArguments, config_commands
from .copy_command import copy_command
from .database_commands import new_epochs_command, nodes_command
from .dev_commands import dev_certificate_command
from .health_command import health_command
from .journal_commands import backup_command, check_command, repair_command, rollback_command
from .serving import run
from .serving_options import Chosen, serving_options
from .top_command import top_command


def main() -> None:
    """Entry point: exit codes 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    3: a worker could not be started, again and again.
    """
    chatserver(auto_envvar_prefix="CHATSERVER")


@click.group(
    cls=KeepsArguments,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND [ARGS]...]",
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="chatroom", prog_name="chatserver")
@serving_options
def chatserver(ctx: click.Context, choose: Callable[[], Chosen]) -> None:
    """Host chat rooms over gRPC, gRPC-Web and Connect on one port.

    Every option can also be set by an environment variable: CHATSERVER_BIND,
    CHATSERVER_DATA and so on. An empty one is none, but for those that keep somebody out
    (CHATSERVER_KEYS): there it is an error. And by a file (--config), for which the
    environment counts before it. Without a command it serves.
    """
    if ctx.invoked_subcommand is not None:
        ctx.default_map = None  # the file is for the server; commands have names of their own
        exit_in_order()  # a copy that is half made is removed
        return
    chosen = choose()
    chosen.log.begin()
    if code := run(chosen.settings, chosen.loop, chosen.log):
        sys.exit(code)


chatserver.add_command(audit_command)
chatserver.add_command(backup_command)
chatserver.add_command(check_command)
chatserver.add_command(config_commands)
chatserver.add_command(copy_command)
chatserver.add_command(health_command)
chatserver.add_command(new_epochs_command)
chatserver.add_command(nodes_command)
chatserver.add_command(repair_command)
chatserver.add_command(rollback_command)
chatserver.add_command(dev_certificate_command)
chatserver.add_command(keys_commands)
chatserver.add_command(token_commands)
chatserver.add_command(top_command)


if __name__ == "__main__":
    main()
