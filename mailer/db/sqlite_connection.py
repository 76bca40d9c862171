"""A connection to the embedded database: its thread, and the verbs of a session as they run in there."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
import anyio

from mailer.db.database import NO_BINDS, Binds
from mailer.db.record import Record
from mailer.db.sqlite_time import StatementTime, text_time
from mailer.db.statements import Statement, Statements
from mailer.errors import ConfigurationError, DatabaseAway, DatabaseDenied, DatabaseRefused, DuplicateKey
from mailer.model.row import Value

T = TypeVar("T")
_Stored = str | int | float | bytes | None

_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PROTOCOL,
}
_DENIED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_DUPLICATE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
LOOK_SECONDS = 0.005
"""How long SQLite itself waits for a lock, in steps of 1 and 2 ms. Left alone it looks less and less often, up to ten
times a second: too seldom for a delivery whose slot is 50 ms ahead."""
_AS_IT_IS = frozenset({str, int, float, bytes, type(None)})


class OpenFile:
    """The file that a connection has open: SQLite goes on in it without a word when another takes its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened = self._named()

    def require_named(self) -> None:
        """Raises DatabaseAway while its name leads to another file, or to none."""
        if self._named() != self._opened:
            raise DatabaseAway(
                f"{self.path} was moved, deleted or replaced while it was open",
                "Stop every mailer process first, then move the file or restore a copy, then start them again.",
            )

    def _named(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:  # its folder may be gone, too, or closed to us
            return None
        return found.st_dev, found.st_ino


class SqliteVerbs:
    """The verbs of `Session`, and of a transaction, without a journey to the thread: for what is there already."""

    def __init__(
        self, raw: sqlite3.Connection, statements: Statements, file: OpenFile, time: StatementTime, busy_seconds: float
    ) -> None:
        """`busy_seconds`: for how long another process's lock is waited for."""
        self.raw = raw
        self._tries = max(1, round(busy_seconds / LOOK_SECONDS))
        self._statements = statements
        self._file = file
        self._time = time

    def fetch(self, statement: str, binds: Binds = NO_BINDS, at_most: int | None = None) -> list[Record]:
        """See `Session.fetch`."""
        prepared = self._prepared(statement, binds)
        with self._speaking(prepared.name):
            cursor = self.raw.execute(prepared.sql, _adapted(binds))
            rows = cursor.fetchall() if at_most is None else cursor.fetchmany(at_most)
            records = _records(cursor, rows)
            cursor.close()
        return records

    def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        """See `Session.execute`."""
        prepared = self._prepared(statement, binds)
        with self._speaking(prepared.name):
            return self.raw.execute(prepared.sql, _adapted(binds)).rowcount

    def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        """See `Session.execute_many`."""
        if not rows:
            return []
        prepared = self._prepared(statement, rows[0])
        counted = _Counted(self.raw, rows)
        with self._speaking(prepared.name):
            self.raw.executemany(prepared.sql, counted)
        return counted.counts()

    def insert(self, statement: str, binds: Binds) -> int:
        """See `Session.insert`."""
        prepared = self._prepared(statement, binds)
        with self._speaking(prepared.name):
            key = self.raw.execute(prepared.sql, _adapted(binds)).lastrowid
        if key is None:
            raise TypeError(f"{prepared.name} inserts no row with a generated key")
        return key

    def run_sql(self, sql: str, what: str) -> None:
        """One statement that has no name: `what` it is, for a message."""
        with self._speaking(what):
            self.raw.execute(sql)

    def open_stream(self, statement: str, binds: Binds) -> sqlite3.Cursor:
        """A cursor for `next_slice`."""
        prepared = self._prepared(statement, binds)
        with self._speaking(prepared.name):
            return self.raw.execute(prepared.sql, _adapted(binds))

    def next_slice(self, cursor: sqlite3.Cursor, at_most: int) -> list[Record]:
        """The cursor's next rows; none: it is at its end."""
        with self._speaking("reading on"):
            return _records(cursor, cursor.fetchmany(at_most))

    def in_transaction(self, work: Callable[["SqliteVerbs"], T]) -> T:
        """What `work` returns, once it is committed."""
        self.begin()
        try:
            result = work(self)
            self.commit()
        except BaseException:
            self.raw.rollback()
            raise
        return result

    def begin(self) -> None:
        """It takes the write lock at once: read first, and the upgrade may be refused."""
        self._file.require_named()
        self._lock("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Ends the transaction that is open."""
        self._lock("COMMIT")

    def _lock(self, sql: str) -> None:
        """A statement that may have to wait for another process, looked at anew each LOOK_SECONDS."""
        with self._speaking(sql):
            for _ in range(self._tries - 1):
                try:
                    self.raw.execute(sql)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        raise
                else:
                    return
            self.raw.execute(sql)

    def _prepared(self, statement: str, binds: Binds) -> Statement:
        """The statement, with exactly its binds given: Oracle refuses one too many, SQLite would not notice."""
        self._time.go_on()
        prepared = self._statements[statement]
        if binds.keys() != prepared.binds:
            wrong = sorted(binds.keys() ^ prepared.binds)
            raise TypeError(f"{prepared.name} ({prepared.place}) misses or does not know the binds {wrong}")
        return prepared

    def _speaking(self, statement: str) -> AbstractContextManager[None]:
        return speaking(self._file.path, statement)


class SqliteConnection(aiosqlite.Connection):
    """aiosqlite's thread, given whole pieces of work: each of its own verbs is a journey there and back."""

    def __init__(self, path: Path, statements: Statements, time: StatementTime, busy_seconds: float) -> None:
        super().__init__(self._open, iter_chunk_size=1)
        self._path = path
        self._busy_seconds = busy_seconds
        self._file: OpenFile
        self._stopping: asyncio.Future[None] | None = None
        self._named = statements
        self._time = time

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(self._path, isolation_level=None, timeout=self._busy_seconds)
        self._file = OpenFile(self._path)
        return raw

    async def open(self) -> None:
        """Raises sqlite3.Error, after its thread has ended: one that outlasts the event loop would complain."""
        try:
            await self
        except BaseException:
            if self._stopping is not None:
                with anyio.CancelScope(shield=True):
                    await self._stopping
            raise

    def stop(self) -> "asyncio.Future[None] | None":
        """See aiosqlite, which calls this too where opening fails, and waits for nothing then."""
        self._stopping = super().stop()
        return self._stopping

    async def run(self, work: Callable[[SqliteVerbs], T]) -> T:
        """What `work` returns or raises, run in the thread. Cancelled, it goes on there to its end."""
        verbs = SqliteVerbs(self._conn, self._named, self._file, self._time, self._busy_seconds)
        result: T = await self._execute(work, verbs)  # type: ignore[no-untyped-call]  # aiosqlite does not type it
        return result


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never waits to its end. Raises TypeError where it waits after all."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    work.close()
    raise TypeError("a transaction that runs in the database's thread waits for something else than its session")


@contextmanager
def speaking(path: Path, statement: str) -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _as_ours(error, path, statement) from error


def _as_ours(error: sqlite3.Error, path: Path, statement: str) -> Exception:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    message = f"{path}: {error} (in {statement})"
    if code in _DUPLICATE:
        return DuplicateKey(message)
    if code & 0xFF in _AWAY:
        return DatabaseAway(message, f"Check the disk and who has {path} open.")
    if code & 0xFF in _DENIED:
        return DatabaseDenied(message, f"{path} and its folder must be there, and writable by this user.")
    if code & 0xFF == sqlite3.SQLITE_NOTADB:
        return ConfigurationError(f"{path} is not an SQLite file", "Check MAILER_DATABASE.")
    return DatabaseRefused(message)


class _Counted:
    """Rows on their way into executemany, which says only the sum: the changes so far are noted before each."""

    def __init__(self, raw: sqlite3.Connection, rows: Sequence[Binds]) -> None:
        self._raw = raw
        self._rows = rows
        self._marks: list[int] = []

    def __iter__(self) -> Iterator[Mapping[str, _Stored]]:
        for row in self._rows:
            self._marks.append(self._raw.total_changes)
            yield _adapted(row)
        self._marks.append(self._raw.total_changes)

    def counts(self) -> list[int]:
        """The rows touched by each."""
        return [after - before for before, after in zip(self._marks, self._marks[1:], strict=False)]


def _records(cursor: sqlite3.Cursor, rows: Sequence[tuple[_Stored, ...]]) -> list[Record]:
    names = [column[0] for column in cursor.description or ()]
    return [Record(zip(names, row, strict=True)) for row in rows]


def _adapted(binds: Binds) -> Mapping[str, _Stored]:
    if _AS_IT_IS.issuperset(map(type, binds.values())):
        return cast("Mapping[str, _Stored]", binds)
    return {
        name: cast("_Stored", value) if type(value) in _AS_IT_IS else _adapt(value) for name, value in binds.items()
    }


def _adapt(value: Value) -> _Stored:
    match value:
        case datetime():
            return text_time(value)
        case date() | Decimal():
            return str(value)
        case _:
            return value
