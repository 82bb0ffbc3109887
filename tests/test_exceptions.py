"""Every exception from a rule of the linter or the type checker has its reason on its line."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXCEPTION = re.compile(r"#\s*(?:noqa: ?[A-Z0-9, ]+|type: ignore\[[^\]]*\])(?P<rest>.*)$")


def test_exceptions_have_reasons() -> None:
    """Behind the code, on the same line."""
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("src", "tools", "bench", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "api" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := EXCEPTION.search(line)) and not re.search(r"\w{2}", found["rest"])
    ]
    assert [] == bare
