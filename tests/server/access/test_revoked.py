"""The list of revoked tokens."""

from __future__ import annotations

from pathlib import Path

from chatroom.server.access.revoked import RevokedTokens


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
