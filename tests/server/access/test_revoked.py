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
