"""Pictures of captures in the programs that show them: a browser, and Mermaid's parser."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from chatroom.chatwire.diagrams.forms import Form
from tests.chatwire.test_diagrams import HOSTILE, hostile, many, written
from tests.interop.programs import missing, tool

from .playing import HERE, browser, packages


def parsed(text: str) -> subprocess.CompletedProcess[str]:
    """What Mermaid says of a diagram, or the test is skipped."""
    if not (HERE / "node_modules" / "mermaid").is_dir():
        missing("mermaid (npm install in tests/page)")
    return subprocess.run(
        [tool("node"), str(HERE / "mermaid.mjs")], input=text, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("title", [*HOSTILE[:4], *HOSTILE[5:]])
def test_mermaid_takes_what_is_written_for_it(title: str) -> None:
    """Whatever the texts are."""
    done = parsed(written(Form.MERMAID, hostile().made, title))
    assert (0, "sequence\n") == (done.returncode, done.stdout), done.stderr


def test_mermaid_refuses_what_is_not_coded() -> None:
    """So the test above can fail."""
    text = written(Form.MERMAID, hostile().made)
    assert 1 == parsed(f"{text}    C1->>S: a; b ->\n").returncode


def test_the_viewer_shows_and_runs_nothing_else(tmp_path: Path) -> None:
    """Hostile texts are text; it fetches nothing, finds, filters, and fits a phone."""
    packages()
    made = [*hostile().made, *many(3000, 2).made]
    path = tmp_path / "picture.html"
    path.write_text(written(Form.HTML, made, HOSTILE[0]), encoding="ascii")
    done = subprocess.run(
        [tool("node"), str(HERE / "viewing.mjs"), str(path), browser()], capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    saw = json.loads(done.stdout)
    assert [] == saw["trouble"]
    assert [path.as_uri()] * 2 == saw["requests"]
    for scheme in ("light", "dark"):
        assert (HOSTILE[0], 390) == (saw[scheme]["title"], saw[scheme]["wide"])
        assert saw[scheme]["all"].startswith(f"{len(made):d} frames, ")
    assert saw["light"]["background"] != saw["dark"]["background"]
    # It is in three frames: the head of its call, a message, the debug data of a GOAWAY.
    assert saw["found"].startswith(f"3 of {len(made)} frames")
    assert HOSTILE[1] in saw["frame"]
    assert saw["server"].split(" of ")[0] == str(sum(one.sender == "server" for one in made))
    assert int(saw["stream"].split(" of ")[0]) < len(made)
    assert saw["kinds"].split(" of ")[0] == str(sum(one.kind != "HEADERS" for one in made))
    assert "OPENED" in saw["chosen"]
    assert {"img", "script"}.isdisjoint(saw["elements"])
