"""Damage in the tables of a file, put where a test wants it: nothing sets a checksum right."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from chatroom.journal.sqlite.blocks import COLUMNS, Block, block_of, rows


def change(path: Path, sql: str, *values: object) -> None:
    """Execute a statement in the file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql, values)
        connection.commit()


def change_loosely(path: Path, table: str, sql: str, *values: object) -> None:
    """The same where a table's columns may have any type for once, as damage can give them."""
    with closing(sqlite3.connect(path)) as connection:
        (strict,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    _define(path, table, strict.replace("STRICT, ", "").replace("STRICT", ""))
    change(path, sql, *values)
    _define(path, table, strict)


def _define(path: Path, table: str, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, table))
        connection.commit()


def blocks_of(path: Path, room: int) -> list[Block]:
    """The blocks of a room, in order; all are sound."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM block WHERE room = ? ORDER BY first", (room,)
        ).fetchall()
    found = [block_of(row) for row in rows]
    return [block for block in found if block is not None]


def place_of(path: Path, room: int, sequence: int) -> tuple[Block, int, int]:
    """The block of an entry, and where in it the envelope begins and ends."""
    (block,) = [each for each in blocks_of(path, room) if each.first <= sequence < each.end]
    n = sequence - block.first
    at = block.body + sum(block.sizes[:n])
    return block, at, at + block.sizes[n]


def damage_entry(path: Path, sequence: int, *, room: int = 1) -> None:
    """Change a byte of an entry's envelope, in a file of any version."""
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if "entry" in tables:
        change(
            path,
            "UPDATE entry SET envelope = x'00' WHERE room = ? AND sequence = ?",
            room, sequence,
        )  # fmt: skip
        return
    block, _, end = place_of(path, room, sequence)
    change_byte(path, block, end - 1)


def damage_head(path: Path, sequence: int, *, room: int = 1) -> None:
    """Change a byte of the head of the block that an entry is in."""
    block, _, _ = place_of(path, room, sequence)
    change_byte(path, block, 0)


def change_byte(path: Path, block: Block, at: int, mask: int = 1) -> None:
    """Of the blob of a block."""
    octets = bytearray(block.octets)
    octets[at] ^= mask
    change(
        path, "UPDATE block SET entries = ? WHERE room = ? AND first = ?",
        bytes(octets), block.room, block.first,
    )  # fmt: skip


def forget_blocks(path: Path, room: int, wanted: Callable[[Block], bool]) -> list[Block]:
    """Delete some blocks of a room; which."""
    gone = [block for block in blocks_of(path, room) if wanted(block)]
    for block in gone:
        change(path, "DELETE FROM block WHERE room = ? AND first = ?", room, block.first)
    return gone


def forget_entry(path: Path, room: int, sequence: int) -> None:
    """Leave a hole where an entry was: its block becomes one before it and one behind it."""
    block, _, _ = place_of(path, room, sequence)
    kept = [entry for entry, _ in block.look() if entry.sequence != sequence]
    forget_blocks(path, room, lambda each: each.first == block.first)
    for part in (
        [entry for entry in kept if entry.sequence < sequence],
        [entry for entry in kept if entry.sequence > sequence],
    ):
        values = rows(room, part, nonced=block.nonced)
        for at in range(0, len(values), 5):
            change(path, f"INSERT INTO block ({COLUMNS}) VALUES (?,?,?,?,?)", *values[at : at + 5])
