"""`chatserver`: the command line of the server."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from chatroom.core.grants import Grant
from chatroom.core.refusals import Refusal
from chatroom.core.room_ids import checked_room_id
from chatroom.interrupts import exit_in_order
from chatroom.journal import SyncMode
from chatroom.wire.addresses import Address, AddressInvalid, PortInvalid
from chatroom.wire.origins import Origin, OriginInvalid

from .access_commands import keys_commands, token_commands
from .audit_command import audit_command
from .copy_command import copy_command
from .database_commands import new_epochs_command, nodes_command
from .dev_commands import dev_certificate_command
from .durations import Duration
from .environment import check_environment
from .exposure import Rights, check_exposed
from .journal_commands import (
    backup_command,
    check_command,
    data_directory,
    repair_command,
    rollback_command,
)
from .journal_options import journal_options
from .limit_options import limit_options
from .loops import LoopName
from .networks import NetworkType
from .port.clients import Network
from .port.gate import Allowed
from .port.sockets import BindError, address_of
from .port.tls_limits import TlsLimits
from .serving import check_workers, log_from, run
from .settings import Settings, Tls
from .systemd import handed_over
from .tls_options import tls_options
from .workers import MOST

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


def main() -> None:
    """Entry point: exit codes 0 done, 1 failed, 2 wrong usage, 130 interrupted.

    3: a worker could not be started, again and again.
    """
    chatserver(auto_envvar_prefix="CHATSERVER")


@click.group(
    invoke_without_command=True,
    subcommand_metavar="[COMMAND [ARGS]...]",
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="chatroom", prog_name="chatserver")
@click.option(
    "--bind",
    multiple=True,
    metavar="HOST:PORT",
    default=["127.0.0.1:8080"],
    help="Where to listen; may be given more than once. If HOST is a name, on all its "
    "addresses; without one (:8080), on every IPv4 address. Port 0: any free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    default=None,
    show_default="on Linux ~/.local/share/chatroom",
    help="Where rooms and messages are kept.",
)
@click.option(
    "--in-memory", is_flag=True, help="Keep all in memory: it is lost when the server ends."
)
@click.option(
    "--sync",
    type=click.Choice(["full", "normal"]),
    default="full",
    help="full: a stored message survives a loss of power. normal: it survives a "
    "killed process; a loss of power may lose the last moments.",
)
@click.option(
    "--room",
    multiple=True,
    metavar="ID",
    help="Create this room at start unless it exists; may be given more than once.",
)
@journal_options
@limit_options
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A name by which browsers may call this server, besides localhost, IP addresses and the "
    "names of the certificate; *: any. Other clients may use any name.",
)
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="ORIGIN",
    help="Web pages of other servers that may call, such as https://chat.example; *: any.",
)
@click.option(
    "--proxy-protocol",
    is_flag=True,
    help="Every connection begins with a header of the PROXY protocol (version 1 or 2), in which "
    "the proxy names the client's address.",
)
@click.option(
    "--trust-proxy",
    type=NetworkType(),
    multiple=True,
    metavar="CIDR",
    help="Addresses of proxies that say by x-forwarded-for, or by forwarded, for whom they speak; "
    "nobody else is believed. May be given more than once.",
)
@click.option("--no-page", is_flag=True, help="Serve no page for browsers at /.")
@tls_options
@click.option(
    "--insecure", is_flag=True, help="Listen beyond this machine without TLS: a proxy has it."
)
@click.option(
    "--admin-token-file",
    type=_FILE,
    help="Whoever shows the token in this file (authorization: Bearer) may do everything; others "
    "then may not create and delete rooms or remove members. SIGHUP reads this file, the keys "
    "and the certificates again.",
)
@click.option(
    "--keys",
    type=_FILE,
    help="Keys of those who sign tokens (JWT). Who shows no token then may do nothing, unless "
    "--anonymous says otherwise. Read again whenever the file changes.",
)
@click.option(
    "--anonymous",
    type=Rights(),
    metavar="RIGHTS",
    help="What those may who show no token: join, send, history, list, create, moderate, admin, "
    "with commas between; all; none.",
)
@click.option(
    "--open",
    "is_open",
    envvar="CHATSERVER_OPEN",
    is_flag=True,
    help="Listen beyond this machine although nobody is asked who they are.",
)
@click.option(
    "--audit-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the audit log there too, a line of JSON for each record.",
)
@click.option(
    "--keep-audit",
    type=Duration(),
    default="365d",
    help="For how long audit records are kept; the file is yours.",
)
@click.option(
    "--drain-delay",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="After a signal to stop, health is NOT_SERVING for so long before streams end.",
)
@click.option(
    "--max-connection-age",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="An HTTP/2 connection that is so old, a tenth more or less, is ended: clients connect "
    "again, and spread over servers. Its streams are told before. 0: never.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MOST),
    default=1,
    metavar="N",
    help="So many processes serve the port, each a node of its own, over --journal. Linux only.",
)
@click.option(
    "--loop",
    type=click.Choice(["auto", "uvloop", "asyncio"]),
    default="auto",
    help="The event loop. auto: uvloop, which is faster, where it is installed.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    help="How much is logged, on standard error.",
)
@click.pass_context
def chatserver(
    ctx: click.Context, bind: tuple[str, ...], data: Path | None, in_memory: bool, database: str,
    sync: SyncMode,
    room: tuple[str, ...], limits: dict[str, Any], allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...], proxy_protocol: bool, trust_proxy: tuple[Network, ...],
    no_page: bool, tls: Tls | None, tls_limits: TlsLimits, insecure: bool,
    admin_token_file: Path | None, keys: Path | None, anonymous: Grant | None, is_open: bool,
    audit_file: Path | None, keep_audit: int, drain_delay: float,
    max_connection_age: float, workers: int, loop: LoopName, log_level: str,
) -> None:  # fmt: skip
    """Host chat rooms over gRPC, gRPC-Web and Connect on one port.

    Every option can also be set by an environment variable: CHATSERVER_BIND,
    CHATSERVER_DATA and so on. An empty one is none, but for those that keep somebody out
    (CHATSERVER_KEYS): there it is an error. Without a command it serves.
    """
    if ctx.invoked_subcommand is not None:
        exit_in_order()  # a copy that is half made is removed
        return
    if ctx.auto_envvar_prefix is not None:
        check_environment(ctx, os.environ)
    if in_memory and data is not None:
        raise click.UsageError("--in-memory and --data exclude each other")
    if keys is not None and is_open:
        raise click.UsageError("--keys and --open exclude each other; see --anonymous")
    check_workers(workers, database=database)
    try:
        listeners = handed_over(os.environ)
        if listeners and ctx.get_parameter_source("bind") is not ParameterSource.DEFAULT:
            raise click.UsageError(
                "systemd hands over sockets that listen already, so --bind has nothing to say: "
                "take one of the two away"
            )
        if listeners and workers > 1:
            raise click.UsageError(
                "--workers needs a port that its processes can share, which one that systemd "
                "hands over is not: let systemd start the server without a socket unit"
            )
        addresses = tuple(map(address_of, listeners)) or tuple(_to_listen(text) for text in bind)
        rooms = tuple(checked_room_id(room_id) for room_id in room)
        for origin in set(allow_origin) - {"*"}:
            Origin.parse(origin)
    except (Refusal, OriginInvalid, BindError) as error:
        raise click.UsageError(str(error)) from None
    check_exposed(
        addresses,
        tls=tls is not None,
        insecure=insecure,
        identities=keys is not None or anonymous is not None,
        is_open=is_open,
        proxied=proxy_protocol or bool(trust_proxy),
    )
    if data is None and not in_memory and not database:
        data = data_directory(None)
    # Whoever calls this from Python may hand in what the options do not say.
    base = ctx.find_object(Settings) or Settings()
    settings = replace(
        base,
        bind=addresses,
        listeners=tuple(listeners),
        data=data,
        database=database,
        sync=sync,
        rooms=rooms,
        limits=replace(base.limits, **limits),
        allowed=Allowed(
            hosts=frozenset(
                [*(name.lower() for name in allow_host), *(a.host.lower() for a in addresses)]
            ),
            origins=frozenset(allow_origin),
        ),
        proxy_protocol=proxy_protocol,
        trusted_proxies=trust_proxy,
        page=not no_page,
        tls=tls,
        tls_limits=tls_limits,
        admin_token_file=admin_token_file,
        keys=keys,
        anonymous=anonymous,
        audit_file=audit_file,
        keep_audit=keep_audit,
        drain_delay=drain_delay,
        max_connection_age=max_connection_age,
        workers=workers,
    )
    level = logging.getLevelNamesMapping()[log_level.upper()]
    log_from(level)
    if code := run(settings, loop, level):
        sys.exit(code)


chatserver.add_command(audit_command)
chatserver.add_command(backup_command)
chatserver.add_command(check_command)
chatserver.add_command(copy_command)
chatserver.add_command(new_epochs_command)
chatserver.add_command(nodes_command)
chatserver.add_command(repair_command)
chatserver.add_command(rollback_command)
chatserver.add_command(dev_certificate_command)
chatserver.add_command(keys_commands)
chatserver.add_command(token_commands)


def _to_listen(text: str) -> Address:
    """Every address of this machine, if none is named; any free port, if that is 0."""
    try:
        return Address.parse(text, host="0.0.0.0", port=None, lowest=0)  # noqa: S104 # ":8080" means every address
    except PortInvalid as error:
        raise click.UsageError(
            f"cannot listen on {error.text!r}: {error}; 0: any free one"
        ) from None
    except AddressInvalid as error:
        raise click.UsageError(
            f"{error.text!r} is not an address to listen on: "
            "write host:port, as in 127.0.0.1:8080 or [::]:8080"
        ) from None


if __name__ == "__main__":
    main()
