"""Certificates that are wrong in one way each: expired, of tomorrow, of another name."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .certificates import Pair

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Issuer:
    """A CA."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str) -> Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        return cls(_signed(name, key, None, None, now - 9 * DAY, now + 9 * DAY), key)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path


def issue(
    directory: Path,
    name: str,
    by: Issuer | None,
    *,
    begins: dt.timedelta = -DAY,
    ends: dt.timedelta = DAY,
) -> Pair:
    """A certificate for a host or a client, valid so long from now; `by` None: by itself."""
    pair = Pair(directory / f"{name}.pem", directory / f"{name}-key.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    made = _signed(name, key, by, name, now + begins, now + ends)
    pair.certificate.write_bytes(made.public_bytes(Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pair


def _signed(
    common_name: str,
    key: ec.EllipticCurvePrivateKey,
    by: Issuer | None,
    host: str | None,
    begins: dt.datetime,
    ends: dt.datetime,
) -> x509.Certificate:
    """`host` None: it may sign others."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(by.key if by else key, hashes.SHA256())
