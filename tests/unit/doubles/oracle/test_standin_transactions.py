from __future__ import annotations

from datetime import UTC, datetime, timedelta

import oracledb
import pytest
from oracledb import AsyncConnection as Connection

from tests.doubles.oracle import StandIn
from tests.unit.doubles.oracle.conftest import Connect
from tests.unit.doubles.oracle.failures import fails_with

NOW = "SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM DUAL"


@pytest.fixture(autouse=True)
async def table(connection: Connection) -> None:
    with connection.cursor() as cursor:
        await cursor.execute("CREATE TABLE t (n NUMBER PRIMARY KEY)")


async def count(connection: Connection) -> int:
    with connection.cursor() as cursor:
        await cursor.execute("SELECT COUNT(*) FROM t")
        (found,) = await cursor.fetchone()
        return int(found)


async def insert(connection: Connection, *numbers: int) -> None:
    with connection.cursor() as cursor:
        for number in numbers:
            await cursor.execute("INSERT INTO t VALUES (:1)", [number])


def is_open(connection: Connection) -> bool:
    return bool(connection.transaction_in_progress)


async def asked(connection: Connection, sql: str) -> datetime:
    with connection.cursor() as cursor:
        await cursor.execute(sql)
        (found,) = await cursor.fetchone()
        assert isinstance(found, datetime)
        return found


async def test_a_failed_statement_undoes_itself_alone(connection: Connection) -> None:
    await insert(connection, 1)
    with fails_with("ORA-00001", oracledb.IntegrityError):
        await insert(connection, 1)
    with fails_with("ORA-00942"), connection.cursor() as cursor:
        await cursor.execute("SELECT * FROM nowhere")
    await insert(connection, 2)
    await connection.commit()
    assert await count(connection) == 2


async def test_a_transaction_is_told_to_be_open_only_while_it_is(connection: Connection) -> None:
    assert not is_open(connection)
    await count(connection)
    assert not is_open(connection)
    with fails_with("ORA-00942"), connection.cursor() as cursor:
        await cursor.execute("DELETE FROM nowhere")
    assert not is_open(connection)
    await insert(connection, 1)
    assert is_open(connection)
    await connection.rollback()
    assert not is_open(connection)


async def test_others_see_what_was_committed_and_nothing_else(connection: Connection, other: Connection) -> None:
    await insert(connection, 1)
    assert (await count(connection), await count(other)) == (1, 0)
    await connection.commit()
    assert await count(other) == 1


async def test_a_statement_with_autocommit_commits_itself_and_what_came_before(
    connection: Connection, other: Connection
) -> None:
    await insert(connection, 1)
    connection.autocommit = True
    await insert(connection, 2)
    assert not connection.transaction_in_progress
    assert await count(other) == 2
    with connection.cursor() as cursor:
        await cursor.executemany("INSERT INTO t VALUES (:1)", [(3,), (4,)])
    assert await count(other) == 4


async def test_ddl_commits_what_is_open_even_if_it_fails(connection: Connection, other: Connection) -> None:
    await insert(connection, 1)
    with fails_with("ORA-00955"), connection.cursor() as cursor:
        await cursor.execute("CREATE TABLE t (n NUMBER)")
    await connection.rollback()
    assert await count(other) == 1


async def test_a_closed_connection_commits_nothing_that_the_program_left_open(
    connect: Connect, other: Connection
) -> None:
    left = await connect()
    await insert(left, 1)
    await left.close()
    assert await count(other) == 0


async def test_a_read_only_transaction_sees_one_moment(connection: Connection, other: Connection) -> None:
    with connection.cursor() as cursor:
        await cursor.execute("SET TRANSACTION READ ONLY")
        await insert(other, 1)
        await other.commit()
        assert await count(connection) == 0
        for wrong in ("INSERT INTO t VALUES (2)", "UPDATE t SET n = 3", "SELECT n FROM t FOR UPDATE"):
            with fails_with("ORA-01456"):
                await cursor.execute(wrong)
    assert await count(connection) == 0
    await connection.rollback()
    assert await count(connection) == 1


async def test_a_read_only_transaction_must_be_ended_by_who_began_it(connection: Connection) -> None:
    with connection.cursor() as cursor:
        await cursor.execute("SET TRANSACTION READ ONLY")
    assert not connection.transaction_in_progress, "a pool would not roll it back"
    with fails_with("ORA-01456"):
        await insert(connection, 1)


async def test_set_transaction_comes_first(connection: Connection) -> None:
    await insert(connection, 1)
    with fails_with("ORA-01453"), connection.cursor() as cursor:
        await cursor.execute("SET TRANSACTION READ ONLY")


async def test_a_serializable_transaction_refuses_what_changed_since(connection: Connection, other: Connection) -> None:
    await insert(connection, 1)
    await connection.commit()
    with connection.cursor() as cursor:
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        with other.cursor() as elsewhere:
            await elsewhere.execute("UPDATE t SET n = 2")
            await other.commit()
        with fails_with("ORA-08177"):
            await cursor.execute("UPDATE t SET n = 3")


async def test_the_clock_moves_for_all_sessions_at_once_and_is_not_rolled_back(
    standin: StandIn, connection: Connection, other: Connection
) -> None:
    before = await asked(connection, NOW)
    await insert(connection, 1)
    await standin.advance(timedelta(hours=1))
    assert timedelta(hours=1) <= await asked(connection, NOW) - before < timedelta(hours=1, minutes=5)
    await connection.rollback()
    assert await asked(other, NOW) - before >= timedelta(hours=1)
    with connection.cursor() as cursor:
        await cursor.execute("ALTER TABLE t ADD (at TIMESTAMP(6) DEFAULT SYS_EXTRACT_UTC(SYSTIMESTAMP))")
        await cursor.execute("INSERT INTO t (n) VALUES (2)")
    assert await asked(connection, "SELECT at FROM t") - before >= timedelta(hours=1)


async def test_a_frozen_clock_stands_at_its_moment(standin: StandIn, connection: Connection) -> None:
    await standin.freeze_clock(datetime(2026, 11, 24, 9, 30, 0, 250000, tzinfo=UTC))
    assert await asked(connection, NOW) == datetime(2026, 11, 24, 9, 30, 0, 250000)
    await standin.advance(timedelta(microseconds=1))
    assert await asked(connection, NOW) == datetime(2026, 11, 24, 9, 30, 0, 250001)
    assert await asked(connection, "SELECT SYSDATE FROM DUAL") == datetime(2026, 11, 24, 9, 30)
    await standin.freeze_clock(None)
    assert abs((await asked(connection, NOW)).replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=5)


async def test_a_missing_grant_is_told_from_a_missing_table_only_to_who_may_see_it(
    standin: StandIn, connection: Connection, connect: Connect
) -> None:
    await standin.add_user("READER", "r")
    reader = await connect("reader", "r")
    with reader.cursor() as theirs, connection.cursor() as ours:
        with fails_with("ORA-00942"):
            await theirs.execute("SELECT n FROM app.t")
        await ours.execute("GRANT SELECT ON t TO reader")
        await theirs.execute("SELECT n FROM app.t")
        with fails_with("ORA-01031"):
            await theirs.execute("UPDATE app.t SET n = 1")
        await ours.execute("REVOKE SELECT ON t FROM reader")
        with fails_with("ORA-00942"):
            await theirs.execute("SELECT n FROM app.t")


async def test_another_schema_may_be_the_current_one(
    standin: StandIn, connection: Connection, connect: Connect
) -> None:
    await standin.add_user("READER", "r")
    with connection.cursor() as cursor:
        await cursor.execute("GRANT SELECT ON t TO reader")
    reader = await connect("reader", "r")
    with fails_with("ORA-00942"):
        await count(reader)
    with reader.cursor() as cursor:
        await cursor.execute("ALTER SESSION SET CURRENT_SCHEMA = app")
    assert await count(reader) == 0
    second = await connect("reader", "r")
    second.current_schema = "APP"
    assert await count(second) == 0
