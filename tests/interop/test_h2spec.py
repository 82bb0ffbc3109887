"""h2spec, the conformance test of HTTP/2, in clear text."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

from .programs import HERE, SECONDS, tool

CASES = 146
"""In 2.2.1 with --strict; fewer would mean that the report is not whole."""
ATTEMPTS = 20


def expected(kind: str) -> set[str]:
    """The ids of h2spec-expected.txt that are said to fail, or to race."""
    lines = (HERE / "h2spec-expected.txt").read_text().splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    assert {4} == {len(row) for row in rows}, "id | fails or races | what | why"
    return {row[0] for row in rows if row[1] == kind}


def outcomes(address: str, report: Path, *cases: str) -> dict[str, str]:
    """What became of each case: passed, failed or skipped. `/` answers 404 with a body."""
    host, _, port = address.rpartition(":")
    command = [tool("h2spec"), "-h", host, "-p", port, "-P", "/", "-o", "2", "--strict"]
    said = subprocess.run(
        [*command, "-j", str(report), *cases], capture_output=True, text=True, timeout=SECONDS
    )
    assert report.exists(), said.stdout + said.stderr
    found = {}
    for suite in ET.parse(report).getroot():
        for number, case in enumerate(suite, start=1):
            marks = {mark.tag for mark in case}
            outcome = "skipped" if "skipped" in marks else "failed" if marks else "passed"
            found[f"{case.get('package')}/{number}"] = outcome
    return found


def test_http_2_is_spoken_as_the_standard_says(address: str, tmp_path: Path) -> None:
    """Exactly those cases of h2spec fail that h2spec-expected.txt lists and explains."""
    found = outcomes(address, tmp_path / "report.xml")
    assert CASES <= len(found)
    assert set() == {case for case, outcome in found.items() if outcome == "skipped"}
    failed = {case for case, outcome in found.items() if outcome == "failed"}
    racing = expected("races")
    assert expected("fails") == failed - racing
    for case in sorted(failed & racing):
        assert any(
            ["passed"] == list(outcomes(address, tmp_path / "again.xml", case).values())
            for _ in range(ATTEMPTS)
        ), f"{case} never passes"
