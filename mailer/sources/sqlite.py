"""A data source that is an SQLite file of a person's own: read as it is, changed by nothing but update queries.

Locks. A file in rollback-journal mode is locked for writers while a target query is read, and for readers while an
update commits. So an update waits until no target query of this process is open on such a file, rather than hold up
everybody's reads; in WAL mode neither disturbs the other, and nothing waits. The mode is never changed.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread

from mailer.db.grouping import Grouping
from mailer.errors import ConfigurationError, NotFound, SourceAway
from mailer.model.clock import Clock
from mailer.model.row import Row
from mailer.sources.source import Binds
from mailer.sources.sqlite_errors import as_source_error, source_setting
from mailer.sources.sqlite_file import SourceFile
from mailer.sources.sqlite_queries import NamedCursor, bind_names, column_names, is_wal
from mailer.sources.sqlite_reads import GroupedReads
from mailer.sources.sqlite_session import SqliteSession
from mailer.sources.sqlite_updates import Update, commit_updates
from mailer.sources.sqlite_values import adapt_binds

READERS = 4
"""Connections for mapping queries: one that runs to its bound must not hold up the other jobs'."""
UPDATE_GROUP = 100
"""Update queries in one transaction, at most."""


class SqliteSource:
    """The `Source` on one file. Enter and leave it in the same task."""

    def __init__(self, name: str, path: Path, *, patience: float, query_seconds: float, clock: Clock) -> None:
        """`patience`: seconds for a lock of other programs. `query_seconds`: for a target query, a tenth for others."""
        self.name = name
        self._file = SourceFile(name, path.absolute(), patience, clock)
        self._query_seconds = query_seconds
        self._row_seconds = query_seconds / 10
        self._readers = [SqliteSession(self._file, "ro", follows=True) for _ in range(READERS)]
        self._writer = SqliteSession(self._file, "rw", may_change_rows=True, follows=True)
        self._updates: Grouping[Update, int] = Grouping(self._commit, limit=UPDATE_GROUP)
        self._locks = _ReadLocks()
        self._reads: GroupedReads
        self._tasks: anyio.abc.TaskGroup

    async def __aenter__(self) -> "SqliteSource":
        """Raises NotFound where there is no such file, ConfigurationError where it can't be looked for."""
        place = f"{self._file.path} of data source {self.name!r}"
        advice = f"Correct {source_setting(self.name)}; mailer does not create a data source."
        try:
            is_there = await anyio.Path(self._file.path).is_file()
        except OSError as error:
            raise ConfigurationError(f"{error.strerror}: {place}", advice) from None
        if not is_there:
            raise NotFound(f"there is no file: {place}", advice)
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._updates.run)
        self._reads = GroupedReads(self.name, self._readers, self._row_seconds, self._tasks)
        return self

    async def __aexit__(self, *details: object) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            # Without the details: a group would wrap the error of the block, and it has none of its own.
            await self._tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                for session in (*self._readers, self._writer):
                    await session.close()
                await anyio.to_thread.run_sync(self._file.remove_empty_wal)

    async def bind_names(self, query: str) -> tuple[str, ...]:
        """See `Source.bind_names`: SQLite compiles the query, and asks a mapping that notes what is asked for."""
        return await self._explain(query)

    async def check_update(self, query: str) -> None:
        """See `Source.check_update`."""
        await self._explain(query)

    async def columns(self, query: str, binds: Binds) -> tuple[str, ...]:
        """See `Source.columns`. SQLite tells the names with the first row: it costs what that row costs."""
        bound = adapt_binds(binds)
        async with self._passing() as session:
            return await session.run(lambda raw: column_names(raw, query, bound), self._query_seconds)

    @asynccontextmanager
    async def stream(self, query: str, slice_rows: int) -> AsyncIterator[AsyncIterator[Sequence[Row]]]:
        """See `Source.stream`. On a file in rollback-journal mode, updates wait until the block is left."""
        async with self._passing() as session:
            disturbs_nobody = await session.run(is_wal, self._query_seconds)
            with nullcontext() if disturbs_nobody else self._locks.held():
                async with aclosing(self._slices(session, query, slice_rows)) as slices:
                    yield slices

    async def read(self, query: str, binds: Binds) -> Sequence[Row]:
        """See `Source.read`. QueryFailed beyond MAPPING_ROWS rows."""
        return await self._reads.read(query, adapt_binds(binds))

    async def update(self, query: str, binds: Binds) -> int:
        """See `Source.update`."""
        return await self._updates.submit(Update(query, adapt_binds(binds)))

    async def _commit(self, updates: Sequence[Update]) -> Sequence[int | Exception]:
        if not await self._locks.released(self._query_seconds):
            raise SourceAway(
                f"data source {self.name!r}: a target query of this process has it locked",
                "Run the job's updates again when the other list is loaded, or put the file into WAL mode.",
            )
        seconds = self._row_seconds
        outcomes = await self._writer.run(lambda raw: commit_updates(raw, updates, seconds), seconds * len(updates))
        return [
            as_source_error(self.name, outcome, seconds) if isinstance(outcome, Exception) else outcome
            for outcome in outcomes
        ]

    async def _slices(self, session: SqliteSession, query: str, slice_rows: int) -> AsyncGenerator[Sequence[Row], None]:
        seconds = self._query_seconds
        cursor = await session.run(lambda raw: NamedCursor(raw, query), seconds, in_all=True)
        while rows := await session.run(lambda _: cursor.fetch(slice_rows), seconds, in_all=True):
            yield rows

    async def _explain(self, query: str) -> tuple[str, ...]:
        """The binds of a query that is compiled and not run; the file is open for reading only, whatever it says."""
        async with self._passing(may_change_rows=True) as session:
            return await session.run(lambda raw: bind_names(raw, query), self._row_seconds)

    @asynccontextmanager
    async def _passing(self, *, may_change_rows: bool = False) -> AsyncIterator[SqliteSession]:
        """A reading session for one use."""
        session = SqliteSession(self._file, "ro", may_change_rows=may_change_rows)
        try:
            yield session
        finally:
            await session.close()


class _ReadLocks:
    """The target queries of this process that keep writers off the file."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """While one is open."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def released(self, seconds: float) -> bool:
        """Waits until none is open; False if one still is after `seconds`."""
        with anyio.move_on_after(seconds):
            await self._none.wait()
        return self._none.is_set()
