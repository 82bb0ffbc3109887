"""Write the man pages of the programs to docs/man: `python tools/man_pages.py [--check]`.

With --check nothing is written; the exit code is 1 when what is there is stale.
"""

from __future__ import annotations

import filecmp
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import click
from click_man.core import write_man_pages

from chatroom.chatter.cli import cli as chatter
from chatroom.chatwire.cli import cli as chatwire
from chatroom.server.cli import chatserver

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "man"
PROGRAMS: dict[str, click.Command] = {
    "chatserver": chatserver,
    "chatter": chatter,
    "chatwire": chatwire,
}


def write(into: Path) -> None:
    """A page for each program and each of its commands; `into` is there."""
    for name, program in PROGRAMS.items():
        # No date: a page is as old as the version that it tells of.
        write_man_pages(name, program, version=version("chatroom"), target_dir=into, date=" ")
    for page in into.iterdir():
        page.write_text(_readable(page.read_text()))


def _readable(page: str) -> str:
    r"""As click meant it: `\b` begins a block whose lines stay; what begins with `.` is text."""
    lines: list[str] = []
    verbatim = False
    for line in page.splitlines():
        if line.strip() == "\b":
            lines.append(".nf")
            verbatim = True
            continue
        if verbatim and line.startswith((".PP", ".SH", ".TP")):
            lines.append(".fi")
            verbatim = False
        known = line.startswith((".TH ", ".SH ", ".B ", ".PP", ".TP"))
        lines.append(line if known or not line.startswith((".", "'")) else rf"\&{line}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check; the exit code."""
    if "--check" not in sys.argv[1:]:
        PAGES.mkdir(exist_ok=True)
        for page in PAGES.iterdir():
            page.unlink()
        write(PAGES)
        return 0
    with tempfile.TemporaryDirectory() as made:
        write(Path(made))
        there = {page.name for page in PAGES.iterdir()}
        wanted = {page.name for page in Path(made).iterdir()}
        _, differ, odd = filecmp.cmpfiles(PAGES, made, wanted & there, shallow=False)
        stale = sorted({*differ, *odd} | (there ^ wanted))
    if stale:
        print(f"stale man pages ({', '.join(stale)}); run: make man")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
