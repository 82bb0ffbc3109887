"""Which alerts fire, by Prometheus' own engine over what real servers have said."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.faults.server_process import ROOT
from tests.interop.programs import tool
from tests.server.ops.scrapes import Scrape

DEPLOYED = ROOT / "deploy" / "prometheus"
RULES = DEPLOYED / "chatroom.rules.yml"
OF_ALL = (("job", "chatroom"), ("instance", "here"))
"""What Prometheus adds to each sample."""
COUNTED = ("_total", "_bucket", "_count", "_sum")
STEP_SECONDS = 30
"""Between two scrapes. Those of a test are closer, so every rate is smaller here than it was."""
HEALTHY_STEPS = 20
"""Ten minutes."""
LATER_STEPS = 40
"""Twenty minutes: longer than any alert waits."""
HEALTHY, HEALTHY_AT, LATER, LATER_AT = "9m", "9m30s", "20m", "30m"
"""The same for Prometheus: how long, and when each is over."""

OF_BUSY_MACHINES = frozenset({"ChatroomLoopLags", "ChatroomDeliveryLags", "ChatroomStorageSlow"})
"""A machine that runs other tests may be so slow without a fault."""

Seen = Scrape | None


def rules() -> dict[str, dict[str, Any]]:
    """All alerts, by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    return {rule["alert"]: rule for rule in found}


def checked(command: str, file: Path) -> str:
    """What promtool says of a file in which nothing is wrong."""
    ended = subprocess.run(
        [tool("promtool"), "check", command, file], capture_output=True, text=True, check=False
    )
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout


async def fired(
    directory: Path,
    before: Seen,
    *after: Seen,
    goes_on: bool = True,
    later_seconds: float = 0.0,
) -> set[str]:
    """The alerts that fire within twenty minutes, of a server that was scraped so often.

    For ten minutes it says what it said `before`, and then what it said after that, each for
    as long. `goes_on`: what was counted since the scrape before is counted again every
    `STEP_SECONDS`. None: it could not be scraped. `later_seconds`: by so much everything is later
    than it was. An alert that fires in the first ten minutes is a failure.
    """
    series = _series([before, *after], goes_on=goes_on, later_seconds=later_seconds)
    firing = {
        (f'max_over_time(ALERTS{{alertname="{name}",alertstate="firing"}}[{span}])', at): name
        for name in rules()
        for span, at in ((HEALTHY, HEALTHY_AT), (LATER, LATER_AT))
    }
    found = await _answered(directory, series, list(firing), rule_files=[RULES])
    assert [] == [firing[each] for each in found if each[1] == HEALTHY_AT]
    return {firing[each] for each in found}


async def answered(
    directory: Path, expressions: Iterable[str], before: Seen, after: Seen
) -> set[str]:
    """Those of the expressions that have a value, twenty minutes after `before`.

    Raises AssertionError for what is no expression.
    """
    series = _series([before, after], goes_on=True, later_seconds=0.0)
    asked = [(each, LATER_AT) for each in dict.fromkeys(expressions)]
    return {expression for expression, _ in await _answered(directory, series, asked)}


async def _answered(
    directory: Path,
    series: dict[str, str],
    asked: Sequence[tuple[str, str]],
    rule_files: Sequence[Path] = (),
) -> set[tuple[str, str]]:
    """Which expressions have a value at their time: those for which it is wrong to expect none."""
    plan = {
        "rule_files": [str(file) for file in rule_files],
        "evaluation_interval": f"{STEP_SECONDS}s",
        "tests": [
            {
                "interval": f"{STEP_SECONDS}s",
                "input_series": [{"series": k, "values": v} for k, v in series.items()],
                "promql_expr_test": [
                    {"expr": expression, "eval_time": at, "exp_samples": []}
                    for expression, at in asked
                ],
            }
        ],
    }
    file = directory / "scrapes.test.yml"
    file.write_text(json.dumps(plan, indent=1))  # which is YAML
    command = [tool("promtool"), "test", "rules", file]
    ended = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )
    told = ended.stdout + ended.stderr
    assert ", err: " not in told, told
    wrong = re.findall(r"^    expr: (\".*\"), time: (\w+),.*\n +exp: nil$", told, re.MULTILINE)
    found = {(json.loads(expression), at) for expression, at in wrong}
    assert bool(found) == bool(ended.returncode), told
    assert found <= set(asked), told
    return found


def only(expected: str, found: set[str], *others: str) -> None:
    """Assert that an alert has fired, those that rightly go with it, and nothing else."""
    allowed = {expected, *others}
    assert sorted(allowed) == sorted(found - (OF_BUSY_MACHINES - allowed))


def _series(scrapes: Sequence[Seen], *, goes_on: bool, later_seconds: float) -> dict[str, str]:
    """As promtool takes them, of all samples that are there at some time."""
    at = next(each.at for each in scrapes if each is not None)
    clock = at - HEALTHY_STEPS * STEP_SECONDS + later_seconds
    counts = [HEALTHY_STEPS, *[LATER_STEPS // (len(scrapes) - 1)] * (len(scrapes) - 1)]
    found: dict[str, str] = {}
    for name, labels in {key: None for each in scrapes if each for key in each.samples}:
        values = [each.samples.get((name, labels)) if each else None for each in scrapes]
        if name.endswith("_time_seconds"):  # an instant: promtool's clock begins at 0
            values = [value - clock if value is not None else None for value in values]
        rises = [0.0 for _ in scrapes]
        if goes_on and name.endswith(COUNTED):
            first, last = values[-2:]
            rises[-1] = last - first if first is not None and last is not None else 0.0
        steps = map(_steps, values, rises, counts)
        found[_named(name, (*labels, *OF_ALL))] = " ".join(steps)
    up = [_steps(float(each is not None), 0.0, n) for each, n in zip(scrapes, counts, strict=True)]
    return found | {_named("up", OF_ALL): " ".join(up)}


def _steps(value: float | None, rise: float, count: int) -> str:
    """So many values; none: there is no such sample any more."""
    if value is None:
        return f"stale _x{count - 1}"
    return f"{value!r}{rise:+}x{count - 1}"


def _named(name: str, labels: Sequence[tuple[str, str]]) -> str:
    inside = ",".join(f"{label}={json.dumps(value)}" for label, value in labels)
    return f"{name}{{{inside}}}"
