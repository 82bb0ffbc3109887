"""Ctrl-C while chatter is still being imported."""

from __future__ import annotations

from pathlib import Path

from tests.chatter.conftest import SECONDS, command, environment
from tests.launch.program import ran

INTERRUPTED_IMPORT = """
import os, signal
os.kill(os.getpid(), signal.SIGINT)
raise ImportError("the interrupt did nothing")
"""


def test_interrupt_of_an_import_is_quiet(tmp_path: Path) -> None:
    """It ends with 130 and without a word, whatever is imported just then."""
    (tmp_path / "click.py").write_text(INTERRUPTED_IMPORT)
    ended = ran(
        command("list"),
        capture_output=True,
        timeout=SECONDS,
        env=environment(PYTHONPATH=str(tmp_path)),
        check=False,
    )
    assert (130, b"", b"") == (ended.returncode, ended.stdout, ended.stderr)
