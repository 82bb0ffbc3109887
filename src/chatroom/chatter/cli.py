"""The command line of `chatter`. What it does is imported when it is done."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chatroom.chatter.commands.invitations import (
    invite_command,
    invites_command,
    uninvite_command,
)
from chatroom.chatter.commands.messages import (
    history_command,
    search_command,
    send_command,
    watch_command,
)
from chatroom.chatter.commands.moderation import (
    ban_command,
    bans_command,
    moderator_command,
    mute_command,
    unban_command,
    unmute_command,
    withdraw_command,
)
from chatroom.chatter.commands.rooms import (
    create_command,
    delete_command,
    list_command,
    members_command,
    remove_command,
    update_command,
)
from chatroom.chatter.commands.setup import completion_command, config_command
from chatroom.chatter.failures import Terminated, complain
from chatroom.chatter.help_pages import Group, option
from chatroom.chatter.numbers import Count, Seconds
from chatroom.chatter.options import (
    COLOR,
    LOG,
    NAME,
    OUTPUT,
    RECONNECT,
    ROOM,
    TALK,
    reject_unused,
    server_options,
    shared_option,
    takes_given,
)
from chatroom.chatter.safe_text import safe_text
from chatroom.chatter.screen import colour_as_wanted, forget_unwritten, takes_screen
from chatroom.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from chatroom.chatter.given import Given
    from chatroom.client import Chat

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""How writing fails though somebody would read it."""


@click.group(
    cls=Group,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND ...]",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    sections={
        "Rooms": ["list", "create", "members", "update", "delete"],
        "Invitations": ["invite", "invites", "uninvite"],
        "Moderation": [
            "remove",
            "mute",
            "unmute",
            "withdraw",
            "ban",
            "unban",
            "bans",
            "moderator",
        ],
        "Messages, without joining in": ["history", "search", "watch", "send"],
        "Set-up": ["config", "completion"],
    },
)
@shared_option(
    ROOM,
    TALK,
    top=True,
    multiple=True,
    help="Join this room, and do not ask for one. On the screen: also several.",
)
@shared_option(NAME, TALK, top=True, help="Use this name tag, and do not ask for one.")
@option(
    "--history",
    section=TALK,
    type=Count(0),
    metavar="N",
    envvar="CHATTER_HISTORY",
    show_envvar=True,
    help="Begin with N earlier messages; default 10.",
)
@option("--create", section=TALK, is_flag=True, help="Create the room first and print its id; "
        "without --name, then exit.")  # fmt: skip
@option("--private", section=TALK, is_flag=True, help="With --create: a room that is not listed.")
@option(
    "--wait",
    section=TALK,
    is_flag=False,
    flag_value="inf",
    type=Seconds(),
    metavar="[SECONDS]",
    help="After the end of input stay and listen for SECONDS, or until the room is deleted.",
)
@option(
    "--state",
    section=TALK,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    envvar="CHATTER_STATE",
    show_envvar=True,
    help="In a pipe: keep the place in the room in FILE, and go on where the last run was.",
)
@shared_option(RECONNECT, TALK, top=True)
@option(
    "--plain",
    section=OUTPUT,
    is_flag=True,
    envvar="CHATTER_PLAIN",
    show_envvar=True,
    help="Read and write lines, also in a terminal.",
)
@shared_option(COLOR, OUTPUT, top=True)
@shared_option(LOG, OUTPUT, top=True)
@server_options(top=True)
@click.version_option(package_name="chatroom")
@takes_given
def cli(
    given: Given,
    history: int | None,
    create: bool,
    private: bool,
    wait: float | None,
    state: Path | None,
    plain: bool,
) -> int:
    """Chat in a terminal: pick a room, give a name tag, talk.

    From the beginning, with a server on this machine:
      chatter create tea-room                   make a room
      chatter --room tea-room --name Alice      go in and talk; Ctrl-D leaves
      chatter members tea-room                  who is there?
      chatter history tea-room --since 1d       what was said?

    To invite somebody, tell them the room, and the server's address unless it is this
    machine; or send them a link, which also lets in who may not come otherwise:
      chatter --host chat.example.com --room tea-room
      chatter --host chat.example.com invite tea-room --valid-for 7d

    In a pipe each line of input is sent, and what the others say is printed as it comes:
      make 2>&1 | chatter --room tea-room --name ci --history 0
      chatter --room tea-room --name bot --json --wait </dev/null

    `chatter COMMAND --help` says more about a command. What you type while the connection
    is lost is sent when it is back.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the name is in use, 130 interrupted.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        reject_unused(context)
        return 0
    if private and not create:
        raise click.UsageError("--private is for a room that is created: add --create")
    if private and given.get("room"):
        raise click.UsageError("the id of a private room is chosen by the server: omit --room")

    from chatroom.chatter.running import with_server
    from chatroom.chatter.settings import effective

    settings = effective(given)
    room, name, others = settings.room, settings.name, given.rooms[1:]
    if create:  # a room of the configuration is there already
        room = given.get("room")
    if given.as_json and not create and not (room and name):
        raise click.UsageError("with --json nothing is asked: give --room ID and --name NAME")

    on_screen = takes_screen() and not plain and not given.as_json
    if others and create:
        raise click.UsageError("--create makes one room: give --room once")
    if others and not on_screen:
        raise click.UsageError("several rooms are for the screen: here give --room once")
    if others:
        room = given.rooms[0]
    if on_screen and wait is not None:
        raise click.UsageError("--wait is for input that ends: add --plain, or pipe it in")

    if on_screen and state is not None:
        raise click.UsageError("--state is for input that ends: add --plain, or pipe it in")
    if not on_screen and "log" in given.flags:
        raise click.UsageError("--log is for the screen: without it, redirect what is printed")
    if state is not None and not (room and name):
        raise click.UsageError("--state is for one place: give --room ID and --name NAME")

    async def chatting(chat: Chat) -> int:
        join = room
        if create:
            from chatroom.chatter.dialogue import create_room

            join = await create_room(chat, room, private=private, as_json=given.as_json)
            if not given.get("name"):
                return 0
        if on_screen:
            from chatroom.chatter.terminal import converse

            colour_as_wanted(settings.color)
            return await converse(chat, join, name, history, settings, others)

        from chatroom.chatter.dialogue import chat_with, holding
        from chatroom.chatter.lines import Lines
        from chatroom.chatter.printing import printer_for

        with holding(state, chat, join, name) as kept:
            return await chat_with(
                chat,
                Lines.of_standard_input(),
                printer_for(as_json=given.as_json),
                room_id=join,
                name=name,
                history=history,
                wait=wait,
                kept=kept,
            )

    return with_server(settings, chatting, draws=on_screen)


for command in (
    list_command, create_command, members_command, update_command, delete_command,
    invite_command, invites_command, uninvite_command,
    remove_command, mute_command, unmute_command, withdraw_command,
    ban_command, unban_command, bans_command, moderator_command,
    history_command, search_command, watch_command, send_command,
    config_command, completion_command,
):  # fmt: skip
    cli.add_command(command)


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code. Raises Terminated."""
    try:
        return cli.main(arguments, prog_name="chatter", standalone_mode=False) or 0
    except click.ClickException as failure:
        told = io.StringIO()
        failure.show(told)
        click.echo(safe_text(told.getvalue()), err=True, nl=False)  # it may quote what was given
        return failure.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:  # click prints help and versions itself
        if error.errno not in UNWRITABLE:
            raise
        forget_unwritten()
        complain(f"cannot write to standard output: {error.strerror}")
        return 1


def main() -> None:
    """The program."""
    try:
        code = run(sys.argv[1:])
    except Terminated:
        # Having left in order, end as whoever sent the signal expects.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        code = 128 + signal.SIGTERM  # process 1 of a container is not ended by it
    sys.exit(code)
