"""What `chatserver` can be told when it serves: its options, and the settings that they make."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from chatroom.core.grants import Grant
from chatroom.journal import SyncMode
from chatroom.wire.addresses import Address

from .amounts import Amount
from .configuration_file import config_option, origins
from .durations import Duration
from .environment import check_environment
from .exposure import Rights, check_exposed
from .journal_commands import data_directory
from .journal_options import journal_options
from .limit_options import limit_options
from .log_lines import LogForm, LogStyle
from .loops import LoopName
from .names_of_places import ListenType, OriginType, RoomIdType
from .networks import NetworkType
from .port.clients import Network
from .port.gate import Allowed
from .port.sockets import BindError, address_of
from .port.tls_limits import TlsLimits
from .serving import check_ops, check_workers
from .settings import Settings, Tls
from .systemd import handed_over
from .tls_options import tls_options
from .workers import MOST

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@dataclass(slots=True, frozen=True, kw_only=True)
class Chosen:
    """How a server is to run."""

    settings: Settings
    loop: LoopName
    log: LogStyle


def serving_options(
    command: Callable[..., None], *, also: Sequence[str] = ()
) -> Callable[..., None]:
    """Add the options, and hand the command its context and what tells what was chosen.

    That is a function, as a command may not want to know. It raises UsageError. Options of the
    command's own, whose parameters `also` names, are handed on.
    """

    @config_option
    @click.option(
        "--bind",
        type=ListenType(),
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
        type=RoomIdType(),
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
        help="A name by which browsers may call this server, besides localhost, IP addresses and "
        "the names of the certificate; *: any. Other clients may use any name.",
    )
    @click.option(
        "--allow-origin",
        type=OriginType(),
        multiple=True,
        metavar="ORIGIN",
        help="Web pages of other servers that may call, such as https://chat.example; *: any.",
    )
    @click.option(
        "--proxy-protocol",
        is_flag=True,
        help="Every connection begins with a header of the PROXY protocol (version 1 or 2), in "
        "which the proxy names the client's address.",
    )
    @click.option(
        "--trust-proxy",
        type=NetworkType(),
        multiple=True,
        metavar="CIDR",
        help="Addresses of proxies that say by x-forwarded-for, or by forwarded, for whom they "
        "speak; nobody else is believed. May be given more than once.",
    )
    @click.option("--no-page", is_flag=True, help="Serve no page for browsers at /.")
    @tls_options
    @click.option(
        "--insecure", is_flag=True, help="Listen beyond this machine without TLS: a proxy has it."
    )
    @click.option(
        "--admin-token-file",
        type=_FILE,
        help="Whoever shows the token in this file (authorization: Bearer) may do everything; "
        "others then may not create and delete rooms or remove members. SIGHUP reads this file, "
        "the keys and the certificates again.",
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
        help="What those may who show no token: join, send, history, list, create, moderate, "
        "admin, with commas between; all; none.",
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
        type=Amount(0),
        default=0.0,
        metavar="SECONDS",
        help="After a signal to stop, health is NOT_SERVING for so long before streams end.",
    )
    @click.option(
        "--max-connection-age",
        type=Amount(0),
        default=0.0,
        metavar="SECONDS",
        help="An HTTP/2 connection that is so old, a tenth more or less, is ended: clients connect "
        "again, and spread over servers. Its streams are told before. 0: never.",
    )
    @click.option(
        "--ops-bind",
        type=ListenType(),
        multiple=True,
        metavar="HOST:PORT",
        show_default="none",
        help="Answer operators there, over HTTP and never on --bind: health, and what the server "
        "has and does. Whoever can reach it may ask: keep it on loopback or on a network of your "
        "own. A worker's port is that one and the worker's number. May be given more than once.",
    )
    @click.option(
        "--workers",
        type=click.IntRange(1, MOST),
        default=1,
        metavar="N",
        help="So many processes serve the port, each a node of its own, over --journal. "
        "Linux only.",
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
    @click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        help="text: lines for people. json: an object a line, for machines.",
    )
    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        ctx = click.get_current_context()
        own = {name: given.pop(name) for name in also}
        command(ctx, functools.partial(_chosen, ctx, **given), **own)

    return _telling_origins(with_options)


def _telling_origins(command: Callable[..., None]) -> Callable[..., None]:
    """The command; whoever used it wrongly is told where what they have not typed is from."""

    @functools.wraps(command)
    def telling(**given: Any) -> None:
        try:
            command(**given)
        except click.UsageError as error:
            ctx = click.get_current_context()
            raise click.UsageError(error.message + origins(ctx, error.message), ctx) from None

    return telling


def _chosen(
    ctx: click.Context, *, bind: tuple[Address, ...], data: Path | None, in_memory: bool,
    database: str, sync: SyncMode,
    room: tuple[str, ...], limits: dict[str, Any], allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...], proxy_protocol: bool, trust_proxy: tuple[Network, ...],
    no_page: bool, tls: Tls | None, tls_limits: TlsLimits, insecure: bool,
    admin_token_file: Path | None, keys: Path | None, anonymous: Grant | None, is_open: bool,
    audit_file: Path | None, keep_audit: int, drain_delay: float,
    max_connection_age: float, ops_bind: tuple[Address, ...], workers: int, loop: LoopName,
    log_level: str, log_format: LogForm,
) -> Chosen:  # fmt: skip
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
        addresses = tuple(map(address_of, listeners)) or bind
    except BindError as error:
        raise click.UsageError(str(error)) from None
    check_ops(ops_bind, workers)
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
        rooms=room,
        limits=replace(base.limits, **limits),
        allowed=Allowed(
            hosts=frozenset(
                [
                    *(name.lower() for name in allow_host),
                    *(each.host.lower() for each in (*addresses, *ops_bind)),
                ]
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
        ops_bind=ops_bind,
        workers=workers,
    )
    return Chosen(
        settings=settings,
        loop=loop,
        log=LogStyle(logging.getLevelNamesMapping()[log_level.upper()], log_format),
    )
