"""A data source on Oracle: read in read-only transactions, changed by nothing but update queries."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TypeVar

import anyio
import anyio.abc

from mailer.db.grouping import Grouping
from mailer.db.oracle_errors import Kind, Trouble
from mailer.db.oracle_pool import AGAIN_SECONDS, OracleLink, OraclePool, OracleTrouble
from mailer.db.oracle_statements import fetch_sql, open_sql, rows_of
from mailer.db.oracle_values import adapt_binds
from mailer.errors import QueryFailed, SourceAway
from mailer.model.clock import Clock
from mailer.model.database_url import OracleService
from mailer.model.row import Row
from mailer.sources.oracle_errors import as_source_error, whereabouts
from mailer.sources.oracle_queries import bind_names, column_names, require_query, require_statement, require_update
from mailer.sources.oracle_updates import Outcome, Update, run_updates
from mailer.sources.source import Binds

T = TypeVar("T")

MAPPING_ROWS = 100_000
"""A mapping query that returns more for one recipient has lost its WHERE."""
UPDATE_GROUP = 100
"""Update queries in one transaction, at most."""


class OracleSource:
    """The `Source` on one service and user. Enter and leave it in the same task.

    A number is an int, or a Decimal where it has a fraction; DATE and TIMESTAMP are times without a zone, as they are
    there; CLOB and NCLOB are read whole.
    """

    def __init__(
        self, name: str, service: OracleService, *, patience: float, query_seconds: float, clock: Clock
    ) -> None:
        """`patience`: seconds for a database that is away. `query_seconds`: for a target query, a tenth for others."""
        self.name = name
        self._clock = clock
        self._patience = patience
        self._query_seconds = query_seconds
        self._row_seconds = query_seconds / 10
        self._where = whereabouts(name, service)
        self._pool = OraclePool(self._where, patience=patience, clock=clock)
        self._updates: Grouping[Update, int] = Grouping(self._commit, limit=UPDATE_GROUP)
        self._tasks: anyio.abc.TaskGroup

    async def __aenter__(self) -> "OracleSource":
        """Raises SourceAway, SourceDenied."""
        with self._speaking(self._row_seconds):
            await self._pool.__aenter__()
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._updates.run)
        return self

    async def __aexit__(self, *details: object) -> None:
        self._tasks.cancel_scope.cancel()
        try:
            # Without the details: a group would wrap the error of the block, and it has none of its own.
            await self._tasks.__aexit__(None, None, None)
        finally:
            await self._pool.__aexit__()

    @property
    def notice(self) -> str:
        """What the database said as it let us in, as that the password will expire; empty: nothing."""
        return self._pool.notice

    async def bind_names(self, query: str) -> tuple[str, ...]:
        """See `Source.bind_names`: the driver tells, of a statement that the database has parsed."""
        require_statement(self.name, query)
        return await self._again(lambda link: link.run(bind_names(link.raw, query), self._row_seconds))

    async def check_update(self, query: str) -> None:
        """See `Source.check_update`."""
        require_update(self.name, query)
        await self._again(lambda link: link.run(bind_names(link.raw, query), self._row_seconds))

    async def columns(self, query: str, binds: Binds) -> tuple[str, ...]:
        """See `Source.columns`: the query is parsed, and needs no values."""
        require_query(self.name, query)
        return await self._again(lambda link: link.run(column_names(link.raw, query), self._row_seconds))

    @asynccontextmanager
    async def stream(self, query: str, slice_rows: int) -> AsyncIterator[AsyncIterator[Sequence[Row]]]:
        """See `Source.stream`: on a connection of its own, which sees the tables as they are when it begins."""
        require_query(self.name, query)
        with self._speaking(self._query_seconds):
            async with self._pool.link() as link, link.read_only(self._row_seconds):
                link.trace("target query", "")
                async with aclosing(self._slices(link, query, slice_rows)) as slices:
                    yield slices

    async def read(self, query: str, binds: Binds) -> Sequence[Row]:
        """See `Source.read`. QueryFailed beyond MAPPING_ROWS rows."""
        require_query(self.name, query)
        bound = adapt_binds(binds)

        async def read(link: OracleLink) -> Sequence[Row]:
            link.trace("mapping query", "")
            async with link.read_only(self._row_seconds):
                reading = fetch_sql(link.raw, query, bound, MAPPING_ROWS + 1, is_exact=True)
                return await link.run(reading, self._row_seconds)

        rows = await self._again(read)
        if len(rows) > MAPPING_ROWS:
            what = f"the mapping query returns more than {MAPPING_ROWS:,} rows for one recipient"
            raise QueryFailed(f"data source {self.name!r}: {what}", "Add a WHERE that names the key.")
        return rows

    async def update(self, query: str, binds: Binds) -> int:
        """See `Source.update`."""
        require_update(self.name, query)
        return await self._updates.submit(Update(query, adapt_binds(binds)))

    async def _commit(self, updates: Sequence[Update]) -> Sequence[int | Exception]:
        """All of them, in one transaction where that is possible: what fails as a whole is done in halves."""
        try:
            outcomes = await self._again_raw(lambda link: self._commit_at_once(link, updates))
        except OracleTrouble as error:
            if error.trouble.kind not in (Kind.LATE, Kind.REFUSED):
                raise self._as_ours(error.trouble, self._row_seconds) from None
            if len(updates) == 1:
                return [self._as_ours(error.trouble, self._row_seconds)]
            half = len(updates) // 2
            return [*await self._commit(updates[:half]), *await self._commit(updates[half:])]
        return [self._as_ours(one, self._row_seconds) if isinstance(one, Trouble) else one for one in outcomes]

    async def _commit_at_once(self, link: OracleLink, updates: Sequence[Update]) -> Sequence[Outcome]:
        link.trace("update query", "")
        outcomes = await link.run(run_updates(link.raw, updates, self._where), self._row_seconds)
        await link.run(link.raw.commit(), self._row_seconds)
        return outcomes

    async def _slices(self, link: OracleLink, query: str, slice_rows: int) -> AsyncGenerator[Sequence[Row], None]:
        seconds = _Budget(self._query_seconds, self._clock)
        with seconds.spending() as left:
            cursor = await link.run(open_sql(link.raw, query, {}, slice_rows, is_exact=True), left)
        while True:
            with seconds.spending() as left:
                rows = await link.run(cursor.fetchmany(slice_rows), left)
            if not rows:
                return
            yield rows_of(cursor, rows)

    async def _again(self, work: Callable[[OracleLink], Awaitable[T]]) -> T:
        """Does it on a connection; again, as long as the patience, where the database is away. Raises our errors."""
        with self._speaking(self._row_seconds):
            return await self._again_raw(work)

    async def _again_raw(self, work: Callable[[OracleLink], Awaitable[T]]) -> T:
        deadline = self._clock.monotonic() + self._patience
        while True:
            try:
                async with self._pool.link() as link:
                    return await work(link)
            except OracleTrouble as error:
                is_passing = error.trouble.kind in (Kind.AWAY, Kind.UNDONE)
                if not is_passing or self._clock.monotonic() >= deadline:
                    raise
            await self._clock.sleep(AGAIN_SECONDS)

    @contextmanager
    def _speaking(self, seconds: float) -> Iterator[None]:
        """Turns what a pool or a link raises into our errors."""
        try:
            yield
        except OracleTrouble as error:
            raise self._as_ours(error.trouble, seconds) from None

    def _as_ours(self, trouble: Trouble, seconds: float) -> SourceAway | QueryFailed:
        return as_source_error(self.name, trouble, seconds)


class _Budget:
    """Seconds that several calls may take together; what lies between them does not count."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._left = seconds
        self._clock = clock

    @contextmanager
    def spending(self) -> Iterator[float]:
        """What is left, for one call."""
        began = self._clock.monotonic()
        yield max(0.0, self._left)
        self._left -= self._clock.monotonic() - began
