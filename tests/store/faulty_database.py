"""A database that goes away when a test says so: what no real one does on demand."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum, auto

from mailer.db.database import NO_BINDS, Binds, Database, Transaction
from mailer.db.record import Record
from mailer.errors import DatabaseAway


class Fault(Enum):
    """What happens to a transaction."""

    NONE = auto()
    REFUSED = auto()
    """It can't begin."""
    CUT = auto()
    """The connection is gone before the commit: nothing took effect."""
    ANSWER_LOST = auto()
    """It is committed, and nobody learns of it."""


class FaultyDatabase(Database):
    """The real one, with `faults` for its next transactions, in order; then it works."""

    def __init__(self, real: Database) -> None:
        self.dialect = real.dialect
        self.faults: deque[Fault] = deque()
        self._real = real

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault is Fault.REFUSED:
            raise DatabaseAway("no connection")
        async with self._real.transaction() as transaction:
            yield transaction
            if fault is Fault.CUT:
                raise DatabaseAway("end of file on communication channel")
        if fault is Fault.ANSWER_LOST:
            raise DatabaseAway("end of file on communication channel")

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction()

    async def fetch(self, statement: str, binds: Binds = NO_BINDS, *, at_most: int | None = None) -> list[Record]:
        return await self._real.fetch(statement, binds, at_most=at_most)

    async def execute(self, statement: str, binds: Binds = NO_BINDS) -> int:
        return await self._real.execute(statement, binds)

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        return await self._real.execute_many(statement, rows)

    async def insert(self, statement: str, binds: Binds) -> int:
        return await self._real.insert(statement, binds)

    async def execute_returning(self, statement: str, binds: Binds, returned: Sequence[str]) -> Record | None:
        return await self._real.execute_returning(statement, binds, returned)

    def stream(
        self, statement: str, binds: Binds = NO_BINDS, *, slice_rows: int = 500
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Record]]]:
        return self._real.stream(statement, binds, slice_rows=slice_rows)

    def migrating(self) -> AbstractAsyncContextManager[Transaction]:
        return self._real.migrating()

    def split_script(self, script: str) -> list[str]:
        return self._real.split_script(script)

    async def __aenter__(self) -> "FaultyDatabase":
        return self

    async def __aexit__(self, *details: object) -> None:
        return None
