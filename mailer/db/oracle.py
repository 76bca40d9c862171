"""mailer's own database on Oracle 19c or later: python-oracledb, asynchronous, in thin mode (no Oracle client)."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar

import oracledb

from mailer.db.database import NO_BINDS, Binds, Session
from mailer.db.oracle_errors import Whereabouts
from mailer.db.oracle_pool import OracleLink, OraclePool
from mailer.db.oracle_script import split_script
from mailer.db.oracle_session import OracleSession, speaking
from mailer.db.oracle_statements import open_sql, rows_of
from mailer.db.oracle_values import adapt_binds
from mailer.db.record import Record
from mailer.db.rights import missing_rights
from mailer.db.statements import shipped_statements
from mailer.errors import (
    AlreadyExists,
    DatabaseAway,
    DatabaseDenied,
    DatabaseRefused,
    DuplicateKey,
    TransactionUndone,
)
from mailer.model.clock import Clock
from mailer.model.database_url import OracleService

T = TypeVar("T")
Verb = Callable[[OracleSession], Awaitable[T]]

AGAIN_SECONDS = 0.5
"""Between two tries of a statement that did not reach the database."""
UNDONE_AGAIN = 5
"""Times that what can be said again is tried where the database undid it for another session's sake."""

OF_MIGRATIONS = frozenset(
    {
        "create_schema_history",  # which would be run by being parsed
        "insert_migration_lock",
        "lock_migrations",
        "list_begun_migrations",
        "begin_migration",
        "finish_migration",
    }
)
"""Statements that nobody needs a right to but who migrates."""


class OracleDatabase:
    """The `Database` on one schema.

    What can be repeated without harm is, for as long as the patience: connecting, and reading. A statement that was
    sent and has no answer is DatabaseAway; whoever asked knows whether it may be said twice.
    """

    dialect = "oracle"

    def __init__(self, service: OracleService, clock: Clock, *, patience: float) -> None:
        """`patience`: seconds for which a statement, a free connection or a database that is away is waited for."""
        where = Whereabouts("mailer's database", service, "MAILER_DATABASE", "MAILER_DATABASE_")
        self._clock = clock
        self._patience = patience
        self._statements = shipped_statements(self.dialect)
        self._pool = OraclePool(where, patience=patience, clock=clock)

    async def __aenter__(self) -> "OracleDatabase":
        with speaking("connecting"):
            await self._pool.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._pool.__aexit__(*details)

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        """See `Session.fetch`; repeated while the database is away."""
        deadline = self._clock.monotonic() + self._patience
        while True:
            try:
                return await self._at_once(lambda session: session.fetch(statement, binds, at_most=at_most))
            except DatabaseDenied:
                raise
            except DatabaseAway:
                if self._clock.monotonic() >= deadline:
                    raise
            await self._clock.sleep(AGAIN_SECONDS)

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        """See `Session.execute`."""
        return await self._unless_undone(lambda session: session.execute(statement, binds))

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        """See `Session.execute_many`."""

        async def execute_all(session: OracleSession) -> list[int]:
            counts = await session.execute_many(statement, rows)
            await session.commit()
            return counts

        return await self._unless_undone(execute_all, commits=False)

    async def insert(self, statement: str, binds: Binds) -> int:
        """See `Session.insert`."""
        return await self._unless_undone(lambda session: session.insert(statement, binds))

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        """See `Session.execute_returning`."""
        return await self._unless_undone(lambda session: session.execute_returning(statement, binds, returned))

    @property
    def notice(self) -> str:
        """What the database said as it let us in, as that the password will expire; empty: nothing."""
        return self._pool.notice

    async def refused_statements(self) -> dict[str, str]:
        """Our statements that it would refuse, each with why: a table, or a right to it, is missing. None is run."""
        refused = {}
        async with self._session(commits=False) as session:
            for name in self._statements.keys() - OF_MIGRATIONS:
                try:
                    await session.parse(name)
                except DatabaseRefused as error:
                    refused[name] = str(error)
        return refused

    def missing_rights(self, refused: Collection[str]) -> dict[str, list[str]]:
        """By table, the rights that the user seems to lack, where these statements are refused."""
        return missing_rights(self._statements, refused)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OracleSession]:
        """See `Database.transaction`."""
        async with self._session(commits=False) as session:
            yield session
            await session.commit()

    async def atomically(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """See `Database.atomically`: again where the database undid it, for it took no effect then."""
        for _ in range(UNDONE_AGAIN):
            with suppress(TransactionUndone):
                return await self._in_transaction(work)
        return await self._in_transaction(work)

    async def _in_transaction(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """JOB_MINUTE is the last in the order of locks: the commit rides on its statement, where there is one."""
        async with self._session(commits=False, last="add_to_minute") as session:
            result = await work(session)
            await session.commit()
            return result

    @asynccontextmanager
    async def stream(
        self, statement: str, binds: Binds = NO_BINDS, *, slice_rows: int = 500
    ) -> AsyncIterator[AsyncIterator[list[Record]]]:
        """See `Database.stream`."""
        adapted = adapt_binds(binds)
        with speaking(statement):
            async with self._pool.link() as link, link.read_only(self._patience):
                prepared = OracleSession(link, self._statements, self._patience).prepared(statement, binds)
                link.trace(statement, "")
                cursor = await link.run(open_sql(link.raw, prepared.sql, adapted, slice_rows), self._patience)
                async with aclosing(_slices(link, cursor, slice_rows, self._patience)) as slices:
                    yield slices

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[OracleSession]:
        """See `Database.migrating`: a row that one connection holds locked, while another runs what commits itself."""
        async with self._session(commits=True) as session:
            with suppress(AlreadyExists):
                await session.execute("create_schema_history")
            with suppress(DuplicateKey):
                await session.execute("insert_migration_lock")
            async with self._session(commits=False) as lock:
                await lock.fetch("lock_migrations")
                yield session

    def split_script(self, script: str) -> list[str]:
        """See `Database.split_script`."""
        return split_script(script)

    @asynccontextmanager
    async def _session(self, *, commits: bool, last: str = "") -> AsyncIterator[OracleSession]:
        """`commits`: each statement is committed with itself; the commit rides on it. `last`: see `OracleSession`."""
        with speaking("connecting"):
            async with self._pool.link() as link:
                link.raw.autocommit = commits
                yield OracleSession(link, self._statements, self._patience, last=last)

    async def _at_once(self, verb: Verb[T], *, commits: bool = True) -> T:
        async with self._session(commits=commits) as session:
            return await verb(session)

    async def _unless_undone(self, verb: Verb[T], *, commits: bool = True) -> T:
        """Says it again where the database has undone it, for then it took no effect."""
        for _ in range(UNDONE_AGAIN):
            with suppress(TransactionUndone):
                return await self._at_once(verb, commits=commits)
        return await self._at_once(verb, commits=commits)


async def _slices(
    link: OracleLink, cursor: oracledb.AsyncCursor, slice_rows: int, seconds: float
) -> AsyncGenerator[list[Record], None]:
    while rows := await link.run(cursor.fetchmany(slice_rows), seconds):
        yield [Record(row) for row in rows_of(cursor, rows)]
