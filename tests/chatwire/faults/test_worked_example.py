"""The worked example of docs/faults.md: its test finds the bug, and passes once that is mended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
SECONDS = 60.0
"""How long a run of its tests may take; it never decides a test that passes."""


def saved(folder: Path) -> None:
    """Each block of code that begins with the name of its file, as that file."""
    for block in re.findall(r"```python\n(# (\w+\.py)\n.*?)```", PAGE.read_text(), re.DOTALL):
        (folder / block[1]).write_text(block[0])


def outcome(folder: Path) -> str:
    """What pytest prints at the end."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_orders.py"]
    wide = os.environ | {"COLUMNS": "200"}
    ended = subprocess.run(
        command, cwd=folder, env=wide, capture_output=True, text=True, timeout=SECONDS
    )
    return ended.stdout


def test_the_example_does_what_the_page_says(tmp_path: Path) -> None:
    """One test fails with two orders for one; after the cure none does."""
    saved(tmp_path)
    before = outcome(tmp_path)
    assert "1 failed, 1 passed" in before, before
    two = "AssertionError: assert [b'tea'] == [b'tea', b'tea']"
    assert f"test_an_order_is_placed_once[down] - {two}" in before
    test = tmp_path / "test_orders.py"
    test.write_text(test.read_text().replace("import orders\n", "import orders_mended as orders\n"))
    after = outcome(tmp_path)
    assert "2 passed" in after, after
