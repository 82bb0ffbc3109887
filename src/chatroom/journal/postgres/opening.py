"""Opening a database: whether it can be used, and what to do if not."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from chatroom.journal.port import JournalUnusable

from . import schema
from .connecting import BOUNDED, TROUBLE, Connection, Patience, connect, sentence, shown


async def connected(url: str, patience: Patience) -> Connection:
    """A connection whose statements take what they take; raises JournalUnusable."""
    try:
        connection = await connect(url, patience)
        await connection.execute("SET statement_timeout = 0")
    except (*TROUBLE, ValueError) as error:
        raise JournalUnusable(why_unusable(shown(url), error)) from error
    return connection


async def prepared(connection: Connection, where: str) -> None:
    """Have the tables as we know them; raises JournalUnusable.

    Rooms have new epochs if the tables were in another database before.
    """
    try:
        if await schema.prepare(connection, where):
            await renew_epochs(connection)
    except TROUBLE as error:
        raise JournalUnusable(why_unusable(where, error)) from error


@asynccontextmanager
async def usable(url: str, patience: Patience) -> AsyncIterator[Connection]:
    """A connection to a database whose tables are as we know them; raises JournalUnusable.

    After the block, if nothing is raised, its statements are bounded in time, and it is the
    caller's.
    """
    connection = await connected(url, patience)
    try:
        await prepared(connection, shown(url))
        yield connection
        await connection.execute(BOUNDED)
    except BaseException as error:
        connection.terminate()
        if isinstance(error, TROUBLE):
            raise JournalUnusable(why_unusable(shown(url), error)) from error
        raise


async def renew_epochs(connection: Connection) -> int:
    """Tell whoever knows a sequence of before that it may mean something else now.

    Returns the number of rooms.
    """
    keys = await connection.fetch("SELECT key FROM chatroom.room WHERE closed IS NULL AND key <> 0")
    await connection.executemany(
        "UPDATE chatroom.room SET epoch = $2, version = version + 1 WHERE key = $1",
        [(row["key"], secrets.token_hex(8)) for row in keys],
    )
    return len(keys)


def why_unusable(where: str, error: BaseException) -> str:
    """A sentence for whoever starts the server: what is wrong, and what to do."""
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            what = "check user and password of the connection string, and pg_hba.conf"
        case asyncpg.InvalidCatalogNameError():
            what = "create the database first (createdb), or name another one"
        case asyncpg.InsufficientPrivilegeError():
            what = (
                "let its user create a schema there (GRANT CREATE ON DATABASE …), or have the "
                "owner of the schema chatroom start the server"
            )
        case asyncpg.TooManyConnectionsError():
            what = "raise max_connections: each server needs up to six"
        case asyncpg.CannotConnectNowError():
            what = "it is starting up or shutting down; try again"
        case asyncpg.TargetServerAttributeNotMatched():
            what = "name a host that may be written to: the primary"
        case asyncpg.ReadOnlySQLTransactionError():
            what = "it may only be read; name the primary, or target_session_attrs=read-write"
        case socket.gaierror():
            what = "check the host of the connection string"
        case OSError() | TimeoutError():
            what = "is it running, and reached from here? Check host and port"
        case asyncpg.PostgresError():
            return f"cannot use {where}: {sentence(error)}"
        case _:
            what = "check the connection string"
    return f"cannot use {where}: {sentence(error)}; {what}"
