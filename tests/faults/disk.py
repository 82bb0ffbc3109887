"""A disk as POSIX lets it be: what was not synced may be lost, in part or altogether.

A write is safe once its file was synced, a name once its directory was. What is not may
be on the disk or not, each sector for itself; a sector itself is never torn (SQLite's
"powersafe overwrite" assumes no less, https://sqlite.org/psow.html).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

Sector = Callable[[int, int], int]
"""Of a sector's number, and how many changes were not synced: how many of them it has seen."""


@dataclass(frozen=True)
class Loss:
    """What a loss of power does to what was not synced."""

    name: str
    sector_bytes: int
    versions: Callable[[random.Random, int], int]
    """Of so many changes in a row, how many are kept."""


def _none(_rng: random.Random, _changes: int) -> int:
    return 0


def _any(rng: random.Random, changes: int) -> int:
    return rng.choice((0, changes, rng.randint(0, changes)))


DROPPED = Loss("all that was not synced is dropped", 4096, _none)
TORN_512 = Loss("any sectors of 512 bytes are dropped", 512, _any)
TORN_4096 = Loss("any sectors of 4,096 bytes are dropped", 4096, _any)
LOSSES = (DROPPED, TORN_512, TORN_4096)


@dataclass
class File:
    """A file's bytes that are safe, and the changes since, each a write or a new size."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes) of a write; (size, None) of a truncation."""

    def sync(self) -> None:
        """Make all of it safe."""
        self.safe = bytearray(self._after(DROPPED.sector_bytes, lambda changes: changes))
        self.since = []

    def left(self, loss: Loss, rng: random.Random) -> bytes:
        """What is left of it after a loss of power."""
        return self._after(loss.sector_bytes, lambda changes: loss.versions(rng, changes))

    def _after(self, sector_bytes: int, seen: Callable[[int], int]) -> bytes:
        found = bytearray(self.safe)
        sectors: dict[int, int] = {}
        size_seen = seen(len(self.since))
        for number, (start, new) in enumerate(self.since):
            if new is None:
                if number < size_seen:
                    found = found[:start].ljust(start, b"\0")
                continue
            end = start + len(new)
            for sector in range(start // sector_bytes, -(-end // sector_bytes)):
                if sector not in sectors:
                    sectors[sector] = seen(len(self.since))
                if number < sectors[sector]:
                    first = max(start, sector * sector_bytes)
                    last = min(end, (sector + 1) * sector_bytes)
                    if len(found) < last:
                        found.extend(bytes(last - len(found)))
                    found[first:last] = new[first - start : last - start]
        return bytes(found)


@dataclass
class Directory:
    """A directory's names that are safe, those it has now, and the changes between."""

    safe: dict[str, File | Directory] = field(default_factory=dict)
    now: dict[str, File | Directory] = field(default_factory=dict)
    since: list[tuple[str, File | Directory | None]] = field(default_factory=list)

    def set(self, name: str, node: File | Directory | None) -> None:
        """Give the name to something; None: to nothing any more."""
        self.since.append((name, node))
        if node is None:
            del self.now[name]
        else:
            self.now[name] = node

    def sync(self) -> None:
        """Make its names safe."""
        self.safe, self.since = dict(self.now), []

    def left(self, loss: Loss, rng: random.Random, into: Path) -> None:
        """Rebuild in `into`, which is made, what is left of it after a loss of power."""
        into.mkdir()
        found = dict(self.safe)
        seen: dict[str, int] = {}
        for number, (name, node) in enumerate(self.since):
            if name not in seen:
                seen[name] = loss.versions(rng, len(self.since))
            if number < seen[name]:
                if node is None:
                    found.pop(name, None)
                else:
                    found[name] = node
        for name, node in found.items():
            if isinstance(node, Directory):
                node.left(loss, rng, into / name)
            else:
                (into / name).write_bytes(node.left(loss, rng))


class Disk:
    """A tree of files that system calls change; its root is a directory and safe."""

    def __init__(self) -> None:
        self.root = Directory()

    def find(self, path: PurePosixPath) -> File | Directory | None:
        """What has this path, relative to the root, if anything has."""
        node: File | Directory | None = self.root
        for name in path.parts:
            node = node.now.get(name) if isinstance(node, Directory) else None
        return node

    def file(self, path: PurePosixPath) -> File:
        """The file of this path."""
        found = self.find(path)
        assert isinstance(found, File), path
        return found

    def parent(self, path: PurePosixPath) -> Directory:
        """The directory that has or could have this path in it."""
        found = self.find(path.parent)
        assert isinstance(found, Directory), path
        return found
