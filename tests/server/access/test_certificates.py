"""Client certificates: what the key file says of them, and who somebody is who shows one."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chatroom.core.grants import USUAL, Grant, Identity, Right, anonymous
from chatroom.core.refusals import TokenExpired, TokenInvalid, TokenRevoked
from chatroom.server.access import KeyFile, Keys, KeysUnusable, Tokens
from chatroom.server.access.access import SOON_SECONDS, Access, Visit
from chatroom.server.access.certificates import NOTHING_SHOWN, shown
from tests.server.access.making import NOW, SECRET, keys, token

ANYBODY = anonymous(["join"])
NAMES: list[x509.GeneralName] = [
    x509.DNSName("Bot.Example"),
    x509.RFC822Name("bot@example.com"),
    x509.UniformResourceIdentifier("spiffe://example/bot"),
    x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
]
SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bots, Inc."),
        x509.NameAttribute(NameOID.COMMON_NAME, "bot"),
    ]
)


def certificate(
    names: list[x509.GeneralName] | None = None,
    subject: x509.Name = SUBJECT,
    *,
    ends: int = NOW + 3600,
) -> bytes:
    """One in DER, signed by nobody in particular: TLS has looked at that."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = dt.datetime.fromtimestamp(ends, dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=1))
        .not_valid_after(end)
    )
    plain = x509.BasicConstraints(ca=False, path_length=None)
    builder = builder.add_extension(plain, critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def file_of(directory: Path, content: str) -> KeyFile:
    path = directory / "keys.toml"
    path.write_text(content)
    path.chmod(0o600)
    return KeyFile(path)


def mapping(mark: str, rest: str = 'sub = "bot"', id_: str = "bot") -> str:
    return f"[certificates.{id_}]\n{mark}\n{rest}\n"


def access_by(keys_: Keys, now: list[float] | None = None) -> Access:
    return Access(
        ANYBODY, tokens=Tokens(keys_), clock=lambda: now[0] if now is not None else float(NOW)
    )


@pytest.mark.parametrize(
    "mark",
    [
        'san = "dns:bot.example"',
        'san = "DNS:BOT.example"',
        'san = "email:bot@example.com"',
        'san = "uri:spiffe://example/bot"',
        'san = "ip:2001:0db8::0:7"',
        'subject = "CN=bot,O=Bots\\\\, Inc."',
    ],
)
def test_a_certificate_is_known_by(mark: str, tmp_path: Path) -> None:
    """A subject alternative name of each kind, and the subject as openssl prints it."""
    access = access_by(file_of(tmp_path, mapping(mark)).read())
    who = access.identity("", "192.0.2.1", certificate(NAMES))
    assert ("bot", "certificate:bot", NOW + 3600.0, "192.0.2.1") == (
        who.subject, who.key_id, who.expires, who.address,
    )  # fmt: skip
    assert who.known


@pytest.mark.parametrize(
    "mark",
    [
        'san = "dns:other.example"',
        'san = "dns:example"',
        'san = "dns:*.example"',
        'san = "email:BOT@example.com"',
        'san = "uri:dns:bot.example"',
        'subject = "CN=bot"',
        'subject = "O=Bots\\\\, Inc.,CN=bot"',
        'subject = "CN=bot.example"',
    ],
)
def test_a_certificate_is_not_known_by(mark: str, tmp_path: Path) -> None:
    """A part of a name, or the same in another order, or a pattern: nothing is guessed."""
    access = access_by(file_of(tmp_path, mapping(mark)).read())
    assert Identity(ANYBODY) == access.identity("", "", certificate(NAMES))


def test_a_common_name_is_no_dns_name(tmp_path: Path) -> None:
    """A CA may let people choose the one, and not the other."""
    access = access_by(file_of(tmp_path, mapping('san = "dns:bot.example"')).read())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bot.example")])
    assert Identity(ANYBODY) == access.identity("", "", certificate(None, subject))


def test_what_it_grants_is_said_as_in_a_token(tmp_path: Path) -> None:
    """With the same defaults, and a name tag that it fixes."""
    said = 'sub = "bot"\nname = "Bot"\nchat = { rooms = ["lobby"], moderate = true, send = false }'
    access = access_by(file_of(tmp_path, mapping('san = "dns:bot.example"', said)).read())
    who = access.identity("", "", certificate(NAMES))
    assert "Bot" == who.name
    rights = (USUAL | {Right.MODERATE}) - {Right.SEND}
    assert Grant(frozenset(rights), ("lobby",)) == who.grant
    access = access_by(file_of(tmp_path, mapping('san = "dns:bot.example"')).read())
    assert Grant() == access.identity("", "", certificate(NAMES)).grant


def test_the_first_of_the_file_counts(tmp_path: Path) -> None:
    """Where several fit."""
    file = file_of(
        tmp_path,
        mapping('san = "email:bot@example.com"', 'sub = "first"', "one")
        + mapping('san = "dns:bot.example"', 'sub = "second"', "two"),
    )
    assert "first" == access_by(file.read()).identity("", "", certificate(NAMES)).subject


def test_a_token_beside_it_wins(tmp_path: Path) -> None:
    """Whether it is good or not: who shows one means it."""
    read = file_of(
        tmp_path,
        f'[keys.k]\nalgorithm = "HS256"\nsecret = "{SECRET.decode()}"\n'
        + mapping('san = "dns:bot.example"'),
    ).read()
    shown_ = certificate(NAMES)
    access = access_by(Keys({**read.keys, **keys("EdDSA").keys}, certificates=read.certificates))
    assert "ann" == access.identity(f"Bearer {token()}", "", shown_).subject
    with pytest.raises(TokenInvalid):
        access.identity("Bearer wrong", "", shown_)
    for nothing in ("", "Bearer", "Basic dXNlcjpwYXNz"):
        assert "bot" == access.identity(nothing, "", shown_).subject


def test_it_ends_with_the_certificate(tmp_path: Path) -> None:
    """A stream is told a minute before; a call on a connection that has outlived it is refused."""
    now = [float(NOW)]
    access = access_by(file_of(tmp_path, mapping('san = "dns:bot.example"')).read(), now)
    shown_ = certificate(NAMES, ends=NOW + 100)
    visit = Visit(access, "", "", shown_)
    visit.begin()
    assert visit.ends_soon() is None
    now[0] = NOW + 100 - SOON_SECONDS
    assert NOW + 100.0 == visit.ends_soon()
    now[0] = NOW + 100
    with pytest.raises(TokenExpired, match="your certificate has expired"):
        visit.ends_soon()
    with pytest.raises(TokenExpired, match="your certificate has expired"):
        access.identity("", "", shown_)


@pytest.mark.parametrize(
    "after",
    ["", mapping('san = "dns:bot.example"', 'sub = "other"'), mapping('san = "dns:bot"')],
    ids=["gone", "for somebody else", "by another name"],
)
def test_a_mapping_that_leaves_the_file_ends_its_streams(after: str, tmp_path: Path) -> None:
    """Also one in whose place there is another; those of others go on."""
    other = mapping('san = "email:bot@example.com"', 'sub = "other bot"', "other")
    file = file_of(tmp_path, mapping('san = "dns:bot.example"') + other)
    access = access_by(file.read())
    visit, stays = Visit(access, "", "", certificate(NAMES)), Visit(access, "", "", b"")
    stays = Visit(access, "", "", certificate([x509.RFC822Name("bot@example.com")]))
    visit.begin()
    stays.begin()
    file_of(tmp_path, after + other)
    access.take(file.read())
    with pytest.raises(TokenRevoked, match="your certificate was revoked"):
        visit.ends_soon()
    assert "other bot" == stays.who.subject
    assert stays.ends_soon() is None


def test_without_mappings_a_certificate_says_nothing() -> None:
    """Who has let it in knows why."""
    for access in (Access(ANYBODY), Access(ANYBODY, tokens=Tokens(keys()))):
        assert Identity(ANYBODY) == access.identity("", "", certificate(NAMES))


@pytest.mark.parametrize("der", [b"\x30\x03\x02\x01\x01", b"nothing", bytes(100)])
def test_what_cannot_be_read_is_nobodys(der: bytes) -> None:
    """OpenSSL and this library may differ: then nobody is known by it, and nothing fails."""
    assert NOTHING_SHOWN == shown(der)


ODD = {
    "of version 2": ("a003020102", "a003020101"),  # RFC 5280, 4.1
    "with a common name of bits": ("0603550403 0c", "0603550403 03"),  # CN, UTF8String
    "with an extension twice": ("0603551d13", "0603551d11"),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_certificate_that_only_openssl_can_read_is_nobodys(odd: str, tmp_path: Path) -> None:
    """A CA may sign such a one; then calls are an anonymous caller's, and none fails."""
    usual, changed = (bytes.fromhex(each) for each in ODD[odd])
    der = certificate(NAMES)
    assert usual in der
    access = access_by(file_of(tmp_path, mapping('san = "dns:bot.example"')).read())
    assert Identity(ANYBODY) == access.identity("", "", der.replace(usual, changed))


KNOWN = 'san = "dns:bot.example"\n'
WRONG = {
    "no table": ("certificates = 3", "certificates has to be a table: [certificates.ID]"),
    "an entry that is none": ("[certificates]\nbot = 3", 'certificate "bot": it has to be a table'),
    "nothing to know it by": (mapping(""), "it needs exactly one of san and subject"),
    "two things": (mapping(KNOWN + 'subject = "CN=a"'), "it needs exactly one of san and subject"),
    "another kind": (mapping('san = "did:bot"'), "has to be dns:, email:, uri: or ip: and a name"),
    "no kind": (mapping('san = "bot.example"'), "has to be dns:, email:, uri: or ip: and a name"),
    "no name": (mapping('san = "dns:"'), "has to be dns:, email:, uri: or ip: and a name"),
    "no text": (mapping("san = 3"), "its san has to be a text"),
    "no address": (mapping('san = "ip:localhost"'), "its san is no IP address"),
    "no subject": (mapping('subject = ""'), "its subject is no name as RFC 4514 writes it"),
    "one by openssl": (mapping('subject = "/CN=bot"'), "its subject is no name as RFC 4514"),
    "nobody": (mapping(KNOWN, ""), "its sub is missing"),
    "an empty sub": (mapping(KNOWN, 'sub = ""'), "its sub is not a text of 1 to 128"),
    "no name tag": (mapping(KNOWN, 'sub = "a"\nname = ""'), "its name is no name tag"),
    "a word that is no right": (
        mapping(KNOWN, 'sub = "a"\nchat = { sned = false }'),
        'its chat has an unknown word: "sned"',
    ),
    "an unknown field": (mapping(KNOWN, 'subj = "a"'), 'unknown field "subj"; known are san, '),
    "an id of two lines": (mapping(KNOWN, id_='"a\\nb"'), 'certificate "a\\nb": an id has 1 to'),
    "the same twice": (
        mapping(KNOWN) + mapping('san = "DNS:Bot.example"', id_="again"),
        'certificate "again": "bot" has the same san or subject',
    ),
    "a key with such an id": (
        f'[keys."certificate:bot"]\nalgorithm = "HS256"\nsecret = "{SECRET.decode()}"',
        "no id of a key begins with certificate:",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_file_may_not_say_of_certificates(what: str, tmp_path: Path) -> None:
    """Each with a sentence that says where."""
    content, sentence = WRONG[what]
    with pytest.raises(KeysUnusable) as refused:
        file_of(tmp_path, content).read()
    assert sentence in str(refused.value)
    assert str(refused.value).isprintable()
