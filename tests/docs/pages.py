"""The commands in the documents: every line of a block that is marked `sh` or `console`."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.interop.programs import ROOT

BLOCK = re.compile(r"^( *)```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
HERE = re.compile(r"<<'?(\w+)'?.*?\n\s*\1\n", re.DOTALL)
"""What a command reads from the lines that follow it."""
COMMENT = re.compile(r"\s+# .*$")


def documents() -> dict[str, Path]:
    """Those that people read to run something; experiments and decisions tell, and ask nothing."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path for path in paths}


def commands(text: str) -> list[str]:
    """One a line, those that go on with a backslash together; comments, and what a command
    is given to read in a block, are left out.
    """
    found: list[str] = []
    for _, block in BLOCK.findall(text):
        whole = HERE.sub("<<\\1\n", textwrap.dedent(block)).replace("\\\n", " ")
        for line in whole.splitlines():
            command = COMMENT.sub("", line.removeprefix("$ ")).strip()
            if command and not command.startswith("#"):
                found.append(re.sub(r"\s+", " ", command))
    return found
