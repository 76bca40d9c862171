"""Rows lock when they are fetched, and whoever writes a locked row waits: what claims rest on."""

from __future__ import annotations

import asyncio

import oracledb
import pytest
from oracledb import AsyncConnection as Connection

from tests.doubles.oracle import StandIn
from tests.unit.doubles.oracle.failures import fails_with

CLAIM = "SELECT n FROM job WHERE status = 'WAITING' ORDER BY n FOR UPDATE SKIP LOCKED"


@pytest.fixture(autouse=True)
async def jobs(connection: Connection) -> None:
    with connection.cursor() as cursor:
        await cursor.execute(
            "CREATE TABLE job (n NUMBER PRIMARY KEY, status VARCHAR2(10), fence NUMBER DEFAULT 0 NOT NULL)"
        )
        await cursor.executemany("INSERT INTO job (n, status) VALUES (:1, 'WAITING')", [(n,) for n in range(1, 11)])
        await connection.commit()


async def claimed(connection: Connection, count: int, *, prefetch: int = 0) -> list[int]:
    with connection.cursor() as cursor:
        cursor.prefetchrows = prefetch
        cursor.arraysize = count
        await cursor.execute(CLAIM)
        return [n for (n,) in await cursor.fetchmany(count)]


async def test_only_what_was_fetched_is_locked(connection: Connection, other: Connection) -> None:
    assert await claimed(connection, 3) == [1, 2, 3]
    assert await claimed(other, 3) == [4, 5, 6]


async def test_what_the_driver_prefetches_is_locked_too(connection: Connection, other: Connection) -> None:
    assert await claimed(connection, 1, prefetch=5) == [1]
    assert await claimed(other, 1) == [6]


async def test_a_claim_with_the_drivers_own_array_size_takes_more_than_it_wants(
    connection: Connection, other: Connection
) -> None:
    with connection.cursor() as cursor:
        await cursor.execute(CLAIM)
        assert await cursor.fetchone() == (1,)
        assert await cursor.fetchone() == (2,)
        assert await cursor.fetchone() == (3,)  # beyond the two that were prefetched: the driver fetches a hundred
    assert await claimed(other, 1) == []


async def test_a_claim_goes_round_what_others_locked_and_is_let_go_by_rollback(
    connection: Connection, other: Connection
) -> None:
    with other.cursor() as cursor:
        await cursor.execute("UPDATE job SET status = 'RUNNING' WHERE n IN (1, 3)")
    assert await claimed(connection, 2) == [2, 4]
    await other.rollback()
    await connection.rollback()
    assert await claimed(other, 2) == [1, 2]


async def test_a_row_count_below_the_lock_loses_rows_as_in_oracle(connection: Connection, other: Connection) -> None:
    assert await claimed(connection, 2) == [1, 2]
    with other.cursor() as cursor:
        await cursor.execute("SELECT n FROM job WHERE ROWNUM <= 2 ORDER BY n FOR UPDATE SKIP LOCKED")
        assert await cursor.fetchall() == []


async def test_a_claims_cursor_ends_with_its_transaction(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.prefetchrows, cursor.arraysize = 0, 2
        await cursor.execute(CLAIM)
        assert len(await cursor.fetchmany(2)) == 2
        await connection.commit()
        with fails_with("ORA-01002"):
            await cursor.fetchmany(2)


async def test_the_same_claim_runs_again_and_again_from_the_statement_cache(connection: Connection) -> None:
    for _ in range(4):
        assert await claimed(connection, 2) == [1, 2]
        await connection.rollback()


async def test_a_query_that_locks_without_skipping_locks_all_when_it_opens(
    connection: Connection, other: Connection
) -> None:
    with connection.cursor() as cursor:
        cursor.prefetchrows = 0
        await cursor.execute("SELECT n FROM job WHERE n <= 4 FOR UPDATE")
    assert await claimed(other, 1) == [5]


async def test_a_locked_row_is_busy_for_who_does_not_wait(connection: Connection, other: Connection) -> None:
    assert await claimed(connection, 1) == [1]
    with other.cursor() as cursor:
        with fails_with("ORA-00054"):
            await cursor.execute("SELECT n FROM job WHERE n = 1 FOR UPDATE NOWAIT")
        with fails_with("ORA-30006"):
            await cursor.execute("SELECT n FROM job j WHERE n = 1 FOR UPDATE OF j.status WAIT 1")
        await cursor.execute("SELECT n FROM job WHERE n = 2 FOR UPDATE NOWAIT")


async def test_a_writer_waits_for_a_locked_row_and_then_sees_what_became_of_it(
    standin: StandIn, connection: Connection, other: Connection
) -> None:
    guarded = "UPDATE job SET fence = fence + 1 WHERE n = 1 AND fence = 0"
    with connection.cursor() as cursor, other.cursor() as late:
        await cursor.execute(guarded)
        waiting = asyncio.create_task(late.execute(guarded))
        await standin.until_waiting(other.session_id)
        await connection.commit()
        await waiting
        assert late.rowcount == 0


async def test_a_fence_read_in_a_subquery_does_not_see_an_uncommitted_take_over(
    connection: Connection, other: Connection
) -> None:
    with connection.cursor() as cursor, other.cursor() as old_holder:
        await cursor.execute("UPDATE job SET fence = 1 WHERE n = 1")
        await old_holder.execute(
            "UPDATE job SET status = 'SENDING' WHERE n = 2 AND EXISTS (SELECT 1 FROM job WHERE n = 1 AND fence = 0)"
        )
        assert old_holder.rowcount == 1


async def test_a_second_insert_of_a_unique_key_waits_for_the_firsts_commit(
    standin: StandIn, connection: Connection, other: Connection
) -> None:
    with connection.cursor() as cursor, other.cursor() as second:
        await cursor.execute("INSERT INTO job (n) VALUES (99)")
        waiting = asyncio.create_task(second.execute("INSERT INTO job (n) VALUES (99)"))
        await standin.until_waiting(other.session_id)
        await connection.commit()
        with fails_with("ORA-00001", oracledb.IntegrityError):
            await waiting


async def test_of_a_deadlock_one_statement_is_given_up_and_its_transaction_stays(
    standin: StandIn, connection: Connection, other: Connection
) -> None:
    update = "UPDATE job SET fence = fence + 1 WHERE n = :1"
    with connection.cursor() as ours, other.cursor() as theirs:
        await ours.execute(update, [1])
        await theirs.execute(update, [2])
        first = asyncio.create_task(ours.execute(update, [2]))
        await standin.until_waiting(connection.session_id)
        second = asyncio.create_task(theirs.execute(update, [1]))
        done, open_ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        victim = connection if first in done else other
        with fails_with("ORA-00060"):
            await done.pop()
        assert victim.transaction_in_progress
        await victim.rollback()
        await open_.pop()


async def test_a_locked_table_is_busy(connection: Connection, other: Connection) -> None:
    with connection.cursor() as cursor, other.cursor() as late:
        await cursor.execute("LOCK TABLE job IN EXCLUSIVE MODE NOWAIT")
        with fails_with("ORA-00054"):
            await late.execute("LOCK TABLE job IN EXCLUSIVE MODE NOWAIT")
