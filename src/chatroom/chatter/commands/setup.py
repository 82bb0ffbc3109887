"""Commands about chatter itself: config, completion."""

from __future__ import annotations

import click

from chatroom.chatter.given import Given
from chatroom.chatter.help_pages import Command, option
from chatroom.chatter.options import (
    NAME,
    OUTPUT,
    RECONNECT,
    ROOM,
    TALK,
    server_options,
    shared_option,
    takes_given,
)

SHELLS = ("bash", "zsh", "fish")


@click.command("config", cls=Command)
@option("--path", section=OUTPUT, is_flag=True, help="Only print where the configuration file is.")
@shared_option(ROOM, TALK)
@shared_option(NAME, TALK)
@shared_option(RECONNECT, TALK)
@server_options()
@takes_given
def config_command(given: Given, path: bool) -> None:
    """Print chatter's settings, and where each of them is from.

    The configuration file is in TOML:
      name = "Bob"                      # your name tag everywhere
      server = "work"                   # the server when none is named

      [servers.work]                    # chatter --server work
      host = "chat.example.com:443"
      room = "lobby"
      name = "Robert"
      token-file = "work.token"
      tls = { ca = "work-ca.pem", certificate = "me.pem", key = "me.key" }

      [servers.lab]
      host = "10.0.0.5:8080"
      insecure = true

    Relative paths are relative to the configuration file. An option counts more than an
    environment variable, and that more than the file. Tokens are not printed.
    """
    from chatroom.chatter.settings_table import print_path, print_settings

    if path:
        print_path(given)
    else:
        print_settings(given)


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> None:
    """Print a script that lets a shell complete what is typed.

    It completes commands, options, servers of the configuration file, rooms, and members
    to remove. For rooms and members it asks the server.

      bash, in ~/.bashrc:               eval "$(chatter completion bash)"
      zsh, in ~/.zshrc after compinit:  eval "$(chatter completion zsh)"
      fish:  chatter completion fish > ~/.config/fish/completions/chatter.fish
    """
    from click.shell_completion import get_completion_class

    from chatroom.chatter.screen import write

    program = click.get_current_context().find_root().command
    script = get_completion_class(shell)
    assert script is not None, "click has these shells"
    write(script(program, {}, "chatter", "_CHATTER_COMPLETE").source() + "\n")
