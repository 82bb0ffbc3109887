"""Ours beside everybody's: every workload counts exactly, and the page says what was measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.builds import ROOT
from bench.contestants import OURS
from bench.everybody import words
from bench.everybody.entrants import ENTRANTS, OF_OURS
from bench.everybody.page import write_page
from bench.everybody.plot import Row, dots
from bench.everybody.results import MixedError, Results, spread
from bench.everybody.workloads import TRIALS

SVG = "{http://www.w3.org/2000/svg}"
KINDS = ["room-100", "rooms-1000x2", "stalled-100", "joins-5000"]
"""One workload of each kind but those that wait for a server to be still, or last."""
RETURNING = ["replay-1000x1000", "resume-1000"]
OTHERS = [name for name in ENTRANTS if name not in OF_OURS]
CPU = "us_a_delivery"
FIGURE = TRIALS["room-100"].figures[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peers", "workloads"),
    [
        ([OURS], KINDS + RETURNING),
        (OTHERS, ["room-100", *RETURNING]),
    ],
    ids=["ours", "others"],
)
def test_a_smoke_run_loses_nothing(peers: list[str], workloads: list[str], tmp_path: Path) -> None:
    """Every server that is there: all deliveries, and a page with all of them."""
    command = [sys.executable, "-m", "bench.everybody", "--smoke", "--into", str(tmp_path)]
    done = subprocess.run(
        [*command, "--peers", *peers, "--workloads", *workloads],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert (0, "") == (done.returncode, done.stdout), done.stderr
    results = Results.read(tmp_path / "benchmarks" / "results.json")
    assert set(peers) == {*results.entrants, *results.missing}
    for workload in workloads:
        cells = results.workloads[workload]
        assert list(results.entrants) == list(cells)
        assert all("unfit" in cell or len(cell["samples"]) == 1 for cell in cells.values())
    page = (tmp_path / "benchmarks.md").read_text()
    assert "This was a smoke run" in page
    for title in (one["title"] for one in results.entrants.values()):
        assert title in page
    for name, why in results.missing.items():
        assert f"`{name}`: {why}" in page


def results_of(**costs: list[float]) -> Results:
    """A run of room-100 in which each server had these costs, in µs."""
    results = Results(
        setting={
            "date": "2026-01-01 00:00 UTC",
            "command": "python -m bench.everybody --rounds 3",
            "minutes": 1.0,
            "rounds": 3,
            "seconds": 5,
            "smoke": False,
            "cpus": 2,
            "cpu": "a CPU",
            "system": "Linux",
            "python": "3.11",
            "filesystem": "ext4",
            "load_before": 0.1,
            "load_after": 2.0,
        },
        entrants={
            name: {
                "title": ENTRANTS[name].title,
                "version": "1",
                "keeps": ENTRANTS[name].keeps.value,
            }
            for name in costs
        },
    )
    for name, values in costs.items():
        for value in values:
            results.add("room-100", name, {CPU: value, "missing": 0, "limit": "", "others": 0.0})
    return results


def test_only_rounds_that_do_not_overlap_are_a_loss() -> None:
    """One that is better in the median alone is level; the limit is nobody's rival."""
    results = results_of(
        chatroom=[0.4, 0.5, 0.6],
        redis=[0.2, 0.3, 0.39],
        nats=[0.3, 0.45, 0.7],
        mosquitto=[0.7, 0.8, 0.9],
        limit=[0.1, 0.1, 0.1],
    )
    (line,) = words.losses(results)
    assert "ours 0.50 µs; Redis pub/sub 0.30 µs (keeps nothing)." in line
    assert "NATS" not in line
    (told,) = words.verdict(results, TRIALS["room-100"])
    assert (
        "chatroom (sync normal) has 0.50 µs. It loses to Redis pub/sub (0.60 of ours);"
        " is level with NATS core (0.90 of ours);"
        " is ahead of Mosquitto (MQTT QoS 0) (1.60 of ours)." in told
    )


def test_with_one_round_a_small_difference_is_none() -> None:
    """Its spread is not known; a tenth is asked for."""
    results = results_of(chatroom=[1.0], redis=[0.95], nats=[0.85])
    (told,) = words.verdict(results, TRIALS["room-100"])
    assert "loses to NATS core (0.85 of ours); is level with Redis pub/sub" in told


def test_those_who_promise_the_same_are_compared_with_one_another() -> None:
    """Who syncs first, with who syncs first."""
    results = results_of(
        **{
            "chatroom": [1.0],
            "chatroom-full": [2.0],
            "jetstream": [3.0],
            "jetstream-sync": [4.0],
        }
    )
    _, told = words.verdict(results, TRIALS["room-100"])
    assert "(syncs it to disk first): chatroom (sync full) has 2.00 µs" in told
    assert "is ahead of NATS JetStream (sync always) (2.00 of ours)." in told


def test_a_goal_is_beside_what_was_measured() -> None:
    """Reached or by how much it was missed; nothing where nothing was measured."""
    assert [] == words.goals(results_of(redis=[0.1]))
    (row,) = words.goals(results_of(chatroom=[0.7]))
    assert "| 0.35 µs | 0.70 µs | missed: 2.00 times what was asked |" in row
    (row,) = words.goals(results_of(chatroom=[0.35]))
    assert "| reached |" in row


def test_rounds_that_lost_messages_give_no_figure(tmp_path: Path) -> None:
    """They are told instead."""
    results = results_of(chatroom=[0.4, 0.5])
    results.add("room-100", OURS, {CPU: 0.1, "missing": 3, "limit": ""})
    found = spread(results.cell("room-100", OURS), FIGURE)
    assert found is not None
    assert (2, 0.4) == (found.rounds, found.least)
    assert ["room-100: chatroom, 3 deliveries"] == results.inexact()
    write_page(results, tmp_path)
    assert "- room-100: chatroom, 3 deliveries missing" in (tmp_path / "benchmarks.md").read_text()


def test_the_page_has_what_was_measured_and_nothing_else(tmp_path: Path) -> None:
    """Machine, command, medians with their spread, and the servers that were left out."""
    results = results_of(chatroom=[0.4, 0.5, 0.6], redis=[0.2, 0.3, 0.39])
    results.missing["nats"] = "nats-server is missing (somewhere)"
    results.write(tmp_path / "results.json")
    write_page(Results.read(tmp_path / "results.json"), tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| **chatroom (sync normal)** | 0.50 (0.40 to 0.60) |  |  |  |" in page
    assert "python -m bench.everybody --rounds 3" in page
    assert "- `nats`: nats-server is missing (somewhere)" in page
    assert "NATS core" not in page
    assert "was not quiet" not in page
    (picture,) = (tmp_path / "benchmarks").glob("*.svg")
    assert f"](benchmarks/{picture.name})" in page


def test_a_run_can_be_added_to_one_of_its_kind() -> None:
    """What it measured anew counts, the rest is kept, and the page has both commands."""
    earlier = results_of(chatroom=[0.4], redis=[0.2])
    earlier.add("steady-200", OURS, {CPU: 12.0, "missing": 0, "limit": ""})
    later = results_of(nats=[0.5])
    later.workloads.clear()
    later.setting["command"] = "another"
    later.take(earlier, ["room-100"], ["nats", "redis"])
    later.add("room-100", "nats", {CPU: 0.5, "missing": 0, "limit": ""})
    assert {"room-100": ["chatroom", "nats"], "steady-200": ["chatroom"]} == {
        workload: list(cells) for workload, cells in later.workloads.items()
    }
    assert {"chatroom", "redis", "nats"} == set(later.entrants)
    assert "python -m bench.everybody --rounds 3\nanother" == later.setting["command"]
    assert 2.0 == later.setting["minutes"]


def test_runs_of_two_machines_do_not_mix() -> None:
    """Nor do those of more and fewer rounds."""
    earlier, later = results_of(chatroom=[0.4]), results_of(chatroom=[0.4])
    later.setting["rounds"] = 5
    with pytest.raises(MixedError, match="had rounds 3, this one has 5"):
        later.take(earlier, [], [])


def test_a_busy_machine_is_told(tmp_path: Path) -> None:
    """By what others used of its CPUs."""
    results = results_of(chatroom=[0.4])
    results.add("room-100", OURS, {CPU: 0.4, "missing": 0, "limit": "", "others": 1.5})
    write_page(results, tmp_path)
    assert "The machine was not quiet" in (tmp_path / "benchmarks.md").read_text()


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [0.03, 0.5, 20.0], [-1.0, 0.0, 4.0], [5.0]])
def test_dots_stand_in_the_order_of_their_figures(values: list[float]) -> None:
    """Within the plot, on a linear and on a logarithmic axis, for one and below zero."""
    rows = [Row(f"a & {n}", v, v - 0.01, v + 0.01, f"{v}", "other") for n, v in enumerate(values)]
    picture = ET.fromstring(dots("<title>", "µs", rows))
    places = [float(dot.attrib["cx"]) for dot in picture.iter(f"{SVG}circle")]
    assert sorted(places) == places
    assert len(set(places)) == len(values)
    assert all(200 <= place <= 620 for place in places)
    assert "prefers-color-scheme: dark" in ET.tostring(picture, encoding="unicode")
