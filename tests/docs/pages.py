"""The commands in the documents: every line of a block that is marked `sh` or `console`."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.interop.programs import ROOT

BLOCK = re.compile(r"^( *)```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s+# .*$")


def documents() -> dict[str, Path]:
    """Those that people read to run something; experiments and decisions tell, and ask nothing."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path for path in paths}


def commands(text: str) -> list[str]:
    """One a line, those that go on with a backslash together; comments are left out."""
    found: list[str] = []
    for _, block in BLOCK.findall(text):
        whole = textwrap.dedent(block).replace("\\\n", " ")
        for line in whole.splitlines():
            command = COMMENT.sub("", line.removeprefix("$ ")).strip()
            if command and not command.startswith("#"):
                found.append(re.sub(r"\s+", " ", command))
    return found
