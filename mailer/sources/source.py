"""The port of a data source: a named database with the customer's own tables."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mailer.model.row import Row, Value

Binds = Mapping[str, Value]


class Source(Protocol):
    """Runs the queries of a definition as they are written. Opened by `async with`; used by many deliveries at once.

    Every method raises SourceAway (can't be reached, or locked for longer than MAILER_DB_PATIENCE) and QueryFailed
    (the database refuses the query, or it ran longer than its bound).
    """

    name: str

    async def bind_names(self, query: str) -> tuple[str, ...]:
        """The names of the query's binds as it spells them, each once, in order; asked of the database's driver."""
        ...

    async def columns(self, query: str, binds: Binds) -> tuple[str, ...]:
        """The column names of a reading query, upper case, without fetching its rows."""
        ...

    def stream(self, query: str, slice_rows: int) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Row]]]:
        """The rows of the target query, in slices, read-only as the database enforces it; the cursor closes on exit."""
        ...

    async def read(self, query: str, binds: Binds) -> Sequence[Row]:
        """All rows of a mapping query, read-only as the database enforces it."""
        ...

    async def update(self, query: str, binds: Binds) -> int:
        """Runs the update query and commits it; the number of rows it touched. Concurrent calls share commits."""
        ...

    async def check_update(self, query: str) -> None:
        """Parses the update query against the live tables without running it."""
        ...

    async def __aenter__(self) -> "Source": ...

    async def __aexit__(self, *details: object) -> None: ...
