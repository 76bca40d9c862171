"""The contract of the store, run on every database: an empty one, two processes on it, time, a look into its tables.

Another database joins by an `Engine` of its own and its name in PARAMS.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mailer.db.database import Database
from mailer.model.database_url import OracleService
from tests.doubles.oracle_process import OracleProcess, oracle_process
from tests.store import stopped_clock
from tests.store.engines import Engine, SqliteEngine, TimePasses
from tests.store.oracle_engine import (
    PASSWORD,
    USER,
    begin_on_server,
    begin_on_standin,
    drop_schema,
    require_empty_schema,
)
from tests.store.processes import Process, at_work
from tests.store.tables import Tables

DSN = os.environ.get("MAILER_TEST_ORACLE_DSN")
"""A real Oracle; with MAILER_TEST_ORACLE_USER and MAILER_TEST_ORACLE_PASSWORD of a user without tables."""
PARAMS = ["sqlite", "oracle-standin", *(["oracle"] if DSN else [])]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a real server nobody stops the clock."""
    for item in items:
        of_engine = getattr(item, "callspec", None)
        if (
            of_engine is not None
            and of_engine.params.get("engine") == "oracle"
            and getattr(item, "originalname", "") in stopped_clock.NAMES
        ):
            item.add_marker(pytest.mark.skip(reason="needs a clock that a test stops"))


@pytest.fixture(scope="session")
def oracle_standin() -> Iterator[OracleProcess]:
    """One for all tests of this process."""
    with oracle_process({USER: PASSWORD}) as process:
        yield process


@pytest.fixture(scope="session")
def oracle_server() -> Iterator[OracleService]:
    """The real one. Run without -n: the tests share its schema."""
    user, password = (os.environ[f"MAILER_TEST_ORACLE_{what}"] for what in ("USER", "PASSWORD"))
    service = OracleService(DSN or "", user, password)
    require_empty_schema(service)
    yield service
    drop_schema(service)


@pytest.fixture(params=PARAMS)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    async with AsyncExitStack() as stack:
        match request.param:
            case "sqlite":
                yield SqliteEngine(tmp_path, stack)
            case "oracle-standin":
                yield await begin_on_standin(request.getfixturevalue("oracle_standin"), stack)
            case "oracle":
                yield await begin_on_server(request.getfixturevalue("oracle_server"), stack)
            case other:
                raise LookupError(other)


@pytest.fixture
async def database(engine: Engine) -> Database:
    return await engine.connect()


@pytest.fixture
def time_passes(engine: Engine) -> TimePasses:
    """`await time_passes(seconds)`, for the database and for every process."""
    return engine.pass_time


@pytest.fixture
def tables(engine: Engine) -> Tables:
    return Tables(engine)


@pytest.fixture
async def worker(database: Database, engine: Engine, tables: Tables) -> AsyncIterator[Process]:
    """A process. After each test, whatever it did: the numbers that people see are those of the ledger."""
    async with at_work("worker-1", database, engine.clock) as process:
        yield process
    await tables.require_sums()


@pytest.fixture
async def other(worker: Process, engine: Engine) -> AsyncIterator[Process]:
    """A second process, on its own connection."""
    async with at_work("worker-2", await engine.connect(), engine.clock) as process:
        yield process
