"""Client certificates: for whom one stands, as the key file says.

    [certificates.bot]
    san = "dns:bot.example"          # or subject = "CN=bot,O=Example"
    sub = "bot"
    name = "Bot"                     # as in a token, and need not be there
    chat = { rooms = ["lobby"], moderate = true }

`san` is dns:, email:, uri: or ip: and a subjectAltName (RFC 5280, section 4.2.1.6). `subject` is
written as RFC 4514 says; `openssl x509 -noout -subject -nameopt RFC2253` prints it so.

Whether a certificate is to be trusted is decided by TLS: only those come here.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from chatroom.core.grants import Grant, Identity

from .claims import grant_of, name_of, subject_of
from .unusable import TokenClaimWrong

ID_PREFIX = "certificate:"
"""Before the id of a mapping, where ids of keys may stand too; none of those begins so."""
KEPT = 1024
"""Certificates that are not read again: it takes 50 µs, and of each call."""
_SUBJECT = "subject:"
_FIELDS = ("san", "subject", "sub", "name", "chat")


class CertificateWrong(ValueError):
    """What the key file says of a certificate cannot be used."""


@dataclass(slots=True, frozen=True)
class Holder:
    """For whom a certificate stands. Equal to one that stands for the same."""

    id: str
    mark: str
    """What its certificate has: `dns:bot.example`, or `subject:` and a name."""
    subject: str
    """As a token's `sub`."""
    name: str
    grant: Grant

    def identity(self, ends: float) -> Identity:
        """Whoever shows a certificate that ends then, in seconds since 1970."""
        return Identity(
            grant=self.grant,
            subject=self.subject,
            name=self.name,
            expires=ends,
            key_id=f"{ID_PREFIX}{self.id}",
        )


def holder(id_: str, said: object, *, name_characters: int) -> Holder:
    """What a table of the file says; raises CertificateWrong."""
    if not isinstance(said, dict):
        raise CertificateWrong("it has to be a table: [certificates.ID]")
    for field in said:
        if field not in _FIELDS:
            shown = field.encode("unicode_escape").decode()
            raise CertificateWrong(f'unknown field "{shown}"; known are {", ".join(_FIELDS)}')
    try:
        return Holder(
            id=id_,
            mark=_mark(said),
            subject=subject_of(said),
            name=name_of(said, name_characters),
            grant=grant_of(said),
        )
    except TokenClaimWrong as error:
        raise CertificateWrong(f"its {error.claim} {error.why}") from None


@dataclass(slots=True, frozen=True)
class Shown:
    """What a certificate says."""

    marks: frozenset[str]
    """Each by which the file may know it."""
    ends: float
    """In seconds since 1970: its notAfter."""


NOTHING_SHOWN = Shown(frozenset(), 0.0)


@functools.lru_cache(maxsize=KEPT)
def shown(der: bytes) -> Shown:
    """What a certificate says; NOTHING_SHOWN of one that cannot be read.

    OpenSSL has read it, and takes some that this library does not, such as of version 2. Nobody is
    then known by it.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        marks = {_SUBJECT + certificate.subject.rfc4514_string()}
        ends = certificate.not_valid_after_utc.timestamp()
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Shown(frozenset(marks), ends)
    except Exception:  # noqa: BLE001 # each oddity has an exception of its own; a TypeError is one
        return NOTHING_SHOWN
    marks.update(f"dns:{name.lower()}" for name in names.get_values_for_type(x509.DNSName))
    marks.update(f"email:{name}" for name in names.get_values_for_type(x509.RFC822Name))
    marks.update(
        f"uri:{name}" for name in names.get_values_for_type(x509.UniformResourceIdentifier)
    )
    marks.update(f"ip:{address}" for address in names.get_values_for_type(x509.IPAddress))
    return Shown(frozenset(marks), ends)


def _mark(said: Mapping[str, object]) -> str:
    """What a certificate needs to have for this; written as `shown` writes it."""
    given = [field for field in ("san", "subject") if field in said]
    if len(given) != 1:
        raise CertificateWrong("it needs exactly one of san and subject")
    value = said[given[0]]
    if not isinstance(value, str) or not value.isprintable():
        raise CertificateWrong(f"its {given[0]} has to be a text")
    return _named(value) if given == ["san"] else _subject(value)


def _named(value: str) -> str:
    kind, _, name = value.partition(":")
    kind = kind.lower()
    if not name or kind not in ("dns", "email", "uri", "ip"):
        raise CertificateWrong("its san has to be dns:, email:, uri: or ip: and a name")
    if kind == "dns":
        name = name.lower()
    if kind == "ip":
        try:
            name = str(ipaddress.ip_address(name))
        except ValueError:
            raise CertificateWrong("its san is no IP address") from None
    return f"{kind}:{name}"


def _subject(value: str) -> str:
    try:
        name = x509.Name.from_rfc4514_string(value)
    except ValueError:
        name = x509.Name([])
    if not list(name):
        raise CertificateWrong(
            "its subject is no name as RFC 4514 writes it, such as CN=bot,O=Example; "
            "`openssl x509 -in FILE -noout -subject -nameopt RFC2253` prints one"
        )
    return _SUBJECT + name.rfc4514_string()
