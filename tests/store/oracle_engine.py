"""The store's contract on Oracle: over the stand-in, whose clock stands still until a test moves it."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

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
from tests.doubles.oracle import Control, connected_control
from tests.doubles.oracle_process import OracleProcess
from tests.store.engines import Rows

USER = "MAILER"
PASSWORD = "비밀"
PATIENCE = 10.0
CHILDREN_FIRST = (
    *("DELIVERY", "JOB_BATCH", "JOB_MINUTE", "JOB_LOG", "JOB_QUEUE", "SCHEDULE", "AUTOMATION", "DBIO", "TEMPLATE"),
    *("SUPPRESSION", "WORKER", "ACCOUNT"),
)


class OracleEngine:
    """One schema, emptied for each test: to make one anew takes longer than most tests."""

    has_row_locks = True
    refusal: type[Exception] = oracledb.DatabaseError

    def __init__(self, service: OracleService, beside: oracledb.AsyncConnection, stack: AsyncExitStack) -> None:
        self.clock = HandClock()
        self.service = service
        self._beside = beside
        self._stack = stack

    async def connect(self) -> Database:
        database = OracleDatabase(self.service, self.clock, patience=PATIENCE)
        return await self._stack.enter_async_context(database)

    async def run_sql(self, sql: str, binds: Mapping[str, Value] | None = None) -> Rows:
        adapted = adapt_binds(binds or {})
        if not sql.lstrip().upper().startswith("SELECT"):
            await execute_sql(self._beside, sql, adapted)
            return []
        return [Record(row) for row in await fetch_sql(self._beside, sql, adapted, None)]

    async def pass_time(self, seconds: float) -> None:
        raise NotImplementedError

    async def begin(self) -> None:
        """Makes the schema where it is not there yet, and empties it."""
        await migrate(await self.connect())
        await self.run_sql("TRUNCATE TABLE AUDIT_LOG")
        for table in CHILDREN_FIRST:
            await self.run_sql(f"DELETE FROM {table}")


class StandInEngine(OracleEngine):
    """The stand-in's database."""

    def __init__(
        self, service: OracleService, beside: oracledb.AsyncConnection, stack: AsyncExitStack, control: Control
    ) -> None:
        super().__init__(service, beside, stack)
        self._control = control

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self._control.freeze_clock(self.clock.now())

    async def until_waiting(self, statement: str) -> None:
        """Returns when a session waits for another one's lock in that statement of ours."""
        while True:
            for session in await self._control.sessions():
                if session.get("action") == statement:
                    await self._control.until_waiting(int(str(session["sid"])))
                    return


async def begin_on_standin(process: OracleProcess, stack: AsyncExitStack) -> StandInEngine:
    """An empty schema on it; what is opened is closed with the stack."""
    service = OracleService(process.dsn, USER, PASSWORD)
    control = await stack.enter_async_context(connected_control(process.control))
    beside = await stack.enter_async_context(
        oracledb.connect_async(user=service.user, password=service.password, dsn=service.dsn)
    )
    beside.autocommit = True
    engine = StandInEngine(service, beside, stack, control)
    await control.freeze_clock(engine.clock.now())
    await engine.begin()
    return engine
