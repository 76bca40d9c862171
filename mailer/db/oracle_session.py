"""Named statements on one connection to Oracle: what a transaction is made of, and a single statement too."""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import oracledb

from mailer.db.database import NO_BINDS, Binds
from mailer.db.oracle_errors import Kind
from mailer.db.oracle_pool import OracleLink, OracleTrouble
from mailer.db.oracle_statements import (
    execute_sql,
    execute_sql_many,
    execute_sql_returning,
    fetch_sql,
    parse_sql,
)
from mailer.db.oracle_values import adapt_binds
from mailer.db.record import Record
from mailer.db.statements import Statement, Statements
from mailer.errors import (
    AlreadyExists,
    DatabaseAway,
    DatabaseDenied,
    DatabaseRefused,
    DuplicateKey,
    TransactionUndone,
)

T = TypeVar("T")

GENERATED_KEY = "generated_key"
"""The out bind of an INSERT that gives its key: … RETURNING JOB_ID INTO :generated_key."""
LONG_STATEMENTS = frozenset(
    {
        "delete_slice_of_list",
        "skip_repeated_keys",
        "skip_held_back_keys",
        "skip_keys_sent_by_later_jobs",
        "skip_suppressed_addresses",
        "count_loaded_list",
        "open_batches_with_work",
        "retry_failed",
        "retry_pending",
        "retry_updates",
    }
)
"""Statements over a whole list, which may have a million rows, or over thousands of its rows."""
LONGER = 10
"""How much longer these may take."""

_ERRORS: Mapping[Kind, type[DatabaseAway | DatabaseRefused]] = {
    Kind.AWAY: DatabaseAway,
    Kind.LATE: DatabaseAway,
    Kind.DENIED: DatabaseDenied,
    Kind.UNDONE: TransactionUndone,
    Kind.DUPLICATE: DuplicateKey,
    Kind.EXISTS: AlreadyExists,
    Kind.REFUSED: DatabaseRefused,
}


class OracleSession:
    """The verbs of `Transaction`."""

    def __init__(self, link: OracleLink, statements: Statements, seconds: float, *, last: str = "") -> None:
        """`seconds`: how long a statement may take, locks that it waits for included.

        `last`: the statement behind which the transaction has no other, so that its commit rides on it.
        """
        self._link = link
        self._last = last
        self._is_over = False
        self._statements = statements
        self._seconds = seconds

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        """See `Session.fetch`."""
        prepared = self.prepared(statement, binds)
        rows = await self._run(prepared, binds, fetch_sql(self._link.raw, prepared.sql, adapt_binds(binds), at_most))
        return [Record(row) for row in rows]

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        """See `Session.execute`."""
        prepared = self.prepared(statement, binds)
        return await self._run(prepared, binds, execute_sql(self._link.raw, prepared.sql, adapt_binds(binds)))

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        """See `Session.execute_many`."""
        if not rows:
            return []
        prepared = self.prepared(statement, rows[0])
        adapted = [adapt_binds(row) for row in rows]
        if statement == self._last:
            self._link.raw.autocommit = self._is_over = True
        return await self._run(prepared, rows[0], execute_sql_many(self._link.raw, prepared.sql, adapted))

    async def insert(self, statement: str, binds: Binds) -> int:
        """See `Session.insert`: the statement ends with RETURNING … INTO :generated_key."""
        prepared = self.prepared(statement, binds, (GENERATED_KEY,))
        outs = {GENERATED_KEY: oracledb.DB_TYPE_NUMBER}
        call = execute_sql_returning(self._link.raw, prepared.sql, adapt_binds(binds), outs)
        (row,) = await self._run(prepared, binds, call)
        return Record(row).integer(GENERATED_KEY)

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        """See `Session.execute_returning`: into out binds of these names, in lower case."""
        outs = {name.lower(): oracledb.DB_TYPE_TIMESTAMP for name in returned}
        prepared = self.prepared(statement, binds, tuple(outs))
        rows = await self._run(
            prepared, binds, execute_sql_returning(self._link.raw, prepared.sql, adapt_binds(binds), outs)
        )
        return Record({name.upper(): value for name, value in rows[0].items()}) if rows else None

    async def parse(self, statement: str) -> None:
        """Lets the database look at the statement, and not run it. Raises DatabaseRefused: it would refuse it."""
        prepared = self._statements[statement]
        await self._run(prepared, NO_BINDS, parse_sql(self._link.raw, prepared.sql))

    async def run_script_statement(self, sql: str) -> None:
        """See `Transaction.run_script_statement`."""
        with speaking("a migration"):
            await self._link.run(execute_sql(self._link.raw, sql, {}), self._seconds * LONGER)

    async def commit(self) -> None:
        """Commits, where there is something to commit. Raises DatabaseAway: it may have been committed all the same."""
        if self._link.raw.transaction_in_progress:
            with speaking("COMMIT"):
                await self._link.run(self._link.raw.commit(), self._seconds)

    def prepared(self, statement: str, binds: Binds, outs: Sequence[str] = ()) -> Statement:
        """The statement, with exactly its binds given."""
        prepared = self._statements[statement]
        if self._is_over:
            raise RuntimeError(f"{prepared.name} comes behind {self._last}, with which the transaction was committed")
        if {*binds, *outs} != prepared.binds:
            wrong = sorted({*binds, *outs} ^ prepared.binds)
            raise TypeError(f"{prepared.name} ({prepared.place}) misses or does not know the binds {wrong}")
        return prepared

    async def _run(self, prepared: Statement, binds: Binds, call: Coroutine[object, object, T]) -> T:
        self._link.trace(prepared.name, _work_of(binds))
        seconds = self._seconds * (LONGER if prepared.name in LONG_STATEMENTS else 1)
        with speaking(prepared.name):
            return await self._link.run(call, seconds)


@contextmanager
def speaking(statement: str) -> Iterator[None]:
    """Turns what a pool or a link raises into our errors."""
    try:
        yield
    except OracleTrouble as error:
        trouble = error.trouble
        raise _ERRORS[trouble.kind](f"{trouble.message} (in {statement})", trouble.next_step) from None


def _work_of(binds: Binds) -> str:
    """What the statement is about, for V$SESSION: 'job 17 batch 3'."""
    named = (("job", binds.get("job_id")), ("batch", binds.get("batch_no")))
    return " ".join(f"{what} {number}" for what, number in named if isinstance(number, int))
