"""A client that gives up a call: by cancelling the task, by cancel(), by a break that meets a half-sent request."""

from __future__ import annotations

import asyncio

import pytest
from oracledb import AsyncConnection as Connection

from tests.doubles.oracle import StandIn
from tests.unit.doubles.oracle.failures import fails_with

SLEEP = "BEGIN DBMS_SESSION.SLEEP(60); END;"


async def one(connection: Connection) -> object:
    with connection.cursor() as cursor:
        await cursor.execute("SELECT 1 FROM DUAL")
        return await cursor.fetchone()


async def test_a_cancelled_call_leaves_the_connection_usable(standin: StandIn, connection: Connection) -> None:
    with connection.cursor() as cursor:
        running = asyncio.create_task(cursor.execute(SLEEP))
        await standin.until_executing(connection.session_id)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert await one(connection) == (1,)


async def test_a_call_given_up_by_another_task_fails_as_oracles_does(standin: StandIn, connection: Connection) -> None:
    with connection.cursor() as cursor:
        running = asyncio.create_task(cursor.execute(SLEEP))
        await standin.until_executing(connection.session_id)
        connection.cancel()
        with fails_with("ORA-01013"):
            await running
    assert await one(connection) == (1,)


async def test_a_call_past_its_timeout_fails_and_keeps_its_transaction(
    standin: StandIn, connection: Connection
) -> None:
    with connection.cursor() as cursor:
        await cursor.execute("CREATE TABLE t (n NUMBER)")
        await cursor.execute("INSERT INTO t VALUES (1)")
        connection.call_timeout = 300
        with fails_with("DPY-4024"):
            await cursor.execute(SLEEP)
        connection.call_timeout = 0
        assert connection.transaction_in_progress
        await cursor.execute("SELECT COUNT(*) FROM t")
        assert await cursor.fetchone() == (1,)


async def test_a_cancelled_wait_for_a_lock_leaves_no_lock_behind(
    standin: StandIn, connection: Connection, other: Connection
) -> None:
    with connection.cursor() as cursor, other.cursor() as late:
        await cursor.execute("CREATE TABLE t (n NUMBER)")
        await cursor.execute("INSERT INTO t VALUES (1)")
        await connection.commit()
        await cursor.execute("UPDATE t SET n = 2")
        waiting = asyncio.create_task(late.execute("UPDATE t SET n = 3"))
        await standin.until_waiting(other.session_id)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await cursor.execute("UPDATE t SET n = 4")
        await connection.commit()
        await late.execute("SELECT n FROM t")
        assert await late.fetchone() == (4,)
