"""The store's contract on Oracle's protocol: over the stand-in, whose clock tests set."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

import oracledb

from mailer.db.database import Database
from mailer.db.migrations import migrate
from mailer.db.oracle import OracleDatabase
from mailer.db.oracle_statements import execute_sql, fetch_sql
from mailer.db.oracle_values import adapt_binds
from mailer.db.record import Record
from mailer.model.database_url import OracleService
from mailer.model.row import Value
from tests.doubles.hand_clock import HandClock
from tests.doubles.oracle import StandIn, running_standin
from tests.store.engines import Rows

USER = "MAILER"
PASSWORD = "비밀"
PATIENCE = 10.0


class OracleEngine:
    """A schema of its own on an empty stand-in, whose clock stands where the processes' does."""

    has_row_locks = True
    refusal: type[Exception] = oracledb.DatabaseError

    def __init__(self, standin: StandIn, stack: AsyncExitStack) -> None:
        self.clock = HandClock()
        self.standin = standin
        self.service = OracleService(standin.dsn, USER, PASSWORD)
        self._stack = stack
        self._is_new = True
        self._aside: oracledb.AsyncConnection

    @classmethod
    async def begin(cls, postgres: str, stack: AsyncExitStack) -> "OracleEngine":
        standin = await stack.enter_async_context(running_standin(postgres, {USER: PASSWORD}))
        engine = cls(standin, stack)
        await standin.freeze_clock(engine.clock.now())
        engine._aside = await oracledb.connect_async(user=USER, password=PASSWORD, dsn=standin.dsn)
        engine._aside.autocommit = True
        stack.push_async_callback(engine._aside.close)
        return engine

    async def connect(self) -> Database:
        database = OracleDatabase(self.service, self.clock, patience=PATIENCE)
        await self._stack.enter_async_context(database)
        if self._is_new:
            self._is_new = False
            await migrate(database)
        return database

    async def pass_time(self, seconds: float) -> None:
        await self.standin.advance(timedelta(seconds=seconds))
        self.clock.advance(seconds)

    async def run_sql(self, sql: str, binds: Mapping[str, Value] | None = None) -> Rows:
        adapted = adapt_binds(binds or {})
        if not sql.lstrip().upper().startswith("SELECT"):
            await execute_sql(self._aside, sql, adapted)
            return []
        return [Record(row) for row in await fetch_sql(self._aside, sql, adapted, None)]
