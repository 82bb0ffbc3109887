"""A server with keys, on which anybody may chat: each threat begins where the last one left it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.floods.siege import Besieged, chatserver
from tests.server.access.making import SECRET, public_pem

AUDIENCE = "chat.example"


def key_file(path: Path) -> Path:
    """A key of each algorithm, called as it, for one audience."""
    pems = {"EdDSA": "Ed25519", "ES256": "P-256", "RS256": "2048"}
    tables = [f'[keys.HS256]\nalgorithm = "HS256"\nsecret = "{SECRET.decode()}"\n']
    tables += [
        f'[keys.{each}]\nalgorithm = "{each}"\npublic_key = """{public_pem(kind).decode()}"""\n'
        for each, kind in pems.items()
    ]
    path.write_text(f'audience = "{AUDIENCE}"\n' + "".join(tables))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    directory = tmp_path_factory.mktemp("threats")
    keys = key_file(directory.with_name(directory.name + ".toml"))
    anonymous = "join,send,history,list,create"
    with chatserver(directory, "--keys", str(keys), "--anonymous", anonymous) as running:
        yield running
