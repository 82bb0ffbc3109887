"""`chatserver dev-cert`: what it makes, and that what it says next is true."""

from __future__ import annotations

import datetime as dt
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from chatroom.server.dev_certificates import AUTHORITY, make
from tests.client.certificates import openssl_program
from tests.client.servers import running
from tests.launch.program import ran

FILES = ("dev-ca.pem", "dev-cert.pem", "dev-key.pem")


def dev_cert(*arguments: str) -> subprocess.CompletedProcess[str]:
    return ran(
        ["-m", "chatroom.server", "dev-cert", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    """All of them; there is no key of the CA."""
    done = dev_cert("--dir", str(tmp_path / "made"), "--client", "bot")
    assert (0, "") == (done.returncode, done.stderr)
    made = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()}
    expected = (*FILES, "dev-client-bot-cert.pem", "dev-client-bot-key.pem")
    assert dict.fromkeys(expected, 0o600) == made
    for name in expected:
        assert name in done.stdout


def test_what_is_there_is_not_replaced_unless_that_is_said(tmp_path: Path) -> None:
    """And then nothing is written at all; --force replaces all of it."""
    (tmp_path / "dev-key.pem").write_text("mine")
    done = dev_cert("--dir", str(tmp_path))
    expected = (
        f"chatserver: {tmp_path / 'dev-key.pem'} is there already; --force replaces it, and what "
        "goes with it\n"
    )
    assert (1, "", expected) == (done.returncode, done.stdout, done.stderr)
    assert ["dev-key.pem"] == [path.name for path in tmp_path.iterdir()]
    assert 0 == dev_cert("--dir", str(tmp_path), "--force").returncode
    first = [(tmp_path / name).read_bytes() for name in FILES]
    assert 0 == dev_cert("--dir", str(tmp_path), "--force").returncode
    again = [(tmp_path / name).read_bytes() for name in FILES]
    assert [False] * 3 == [one == other for one, other in zip(first, again, strict=True)]


def test_force_writes_through_no_link(tmp_path: Path) -> None:
    """What a link in the place of a file leads to stays."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "dev-key.pem").symlink_to("precious")
    assert 1 == dev_cert("--dir", str(tmp_path)).returncode
    assert 0 == dev_cert("--dir", str(tmp_path), "--force").returncode
    assert "mine" == (tmp_path / "precious").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("not a host",), "'not a host' is no name of a host, and no address"),
        (("chat.example:443",), "'chat.example:443' is no name of a host, and no address"),
        (("x" * 64,), "is no name of a host, and no address"),
        (("--client", "../bot"), "'../bot' is no name for a client"),
    ],
)
def test_what_can_be_no_name(arguments: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    done = dev_cert("--dir", str(tmp_path), *arguments)
    assert (1, True) == (done.returncode, sentence in done.stderr)
    assert [] == list(tmp_path.iterdir())


def test_the_names_and_the_time(tmp_path: Path) -> None:
    """Of the server's: always this machine, and what was asked for; as long as was said."""
    made = make(tmp_path, ("Chat.Example", "192.0.2.7"), (), seconds=3600, force=False)
    certificate = x509.load_pem_x509_certificate(made.server.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ["localhost", "chat.example"] == names.get_values_for_type(x509.DNSName)
    assert ["127.0.0.1", "::1", "192.0.2.7"] == [
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    ]
    left = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    assert 3500 < left.total_seconds() <= 3600


def test_strict_readers_take_them(tmp_path: Path) -> None:
    """openssl with -x509_strict, each for its purpose and for no other."""
    made = make(tmp_path, (), ("bot",), seconds=3600, force=False)
    for pair, purpose, good in (
        (made.server, "sslserver", True),
        (made.server, "sslclient", False),
        (made.clients["bot"], "sslclient", True),
        (made.clients["bot"], "sslserver", False),
    ):
        done = subprocess.run(
            [openssl_program(), "verify", "-x509_strict", "-purpose", purpose,
             "-CAfile", made.ca, pair.certificate],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert good == (done.returncode == 0), done.stderr
    context = ssl.create_default_context(cafile=made.ca)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    assert [AUTHORITY] == [value for ((_, value),) in context.get_ca_certs()[0]["subject"]]


@pytest.mark.parametrize("clients", [(), ("--client", "bot")], ids=["server", "and client"])
def test_what_to_type_next_works(clients: tuple[str, ...], tmp_path: Path) -> None:
    """The server, chatter and curl, each as it is printed, but for the port."""
    done = dev_cert("--dir", str(tmp_path / "with space"), *clients)
    commands = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("  c")]
    said = {words[0]: words[1:] for words in commands}
    serve = [each if not each.endswith(":8443") else "localhost:0" for each in said["chatserver"]]
    with running(["-m", "chatroom.server", "--in-memory", *serve]) as address:
        port = address.rpartition(":")[2]
        listed = ran(
            ["-m", "chatroom.chatter", "list",
             *(each.replace("8443", port) for each in said["chatter"])],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (0, "") == (listed.returncode, listed.stderr)
        assert "lobby" in listed.stdout
        curl = shutil.which("curl")
        if curl is not None:
            asked = subprocess.run(
                [curl, "--silent", *(each.replace("8443", port) for each in said["curl"])],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (0, "ok\n") == (asked.returncode, asked.stdout)
