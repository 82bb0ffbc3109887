"""The rules as they stand: Prometheus can use them, and the document has each alert."""

from __future__ import annotations

import re
from pathlib import Path

from chatroom.server.port.sockets import SPARE_DESCRIPTORS
from tests.carriers import run
from tests.deploy.expressions import wrong
from tests.deploy.promtool import DEPLOYED, RULES, checked, rules
from tests.deploy.whole import whole
from tests.faults.server_process import ROOT
from tests.server.ops.scrapes import scraped

DOCUMENT = ROOT / "docs" / "operations.md"
SEVERITIES = {"critical": "**Wakes you.**", "warning": "**In the morning.**"}
LEAST_TEXT = 150
"""Characters: what it means, and what to do."""


def sections() -> dict[str, str]:
    """What the document has of each alert."""
    parts = re.split(r"^### (Chatroom\w+)\n", DOCUMENT.read_text(), flags=re.MULTILINE)
    return {
        name: re.split(r"^##? ", text, maxsplit=1, flags=re.MULTILINE)[0].strip()
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_prometheus_takes_the_rules_and_the_configuration() -> None:
    assert f"{len(rules())} rules found" in checked("rules", RULES)
    checked("config", DEPLOYED / "prometheus.yml")


def test_each_alert_is_in_the_document() -> None:
    """And no other: in the order of the rules, with its severity, and the anchor that it names."""
    written = sections()
    assert list(rules()) == list(written)
    for name, rule in rules().items():
        anchor = f"docs/operations.md#{name.lower()}"
        assert anchor == rule["annotations"]["runbook"]
        assert len(rule["annotations"]["summary"]) > 10
        assert written[name].startswith(SEVERITIES[rule["labels"]["severity"]]), name
        assert len(written[name]) > LEAST_TEXT, name


def test_each_alert_has_a_fault_that_makes_it_fire() -> None:
    """And a test which says that it does."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    tested = {name for text in texts for name in re.findall(r'\bonly\(\s*"(\w+)"', text)}
    named = {name for text in texts for name in re.findall(r'= "(Chatroom\w+)"', text)}
    assert set(rules()) == tested | named


def test_the_rules_ask_for_what_a_server_says(tmp_path: Path) -> None:
    """Names of metrics, of their labels and of these labels' values."""

    async def scene() -> None:
        async with whole(tmp_path) as ops:
            scrape = await scraped(ops)
            assert {} == {
                name: found
                for name, rule in rules().items()
                if (found := wrong(rule["expr"], scrape))
            }

    run(scene())


def test_a_wrong_name_would_be_found(tmp_path: Path) -> None:
    """Of a metric, a label, and a value."""

    async def scene() -> None:
        async with whole(tmp_path) as ops:
            scrape = await scraped(ops)
        assert ["chatroom_redy"] == wrong("chatroom_redy == 0", scrape)
        flood = 'increase(chatroom_notices_total{kind="flod"}[5m])'
        assert ["chatroom_notices_total{kind=flod}"] == wrong(flood, scrape)
        either = 'chatroom_refusals_total{reason!~"DRAINING|FULL"}'
        assert ["chatroom_refusals_total{reason!~FULL}"] == wrong(either, scrape)
        assert ["by"] == wrong("sum by (by) (chatroom_ready)", scrape)

    run(scene())


def test_files_are_told_before_what_is_kept_for_them_is_used_up() -> None:
    """Connections alone never come so far."""
    assert rules()["ChatroomFilesNearLimit"]["expr"].endswith(f"< {SPARE_DESCRIPTORS // 2}")
