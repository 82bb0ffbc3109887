"""A server to compare with: how it is had, run and spoken to, and what it promises."""

from __future__ import annotations

import enum
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from bench.builds import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.rooms import Crowd
    from bench.servers import Program


class Keeps(enum.Enum):
    """What becomes of a message after it was delivered."""

    NOTHING = "keeps nothing"
    MEMORY = "keeps it in memory"
    WRITES = "writes it to disk first, syncs later"
    SYNCS = "syncs it to disk first"


class Peer:
    """One server in one configuration."""

    name: str
    title: str
    """For a person, in a few words."""
    keeps: Keeps
    program_name: str
    """Its executable."""
    get: str
    """How it is had where it is missing."""
    replays = False
    """Whoever joins can be given all earlier messages of the room."""
    resumes = False
    """After a restart of the server members go on from where each was."""
    shares_idle = True
    """Silent members of different rooms may be on one connection."""

    def executable(self) -> str:
        """Where its program is; UnavailableError, with how to get it, where that is nowhere."""
        found = shutil.which(self.program_name) or shutil.which(
            self.program_name, path="/usr/sbin:/sbin"
        )
        if found is None:
            raise UnavailableError(f"{self.program_name} is missing ({self.get})")
        return found

    def prepare(self) -> None:
        """Make what is to be run; UnavailableError where that cannot be."""
        self.executable()

    def version(self) -> str:
        raise NotImplementedError

    def program(self, data: Path) -> Program:
        """How it is run with its files in `data`, which may be there from an earlier run."""
        raise NotImplementedError

    def crowd(self, port: int) -> Crowd[Any]:
        """Members for its port."""
        raise NotImplementedError


def version_in(command: list[str], pattern: str) -> str:
    """What a program says of its version: the pattern's first group."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "of unknown version"
