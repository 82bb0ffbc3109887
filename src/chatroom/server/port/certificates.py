"""The certificate that a port shows, read again whenever it is asked to."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from chatroom.server.settings import Tls, TlsUnusable, reason_of

ALPN = ("h2", "http/1.1")
"""In the order of our preference (RFC 7301, 3.2)."""
TLS_1_2_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Forward secrecy and AEAD: what remains when RFC 9113, appendix A, is taken from OpenSSL's
default. TLS 1.3 has nothing else."""

Signature = tuple[int, int, int, int]
"""Which file it is, how large, and when it was written or its mode was changed."""


@dataclass(slots=True, frozen=True)
class Shown:
    """What the certificate says."""

    names: frozenset[str]
    begins: float
    ends: float


class Certificates:
    """The context for the next handshake, and the names that its certificate is for.

    A connection keeps the context that it began with, so reading the files again ends none.
    """

    def __init__(self, tls: Tls) -> None:
        """Reads the files; raises TlsUnusable."""
        self._tls = tls
        self._seen = self._signatures()
        self._context, self._shown = _read(tls)

    @property
    def context(self) -> ssl.SSLContext:
        """For one handshake: ask for it at each."""
        return self._context

    @property
    def names(self) -> frozenset[str]:
        """Those of subjectAltName: DNS names in lower case, wildcards as they stand; addresses.

        The subject's common name is no name of a server (RFC 9525, 2).
        """
        return self._shown.names

    @property
    def validity(self) -> tuple[float, float]:
        """From when until when clients take it, in seconds since 1970."""
        return self._shown.begins, self._shown.ends

    @property
    def path(self) -> Path:
        """Where it is read from."""
        return self._tls.certificate

    def reload(self) -> None:
        """Read the files again. Raises TlsUnusable; then everything is as it was."""
        self._seen = self._signatures()  # before: what is written meanwhile has changed
        self._context, self._shown = _read(self._tls)

    def changed(self) -> bool:
        """Whether a file is another one than was read last, whether it could be used or not.

        Where a path leads counts, so also symbolic links that were switched: certbot's, and
        those of a Kubernetes volume.
        """
        return self._signatures() != self._seen

    def _signatures(self) -> tuple[Signature | None, ...]:
        tls = self._tls
        return tuple(_signature(path) for path in (tls.certificate, tls.key, tls.client_ca) if path)


def _signature(path: Path) -> Signature | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def resumed_too_late(tls: ssl.SSLObject, now: float) -> bool:
    """Whether a session was resumed of a client whose certificate has ended; `now`: since 1970.

    OpenSSL looks at the time of those alone that are shown anew. A resumed session has a ticket
    for the next one, so without this a certificate would last as long as its holder comes back.
    """
    shown = tls.getpeercert() if tls.session_reused else None
    return shown is not None and now >= ssl.cert_time_to_seconds(str(shown["notAfter"]))


def _read(tls: Tls) -> tuple[ssl.SSLContext, Shown]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION  # RFC 9113, 9.2.1; so is compression, by default
    context.set_alpn_protocols(list(ALPN))
    tls.load_into(context)
    try:
        certificate, *_ = x509.load_pem_x509_certificates(tls.certificate.read_bytes())
        return context, Shown(
            _names(certificate),
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )
    except Exception as error:  # OSError, ValueError, and one of its own for each oddity
        raise TlsUnusable(f"cannot read {tls.certificate}: {reason_of(error)}") from error


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(
        [name.lower() for name in names.get_values_for_type(x509.DNSName)]
        + [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    )
