"""The certificate of a port, and the files it is read from."""

from __future__ import annotations

import os
import ssl
import time
from pathlib import Path

import pytest

from chatroom.server.port.certificates import Certificates
from chatroom.server.settings import Tls, TlsUnusable
from tests.client.certificates import Pair, authority, signed

from .tls_peers import Connection, client_context


def tls(pair: Pair, client_ca: Path | None = None) -> Tls:
    return Tls(certificate=pair.certificate, key=pair.key, client_ca=client_ca)


def test_the_names_of_a_certificate(ca: Pair, tmp_path: Path) -> None:
    """Of subjectAltName: names as they are compared, and addresses as they are written."""
    pair = signed(
        tmp_path, ca, "Chat.Example", "DNS:*.rooms.example", "IP:192.0.2.7", "IP:2001:db8:0::1"
    )
    assert {
        "chat.example", "*.rooms.example", "192.0.2.7", "2001:db8::1"
    } == Certificates(tls(pair)).names  # fmt: skip


def test_a_certificate_without_names(ca: Pair) -> None:
    """The common name counts for nothing, in browsers as well."""
    assert frozenset() == Certificates(tls(ca)).names


def test_reading_again_changes_context_and_names(ca: Pair, tmp_path: Path) -> None:
    """A new context for the handshakes to come; the old one stays as it is."""
    old, new = signed(tmp_path, ca, "old.example"), signed(tmp_path, ca, "new.example")
    certificates = Certificates(tls(old))
    before = certificates.context
    old.certificate.write_bytes(new.certificate.read_bytes())
    old.key.write_bytes(new.key.read_bytes())
    certificates.reload()
    assert before is not certificates.context
    assert {"new.example"} == certificates.names


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("key gone", "cannot use {certificate} with {key}: no such file or directory"),
        ("key of another", "cannot use {certificate} with {key}: key values mismatch"),
        ("no certificate", "cannot use {certificate} with {key}: [ssl] pem lib"),
    ],
)
def test_files_that_cannot_be_used_change_nothing(
    ca: Pair, tmp_path: Path, broken: str, expected: str
) -> None:
    """The error says which files and why; the server goes on with what it has."""
    pair = signed(tmp_path, ca, "localhost")
    certificates = Certificates(tls(pair))
    before = certificates.context
    if broken == "key gone":
        pair.key.unlink()
    elif broken == "key of another":
        pair.key.write_bytes(ca.key.read_bytes())
    else:
        pair.certificate.write_text("nothing\n")
    with pytest.raises(TlsUnusable) as refused:
        certificates.reload()
    assert str(refused.value).startswith(
        expected.format(certificate=pair.certificate, key=pair.key)
    )
    assert before is certificates.context
    assert {"localhost"} == certificates.names
    connection = Connection(certificates.context, client_context(ca.certificate))
    connection.shake_hands()


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
@pytest.mark.parametrize("which", ["certificate", "key", "client_ca"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(
    ca: Pair, tmp_path: Path, which: str
) -> None:
    """Whoever waited for its writer would read nothing again, and the server would not stop."""
    files = tls(signed(tmp_path, ca, "localhost"), authority(tmp_path, "people").certificate)
    certificates = Certificates(files)
    path: Path = getattr(files, which)
    path.unlink()
    os.mkfifo(path)
    assert certificates.changed()
    with pytest.raises(TlsUnusable, match="has to be a file"):
        certificates.reload()
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(TlsUnusable, match="has to be a file"):
        certificates.reload()
    assert {"localhost"} == certificates.names


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed_of_a_certificate_that_has_expired(
    ca: Pair, localhost: Pair, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """OpenSSL looks at the time of a client's certificate only when that is shown."""
    people = authority(tmp_path, "people")
    ann = signed(tmp_path, people, "ann")
    context = Certificates(tls(localhost, people.certificate)).context
    client = client_context(ca.certificate)
    client.minimum_version = client.maximum_version = version
    client.load_cert_chain(ann.certificate, ann.key)
    first = Connection(context, client)
    first.shake_hands()
    first.heard()  # its ticket
    again = Connection(context, client, session=first.client.session)
    again.shake_hands()
    assert again.client.session_reused
    late = Connection(
        context, client, session=first.client.session, clock=lambda: time.time() + 3 * 86_400
    )
    with pytest.raises(AssertionError):
        late.shake_hands()
    assert late.below.ended
    assert [] == late.above.told


def test_a_certificate_that_only_openssl_can_read(ca: Pair, tmp_path: Path) -> None:
    """Such as one of version 2: it is unusable, and no error of its own stops a reload."""
    pair = signed(tmp_path, ca, "localhost")
    certificates = Certificates(tls(pair))
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
    version = bytes.fromhex("a003020102")  # 3, as RFC 5280, 4.1 has it
    assert 1 == der.count(version)
    older = der.replace(version, bytes.fromhex("a003020101"))
    pair.certificate.write_text(ssl.DER_cert_to_PEM_cert(older))
    with pytest.raises(TlsUnusable, match=r"cannot read .*: 1 is not a valid x509 version"):
        certificates.reload()


def test_clients_must_show_a_certificate(ca: Pair, localhost: Pair, tmp_path: Path) -> None:
    """Where there is a CA for them; the protocol above can ask whose it was."""
    people = authority(tmp_path, "people")
    context = Certificates(tls(localhost, people.certificate)).context
    client = client_context(ca.certificate)
    stranger = Connection(context, client)
    with pytest.raises(AssertionError):  # a client of TLS 1.3 is told when it reads
        stranger.shake_hands()
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        stranger.heard()
    ann = signed(tmp_path, people, "ann")
    client.load_cert_chain(ann.certificate, ann.key)
    connection = Connection(context, client)
    connection.shake_hands()
    shown = connection.above.transport.get_extra_info("peercert")
    assert ((("commonName", "ann"),),) == shown["subject"]


def test_old_versions_are_refused(ca: Pair, localhost: Pair) -> None:
    """TLS 1.2 or newer, and of its ciphers those that RFC 9113, appendix A, leaves."""
    context = Certificates(tls(localhost)).context
    assert ssl.TLSVersion.TLSv1_2 == context.minimum_version
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert [] == [n for n in names if "GCM" not in n and "POLY1305" not in n]
    assert [] == [n for n in names if not n.startswith(("TLS_", "ECDHE-"))]
