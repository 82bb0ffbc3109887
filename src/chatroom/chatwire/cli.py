"""The command line of `chatwire`. What it does is imported when it is done."""

from __future__ import annotations

import sys

import click

from chatroom.chatwire.diff.command import diff
from chatroom.chatwire.faults.command import fault
from chatroom.chatwire.lab.command import lab
from chatroom.chatwire.reading import read
from chatroom.chatwire.replay.command import replay
from chatroom.chatwire.tapping import Tapping, tap_options
from chatroom.chatwire.top.command import top
from chatroom.interrupts import INTERRUPTED


@click.group(
    invoke_without_command=True,
    subcommand_metavar="[COMMAND [ARGS]...]",
    context_settings={
        "auto_envvar_prefix": "CHATWIRE",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@tap_options
@click.version_option(package_name="chatroom", prog_name="chatwire")
@click.pass_context
def cli(context: click.Context, tapping: Tapping) -> int:
    """See what passes between a gRPC client and its server, frame by frame, as it happens.

    \b
    With a chatserver running, in two more terminals:
        chatwire
        chatter --host localhost:8081
    The first shows every HTTP/2 frame of the second, with the messages inside.

    \b
    Each line: seconds since the start; seconds since the line before; connection; → from
    the client or ← from the server; stream; frame; what is in it. Try next:
        chatwire --hide ping,window-update,settings     only what the chat is about
        chatwire -v --frame headers                     every header field
        chatwire --json | jq -c '.messages[].value'     for programs
        chatwire --write chat.pcapng                    for Wireshark, or chatwire read

    Everything is passed on at once and unchanged, also where it comes quicker than it can be
    shown or written: then a line MISSING says how many bytes were not seen. Every option can
    also be set by an environment variable: CHATWIRE_TO and so on; those of a command by
    CHATWIRE_FAULT_TO and so on, but for rules. With --tls, the TLS keys of both sides are
    written to the file that SSLKEYLOGFILE names. Ctrl-C, and the end of who reads what is
    printed, end chatwire and every connection through it.
    """  # noqa: D301 - click wants the character
    if context.invoked_subcommand is not None:
        return 0
    tapping.check()

    from chatroom.chatwire.live import run_tap

    return run_tap(tapping)


cli.add_command(top)
cli.add_command(read)
cli.add_command(replay)
cli.add_command(diff)
cli.add_command(lab)
cli.add_command(fault)


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code: 0 done, 1 failed, 2 wrong usage."""
    try:
        return cli.main(arguments, prog_name="chatwire", standalone_mode=False) or 0
    except click.ClickException as failure:
        failure.show()
        return failure.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED


def main() -> None:
    """The program."""
    sys.exit(run(sys.argv[1:]))
