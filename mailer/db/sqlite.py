"""The embedded database: one SQLite file, one writer connection a process, local disk."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio

from mailer.db.database import NO_BINDS, Binds, Session
from mailer.db.record import Record
from mailer.db.sqlite_connection import LOOK_SECONDS, SqliteConnection, SqliteVerbs, finished, speaking
from mailer.db.sqlite_time import StatementTime
from mailer.db.statements import shipped_statements
from mailer.errors import ConfigurationError, NotFound
from mailer.model.clock import Clock

T = TypeVar("T")

BUSY_SECONDS = 30.0
"""How long SQLite waits for another process's write before the database counts as away."""


class SqliteDatabase:
    """The `Database` on one file. Its clock is the process's own."""

    dialect = "sqlite"

    def __init__(self, path: Path, clock: Clock, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        """`create`: makes the file where there is none; otherwise opening raises NotFound."""
        self._path = path
        self._clock = clock
        self._create = create
        self._busy_seconds = busy_seconds
        self._statements = shipped_statements(self.dialect)
        self._writing = anyio.Lock(fast_acquire=True)
        self._writer: SqliteConnection
        self._reader: SqliteConnection

    async def __aenter__(self) -> "SqliteDatabase":
        if not self._create and not await anyio.Path(self._path).exists():
            raise NotFound(f"there is no database at {self._path}", "Run 'mailer migrate', or set MAILER_DATABASE.")
        if await anyio.Path(self._path).is_dir():
            advice = f"Set MAILER_DATABASE to a file, such as {self._path / 'mailer.db'}."
            raise ConfigurationError(f"{self._path} is a folder, and no database", advice)
        self._writer = await self._connect(
            "PRAGMA journal_mode = WAL", f"PRAGMA busy_timeout = {LOOK_SECONDS * 1000:.0f}"
        )
        try:
            self._reader = await self._connect("PRAGMA query_only = ON")
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._writer.close()
            raise
        return self

    async def __aexit__(self, *details: object) -> None:
        with anyio.CancelScope(shield=True):
            await self._reader.close()
            await self._writer.close()

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        """See `Session.fetch`: from the last commit, beside any write."""
        return await self._reader.run(lambda verbs: verbs.fetch(statement, binds, at_most))

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        """See `Session.execute`."""
        return await self._write(lambda verbs: verbs.execute(statement, binds))

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        """See `Session.execute_many`."""
        return await self._write(lambda verbs: verbs.execute_many(statement, rows))

    async def insert(self, statement: str, binds: Binds) -> int:
        """See `Session.insert`."""
        return await self._write(lambda verbs: verbs.insert(statement, binds))

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        """See `Session.execute_returning`."""
        return await self._write(lambda verbs: _returned(verbs, statement, binds, returned))

    async def atomically(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """See `Database.atomically`: all its statements are one journey to the thread."""
        return await self._write(lambda verbs: finished(work(_ThreadSession(verbs))))

    async def _write(self, work: Callable[[SqliteVerbs], T]) -> T:
        """One transaction, whole: committed, or rolled back, before a cancel scope that ends the caller shows.

        Where asyncio does, as by its timeouts, it goes on in the thread, and the next one waits for it there.
        """
        async with self._writing:
            with anyio.CancelScope(shield=True):
                result = await self._writer.run(lambda verbs: verbs.in_transaction(work))
        return result

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["_SqliteTransaction"]:
        """See `Database.transaction`."""
        async with self._writing:
            try:
                await self._writer.run(SqliteVerbs.begin)
                yield _SqliteTransaction(self._writer)
                await self._writer.run(SqliteVerbs.commit)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self._writer.rollback()
                raise

    @asynccontextmanager
    async def stream(
        self, statement: str, binds: Binds = NO_BINDS, *, slice_rows: int = 500
    ) -> AsyncIterator[AsyncIterator[list[Record]]]:
        """See `Database.stream`."""
        connection = await self._connect("PRAGMA query_only = ON")
        try:
            cursor = await connection.run(lambda verbs: verbs.open_stream(statement, binds))
            yield _slices(connection, cursor, slice_rows)
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator["_SqliteTransaction"]:
        """See `Database.migrating`."""
        async with self.transaction() as transaction:
            await transaction.execute("create_schema_history")
            yield transaction

    def split_script(self, script: str) -> list[str]:
        """See `Database.split_script`."""
        statements = [""]
        for line in script.splitlines(keepends=True):
            statements[-1] += line
            if sqlite3.complete_statement(statements[-1]):
                statements.append("")
        return statements[:-1]

    async def _connect(self, *pragmas: str) -> SqliteConnection:
        time = StatementTime(self._clock)
        connection = SqliteConnection(self._path, self._statements, time, self._busy_seconds)
        with speaking(self._path, "opening it"):
            await connection.open()
            try:
                await connection.run(lambda verbs: _set_up(verbs.raw, time, pragmas))
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await connection.close()
                raise
        return connection


class _SqliteTransaction:
    """The open transaction of the writer connection, from the event loop: each verb is a journey to the thread."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        return await self._connection.run(lambda verbs: verbs.fetch(statement, binds, at_most))

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        return await self._connection.run(lambda verbs: verbs.execute(statement, binds))

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        return await self._connection.run(lambda verbs: verbs.execute_many(statement, rows))

    async def insert(self, statement: str, binds: Binds) -> int:
        return await self._connection.run(lambda verbs: verbs.insert(statement, binds))

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        return await self._connection.run(lambda verbs: _returned(verbs, statement, binds, returned))

    async def run_script_statement(self, sql: str) -> None:
        await self._connection.run(lambda verbs: verbs.run_sql(sql, "a migration"))


class _ThreadSession:
    """The same in the thread itself: nothing here ever waits."""

    def __init__(self, verbs: SqliteVerbs) -> None:
        self._verbs = verbs

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        return self._verbs.fetch(statement, binds, at_most)

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        return self._verbs.execute(statement, binds)

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        return self._verbs.execute_many(statement, rows)

    async def insert(self, statement: str, binds: Binds) -> int:
        return self._verbs.insert(statement, binds)

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        return _returned(self._verbs, statement, binds, returned)


def _returned(verbs: SqliteVerbs, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
    rows = verbs.fetch(statement, binds)
    return Record({name: rows[0][name] for name in returned}) if rows else None


async def _slices(connection: SqliteConnection, cursor: sqlite3.Cursor, slice_rows: int) -> AsyncIterator[list[Record]]:
    while rows := await connection.run(lambda verbs: verbs.next_slice(cursor, slice_rows)):
        yield rows


def _set_up(raw: sqlite3.Connection, time: StatementTime, pragmas: Sequence[str]) -> None:
    time.install(raw)
    for setting in ("PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", *pragmas):
        raw.execute(setting).close()
