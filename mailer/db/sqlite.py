"""The embedded database: one SQLite file, one writer connection a process, local disk."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiosqlite
import anyio

from mailer.db.database import NO_BINDS, Binds
from mailer.db.record import Record
from mailer.db.statements import Statement, shipped_statements
from mailer.errors import ConfigurationError, DatabaseAway, DatabaseRefused, DuplicateKey, NotFound
from mailer.model.clock import Clock
from mailer.model.row import Value

BUSY_SECONDS = 30.0
"""How long SQLite waits for another process's write before the database counts as away."""

_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
_DUPLICATE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


class SqliteDatabase:
    """The `Database` on one file. Its clock is the process's own: UTC_NOW() and UTC_AFTER(seconds) in its SQL.

    TIME_PLUS(time, seconds) reckons with the times that it keeps as text.
    """

    dialect = "sqlite"

    def __init__(self, path: Path, clock: Clock, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        """`create`: makes the file where there is none; otherwise opening raises NotFound."""
        self._path = path
        self._clock = clock
        self._create = create
        self._busy_seconds = busy_seconds
        self._statements = shipped_statements(self.dialect)
        self._writing = anyio.Lock()
        self._writer: aiosqlite.Connection
        self._reader: aiosqlite.Connection

    async def __aenter__(self) -> "SqliteDatabase":
        if not self._create and not await anyio.Path(self._path).exists():
            raise NotFound(f"there is no database at {self._path}", "Run 'mailer migrate', or set MAILER_DATABASE.")
        with self._speaking("opening it"):
            self._writer = await self._connect("PRAGMA journal_mode = WAL")
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
        return await self._fetch(self._reader, statement, binds, at_most)

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        """See `Session.execute`."""
        async with self.transaction() as transaction:
            return await transaction.execute(statement, binds)

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        """See `Session.execute_many`."""
        async with self.transaction() as transaction:
            return await transaction.execute_many(statement, rows)

    async def insert(self, statement: str, binds: Binds) -> int:
        """See `Session.insert`."""
        async with self.transaction() as transaction:
            return await transaction.insert(statement, binds)

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        """See `Session.execute_returning`."""
        async with self.transaction() as transaction:
            return await transaction.execute_returning(statement, binds, returned)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["_SqliteTransaction"]:
        """See `Database.transaction`. It takes the write lock at once: read first, and the upgrade may be refused."""
        async with self._writing:
            try:
                with self._speaking("BEGIN"):
                    await self._writer.execute("BEGIN IMMEDIATE")
                yield _SqliteTransaction(self)
                with self._speaking("COMMIT"):
                    await self._writer.execute("COMMIT")
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
            yield self._slices(connection, self._prepared(statement, binds), binds, slice_rows)
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

    async def _slices(
        self, connection: aiosqlite.Connection, prepared: Statement, binds: Binds, slice_rows: int
    ) -> AsyncIterator[list[Record]]:
        with self._speaking(prepared.name):
            cursor = await connection.execute(prepared.sql, _adapted(binds))
        while True:
            with self._speaking(prepared.name):
                rows = list(await cursor.fetchmany(slice_rows))
            if not rows:
                return
            yield [_record(row) for row in rows]

    async def _connect(self, pragma: str) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self._path, isolation_level=None, timeout=self._busy_seconds)
        connection.row_factory = sqlite3.Row
        try:
            await connection.create_function("UTC_NOW", 0, self._utc_now)
            await connection.create_function("UTC_AFTER", 1, self._utc_after)
            await connection.create_function("TIME_PLUS", 2, _time_plus)
            for setting in ("PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", pragma):
                await connection.execute_fetchall(setting)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await connection.close()
            raise
        return connection

    async def _fetch(
        self, connection: aiosqlite.Connection, statement: str, binds: Binds, at_most: int | None
    ) -> list[Record]:
        prepared = self._prepared(statement, binds)
        with self._speaking(prepared.name):
            if at_most is None:
                rows = await connection.execute_fetchall(prepared.sql, _adapted(binds))
            else:
                async with connection.execute(prepared.sql, _adapted(binds)) as cursor:
                    rows = await cursor.fetchmany(at_most)
        return [_record(row) for row in rows]

    def _prepared(self, statement: str, binds: Binds) -> Statement:
        """The statement, with exactly its binds given: Oracle refuses one too many, SQLite would not notice."""
        prepared = self._statements[statement]
        if binds.keys() != prepared.binds:
            wrong = sorted(binds.keys() ^ prepared.binds)
            raise TypeError(f"{prepared.name} ({prepared.place}) misses or does not know the binds {wrong}")
        return prepared

    @contextmanager
    def _speaking(self, statement: str) -> Iterator[None]:
        """Turns SQLite's errors into ours."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            message = f"{self._path}: {error} (in {statement})"
            if code in _DUPLICATE:
                raise DuplicateKey(message) from error
            if code & 0xFF in _AWAY:
                raise DatabaseAway(message, f"Check the disk and who has {self._path} open.") from error
            if code & 0xFF == sqlite3.SQLITE_NOTADB:
                raise ConfigurationError(f"{self._path} is not an SQLite file", "Check MAILER_DATABASE.") from error
            raise DatabaseRefused(message) from error

    def _utc_now(self) -> str:
        return _text_time(self._clock.now())

    def _utc_after(self, seconds: float) -> str:
        return _text_time(self._clock.now() + timedelta(seconds=seconds))


class _SqliteTransaction:
    """The open transaction of the writer connection."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._connection = database._writer

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        return await self._database._fetch(self._connection, statement, binds, at_most)

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        prepared = self._database._prepared(statement, binds)
        with self._database._speaking(prepared.name):
            cursor = await self._connection.execute(prepared.sql, _adapted(binds))
            return cursor.rowcount

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        if not rows:
            return []
        prepared = self._database._prepared(statement, rows[0])
        counted = _Counted(self._connection, rows)
        with self._database._speaking(prepared.name):
            await self._connection.executemany(prepared.sql, counted)
        return counted.counts()

    async def insert(self, statement: str, binds: Binds) -> int:
        prepared = self._database._prepared(statement, binds)
        with self._database._speaking(prepared.name):
            cursor = await self._connection.execute(prepared.sql, _adapted(binds))
        if cursor.lastrowid is None:
            raise TypeError(f"{prepared.name} inserts no row with a generated key")
        return cursor.lastrowid

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        rows = await self.fetch(statement, binds)
        return Record({name: rows[0][name] for name in returned}) if rows else None

    async def run_script_statement(self, sql: str) -> None:
        with self._database._speaking("a migration"):
            await self._connection.execute(sql)


class _Counted:
    """Rows on their way into executemany, which says only the sum: the changes so far are noted before each."""

    def __init__(self, connection: aiosqlite.Connection, rows: Sequence[Binds]) -> None:
        self._connection = connection
        self._rows = rows
        self._marks: list[int] = []

    def __iter__(self) -> Iterator[dict[str, str | int | float | bytes | None]]:
        for row in self._rows:
            self._marks.append(self._connection.total_changes)
            yield _adapted(row)
        self._marks.append(self._connection.total_changes)

    def counts(self) -> list[int]:
        """The rows touched by each."""
        return [after - before for before, after in zip(self._marks, self._marks[1:], strict=False)]


def _record(row: sqlite3.Row) -> Record:
    return Record(zip(row.keys(), row, strict=True))


def _adapted(binds: Binds) -> dict[str, str | int | float | bytes | None]:
    return {name: _adapt(value) for name, value in binds.items()}


def _adapt(value: Value) -> str | int | float | bytes | None:
    match value:
        case datetime():
            return _text_time(value)
        case date() | Decimal():
            return str(value)
        case _:
            return value


def _time_plus(text: str, seconds: float) -> str:
    return _text_time(datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(seconds=seconds))


def _text_time(moment: datetime) -> str:
    """UTC with six digits of the second, always: texts of one width compare as the times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
