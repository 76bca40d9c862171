"""What the driver's own pool does in python-oracledb 26.1, and why mailer has one of its own.

Where one of these fails, the driver has been mended: think about going back to its pool.
"""

import asyncio
from collections.abc import AsyncIterator

import oracledb
import pytest

from tests.doubles.oracle import Action, Fault, StandIn
from tests.unit.db.conftest import PASSWORD, USER

WAIT = 0.5
"""Seconds that the driver's pool may wait for a connection."""


@pytest.fixture
async def pool(standin: StandIn) -> AsyncIterator[oracledb.AsyncConnectionPool]:
    yield oracledb.create_pool_async(
        user=USER,
        password=PASSWORD,
        dsn=standin.dsn,
        min=1,
        max=2,
        getmode=oracledb.POOL_GETMODE_TIMEDWAIT,
        wait_timeout=int(WAIT * 1000),
    )
    # Its task waits for an answer that never comes, and cancelled once it waits for another: until it has ended.
    mine = asyncio.current_task()
    for task in asyncio.all_tasks():
        while task is not mine and not task.done() and "bg_task" in repr(task):
            task.cancel()
            await asyncio.sleep(0)


async def test_a_hung_session_that_was_dropped_keeps_it_from_opening_another(
    standin: StandIn, pool: oracledb.AsyncConnectionPool
) -> None:
    connection = await pool.acquire()
    armed = standin.faults.arm(Fault(Action.HANG, sql="SELECT 7"))
    call = asyncio.create_task(connection.fetchall("SELECT 7 FROM DUAL"))
    await armed.struck.wait()
    while not call.done():
        call.cancel()
        await asyncio.sleep(0)
    await pool.drop(connection)
    with pytest.raises((oracledb.DatabaseError, TimeoutError)):
        async with asyncio.timeout(2 * WAIT):
            await pool.acquire()


async def test_a_connection_that_never_comes_about_keeps_it_from_opening_another(
    standin: StandIn, pool: oracledb.AsyncConnectionPool
) -> None:
    standin.faults.arm(Fault(Action.HANG, call="connect"))
    for _ in range(2):
        with pytest.raises((oracledb.DatabaseError, TimeoutError)):
            async with asyncio.timeout(2 * WAIT):
                await pool.acquire()
