"""The list of revoked tokens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatroom.server.access.revoked import REVOKED_FILE, RevokedTokens


def test_a_line_that_a_person_has_not_ended_stays_a_line(tmp_path: Path) -> None:
    """Else neither its token nor the new one would be revoked."""
    path = tmp_path / "revoked"
    path.write_text("by-hand")
    assert RevokedTokens(path).add("new")
    assert {"by-hand", "new"} == RevokedTokens(path).read()


def test_an_id_that_begins_with_a_space_is_revoked_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "revoked"
    assert RevokedTokens(path).add(" t7 ")
    assert " t7 " in RevokedTokens(path).read()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone may do it")
def test_what_root_takes_back_the_server_can_read(tmp_path: Path) -> None:
    """The file belongs to whom the directory belongs to."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    os.chown(data, 65534, 65534)
    assert RevokedTokens(data / REVOKED_FILE).add("t1")
    found = (data / REVOKED_FILE).stat()
    assert (65534, 65534, 0o600) == (found.st_uid, found.st_gid, found.st_mode & 0o777)
