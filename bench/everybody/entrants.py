"""Who takes part: each server's name for a reader, what it promises, and what it can do."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.builds import GO_SOURCE, ROOT
from bench.contestants import FULL, MEMORY, OURS
from bench.peers.peer import Keeps, version_in
from bench.peers.registry import OTHERS

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = "limit"
"""The entrant that is no chat server."""
OF_OURS = (OURS, FULL, MEMORY)


@dataclass(frozen=True, slots=True)
class Entrant:
    """One server in one configuration."""

    name: str
    """As in `contestants.PEERS`."""
    title: str
    keeps: Keeps
    version: Callable[[], str]
    replays: bool = False
    """Whoever joins can be given all earlier messages of the room."""
    resumes: bool = False
    """After a restart of the server members go on from where each was."""
    shares_idle: bool = True
    """Silent members of different rooms may be on one connection."""


def _our_version() -> str:
    """The package's version, and the revision where there is one."""
    version = importlib.metadata.version("chatroom")
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    revision = found.stdout.strip()
    return f"{version} ({revision})" if revision else version


def _grpc_go_version() -> str:
    found = re.search(r"google\.golang\.org/grpc v(\S+)", (GO_SOURCE / "go.mod").read_text())
    return found[1] if found else "of unknown version"


_REDIS = functools.partial(version_in, ["redis-server", "--version"], r"v=([\d.]+)")

ENTRANTS: dict[str, Entrant] = {
    entrant.name: entrant
    for entrant in (
        Entrant(OURS, "chatroom (sync normal)", Keeps.WRITES, _our_version, True, True),
        Entrant(FULL, "chatroom (sync full)", Keeps.SYNCS, _our_version, True, True),
        Entrant(MEMORY, "chatroom (in memory)", Keeps.MEMORY, _our_version, True),
        Entrant("grpc-go", "a room server on grpc-go", Keeps.NOTHING, _grpc_go_version),
        Entrant("redis", "Redis pub/sub", Keeps.NOTHING, _REDIS),
        *(
            Entrant(
                peer.name,
                peer.title,
                peer.keeps,
                peer.version,
                peer.replays,
                peer.resumes,
                peer.shares_idle,
            )
            for peer in OTHERS.values()
        ),
    )
}
