"""Settings: what an operator may choose. `cli` fills them from flags and environment."""

from __future__ import annotations

import socket
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path

from chatroom.core.grants import EVERYTHING, NOTHING, USUAL, Grant
from chatroom.core.limits import Limits
from chatroom.journal import SyncMode
from chatroom.wire.addresses import Address
from chatroom.wire.http2.limits import Http2Limits

from .port.clients import Network
from .port.gate import Allowed
from .port.tls_limits import TlsLimits
from .workers import Restarts


class TlsUnusable(Exception):
    """The TLS files cannot be used; the sentence says why."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Tls:
    """Files in PEM."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """Clients are asked for a certificate signed by it; one that is not ends the handshake."""
    client_required: bool = True
    """Whoever shows none is not let in either. It counts with `client_ca`."""

    def check(self) -> None:
        """Read the files as a server would; raises TlsUnusable."""
        self.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have a context show the certificate, and ask for clients' if there is a CA for them.

        Raises TlsUnusable.
        """
        for path in (self.certificate, self.key, self.client_ca):
            _check_no_pipe(path)
        try:
            context.load_cert_chain(self.certificate, self.key, password=lambda: "")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise TlsUnusable(
                f"cannot use {self.certificate} with {self.key}: {reason_of(error)}"
            ) from error
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ValueError) as error:
                raise TlsUnusable(f"cannot use {self.client_ca}: {reason_of(error)}") from error
            required = self.client_required
            context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL


def _check_no_pipe(path: Path | None) -> None:
    """Raise TlsUnusable for what is no file; that there is none is for who opens it.

    Opening a pipe waits until somebody writes into it, and with it all that has to be read.
    """
    if path is not None and path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise TlsUnusable(f"{path} has to be a file, since it is read again and again")


def reason_of(error: Exception) -> str:
    """What went wrong with a file or with TLS, in words."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    detail = getattr(error, "verify_message", None)
    words = str(reason).replace("_", " ").lower()
    return f"{words} ({detail})" if detail else words


@dataclass(slots=True, frozen=True, kw_only=True)
class Settings:
    """A server's settings."""

    bind: tuple[Address, ...] = (Address("127.0.0.1"),)
    listeners: tuple[socket.socket, ...] = ()
    """That listen already, in place of others on the addresses of `bind`."""
    shared_port: bool = False
    """Other processes of the same server listen there too."""
    workers: int = 1
    """Processes that serve."""
    restarts: Restarts = field(default_factory=Restarts)
    """Of those that have ended."""
    data: Path | None = None
    """The directory of the journal; None: in memory, unless there is a database."""
    database: str = field(default="", repr=False)
    """The address of a PostgreSQL database, with its password, in place of a directory."""
    sync: SyncMode = "full"
    rooms: tuple[str, ...] = ()
    """Rooms to create at start unless they exist."""
    limits: Limits = field(default_factory=Limits)
    http2: Http2Limits = field(default_factory=Http2Limits)
    """The bounds of each connection; no flag changes them."""
    allowed: Allowed = field(default_factory=Allowed)
    proxy_protocol: bool = False
    """Connections come from a proxy that says by the PROXY protocol for whom."""
    trusted_proxies: tuple[Network, ...] = ()
    """Peers that say for whom they speak, by `forwarded` or `x-forwarded-for`."""
    page: bool = True
    """Whether browsers get a page at `/`."""
    tls: Tls | None = None
    tls_limits: TlsLimits = field(default_factory=TlsLimits)
    admin_token_file: Path | None = None
    """Holds the token whose bearer may do everything."""
    keys: Path | None = None
    """Holds the keys by which tokens are signed."""
    anonymous: Grant | None = None
    """What those may who show no token; None: as `anonymous_grant` says."""
    audit_file: Path | None = None
    """The audit log goes there too, as JSON lines."""
    keep_audit: float = 0.0
    """Seconds for which audit records are kept in the journal; 0: for ever."""
    drain_delay: float = 0.0
    """Seconds in which health says NOT_SERVING before streams end."""
    ops_bind: tuple[Address, ...] = ()
    """Where operators watch it; none: nowhere."""
    max_connection_age: float = 0.0
    """Seconds after which a connection is to be made anew; 0: never."""

    @property
    def anonymous_grant(self) -> Grant:
        """What those may who show no token.

        Unless that is said: everything where there are no tokens at all; beside an admin token
        what members do; beside keys nothing, since everybody then can have a token.
        """
        if self.anonymous is not None:
            return self.anonymous
        if self.keys is not None:
            return NOTHING
        if self.admin_token_file is not None:
            return Grant(USUAL, whoever_knows=True)
        return EVERYTHING
