"""The certificate that a port shows, read again whenever it is asked to."""

from __future__ import annotations

import ssl

from cryptography import x509

from chatroom.server.settings import Tls, TlsUnusable, reason_of

ALPN = ("h2", "http/1.1")
"""In the order of our preference (RFC 7301, 3.2)."""
TLS_1_2_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Forward secrecy and AEAD: what remains when RFC 9113, appendix A, is taken from OpenSSL's
default. TLS 1.3 has nothing else."""


class Certificates:
    """The context for the next handshake, and the names that its certificate is for.

    A connection keeps the context that it began with, so reading the files again ends none.
    """

    def __init__(self, tls: Tls) -> None:
        """Reads the files; raises TlsUnusable."""
        self._tls = tls
        self._context, self._names = _read(tls)

    @property
    def context(self) -> ssl.SSLContext:
        """For one handshake: ask for it at each."""
        return self._context

    @property
    def names(self) -> frozenset[str]:
        """Those of subjectAltName: DNS names in lower case, wildcards as they stand; addresses.

        The subject's common name is no name of a server (RFC 9525, 2).
        """
        return self._names

    def reload(self) -> None:
        """Read the files again. Raises TlsUnusable; then everything is as it was."""
        self._context, self._names = _read(self._tls)


def _read(tls: Tls) -> tuple[ssl.SSLContext, frozenset[str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(TLS_1_2_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION  # RFC 9113, 9.2.1; so is compression, by default
    context.set_alpn_protocols(list(ALPN))
    tls.load_into(context)
    return context, _names(tls)


def _names(tls: Tls) -> frozenset[str]:
    try:
        shown, *_ = x509.load_pem_x509_certificates(tls.certificate.read_bytes())
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    except (OSError, ValueError) as error:
        raise TlsUnusable(
            f"cannot read the names in {tls.certificate}: {reason_of(error)}"
        ) from error
    return frozenset(
        [name.lower() for name in names.get_values_for_type(x509.DNSName)]
        + [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    )
