"""Writes docs/experiments from runs of the experiments: `make experiments`.

A page and its picture are written only when they say something else than before: times, ports
and the like differ in every run. With names as arguments, only those. tests/chatwire/lab compares.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from chatroom.chatwire.lab.catalogue import experiments
from chatroom.chatwire.lab.diagram import diagram, same
from chatroom.chatwire.lab.pages import index, page, stable
from chatroom.chatwire.lab.running import run
from chatroom.chatwire.lab.story import NotShown

PAGES = Path(__file__).resolve().parent.parent / "docs" / "experiments"


def write(name: str, text: str) -> None:
    """Write a page unless it says the same already."""
    path = PAGES / f"{name}.md"
    if not path.exists() or stable(text) != stable(path.read_text()):
        path.write_text(text)
        print(f"wrote {path.relative_to(Path.cwd())}")


def draw(name: str, picture: str) -> None:
    """Write a picture unless it shows the same already."""
    path = PAGES / f"{name}.svg"
    if not path.exists() or not same(picture, path.read_text()):
        path.write_text(picture)
        print(f"wrote {path.relative_to(Path.cwd())}")


def main(names: list[str]) -> int:
    """Write the pages of these experiments, or of all; and the list. 1: some showed nothing."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # scenes have errors on purpose
    known = experiments()
    failed = 0
    for name in names or known:
        try:
            outcome = asyncio.run(run(known[name]))
            write(name, page(outcome))
            draw(name, diagram(outcome))
        except NotShown as error:
            print(f"{name} did not show what it says: {error}", file=sys.stderr)
            failed = 1
    write("README", index(known.values()))
    for path in (*PAGES.glob("*.md"), *PAGES.glob("*.svg")):
        if path.stem not in {*known, "README"}:
            path.unlink()
            print(f"removed {path.relative_to(Path.cwd())}")
    return failed


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # a scene's errors are on purpose
    sys.exit(main(sys.argv[1:]))
