"""Certificates are read again when their files have changed, and not before they fit."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from chatroom.server.port.certificates import Certificates
from chatroom.server.port.renewal import SETTLING_LOOKS, Renewal
from chatroom.server.settings import Tls
from tests.client.certificates import Pair, signed


def install(from_: Pair, at: Pair) -> None:
    at.certificate.write_bytes(from_.certificate.read_bytes())
    at.key.write_bytes(from_.key.read_bytes())


@pytest.fixture
def pairs(ca: Pair, tmp_path: Path) -> tuple[Pair, Pair, Pair]:
    """What a port shows, for old.example; and what others would be, for new and newest."""
    made = [signed(tmp_path, ca, f"{name}.example") for name in ("old", "new", "newest")]
    shown = Pair(tmp_path / "shown.pem", tmp_path / "shown-key.pem")
    install(made[0], shown)
    return shown, made[1], made[2]


def watched(shown: Pair, client_ca: Path | None = None) -> tuple[Certificates, Renewal]:
    certificates = Certificates(
        Tls(certificate=shown.certificate, key=shown.key, client_ca=client_ca)
    )
    return certificates, Renewal(certificates)


def test_what_has_not_changed_is_not_read(
    pairs: tuple[Pair, Pair, Pair], caplog: pytest.LogCaptureFixture
) -> None:
    """The context stays, and with it the keys of session tickets."""
    caplog.set_level(logging.INFO)
    certificates, renewal = watched(pairs[0])
    before = certificates.context
    for _ in range(3):
        renewal.look()
    assert before is certificates.context
    assert [] == caplog.messages


def test_one_of_two_files_is_no_fault(
    pairs: tuple[Pair, Pair, Pair], caplog: pytest.LogCaptureFixture
) -> None:
    """Certificate and key are replaced one after the other: the next look finds both."""
    caplog.set_level(logging.INFO)
    shown, new, _ = pairs
    certificates, renewal = watched(shown)
    shown.certificate.write_bytes(new.certificate.read_bytes())
    for _ in range(SETTLING_LOOKS - 1):
        renewal.look()
    assert {"old.example"} == certificates.names
    assert [] == caplog.messages
    shown.key.write_bytes(new.key.read_bytes())
    renewal.look()
    assert {"new.example"} == certificates.names
    assert ["read the certificates again: they had changed"] == caplog.messages


def test_a_file_that_is_written_in_pieces_is_read_once_it_is_whole(
    pairs: tuple[Pair, Pair, Pair],
) -> None:
    """Also if it was looked at in between."""
    shown, new, _ = pairs
    certificates, renewal = watched(shown)
    shown.key.write_bytes(new.key.read_bytes())
    whole = new.certificate.read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole)):
        shown.certificate.write_bytes(whole[:size])
        renewal.look()
    assert {"new.example"} == certificates.names


def test_what_cannot_be_used_is_said_once(
    pairs: tuple[Pair, Pair, Pair], caplog: pytest.LogCaptureFixture
) -> None:
    """And everything stays as it was; the next change is looked at anew, and said anew."""
    shown, new, newest = pairs
    certificates, renewal = watched(shown)
    before = certificates.context
    for broken in (new, newest):
        shown.certificate.write_bytes(broken.certificate.read_bytes())
        for _ in range(3 * SETTLING_LOOKS):
            renewal.look()
    expected = (
        f"cannot use {shown.certificate} with {shown.key}: key values mismatch; the last ones stay"
    )
    assert [expected] * 2 == caplog.messages
    assert before is certificates.context
    shown.key.write_bytes(newest.key.read_bytes())
    renewal.look()
    assert {"newest.example"} == certificates.names


def test_files_that_never_come_to_rest_are_told_of(
    pairs: tuple[Pair, Pair, Pair], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever writes rubbish each second hides nothing."""
    shown, _, _ = pairs
    _, renewal = watched(shown)
    for number in range(SETTLING_LOOKS):
        shown.certificate.write_text("nothing" * number)
        renewal.look()
    assert 1 == len(caplog.messages)


def test_symbolic_links_that_are_switched(pairs: tuple[Pair, Pair, Pair], tmp_path: Path) -> None:
    """Certbot's way: `live/` has links into `archive/`, and each is replaced by a rename."""
    _, new, newest = pairs
    live = Pair(tmp_path / "live-cert.pem", tmp_path / "live-key.pem")

    def link(to: Pair) -> None:
        for path, target in ((live.certificate, to.certificate), (live.key, to.key)):
            temporary = tmp_path / "next"
            temporary.symlink_to(target)
            temporary.replace(path)

    link(new)
    certificates, renewal = watched(live)
    link(newest)
    renewal.look()
    assert {"newest.example"} == certificates.names


def test_a_volume_that_is_switched(pairs: tuple[Pair, Pair, Pair], tmp_path: Path) -> None:
    """The way of Kubernetes: the files are links through `..data`, and only that is replaced."""
    _, new, newest = pairs
    for name, pair in (("1", new), ("2", newest)):
        (tmp_path / name).mkdir()
        install(pair, Pair(tmp_path / name / "tls.crt", tmp_path / name / "tls.key"))
    (tmp_path / "..data").symlink_to("1")
    shown = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    shown.certificate.symlink_to("..data/tls.crt")
    shown.key.symlink_to("..data/tls.key")
    certificates, renewal = watched(shown)
    (tmp_path / "..data_tmp").symlink_to("2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    renewal.look()
    assert {"newest.example"} == certificates.names


def test_a_certificate_that_nobody_renews_is_told_of(
    pairs: tuple[Pair, Pair, Pair], caplog: pytest.LogCaptureFixture
) -> None:
    """From a fifth of its time on, once a day; its renewal ends that."""
    shown, new, _ = pairs
    certificates, _ = watched(shown)
    begins, ends = certificates.validity
    now = [begins]
    renewal = Renewal(certificates, lambda: now[0])
    day = 86_400.0
    for now[0], lines in (
        (ends - 0.21 * (ends - begins), 0),
        (ends - 0.19 * (ends - begins), 1),
        (ends - 1, 1),
        (ends, 1),
        (ends + day, 2),
        (ends + day + 1, 2),
        (ends + 2 * day + 1, 3),
    ):
        renewal.look()
        assert lines == len(caplog.messages)
    assert [" ends at ", " has ended at ", " has ended at "] == [
        word for line in caplog.messages for word in (" ends at ", " has ended at ") if word in line
    ]
    now[0] = begins
    install(new, shown)
    renewal.look()
    now[0] = ends
    renewal.look()
    assert 4 == len(caplog.messages)


def test_the_ca_of_clients_is_watched_too(
    pairs: tuple[Pair, Pair, Pair], ca: Pair, tmp_path: Path
) -> None:
    """Whom the server trusts may change while it runs."""
    trusted = tmp_path / "clients.pem"
    trusted.write_bytes(ca.certificate.read_bytes())
    certificates, renewal = watched(pairs[0], trusted)
    before = certificates.context
    trusted.write_bytes(ca.certificate.read_bytes() * 2)
    renewal.look()
    assert before is not certificates.context
