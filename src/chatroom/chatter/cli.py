"""The command line of `chatter`. What it does is imported when it is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.client import Chat

INTERRUPTED = 130


def server_options(*, top: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that say which server.

    They may stand before a subcommand and after it; what stands after it wins, and
    the environment is asked last, so only the `top` ones ask it.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        insecure = click.option(
            "--insecure",
            is_flag=True,
            envvar="CHATTER_INSECURE" if top else None,
            allow_from_autoenv=False,
            show_envvar=top,
            help="Connect without TLS to any address.",
        )
        host = click.option(
            "--host",
            metavar="HOST:PORT",
            envvar="CHATTER_HOST" if top else None,
            allow_from_autoenv=False,
            show_envvar=top,
            help="The chat server; localhost:8080 when not given.",
        )
        return host(insecure(command))

    return add


@click.group(
    invoke_without_command=True,
    context_settings={
        "auto_envvar_prefix": "CHATTER",
        "help_option_names": ["-h", "--help"],
    },
)
@server_options(top=True)
@click.option("--room", metavar="ID", show_envvar=True, help="Join this room, do not ask.")
@click.option("--name", metavar="NAME", show_envvar=True, help="Use this name tag, do not ask.")
@click.option(
    "--create",
    is_flag=True,
    help="Create a room and say its id; with --name, join it as well.",
)
@click.option("--private", is_flag=True, help="With --create: a room that is not listed.")
@click.option(
    "--reconnect",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    show_envvar=True,
    help="How long to try to get a lost connection back; 600 when not given, 0: not at all.",
)
@click.option("--plain", is_flag=True, help="Lines instead of a full screen in a terminal.")
@click.version_option(package_name="chatroom")
@click.pass_context
def cli(
    context: click.Context,
    host: str | None,
    insecure: bool,
    room: str | None,
    name: str | None,
    create: bool,
    private: bool,
    reconnect: float | None,
    plain: bool,
) -> int:
    """Chat in a terminal: pick a room, give a name tag, talk.

    Lines that you type are sent, also those typed while the connection is lost, once
    it is back. Ctrl-D leaves the room.
    """
    if context.invoked_subcommand is not None:
        return 0
    if private and not create:
        raise click.UsageError("--private is for a room that is created: add --create")
    if private and room:
        raise click.UsageError("the id of a private room is chosen by the server: omit --room")

    from chatroom.chatter.dialogue import chat_with, create_room
    from chatroom.chatter.lines import Lines
    from chatroom.chatter.running import with_server
    from chatroom.chatter.screen import takes_screen

    async def chatting(chat: Chat) -> int:
        join = room
        if create:
            join = await create_room(chat, room, private=private)
            if not name:
                return 0
        if not plain and takes_screen():
            from chatroom.chatter.terminal import converse

            return await converse(chat, join, name)
        return await chat_with(chat, Lines.of_standard_input(), join, name)

    return with_server(host or "localhost:8080", insecure, chatting, reconnect=reconnect)


@cli.command()
@server_options(top=False)
@click.option("--private", is_flag=True, help="Not listed; its id cannot be guessed.")
@click.option("--title", default="", help="What the room is about.")
@click.argument("room_id", metavar="[ID]", required=False)
@click.pass_context
def create(
    context: click.Context,
    host: str | None,
    insecure: bool,
    private: bool,
    title: str,
    room_id: str | None,
) -> None:
    """Create a room and print its id."""
    if private and room_id:
        raise click.UsageError("the id of a private room is chosen by the server: omit it")

    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server

    with_server(
        *server(context, host, insecure),
        lambda chat: rooms.create(chat, room_id, private=private, title=title),
    )


@cli.command(name="list")
@server_options(top=False)
@click.pass_context
def list_rooms(context: click.Context, host: str | None, insecure: bool) -> None:
    """List the public rooms: id, members, title."""
    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server

    with_server(*server(context, host, insecure), rooms.print_list)


@cli.command()
@server_options(top=False)
@click.option("--reason", default="", help="Why; its members are told.")
@click.argument("room_id", metavar="ID")
@click.pass_context
def delete(
    context: click.Context, host: str | None, insecure: bool, reason: str, room_id: str
) -> None:
    """Delete a room; everybody in it is told and sent out."""
    from chatroom.chatter import rooms
    from chatroom.chatter.running import with_server

    with_server(
        *server(context, host, insecure),
        lambda chat: rooms.delete(chat, room_id, reason=reason),
    )


def server(context: click.Context, host: str | None, insecure: bool) -> tuple[str, bool]:
    """The server a subcommand means: its own options, else those before its name."""
    above: dict[str, Any] = context.parent.params if context.parent else {}
    return host or above.get("host") or "localhost:8080", insecure or bool(above.get("insecure"))


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code."""
    try:
        return cli.main(arguments, prog_name="chatter", standalone_mode=False) or 0
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED


def main() -> None:
    """The program."""
    sys.exit(run(sys.argv[1:]))
