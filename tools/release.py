"""Build what is released into dist/, and try it where nothing else is: `python tools/release.py`.

1. The sdist, and the wheel from it, by PyPA's build.
2. The wheel alone, with the tested versions of what it needs, in .tools/installed: there the
   tests of tests/release run its programs.
3. What it then brings, as a bill of materials (CycloneDX, JSON), beside the wheel.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
TOOLS = ROOT / ".tools" / "release"
INSTALLED = ROOT / ".tools" / "installed"


def run(*command: str | Path) -> None:
    """Run a command of the project's root; raises CalledProcessError."""
    subprocess.run(list(map(str, command)), cwd=ROOT, check=True)


def environment(where: Path, *requirements: str | Path) -> Path:
    """A new virtual environment with this in it; the path of its Python."""
    shutil.rmtree(where, ignore_errors=True)
    venv.create(where, with_pip=True)
    python = where / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    run(*pip, "--upgrade", "pip>=25.1")
    run(*pip, *requirements)
    return python


def main() -> None:
    """Build, install, list."""
    shutil.rmtree(DIST, ignore_errors=True)
    tools = environment(TOOLS, "--group", "release")
    run(tools, "-m", "build", "--outdir", DIST, ROOT)
    (wheel,) = DIST.glob("*.whl")
    installed = environment(INSTALLED, "--constraint", "constraints.txt", f"{wheel}[postgres]")
    bill = DIST / f"chatroom-{version('chatroom')}.cdx.json"
    run(
        tools, "-m", "cyclonedx_py", "environment", "--pyproject", "pyproject.toml",
        "--output-reproducible", "--output-file", bill, installed,
    )  # fmt: skip
    for made in sorted(DIST.iterdir()):
        print(made.relative_to(ROOT))


if __name__ == "__main__":
    main()
