"""The server dies, and the line to it is cut, while two browsers and a terminal talk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.certificates import authority, signed

from .line import Line
from .mortal import Mortal
from .playing import play
from .terminal import Terminal


def talk(tmp_path: Path, scheme: str, server: list[str], client: list[str], **how: str) -> None:
    """Play the story; browsers and terminal come by way of a line that can be cut."""
    keeping = ["--data", str(tmp_path / "data"), "--room", "lobby", *server]
    with (
        Mortal(*keeping) as mortal,
        Line(mortal.address) as line,
        Terminal(line.address, "lobby", "Cat", *client) as cat,
    ):
        acts = mortal.acts | line.acts | cat.acts
        direct = f"{scheme}://{mortal.address}"
        print(play("faults", f"{scheme}://{line.address}", acts, DIRECT=direct, **how))


@pytest.mark.slow
def test_no_fault_loses_a_message_over_http1(tmp_path: Path) -> None:
    """Nothing is lost, doubled or out of order: for anybody, and in clear text."""
    talk(tmp_path, "http", [], [], PROTOCOL="http/1.1")


@pytest.mark.slow
def test_no_fault_loses_a_message_over_tls(tmp_path: Path) -> None:
    """The same over HTTP/2."""
    ca = authority(tmp_path, "ca")
    pair = signed(tmp_path, ca, "localhost", "IP:127.0.0.1")
    files = ["--tls-cert", str(pair.certificate), "--tls-key", str(pair.key)]
    trusted = str(ca.certificate)
    talk(
        tmp_path, "https", files, ["--ca", trusted],
        PROTOCOL="h2", NODE_EXTRA_CA_CERTS=trusted,
    )  # fmt: skip
