"""The databases that the contract of the store is run on: each with mailer's schema, and with time that tests move."""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from mailer.db.database import Database
from mailer.db.migrations import migrate
from mailer.db.record import Record
from mailer.db.sqlite import SqliteDatabase
from mailer.model.row import Value
from tests.doubles.hand_clock import HandClock

Rows = list[Record]
TimePasses = Callable[[float], Awaitable[None]]


class Engine(Protocol):
    """One empty database. All that is connected is closed with it."""

    clock: HandClock
    """The clock of the processes; `pass_time` moves it together with the database's."""
    has_row_locks: bool
    """Whether one transaction can hold a row while another goes on with the next."""
    refusal: type[Exception]
    """What `run_sql` raises where a key or a trigger refuses."""

    async def connect(self) -> Database:
        """The database as another process would open it."""
        ...

    async def pass_time(self, seconds: float) -> None:
        """That much later, for the database and for every process."""
        ...

    async def run_sql(self, sql: str, binds: Mapping[str, Value] | None = None) -> Rows:
        """Runs SQL that no verb of the store has, to look into a table or to be another program; committed."""
        ...


class SqliteEngine:
    """A file of its own. SQLite has no clock: the process's is the database's."""

    has_row_locks = False
    refusal: type[Exception] = sqlite3.IntegrityError

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.clock = HandClock()
        self.path = folder / "mailer.db"
        self._stack = stack
        self._beside: sqlite3.Connection | None = None

    async def connect(self) -> Database:
        is_new = not self.path.exists()
        database = await self._stack.enter_async_context(SqliteDatabase(self.path, self.clock, create=True))
        if is_new:
            await migrate(database)
        return database

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def run_sql(self, sql: str, binds: Mapping[str, Value] | None = None) -> Rows:
        return self.run_sql_at_once(sql, binds)

    def run_sql_at_once(self, sql: str, binds: Mapping[str, Value] | None = None) -> Rows:
        """The same for who has no event loop."""
        if self._beside is None:
            self._beside = sqlite3.connect(self.path, isolation_level=None)
            self._beside.row_factory = sqlite3.Row
            self._stack.callback(self._beside.close)
        rows = self._beside.execute(sql, dict(binds or {})).fetchall()
        return [Record(zip(row.keys(), row, strict=True)) for row in rows]
