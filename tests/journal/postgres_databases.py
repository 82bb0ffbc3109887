"""Databases of the shared PostgreSQL: one for each process of tests, emptied between them.

A database of its own for each test would cost a tenth of a second; this costs a hundredth.
"""

from __future__ import annotations

import asyncio
import os

import asyncpg

from tests.journal.postgres_server import shared

OURS = f"tests_{os.getpid()}"
_EMPTY = """
DELETE FROM chatroom.entry; DELETE FROM chatroom.nonce; DELETE FROM chatroom.member;
DELETE FROM chatroom.note; DELETE FROM chatroom.passage; DELETE FROM chatroom.audit;
DELETE FROM chatroom.node; DELETE FROM chatroom.room WHERE key <> 0;
UPDATE chatroom.audited SET number = 0; UPDATE chatroom.server SET scrubbed = withdrawn, moved = ''
"""


def own() -> str:
    """The address of the database that the tests of this process use."""
    return shared() + OURS


async def empty() -> None:
    """Have the database of this process, with nothing in it."""
    try:
        connection = await asyncpg.connect(own())
    except asyncpg.InvalidCatalogNameError:
        await create(OURS)
        return
    try:
        await connection.execute(_EMPTY)
    except asyncpg.UndefinedTableError:
        pass  # nothing has been there yet
    finally:
        await connection.close()


async def create(name: str, *, like: str = "template1") -> str:
    """Make a database that is empty, or like another; its address."""
    await _execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    return shared() + name


async def drop(name: str) -> None:
    """Have a database no more."""
    await _execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(sql: str) -> None:
    connection = await asyncpg.connect(shared() + "postgres")
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def waiting(statements: int = 1) -> None:
    """Return once so many statements in the database of this process wait for a lock."""
    connection = await asyncpg.connect(own())
    found = 0
    while found < statements:
        await asyncio.sleep(0.005)
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND state = 'active'"
        )
    await connection.close()


async def cut(url: str) -> None:
    """End all connections to a database but the one that does it."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


async def not_moved() -> None:
    """Have the database of this process used again, although it was moved."""
    connection = await asyncpg.connect(own())
    try:
        await connection.execute("UPDATE chatroom.server SET moved = ''")
    finally:
        await connection.close()
