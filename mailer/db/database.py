"""The port of mailer's own database: a handful of verbs over named SQL, the same for every driver."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from mailer.db.record import Record
from mailer.model.row import Value

T = TypeVar("T")
Binds = Mapping[str, Value]
NO_BINDS: Binds = {}


class Session(Protocol):
    """What can run statements. A time is bound as an aware datetime.

    Every verb raises DatabaseAway (no answer: not known whether it took effect), DuplicateKey and DatabaseRefused.
    """

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        """The first `at_most` rows (None: all). With FOR UPDATE, no more rows than that are locked."""
        ...

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        """The number of rows touched. Outside a transaction it is committed with the statement."""
        ...

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        """The number of rows touched by each; outside a transaction all are committed together."""
        ...

    async def insert(self, statement: str, binds: Binds) -> int:
        """Inserts one row and gives its generated key."""
        ...

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        """Changes one row and gives the times that it returns, under these names; None where no row was touched."""
        ...


class Transaction(Session, Protocol):
    """A session whose statements take effect together."""

    async def run_script_statement(self, sql: str) -> None:
        """Runs one statement of a migration script."""
        ...


class Database(Session, Protocol):
    """A database that is open; `async with` closes it."""

    dialect: str
    """The name of its folder under `sql` and `migrations`."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits on leaving, rolls back on an error or a cancellation."""
        ...

    async def atomically(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        """What `work` returns, run in a transaction of its own that is then committed; rolled back where it raises.

        Run again where the database undid it for another session's sake. For the hot path: `work` waits for nothing
        but the session's verbs, so that SQLite runs it in one go, in the database's thread.
        """
        async with self.transaction() as transaction:
            return await work(transaction)

    def stream(
        self, statement: str, binds: Binds = NO_BINDS, *, slice_rows: int = 500
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Record]]]:
        """The rows in slices, from one consistent view, on a connection of its own."""
        ...

    def migrating(self) -> AbstractAsyncContextManager[Transaction]:
        """For migrations: SCHEMA_HISTORY is there, and no other process is in this block at the same time.

        Where DDL can be rolled back the block is one transaction; on Oracle each statement commits itself.
        """
        ...

    def split_script(self, script: str) -> list[str]:
        """The statements of a migration script, one by one."""
        ...

    async def __aenter__(self) -> "Database": ...

    async def __aexit__(self, *details: object) -> None: ...
