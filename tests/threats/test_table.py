"""The table of threats in docs/security.md: every row is there, and every test that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip(): (cells[1].strip(), re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cells[2]))
    for line in TEXT.splitlines()
    if line.startswith("| ") and len(cells := line.strip("|").split(" | ")) == 3
    if cells[0].strip() != "Threat"
}
THREATS = [
    "RFC 9113 attacks with raw frames", "Gzip bombs", "Length lies",
    "Truncated and nested protobufs", "Invalid UTF-8", "Header floods", "Terminal escapes",
    "Spoofed names", "Flooding", "Join storms", "Enumeration", "Stolen tokens", "Expired tokens",
    "Unsigned tokens (`alg: none`)", "Wrongly signed tokens (RS/HS confusion)",
    "Wrong-audience tokens", "`kid` with a path in it", "Replayed invitations", "DNS rebinding",
    "Cross-site calls", "Slow loris on TLS", "Slow loris on HTTP/1.1", "Slow loris on HTTP/2",
    "Request smuggling on HTTP/1.1", "Descriptor exhaustion",
]  # fmt: skip
"""What has to be there at least; what stands in brackets behind it may differ."""
BESIEGED = ("tests/floods/", "tests/threats/", "tests/server/test_tls_siege.py")
"""Where a pair chats beside each attack, and what is in use afterwards is compared."""
SAME_LOOP = ("test_same_answer.py",)


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_has_its_row(threat: str) -> None:
    """With what stands against it, and a test beside which a pair chats."""
    [row] = [name for name in ROWS if name.startswith(threat)]
    stands, tests = ROWS[row]
    assert stands
    beside = [file for file, _ in tests if file.startswith(BESIEGED)]
    assert [file for file in beside if not file.endswith(SAME_LOOP)]


def test_every_test_that_is_named_is_there() -> None:
    """By file and name."""
    named = [test for _, tests in ROWS.values() for test in tests]
    assert len(named) > len(THREATS)
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file()
        or not re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]
    assert [] == missing


def test_every_row_names_a_test() -> None:
    """Nothing is said to be withstood that no test shows."""
    assert [] == [name for name, (_, tests) in ROWS.items() if not tests]
