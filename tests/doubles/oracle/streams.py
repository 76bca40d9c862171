"""Rows on their way out of PostgreSQL: a plain query's stream, and a locking query's server-side cursor."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psycopg.pq.abc import PGresult

from .errors import OracleError

if TYPE_CHECKING:
    from .backend import Backend

Row = Sequence[bytes | None]


class Stream:
    """The rows of a plain query, as they were when it was executed, read in chunks as they are taken.

    What is left is buffered when the connection is needed for another statement: so it outlives COMMIT and ROLLBACK, as
    in Oracle.
    """

    def __init__(self, backend: Backend, first: PGresult) -> None:
        self.shape = first
        self.ended = False
        self._backend = backend
        self._chunks = deque([first])
        self._at = 0

    async def take(self, count: int) -> tuple[list[Row], bool]:
        """At most `count` rows, and whether they were the last."""
        rows: list[Row] = []
        while len(rows) < count and await self._has_more():
            chunk = self._chunks[0]
            until = min(chunk.ntuples, self._at + count - len(rows))
            rows += rows_of(chunk, self._at, until)
            self._at = until
        return rows, not await self._has_more()

    async def buffer_rest(self) -> None:
        while not self.ended:
            await self._read()

    async def close(self) -> None:
        self._chunks.clear()
        if not self.ended:
            self.ended = True
            await self._backend.abandon(self)

    async def _has_more(self) -> bool:
        while True:
            while self._chunks and self._at >= self._chunks[0].ntuples:
                self._chunks.popleft()
                self._at = 0
            if self._chunks:
                return True
            if self.ended:
                return False
            await self._read()

    async def _read(self) -> None:
        try:
            chunk = await self._backend.next_chunk()
        except OracleError:
            self.ended = True
            raise
        if chunk is None:
            self.ended = True
        else:
            self._chunks.append(chunk)


class LockingCursor:
    """A FOR UPDATE SKIP LOCKED query: rows lock as they are fetched. It dies with its transaction, as in Oracle."""

    def __init__(self, backend: Backend, name: str, shape: PGresult) -> None:
        self.shape = shape
        self._backend = backend
        self._name = name
        self._transaction = backend.transaction_number

    async def take(self, count: int) -> tuple[list[Row], bool]:
        """At most `count` rows, locked now, and whether they were the last. ORA-01002 after the transaction's end."""
        if self._transaction != self._backend.transaction_number:
            raise OracleError(1002)
        if not count:
            return [], False
        result = await self._backend.run(f"FETCH {count} FROM {self._name}")
        return rows_of(result, 0, result.ntuples), result.ntuples < count

    async def close(self) -> None:
        if self._transaction == self._backend.transaction_number:
            await self._backend.run(f"CLOSE {self._name}")


class Buffered:
    """Rows that are all here already: a FOR UPDATE query locks every row when it opens."""

    def __init__(self, result: PGresult) -> None:
        self.shape = result
        self._at = 0

    async def take(self, count: int) -> tuple[list[Row], bool]:
        until = min(self.shape.ntuples, self._at + count)
        rows = rows_of(self.shape, self._at, until)
        self._at = until
        return rows, until == self.shape.ntuples

    async def close(self) -> None:
        self._at = self.shape.ntuples


Rows = Stream | LockingCursor | Buffered


def rows_of(result: PGresult, start: int, end: int) -> list[Row]:
    width = range(result.nfields)
    return [[result.get_value(row, column) for column in width] for row in range(start, end)]
