"""Certificates for trials: a CA of one's own, and what it has signed.

The CA's key is nowhere but in memory: who trusts the CA for a trial trusts nothing that
somebody signs with it later.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALWAYS = ("localhost", "127.0.0.1", "::1")
"""Names that the server's certificate has in any case."""
AUTHORITY = "Chatroom trials"
EARLIER = dt.timedelta(minutes=5)
"""It is valid since then: clocks differ."""
_OWNER_ALONE = 0o600
_HOST = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NotMade(Exception):
    """No certificates were made; the sentence says why."""


@dataclass(slots=True, frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path


@dataclass(slots=True, frozen=True)
class Made:
    """All files that were made."""

    ca: Path
    server: Pair
    clients: dict[str, Pair]
    """By their names."""


def make(
    directory: Path, hosts: Sequence[str], clients: Sequence[str], *, seconds: int, force: bool
) -> Made:
    """Make a CA, a certificate for ALWAYS and `hosts`, and one for each of `clients`.

    They are valid for `seconds`. Every file is for its owner alone. Raises NotMade, if files are
    there already and `force` does not say to replace them; then none was written.
    """
    for client in clients:
        if not _CLIENT.fullmatch(client):
            raise NotMade(f"{client!r} is no name for a client: 1 to 64 of A-Z, a-z, 0-9, _ and -")
    made = Made(
        directory / "dev-ca.pem",
        _pair(directory, "dev"),
        {client: _pair(directory, f"dev-client-{client}") for client in clients},
    )
    names = [_name(host) for host in dict.fromkeys((*ALWAYS, *hosts))]
    pairs = (made.server, *made.clients.values())
    files = [made.ca, *(path for pair in pairs for path in (pair.certificate, pair.key))]
    there = [path for path in files if path.exists() or path.is_symlink()]
    if there and not force:
        raise NotMade(f"{there[0]} is there already; --force replaces it, and what goes with it")
    authority = _Authority(dt.datetime.now(dt.UTC), seconds)
    contents = [authority.pem]
    contents += authority.signed("localhost", names, ExtendedKeyUsageOID.SERVER_AUTH)
    for client in made.clients:
        also = [x509.DNSName(client)] if _HOST.fullmatch(client.lower()) else []
        contents += authority.signed(client, also, ExtendedKeyUsageOID.CLIENT_AUTH)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, content in zip(files, contents, strict=True):
            _write(path, content)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise NotMade(f"cannot write {error.filename or directory}: {why}") from None
    return made


def _pair(directory: Path, stem: str) -> Pair:
    return Pair(directory / f"{stem}-cert.pem", directory / f"{stem}-key.pem")


def _name(host: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(host))
    name = host.lower()
    if len(name) > 253 or not _HOST.fullmatch(name):
        raise NotMade(f"{host!r} is no name of a host, and no address")
    return x509.DNSName(name)


class _Authority:
    """A CA whose key is forgotten with it."""

    def __init__(self, now: dt.datetime, seconds: int) -> None:
        self._begin = now - EARLIER
        self._end = now + dt.timedelta(seconds=seconds)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name(AUTHORITY)
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        usage = _usage(signs_others=True)
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(Encoding.PEM)

    def signed(
        self, name: str, others: Sequence[x509.GeneralName], purpose: x509.ObjectIdentifier
    ) -> tuple[bytes, bytes]:
        """A certificate for one purpose, and its key; both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(_common_name(name), key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if others:
            builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return (
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        """With the identifiers of both keys, as strict readers ask (RFC 5280, 4.2.1.1 and 2)."""
        public = key.public_key()
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._begin)
            .not_valid_after(self._end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(issuer, critical=False)
        )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes) -> None:
    """In place of what may be there: a file that is new, whoever had the old one open."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 # a descriptor is no path
        file.write(content)
