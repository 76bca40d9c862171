"""Mapping queries of many recipients in one journey to a thread: the journey costs several times what the query does.

No timer: a lone query sets out at once, and what is asked for while a journey is under way goes with the next. A query
that takes long by itself is not held together with others: its journeys are single, and side by side on all readers.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from mailer.errors import MailerError
from mailer.model.row import Row
from mailer.sources.sqlite_connection import GuardedConnection
from mailer.sources.sqlite_errors import FAILURES, as_source_error, is_away
from mailer.sources.sqlite_queries import fetch_all
from mailer.sources.sqlite_session import SqliteSession
from mailer.sources.sqlite_values import SqliteBinds

MAPPING_ROWS = 100_000
"""A mapping query that returns more for one recipient has lost its WHERE."""
JOURNEY_SECONDS = 0.005
"""Of computing time that a journey is meant to hold."""
JOURNEY_LIMIT = 32
"""Reads in one journey, at most."""

_Result = Sequence[Row] | Exception


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    binds: SqliteBinds
    rows: "asyncio.Future[Sequence[Row]]"


@dataclass(slots=True)
class _Query:
    """One query: who waits for it, and how many of it make a journey."""

    sql: str
    waiting: deque[_Read] = field(default_factory=deque)
    under_way: int = 0
    """Journeys."""
    limit: int = 1
    """Reads in the next journey, at most."""

    @property
    def is_due(self) -> bool:
        """Whether another journey is worth its cost."""
        return len(self.waiting) >= (self.limit if self.under_way else 1)

    def take(self) -> list[_Read]:
        """Who goes with the next journey."""
        return [self.waiting.popleft() for _ in range(min(self.limit, len(self.waiting)))]


class GroupedReads:
    """The mapping queries of one data source on its readers; journeys run in the task group that is given."""

    def __init__(self, source: str, readers: Sequence[SqliteSession], seconds: float, tasks: TaskGroup) -> None:
        """`seconds`: for one query, whatever it is held together with."""
        self._source = source
        self._free = list(readers)
        self._seconds = seconds
        self._tasks = tasks
        self._queries: dict[str, _Query] = {}

    async def read(self, sql: str, binds: SqliteBinds) -> Sequence[Row]:
        """The rows. Raises SourceAway and QueryFailed. Cancelled, it is not run, or stopped if nobody else waits."""
        query = self._queries.get(sql) or self._queries.setdefault(sql, _Query(sql))
        if self._free and not query.under_way and not query.waiting:
            return await self._read_alone(query, binds)
        read = _Read(binds, asyncio.get_running_loop().create_future())
        query.waiting.append(read)
        self._set_out()
        try:
            return await read.rows
        finally:
            if read in query.waiting:  # cancelled before its journey
                query.waiting.remove(read)
                self._forget_if_idle(query)

    def _set_out(self) -> None:
        """As many journeys as are due and have a reader; the query with the fewest under way is the first."""
        while self._free and (due := [query for query in self._queries.values() if query.is_due]):
            query = min(due, key=lambda one: one.under_way)
            self._tasks.start_soon(self._read_together, query, query.take(), self._begin(query))

    async def _read_alone(self, query: _Query, binds: SqliteBinds) -> Sequence[Row]:
        """Without a task of its own."""
        reader = self._begin(query)
        try:
            (result,) = await self._ask(query, [binds], reader)
        finally:
            self._end(query, reader)
        if isinstance(result, Exception):
            raise result from None  # its context may quote a value of a row
        return result

    async def _read_together(self, query: _Query, group: Sequence[_Read], reader: SqliteSession) -> None:
        try:
            with _cancelled_with_all(group):
                results = await self._ask(query, [read.binds for read in group], reader)
                for read, result in zip(group, results, strict=True):
                    _settle(read.rows, result)
        except MailerError as error:
            for read in group:
                _settle(read.rows, error)
        finally:
            for read in group:
                read.rows.cancel()  # where the data source is closed: nobody may wait for ever
            self._end(query, reader)

    async def _ask(self, query: _Query, binds: Sequence[SqliteBinds], reader: SqliteSession) -> list[_Result]:
        """Each one's rows or error. Raises SourceAway, and QueryFailed where the thread hangs."""
        seconds = self._seconds
        results, cost = await reader.run(lambda raw: _read_all(raw, query.sql, binds, seconds), seconds * len(binds))
        query.limit = max(1, min(JOURNEY_LIMIT, int(JOURNEY_SECONDS / max(cost, 1e-6))))
        return [
            as_source_error(self._source, result, seconds) if isinstance(result, Exception) else result
            for result in results
        ]

    def _begin(self, query: _Query) -> SqliteSession:
        query.under_way += 1
        return self._free.pop()

    def _end(self, query: _Query, reader: SqliteSession) -> None:
        self._free.append(reader)
        query.under_way -= 1
        self._forget_if_idle(query)
        self._set_out()

    def _forget_if_idle(self, query: _Query) -> None:
        if not query.under_way and not query.waiting:
            self._queries.pop(query.sql, None)


@contextmanager
def _cancelled_with_all(group: Sequence[_Read]) -> Iterator[None]:
    """A journey that nobody waits for any more is stopped."""
    left = len(group)
    with anyio.CancelScope() as scope:

        def note(_: "asyncio.Future[Sequence[Row]]") -> None:
            nonlocal left
            left -= 1
            if not left:
                scope.cancel()

        for read in group:
            read.rows.add_done_callback(note)
        yield


def _settle(future: "asyncio.Future[Sequence[Row]]", result: _Result) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _read_all(
    connection: GuardedConnection, sql: str, binds: Sequence[SqliteBinds], seconds_each: float
) -> tuple[list[_Result], float]:
    """Each one's rows or error, and the computing time of one, in seconds. Raises sqlite3.Error if the file fails."""
    results: list[_Result] = []
    began = time.thread_time()
    for one in binds:
        connection.allow(seconds_each)
        try:
            results.append(fetch_all(connection, sql, one, MAPPING_ROWS))
        except FAILURES as error:
            if is_away(error):
                raise
            results.append(error)
    return results, (time.thread_time() - began) / len(binds)
