"""The store's contract on Oracle: over the stand-in, whose clock tests move, and on a server of somebody's own."""

import asyncio
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

TIMES = "SELECT TABLE_NAME, COLUMN_NAME FROM USER_TAB_COLUMNS WHERE DATA_TYPE LIKE 'TIMESTAMP%' ORDER BY 1, 2"


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
        self.control = control

    async def pass_time(self, seconds: float) -> None:
        # The database first: who sleeps asks it as soon as he wakes.
        await self.control.freeze_clock(self.clock.now() + timedelta(seconds=seconds))
        self.clock.advance(seconds)

    async def until_waiting(self, statement: str) -> None:
        """Returns when a session waits for another one's lock in that statement of ours. Raises TimeoutError."""
        async with asyncio.timeout(60):
            while True:
                for sid in await self._sessions_in(statement):
                    await self.control.until_waiting(sid)
                    if sid in await self._sessions_in(statement):  # and not in another one that came after it
                        return

    async def _sessions_in(self, statement: str) -> list[int]:
        return [int(str(one["sid"])) for one in await self.control.sessions() if one.get("action") == statement]


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


class RealEngine(OracleEngine):
    """A real server, whose clock nobody moves: what is kept there becomes older instead."""

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for table, columns in (await self._times()).items():
            aged = ", ".join(f"{column} = {column} - NUMTODSINTERVAL(:s, 'SECOND')" for column in columns)
            await self.run_sql(f"UPDATE {table} SET {aged}", {"s": seconds})

    async def _times(self) -> dict[str, list[str]]:
        """The columns that hold times, of the tables that may be changed."""
        found: dict[str, list[str]] = {}
        for row in await self.run_sql(TIMES):
            if row.text("TABLE_NAME") in CHILDREN_FIRST and row.text("TABLE_NAME") not in ("DBIO", "TEMPLATE"):
                found.setdefault(row.text("TABLE_NAME"), []).append(row.text("COLUMN_NAME"))
        return found


async def begin_on_server(service: OracleService, stack: AsyncExitStack) -> RealEngine:
    """mailer's schema of that user, emptied."""
    beside = await stack.enter_async_context(
        oracledb.connect_async(user=service.user, password=service.password, dsn=service.dsn)
    )
    beside.autocommit = True
    engine = RealEngine(service, beside, stack)
    (row,) = await engine.run_sql("SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) AS MOMENT FROM DUAL")
    engine.clock = HandClock(row.moment("MOMENT"))
    await engine.begin()
    return engine


def require_empty_schema(service: OracleService) -> None:
    """Nobody's tables may be in the way: the tests empty what they find, and drop it at the end. Blocks."""
    with _connected(service) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT TABLE_NAME FROM USER_TABLES")
        if cursor.fetchall():
            raise RuntimeError(f"{service.user} has tables already: give the tests a user of their own")


def drop_schema(service: OracleService) -> None:
    """Drops what the tests have made. Blocks."""
    with _connected(service) as connection, connection.cursor() as cursor:
        for table in (*CHILDREN_FIRST, "AUDIT_LOG", "SCHEMA_HISTORY"):
            cursor.execute(f"DROP TABLE {table}")


def _connected(service: OracleService) -> oracledb.Connection:
    return oracledb.connect(user=service.user, password=service.password, dsn=service.dsn)
