"""Build the site into build/site: `python -m tools.site`.

1. The documents, with their links made right, into build/site-source, and the pages that are
   made from code: the contract, the library, the options of the programs.
2. HTML by Sphinx, whose warnings are errors.
3. Every link and anchor of the HTML is looked at, and that no page asks another host.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from .check import faults
from .contents import ROOT
from .links import Broken
from .stage import Stage

SOURCE = ROOT / "build" / "site-source"
SITE = ROOT / "build" / "site"


def main() -> int:
    """Build; the exit code is 1 if anything is wrong with the documents."""
    shutil.rmtree(SITE, ignore_errors=True)
    try:
        Stage(SOURCE).fill()
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    settings = str(Path(__file__).parent)
    caches = str(SITE.with_name("site-cache"))
    failed = sphinx(
        ["-q", "-W", "--keep-going", "-E", "-c", settings, "-d", caches, str(SOURCE), str(SITE)]
    )
    if failed:
        return 1
    found = list(faults(SITE.resolve()))
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"{SITE.relative_to(ROOT)}/index.html")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
