"""What a server would do with its settings, in sentences; nothing is written, made or bound."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from chatroom.core.grants import EVERYTHING, Right
from chatroom.journal import JournalUnusable
from chatroom.wire.ip import parsed

from .access.admin import AdminToken
from .access.key_file import KeyFile, KeysUnusable
from .access.revoked import REVOKED_FILE, RevokedTokens
from .durations import written
from .limit_options import PaceType
from .log_lines import LogStyle
from .loops import LoopName, loop_factory
from .port import sockets
from .port.certificates import Certificates
from .service import JOURNAL_FILE, journal_of
from .serving import of_worker
from .settings import Settings


def forecast(settings: Settings, loop: LoopName, log: LogStyle) -> Iterator[str]:
    """A sentence for each thing that a start would do, in the order in which a start does it.

    Raises what a start raises for files that cannot be used: TlsUnusable, AdminTokenUnusable,
    KeysUnusable, JournalUnusable, LoopMissing.
    """
    loop_factory(loop)
    yield from _listens(settings)
    yield from _watched(settings)
    yield from _who_may(settings)
    yield from _browsers(settings)
    yield from _kept(settings)
    yield from _bounds(settings)
    yield f"logs {logging.getLevelName(log.level).lower()} and above, as {log.form}"


def _listens(settings: Settings) -> Iterator[str]:
    tls = Certificates(settings.tls) if settings.tls is not None else None
    encrypted = "with TLS" if tls is not None else "without TLS"
    for address in settings.bind:
        reach = "this machine alone" if address.loopback else "other machines too"
        chosen = "" if address.port else ", at a port that the system chooses"
        yield f"listens on {address}{chosen}, for {reach}, {encrypted}"
    if tls is not None and settings.tls is not None:
        names = ", ".join(sorted(tls.names)) or "no name"
        ends = datetime.fromtimestamp(tls.validity[1], UTC)
        yield f"shows {tls.path}, which is for {names} and ends at {ends:%Y-%m-%d %H:%M} UTC"
        if settings.tls.client_ca is not None:
            whoever = "lets in only" if settings.tls.client_required else "asks for, but needs not,"
            yield f"{whoever} certificates of clients that {settings.tls.client_ca} has signed"
    if settings.workers > 1:
        yield f"serves with {settings.workers} processes"
    if settings.proxy_protocol:
        yield "takes the address of a client from the PROXY protocol, with which all have to begin"
    if settings.trusted_proxies:
        named = ", ".join(map(str, settings.trusted_proxies))
        yield f"believes {named} for whom they speak"


def _watched(settings: Settings) -> Iterator[str]:
    for address in settings.ops_bind:
        at = str(address)
        if settings.workers > 1 and address.port:
            last = of_worker(address, settings.workers).port
            at = f"{of_worker(address, 1)} to {last}, a port for each process,"
        whoever = "whoever is on this machine" if address.loopback else "whoever reaches it"
        yield f"tells at {at} what goes on: {whoever} may see rooms, names and addresses"


def _who_may(settings: Settings) -> Iterator[str]:
    if settings.admin_token_file is not None:
        AdminToken(settings.admin_token_file).read()
        yield f"lets whoever shows the token in {settings.admin_token_file} do everything"
    if settings.keys is not None:
        file = KeyFile(settings.keys, name_characters=settings.limits.name_characters)
        keys = file.read()
        if settings.data is not None:
            try:
                RevokedTokens(settings.data / REVOKED_FILE).read()
            except OSError as error:
                raise KeysUnusable(
                    f"cannot read {error.filename}: {(error.strerror or str(error)).lower()}"
                ) from None
        signers = _count(len(keys.keys), "key")
        yield f"lets whoever shows a token by {signers} in {file.path} do what the token says"
        if keys.certificates:
            yield f"knows {_count(len(keys.certificates), 'client')} by a certificate"
    rights = settings.anonymous_grant.rights
    if settings.anonymous_grant == EVERYTHING:
        what = "everything"
    else:
        what = ", ".join(right for right in Right if right in rights) or "nothing"
    yield f"lets whoever shows no token do: {what}"


def _browsers(settings: Settings) -> Iterator[str]:
    yield "serves a page for browsers" if settings.page else "serves no page for browsers"
    hosts = sorted(host for host in settings.allowed.hosts if parsed(host) is None)
    if "*" in hosts:
        yield "lets browsers call it by any name"
    else:
        certificate = ["the names of its certificate"] if settings.tls is not None else []
        names = ", ".join(dict.fromkeys(["localhost", *certificate, *hosts]))
        yield f"lets browsers call it by its IP addresses, {names}"
    if settings.allowed.origins:
        yield f"lets pages of {', '.join(sorted(settings.allowed.origins))} call"


def _kept(settings: Settings) -> Iterator[str]:
    if settings.database:
        yield f"keeps rooms and messages in {journal_of(settings).name}"
    elif settings.data is None:
        yield "keeps rooms and messages in memory alone, until it ends"
    else:
        path = settings.data / JOURNAL_FILE
        there = _found(path)
        safe = "a loss of power" if settings.sync == "full" else "a killed process"
        yield f"keeps rooms and messages in {path}, {there}; what is stored survives {safe}"
    if settings.rooms:
        yield f"makes these rooms unless they are there: {', '.join(settings.rooms)}"
    kept = f"for {written(int(settings.keep_audit))}" if settings.keep_audit else "for ever"
    also = f", and writes them to {settings.audit_file}" if settings.audit_file else ""
    yield f"keeps records of what moderators do {kept}{also}"


def _found(path: Path) -> str:
    """Whether a journal is there; raises JournalUnusable if a server could not write it."""
    place, found = path, "which is there"
    try:
        if not path.exists():
            place, found = path.parent, "which it makes"
            while not place.exists():
                place = place.parent
            if not place.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(place, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise JournalUnusable(
            f"cannot open {path}: {error.strerror or error} ({place}); make the directory and the "
            "file writable for this user, or choose another --data directory"
        ) from None
    return found


def _bounds(settings: Settings) -> Iterator[str]:
    limits = settings.limits
    connections = sockets.connection_limit(limits.server_connections)
    most = f"{connections:,}" if connections else "any number of"
    yield (
        f"has room for {most} connections, {limits.server_members:,} members and "
        f"{limits.server_rooms:,} rooms of up to {limits.room_capacity:,}"
    )
    rate = f"{limits.message_rate:g} messages a second" if limits.message_rate else "any number"
    yield f"takes {rate} from a member, and {limits.message_burst} at once"
    yield (
        f"keeps {limits.history_entries:,} messages of a room, {limits.history_bytes:,} bytes at "
        f"most, and {limits.server_bytes:,} bytes of all rooms"
    )
    joins, created = map(PaceType.written, (limits.address_joins, limits.address_creations))
    yield (
        f"takes from one address {limits.address_connections or 'any number of'} connections and "
        f"{limits.address_members or 'any number of'} members, and has it join "
        f"{_so_often(joins)} and create rooms {_so_often(created)}"
    )
    if settings.max_connection_age:
        yield f"ends connections that are {settings.max_connection_age:g} s old"
    if settings.drain_delay:
        yield f"says for {settings.drain_delay:g} s that it stops, before it does"


def _so_often(pace: str) -> str:
    return "as often as it likes" if pace == "0" else pace


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
