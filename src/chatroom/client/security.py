"""What protects a connection: TLS or nothing, and the token that is shown to the server."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatroom.wire.addresses import Address

TOKEN_BYTES = 4096
"""The longest token; a server takes 16 KiB of headers in all."""


TokenSource: TypeAlias = "str | Callable[[], str]"
"""A token, or what gives the one to be shown now: it is called for each call and stream."""


class TlsUnusable(ValueError):
    """The TLS settings cannot be used; `str()` names the file and says why."""


class TokenInvalid(ValueError):
    """A text cannot be a token; `str()` says what one looks like, and not the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How TLS is spoken. Files are in PEM; absent: as usual.

    They are read by `connect`, which says what is wrong with them, and again for each connection
    that is opened after it: what was renewed is shown when the connection was lost.
    """

    ca: Path | None = None
    """Trust servers with a certificate signed by one of these, and no others; absent: those
    that gRPC comes with."""
    certificate: Path | None = None
    """The certificate chain to show to servers that ask for one; goes with `key`."""
    key: Path | None = None
    """Its private key, not encrypted."""
    server_name: str = ""
    """The name that the server's certificate must have, and that it is addressed by; absent:
    the host that is connected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What a channel is opened with. Without `tls` it is plaintext."""

    tls: bool
    server_name: str = ""
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    token: TokenSource = field(default="", repr=False)
    files: Tls | None = None
    """Where the three above are from, for `renewed`."""

    @classmethod
    def of(
        cls, address: Address, *, insecure: bool, tls: Tls | None, token: TokenSource
    ) -> Security:
        """Plaintext to loopback, TLS to all others: unless `insecure`, or `tls` is given.

        So a token goes to other machines in clear text only if that was asked for.
        Raises TlsUnusable, TokenInvalid.
        """
        if insecure and tls is not None:
            raise TlsUnusable("insecure and TLS settings exclude each other")
        if isinstance(token, str):
            check_token(token)
        if tls is None:
            return cls(tls=not (insecure or address.loopback), token=token)
        if (tls.certificate is None) != (tls.key is None):
            given = tls.certificate or tls.key
            raise TlsUnusable(f"cannot use {given} alone: a certificate and its key go together")
        security = cls(
            tls=True,
            server_name=tls.server_name,
            ca=_read(tls.ca),
            certificate=_read(tls.certificate),
            key=_read(tls.key),
            token=token,
            files=tls,
        )
        _check(tls)
        return security

    def renewed(self) -> Security:
        """The same with what is in the files now; itself where that cannot be used, or is no other.

        A certificate and its key are two files, and one is replaced before the other: until they
        fit, the last ones are shown.
        """
        if self.files is None:
            return self
        try:
            now = self._read_again(self.files)
            if now == self:
                return self
            _check(self.files)
            return now if now == self._read_again(self.files) else self
        except TlsUnusable:
            return self

    def _read_again(self, files: Tls) -> Security:
        return replace(
            self,
            ca=_read(files.ca),
            certificate=_read(files.certificate),
            key=_read(files.key),
        )

    @property
    def renews(self) -> bool:
        """Whether there may be another token once this one has expired."""
        return not isinstance(self.token, str)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with a call or a stream that begins now (RFC 6750, section 2.1).

        Raises TokenInvalid, and whatever a function that gives tokens raises.
        """
        token = self.token if isinstance(self.token, str) else self.token()
        check_token(token)
        return (("authorization", f"Bearer {token}"),) if token else ()


def check_token(token: str) -> None:
    """Raise TokenInvalid for what no header can carry as a token; the empty one is none."""
    if len(token) > TOKEN_BYTES:
        raise TokenInvalid(f"a token has at most {TOKEN_BYTES} characters")
    if not all("!" <= character <= "~" for character in token):
        raise TokenInvalid("a token has only ASCII letters, digits and signs, and no spaces")


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        raise TlsUnusable(f"cannot read {path}: {_reason(error)}") from error


def _check(tls: Tls) -> None:
    """Read the files as OpenSSL does: gRPC takes anything, and fails without saying why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is not None:
        try:
            context.load_verify_locations(tls.ca)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise TlsUnusable(f"cannot use {tls.ca} as CA: {_reason(error)}") from error
    if tls.certificate is not None:
        try:
            context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
        except (OSError, ValueError) as error:
            raise TlsUnusable(
                f"cannot use {tls.certificate} with {tls.key}: {_reason(error)}"
            ) from error


def _reason(error: Exception) -> str:
    if "PEM lib" in str(error):
        return "what it needs is not in there in the form of PEM"
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return str(reason).replace("_", " ").lower()
