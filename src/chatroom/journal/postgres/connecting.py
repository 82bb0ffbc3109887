"""Connections to the database: how they are made, kept and lost, and what errors mean."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

import asyncpg

from chatroom.journal.port import JournalError

T = TypeVar("T")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

STATEMENT_SECONDS = 10
"""After which the database ends a statement of its own accord."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Patience:
    """For how many seconds something is waited for."""

    connect: float = 5.0
    """A connection, all hosts together."""
    answer: float = STATEMENT_SECONDS + 2.0
    """An answer; after that the database hangs, or the way to it."""
    doubt: float = 8.0
    """What became of an append whose answer was lost; after that its caller is told that it is
    not known. That is as long as a lease."""
    renew: float = 2.0
    """An append, before the lease is renewed without one."""


BOUNDED = f"SET statement_timeout = '{STATEMENT_SECONDS}s'"
_SETTINGS = (
    f"{BOUNDED}; SET jit = off; "
    "SET default_transaction_isolation = 'read committed'; "
    # A plan is made once, and for tables that are large, however small they were then. So it
    # goes by the keys.
    "SET plan_cache_mode = force_generic_plan; "
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
    "SET enable_material = off"
)

TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a statement may raise, besides faults of ours."""
_LOST = ("08", "57P")
"""How SQLSTATEs begin after which nothing is known of a statement: the connection is lost, or
the server ends."""
_READ_ONLY = "25006"
"""The server was a primary, or never was one."""


def shown(url: str) -> str:
    """How people are told which database it is: without user and password."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "PostgreSQL"
    return f"PostgreSQL {hosts or 'on this machine'}{parts.path.rstrip('/')}"


async def connect(url: str, patience: Patience) -> Connection:
    """A connection as ours all are; raises one of TROUBLE or ValueError."""
    connection = await asyncpg.connect(
        url, timeout=patience.connect, server_settings={"application_name": "chatroom"}
    )
    try:
        await connection.execute(_SETTINGS, timeout=patience.connect)
    except BaseException:
        connection.terminate()
        raise
    return connection


def is_lost(error: BaseException) -> bool:
    """Whether nothing is known of the statement that has raised this."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "08").startswith(_LOST)
    return True


def ends(error: BaseException) -> bool:
    """Whether the connection is not to be used again after this error."""
    return is_lost(error) or getattr(error, "sqlstate", "") == _READ_ONLY


def sentence(error: BaseException) -> str:
    """An error as part of a sentence."""
    if isinstance(error, TimeoutError):
        return "the database does not answer"
    if isinstance(error, socket.gaierror):
        return "the name of its host is not known"
    return str(error) or type(error).__name__


def failed(error: BaseException) -> JournalError:
    """What the port raises for an error of the driver's."""
    return JournalError(sentence(error))


class Connections:
    """A few connections for what is read, and what is done beside appends.

    Each is made when it is needed, and given up when it is lost.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], most: int, patience: Patience
    ) -> None:
        self._connect = connect
        self._patience = patience
        self._places = asyncio.Semaphore(most)
        self._idle: list[Connection] = []
        self._used: set[Connection] = set()
        self._closed = False

    async def do(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something that may be done twice; raises JournalError.

        A connection that was lost while nobody used it tells so only when it is used.
        """
        try:
            try:
                async with self.one() as connection:
                    return await work(connection)
            except TROUBLE as error:
                if not is_lost(error) or isinstance(error, TimeoutError):
                    raise
            async with self.one() as connection:
                return await work(connection)
        except (*TROUBLE, ValueError) as error:
            raise failed(error) from error

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Connection]:
        """A connection for one caller; raises what `connect` does."""
        if self._closed:
            raise JournalError("the journal is closed")
        async with self._places:
            connection = None
            while self._idle and (connection is None or connection.is_closed()):
                connection = self._idle.pop()
            if connection is None or connection.is_closed():
                connection = await self._connect()
            self._used.add(connection)
            sound = False
            try:
                async with asyncio.timeout(self._patience.answer):
                    yield connection
                sound = True
            except asyncpg.PostgresError as error:
                sound = not ends(error)
                raise
            except JournalError:
                sound = True
                raise
            finally:
                self._used.discard(connection)
                if sound and not self._closed and not connection.is_closed():
                    self._idle.append(connection)
                else:
                    connection.terminate()

    def close(self) -> None:
        """Let go of all, also of those that are in use."""
        self._closed = True
        for connection in (*self._idle, *self._used):
            connection.terminate()
        self._idle.clear()
