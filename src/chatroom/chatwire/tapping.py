"""The options of the commands that tap a server, live: between whom, with what, over TLS."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from chatroom.chatwire.endpoints import READABLE, WRITABLE, HostAndPort
from chatroom.chatwire.show.options import show_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatroom.chatwire.show.printer import Show
    from chatroom.wire.addresses import Address


@dataclass(frozen=True, slots=True)
class Encryption:
    """TLS on both sides."""

    certificate_file: Path | None
    """Where the certificate for clients is written."""
    authority: Path | None
    """Whom to believe about the server; None: those the system believes."""
    insecure: bool
    """Believe any server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapping:
    """What is asked for."""

    listen: Address
    to: Address
    show: Show
    proto: Path | None
    write: Path | None
    reflection: bool
    encryption: Encryption | None
    wrong: str = ""
    """What cannot be, in a sentence. A command that taps nothing need not mind."""

    def check(self) -> None:
        """Raises click.UsageError for what cannot be."""
        if self.wrong:
            raise click.UsageError(self.wrong)
        here, there = self.listen, self.to
        if here[1] and (local(here[0]), here[1]) == (local(there[0]), there[1]):
            raise click.UsageError("--listen and --to are the same address: it would tap itself")


OPTIONS: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
    click.option(
        "--listen",
        type=HostAndPort(),
        default="127.0.0.1:8081",
        show_default=True,
        help="Where clients connect. Port 0: any free one.",
    ),
    click.option(
        "--to",
        type=HostAndPort(),
        default="127.0.0.1:8080",
        show_default=True,
        help="The server to pass everything on to.",
    ),
    show_options,
    click.option(
        "--proto",
        type=READABLE,
        metavar="FILE",
        help="A .proto file or descriptor set that describes the messages. Without it: the chat's "
        "own, and what the server's reflection describes.",
    ),
    click.option(
        "--write",
        type=WRITABLE,
        metavar="FILE",
        help="Also write what passes to FILE: a capture (pcapng) for Wireshark, tshark and "
        "`chatwire read`.",
    ),
    click.option(
        "--reflection/--no-reflection",
        default=True,
        help="Whether to ask the server for its schema, over a separate connection.",
    ),
    click.option(
        "--tls",
        is_flag=True,
        help="Speak TLS to clients and to the server. chatwire makes the certificate for clients.",
    ),
    click.option(
        "--tls-ca-file",
        type=WRITABLE,
        metavar="FILE",
        help="With --tls: write that certificate to FILE (PEM), so that clients can trust it.",
    ),
    click.option(
        "--to-ca",
        type=READABLE,
        metavar="FILE",
        help="With --tls: trust a server whose certificate is signed by one of these (PEM).",
    ),
    click.option(
        "--to-insecure", is_flag=True, help="With --tls: do not check the server's certificate."
    ),
]


def tap_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one argument, `tapping`."""
    return _with(command, OPTIONS)


def counting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same without those that say which frames are shown, and how."""
    return _with(command, [option for option in OPTIONS if option is not show_options])


def _with(
    command: Callable[..., Any], options: list[Callable[[Callable[..., Any]], Callable[..., Any]]]
) -> Callable[..., Any]:
    @functools.wraps(command)
    def with_tapping(
        *arguments: Any,
        listen: Address,
        to: Address,
        proto: Path | None,
        write: Path | None,
        reflection: bool,
        tls: bool,
        tls_ca_file: Path | None,
        to_ca: Path | None,
        to_insecure: bool,
        show: Show | None = None,
        **others: Any,
    ) -> Any:
        from chatroom.chatwire.show.printer import Show

        wrong = ""
        if not tls and (tls_ca_file or to_ca or to_insecure):
            wrong = "--tls-ca-file, --to-ca and --to-insecure are for --tls: add it"
        elif to_ca and to_insecure:
            wrong = "--to-ca and --to-insecure exclude each other"
        tapping = Tapping(
            listen=listen,
            to=to,
            show=show or Show(),
            proto=proto,
            write=write,
            reflection=reflection,
            encryption=Encryption(tls_ca_file, to_ca, to_insecure) if tls else None,
            wrong=wrong,
        )
        return command(*arguments, tapping=tapping, **others)

    for option in reversed(options):
        with_tapping = option(with_tapping)
    return with_tapping


def local(host: str) -> str:
    """The host, with one name for this machine."""
    return "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host  # noqa: S104 # compared
