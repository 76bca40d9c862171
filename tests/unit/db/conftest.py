"""What the tests of the Oracle database share: a fresh stand-in, mailer's schema on it, and databases on that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from mailer.clock import SystemClock
from mailer.db.migrations import migrate
from mailer.db.oracle import OracleDatabase
from mailer.model.clock import Clock
from mailer.model.database_url import OracleService
from tests.doubles.oracle import StandIn, running_standin, shared_postgres

USER = "MAILER"
PASSWORD = "비밀번호"
Open = Callable[..., Awaitable[OracleDatabase]]


async def until_one_waits(standin: StandIn) -> None:
    """Returns when a session waits for another one's lock."""
    while not any([await standin.is_waiting(sid) for sid in list(standin.sessions)]):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with running_standin(shared_postgres(), {USER: PASSWORD}) as running:
        yield running


@pytest.fixture
async def opened(standin: StandIn) -> AsyncIterator[Open]:
    """`await opened(patience=…, pool=…)`: a database as a process of its own would open it."""
    async with AsyncExitStack() as stack:

        async def new(*, patience: float = 10.0, pool: int = 4, clock: Clock | None = None) -> OracleDatabase:
            service = OracleService(standin.dsn, USER, PASSWORD, pool=pool)
            database = OracleDatabase(service, clock or SystemClock(), patience=patience)
            return await stack.enter_async_context(database)

        yield new


@pytest.fixture
async def database(opened: Open) -> OracleDatabase:
    """With mailer's schema."""
    database = await opened()
    await migrate(database)
    return database
