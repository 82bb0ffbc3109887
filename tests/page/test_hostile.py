"""Names, titles and texts that want to be more than text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interop.programs import running

from .playing import play


@pytest.mark.slow
def test_hostile_names_leave_the_page_as_it_was(tmp_path: Path) -> None:
    """No element of theirs, nothing out of its place, no neighbour covered. PICTURES: a folder."""
    pictures = os.environ.get("PICTURES", str(tmp_path))
    with running("--room", "lobby") as address:
        play("hostile_names", address, PICTURES=pictures)


def test_any_text_is_shown_as_it_is() -> None:
    """And links lead to the web alone, whatever they are made of. SEED: another one."""
    with running("--room", "lobby") as address:
        play("shown", address)
