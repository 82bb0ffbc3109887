"""The command line of `chatwire`. What it does is imported when it is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from chatroom.chatwire.diff.command import diff
from chatroom.chatwire.endpoints import READABLE, WRITABLE, HostAndPort
from chatroom.chatwire.lab.command import lab
from chatroom.chatwire.reading import read
from chatroom.chatwire.replay.command import replay
from chatroom.chatwire.show.options import show_options
from chatroom.interrupts import INTERRUPTED

if TYPE_CHECKING:
    from pathlib import Path

    from chatroom.chatwire.show.printer import Show
    from chatroom.wire.addresses import Address


@click.group(
    invoke_without_command=True,
    subcommand_metavar="[COMMAND [ARGS]...]",
    context_settings={
        "auto_envvar_prefix": "CHATWIRE",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.option(
    "--listen",
    type=HostAndPort(),
    default="127.0.0.1:8081",
    show_default=True,
    help="Where clients connect. Port 0: any free one.",
)
@click.option(
    "--to",
    type=HostAndPort(),
    default="127.0.0.1:8080",
    show_default=True,
    help="The server to pass everything on to.",
)
@show_options
@click.option(
    "--proto",
    type=READABLE,
    metavar="FILE",
    help="A .proto file or descriptor set that describes the messages. Without it: the chat's "
    "own, and what the server's reflection describes.",
)
@click.option(
    "--write",
    type=WRITABLE,
    metavar="FILE",
    help="Also write what passes to FILE: a capture (pcapng) for Wireshark, tshark and "
    "`chatwire read`.",
)
@click.option(
    "--reflection/--no-reflection",
    default=True,
    help="Whether to ask the server for its schema, over a separate connection.",
)
@click.option(
    "--tls",
    is_flag=True,
    help="Speak TLS to clients and to the server. chatwire makes the certificate for clients.",
)
@click.option(
    "--tls-ca-file",
    type=WRITABLE,
    metavar="FILE",
    help="With --tls: write that certificate to FILE (PEM), so that clients can trust it.",
)
@click.option(
    "--to-ca",
    type=READABLE,
    metavar="FILE",
    help="With --tls: trust a server whose certificate is signed by one of these (PEM).",
)
@click.option(
    "--to-insecure", is_flag=True, help="With --tls: do not check the server's certificate."
)
@click.version_option(package_name="chatroom", prog_name="chatwire")
@click.pass_context
def cli(
    context: click.Context,
    listen: Address,
    to: Address,
    show: Show,
    proto: Path | None,
    write: Path | None,
    reflection: bool,
    tls: bool,
    tls_ca_file: Path | None,
    to_ca: Path | None,
    to_insecure: bool,
) -> int:
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

    Everything is passed on at once and unchanged. Every option can also be set by an
    environment variable: CHATWIRE_TO and so on. With --tls, the TLS keys of both sides
    are written to the file that SSLKEYLOGFILE names. Ctrl-C ends chatwire and every
    connection through it.
    """  # noqa: D301 - click wants the character
    if context.invoked_subcommand is not None:
        return 0
    if not tls and (tls_ca_file or to_ca or to_insecure):
        raise click.UsageError("--tls-ca-file, --to-ca and --to-insecure are for --tls: add it")
    if to_ca and to_insecure:
        raise click.UsageError("--to-ca and --to-insecure exclude each other")

    if listen[1] and (local(listen[0]), listen[1]) == (local(to[0]), to[1]):
        raise click.UsageError("--listen and --to are the same address: it would tap itself")

    from chatroom.chatwire.live import Encryption, run_tap

    encryption = Encryption(tls_ca_file, to_ca, to_insecure) if tls else None
    return run_tap(listen, to, show, proto, encryption, reflection=reflection, write=write)


cli.add_command(read)
cli.add_command(replay)
cli.add_command(diff)
cli.add_command(lab)


def local(host: str) -> str:
    """The host, with one name for this machine."""
    return "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host  # noqa: S104 # compared


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
