"""TLS on both sides of a tap: a certificate made on the spot, and its contexts.

Only what holds the private key of a certificate can read what was encrypted for it, so the
tap ends the client's TLS with a certificate of its own and begins another to the server.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
import ssl
import tempfile
from pathlib import Path

PROTOCOLS = ("h2", "http/1.1")
"""Offered to clients (ALPN, RFC 7301); the server is offered what the client chose."""
VALID = dt.timedelta(days=7)


def made_certificate(names: list[str]) -> tuple[bytes, bytes]:
    """A self-signed certificate for these hosts, and its private key, as PEM.

    It is its own authority: a client that is told to trust it trusts this tap, and
    nothing else that it does not trust already.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chatwire")])
    now = dt.datetime.now(dt.UTC)
    alternatives: list[x509.GeneralName] = []
    for host in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            alternatives.append(x509.DNSName(host))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def names_here(*more: str) -> list[str]:
    """The names under which clients may reach a tap on this machine, each once."""
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", socket.gethostname(), *more]))


def client_side(certificate: bytes, key: bytes) -> ssl.SSLContext:
    """What clients are spoken to with. The key is on disk only while it is read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(list(PROTOCOLS))
    _log_keys(context)
    with tempfile.TemporaryDirectory(prefix="chatwire-") as directory:
        chain = Path(directory, "chain.pem")
        chain.touch(mode=0o600)
        chain.write_bytes(key + certificate)
        context.load_cert_chain(chain)
    return context


def server_side(
    protocol: str | None, authority: Path | None = None, *, insecure: bool = False
) -> ssl.SSLContext:
    """What the server is spoken to with, offering only what the client agreed to.

    Raises OSError when `authority` holds no certificate.
    """
    context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if protocol is not None:
        context.set_alpn_protocols([protocol])
    _log_keys(context)
    return context


def _log_keys(context: ssl.SSLContext) -> None:
    if path := os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = path
