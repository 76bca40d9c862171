"""What the stand-in's own tests share: a fresh stand-in, a connection to it, and another where two are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import oracledb
import pytest

from tests.doubles.oracle import StandIn, running_standin, shared_postgres

Connect = Callable[..., Awaitable[oracledb.AsyncConnection]]
PASSWORD = "비밀번호-1"


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with running_standin(shared_postgres(), {"APP": PASSWORD}) as running:
        yield running


@pytest.fixture
async def connect(standin: StandIn) -> AsyncIterator[Connect]:
    """Makes connections and closes them after the test, whatever became of them."""
    made: list[oracledb.AsyncConnection] = []

    async def new(user: str = "app", password: str = PASSWORD, **more: object) -> oracledb.AsyncConnection:
        connection: oracledb.AsyncConnection = await oracledb.connect_async(
            user=user, password=password, dsn=standin.dsn, **more
        )
        made.append(connection)
        return connection

    yield new
    for connection in made:
        if connection.is_healthy():
            await connection.close()


@pytest.fixture
async def connection(connect: Connect) -> oracledb.AsyncConnection:
    return await connect()


@pytest.fixture
async def other(connect: Connect) -> oracledb.AsyncConnection:
    return await connect()


@pytest.fixture
def cursor(connection: oracledb.AsyncConnection) -> oracledb.AsyncCursor:
    return connection.cursor()
