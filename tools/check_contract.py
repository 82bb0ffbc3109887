"""Hold proto/ against its lint rules and against the original's contract, with buf.

Without buf it says so and passes, unless CI=true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ORIGINAL = "tests/contract/original"


def main() -> int:
    """Run `buf lint` and `buf breaking`; the exit code of the first that fails."""
    path = os.pathsep.join([str(ROOT / ".tools" / "bin"), os.environ.get("PATH", "")])
    buf = shutil.which("buf", path=path)
    if buf is None:
        print("skipped: buf lint and buf breaking (buf is not installed)", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    for arguments in (["lint"], ["breaking", "--against", ORIGINAL]):
        code = subprocess.run([buf, *arguments], cwd=ROOT, check=False).returncode
        if code:
            print(f"buf {' '.join(arguments)}: failed", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
