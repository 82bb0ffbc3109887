"""The beginning of TLS with a client, and why it failed."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

UNTRUSTED = frozenset({
    "TLSV1_ALERT_UNKNOWN_CA",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "SSLV3_ALERT_BAD_CERTIFICATE",
})  # fmt: skip
"""What clients answer to a certificate that they do not trust (RFC 8446, section 6.2)."""
LEFT = "it has ended the connection when it had seen the tap's certificate"
"""A client without another word: grpcio's, of a certificate that it does not trust."""
NO_TLS = frozenset({"HTTP_REQUEST", "WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What OpenSSL calls bytes that are no TLS; which one depends on its version."""


def reporting(failed: Callable[[ssl.SSLError], None]) -> type[ssl.SSLObject]:
    """For `SSLContext.sslobject_class`: calls `failed` with what ends a handshake.

    An event loop that accepts TLS connections keeps that to itself.
    """

    class Reporting(ssl.SSLObject):
        _steps = 0
        """Of a handshake that is under way."""

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._steps += 1
                raise
            except ssl.SSLError as error:
                self._steps = 0
                failed(error)
                raise
            self._steps = 0

        def __del__(self) -> None:
            if self._steps > 1:  # it has seen the certificate, and gone
                failed(ssl.SSLError(1, LEFT))

    return Reporting


def why_failed(error: ssl.SSLError) -> str:
    """Why a client's handshake failed, and what to do about it."""
    if LEFT in error.args:  # which is ours, and has no reason
        return f"{LEFT}; perhaps it does not trust it (--tls-ca-file writes it for the client)"
    reason = error.reason or ""
    if reason in UNTRUSTED:
        return "it does not trust the tap's certificate (--tls-ca-file writes it for the client)"
    if reason in NO_TLS:
        return "it does not speak TLS (without --tls, the tap does not either)"
    return reason.replace("_", " ").lower() or str(error)
