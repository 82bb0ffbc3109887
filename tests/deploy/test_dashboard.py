"""The dashboard of deploy/grafana: it asks for what servers say, and no panel stays empty.

Grafana itself is not here to draw it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.core.limits import Limits
from tests.carriers import Ended, run
from tests.faults.server_process import ROOT
from tests.server.ops.looking import Watched, watched
from tests.server.ops.scrapes import Scrape, scraped
from tests.server.ops.test_metrics import exported

from .expressions import OURS, wrong
from .promtool import answered
from .whole import whole

FILE = ROOT / "deploy" / "grafana" / "chatroom.json"
ROWS = [
    "Now", "Traffic", "Latency", "People and rooms", "Readers and refusals",
    "Connections and HTTP/2", "Storage", "Process", "Nodes",
]  # fmt: skip
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """All but the headings of rows."""
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Each with the title of its panel."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in board()["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def sources_of(value: Any) -> Iterator[Any]:
    """Every source of data that is named anywhere."""
    if isinstance(value, dict):
        yield from ([value["datasource"]] if "datasource" in value else [])
        value = list(value.values())
    for each in value if isinstance(value, list) else []:
        yield from sources_of(each)


def plain(expression: str) -> str:
    """With values in place of Grafana's variables."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def test_it_is_a_board_that_grafana_takes() -> None:
    """Ids are unique, every source of data is the variable, and every panel says what it shows."""
    whole_board = board()
    everything = whole_board["panels"]
    assert [] == [n for n, times in Counter(p["id"] for p in everything).items() if times > 1]
    assert {"datasource", "instance"} == {v["name"] for v in whole_board["templating"]["list"]}
    assert ROWS == [panel["title"] for panel in everything if panel["type"] == "row"]
    sources = list(sources_of(whole_board))
    assert [] == [source for source in sources if source != SOURCE]
    assert len(sources) > 2 * len(panels())
    for panel in panels():
        assert {"timeseries", "stat"} >= {panel["type"]}
        assert len(panel["title"]) > 2
        assert len(panel["description"]) > 10, panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_panels_stand_beside_each_other() -> None:
    """Within the width of the page, none upon another, and each below the heading of its row."""
    places = [(p["title"], p["type"] == "row", p["gridPos"]) for p in board()["panels"]]
    for title, _, at in places:
        assert 0 <= at["x"] < at["x"] + at["w"] <= COLUMNS, title
    for (one, _, a), (other, _, b) in combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        )  # fmt: skip
        assert apart, (one, other)
    for (_, _, above), (title, _, at) in pairwise(places):
        assert above["y"] <= at["y"], title


def test_it_asks_for_what_a_server_says(tmp_path: Path) -> None:
    """Metrics, labels and their values; and it shows every metric that there is."""

    async def scene() -> None:
        async with whole(tmp_path) as ops:
            scrape = await scraped(ops)
        assert [] == [
            (title, found)
            for title, expression in expressions()
            if (found := wrong(expression, scrape))
        ]
        text = " ".join(expression for _, expression in expressions())
        shown = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in OURS.findall(text)}
        assert exported(scrape) == shown

    run(scene())


async def busy(ops: Watched) -> tuple[Scrape, Scrape]:
    """Something of everything: what was said before and after."""
    server = ops.server
    await server.create()
    ann = await server.join("lobby", "Ann", pb.FEATURE_EVENTS, pb.FEATURE_ECHO)
    before = await scraped(ops)
    bob = await server.join("lobby", "Bob")
    await server.say(ann, "hello")
    await server.say(ann, "x" * 5000)
    with pytest.raises(Ended, match="ROOM_EXISTS"):
        await server.create()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await reader.read()
    writer.close()
    await bob.cancel()
    while True:
        after = await scraped(ops)
        if all(after.since(before, of=name) for name in MOVING):
            return before, after


MOVING = (
    "chatroom_readers_ended_total", "chatroom_refused_messages_total", "chatroom_notices_total",
)  # fmt: skip


def test_no_panel_stays_empty(tmp_path: Path) -> None:
    """Prometheus has an answer to every expression, of a server that has some of everything."""

    async def scene() -> None:
        async with whole(tmp_path) as ops:
            secured = await scraped(ops)
        async with watched(limits=Limits(message_rate=0)) as ops:
            before, after = await busy(ops)
        for scrape in (before, after):  # what only TLS and a disk have to tell
            scrape.samples = secured.samples | scrape.samples
        asked = {title: plain(expression) for title, expression in expressions()}
        found = await answered(tmp_path, asked.values(), before, after)
        # Of a start that is long ago there is nothing to tell.
        assert {"Started"} == {title for title, each in asked.items() if each not in found}

    run(scene())


def test_what_is_no_expression_is_no_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with watched() as ops:
            scrape = await scraped(ops)
        with pytest.raises(AssertionError):
            await answered(tmp_path, ["sum by (chatroom_ready"], scrape, scrape)

    run(scene())
