from __future__ import annotations

import asyncio
from contextlib import suppress

import oracledb
import pytest
from oracledb import AsyncConnection as Connection

from tests.doubles.oracle import Action, Fault, StandIn
from tests.unit.doubles.oracle.asking import one
from tests.unit.doubles.oracle.conftest import PASSWORD, Connect
from tests.unit.doubles.oracle.failures import fails_with

ONE = "SELECT 1 FROM DUAL"


@pytest.fixture
async def table(connection: Connection) -> None:
    with connection.cursor() as cursor:
        await cursor.execute("CREATE TABLE t (n NUMBER)")


async def ask(connection: Connection, sql: str = ONE) -> object:
    with connection.cursor() as cursor:
        await cursor.execute(sql)
        return await cursor.fetchone()


async def insert(connection: Connection) -> None:
    with connection.cursor() as cursor:
        await cursor.execute("INSERT INTO t VALUES (1)")


async def count(connection: Connection) -> int:
    with connection.cursor() as cursor:
        return int(await one(cursor, "SELECT COUNT(*) FROM t"))


async def refused(standin: StandIn) -> str:
    """The code of the cause for which a connection can't be made."""
    with pytest.raises(oracledb.DatabaseError) as caught:
        await oracledb.connect_async(user="app", password=PASSWORD, dsn=standin.dsn, retry_count=0)
    cause = caught.value.__cause__
    error = cause if isinstance(cause, oracledb.Error) else caught.value
    return str(error.args[0].full_code)


async def test_an_error_is_answered_at_the_nth_call_that_matches(standin: StandIn, connection: Connection) -> None:
    armed = standin.faults.arm(Fault(Action.ERROR, sql="from dual", nth=2, times=2, code=1555, text="snapshot too old"))
    assert await ask(connection) == (1,)
    for _ in range(2):
        with fails_with("ORA-01555") as failure:
            await ask(connection)
        assert failure.message.startswith("ORA-01555: snapshot too old")
    assert await ask(connection) == (1,)
    assert (armed.matched, armed.strikes) == (4, 2)


async def test_a_fault_strikes_the_calls_and_users_it_names_alone(
    standin: StandIn, connection: Connection, connect: Connect
) -> None:
    await standin.add_user("READER", "r")
    reader = await connect("reader", "r")
    standin.faults.arm(Fault(Action.ERROR, call="commit", user="reader", code=60, times=0))
    await connection.commit()
    assert await ask(reader) == (1,)
    for _ in range(3):
        with fails_with("ORA-00060"):
            await reader.commit()
    standin.faults.clear()
    await reader.commit()


async def test_a_fault_may_wait_for_a_fetch(standin: StandIn, connection: Connection) -> None:
    armed = standin.faults.arm(Fault(Action.ERROR, call="fetch", code=1555))
    with connection.cursor() as cursor:
        await cursor.execute("SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 5")
        with fails_with("ORA-01555"):
            await cursor.fetchall()
    assert armed.struck.is_set()


@pytest.mark.parametrize("code", [28, 1089, 3113])
async def test_an_error_that_ends_a_session_is_a_lost_connection_to_the_driver(
    standin: StandIn, connection: Connection, code: int
) -> None:
    standin.faults.arm(Fault(Action.ERROR, call="execute", code=code))
    with fails_with("DPY-4011") as failure:
        await ask(connection)
    assert failure.is_session_dead


async def test_a_call_is_killed_before_it_is_done(
    standin: StandIn, connection: Connection, other: Connection, table: None
) -> None:
    standin.faults.arm(Fault(Action.KILL, call="commit"))
    await insert(connection)
    with fails_with("DPY-4011"):
        await connection.commit()
    assert await count(other) == 0


async def test_a_commits_answer_is_lost_after_it_was_done(
    standin: StandIn, connection: Connection, other: Connection, table: None
) -> None:
    standin.faults.arm(Fault(Action.LOSE, call="commit"))
    await insert(connection)
    with fails_with("DPY-4011"):
        await connection.commit()
    assert await count(other) == 1


async def test_an_answer_is_cut_in_its_middle(standin: StandIn, connection: Connection) -> None:
    standin.faults.arm(Fault(Action.CUT, sql="LEVEL"))
    with fails_with("DPY-4011"):
        await ask(connection, "SELECT LEVEL, RPAD('x', 100, 'x') FROM DUAL CONNECT BY LEVEL <= 1000")


async def test_a_session_that_hangs_answers_nothing_not_even_a_break(standin: StandIn, connection: Connection) -> None:
    armed = standin.faults.arm(Fault(Action.HANG, call="ping"))
    hanging = asyncio.create_task(connection.ping())
    await armed.struck.wait()
    await asyncio.wait([hanging], timeout=0.2)
    assert not hanging.done()
    standin.kill_all()
    with fails_with("DPY-4011"):
        await hanging


async def test_a_slow_answer_comes_late(
    standin: StandIn, connection: Connection, other: Connection, table: None
) -> None:
    connection.autocommit = True
    armed = standin.faults.arm(Fault(Action.SLOW, call="execute", sql="INSERT", seconds=0.3))
    began = asyncio.get_running_loop().time()
    slow = asyncio.create_task(insert(connection))
    await armed.struck.wait()
    await slow
    assert asyncio.get_running_loop().time() - began >= 0.3
    assert await count(other) == 1


async def test_a_slow_answer_may_be_given_up_by_a_break(standin: StandIn, connection: Connection) -> None:
    armed = standin.faults.arm(Fault(Action.SLOW, call="execute", seconds=60))
    slow = asyncio.create_task(ask(connection))
    await armed.struck.wait()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await ask(connection) == (1,)


@pytest.mark.parametrize("code", [28000, 28001, 1033, 1034])
async def test_a_logon_is_refused(standin: StandIn, code: int) -> None:
    standin.faults.arm(Fault(Action.ERROR, call="logon", user="app", code=code))
    assert await refused(standin) == f"ORA-{code:05d}"
    async with oracledb.connect_async(user="app", password=PASSWORD, dsn=standin.dsn) as connection:
        await connection.ping()


async def test_the_listener_refuses_while_the_database_starts(standin: StandIn) -> None:
    standin.faults.arm(Fault(Action.REFUSE, call="connect", code=12514))
    assert await refused(standin) == "DPY-6001"
    standin.faults.arm(Fault(Action.REFUSE, call="connect", code=12520))
    assert await refused(standin) == "DPY-6000"


async def test_a_connection_is_cut_before_it_is_accepted(standin: StandIn) -> None:
    standin.faults.arm(Fault(Action.KILL, call="connect"))
    assert await refused(standin) in ("DPY-4011", "DPY-6005")


async def test_a_connection_that_hangs_is_bounded_by_the_client(standin: StandIn) -> None:
    standin.faults.arm(Fault(Action.HANG, call="connect"))
    with pytest.raises((oracledb.Error, TimeoutError)):
        async with asyncio.timeout(5):
            await oracledb.connect_async(user="app", password=PASSWORD, dsn=standin.dsn, tcp_connect_timeout=0.2)


async def test_a_session_is_killed_while_its_statement_runs(standin: StandIn, connection: Connection) -> None:
    with connection.cursor() as cursor:
        running = asyncio.create_task(cursor.execute("BEGIN DBMS_SESSION.SLEEP(60); END;"))
        await standin.until_executing(connection.session_id)
        standin.sessions[connection.session_id].kill()
        with fails_with("DPY-4011"):
            await running


async def test_a_killed_session_lets_go_of_its_locks(
    standin: StandIn, connection: Connection, other: Connection, table: None
) -> None:
    await insert(connection)
    await connection.commit()
    with connection.cursor() as cursor:
        await cursor.execute("UPDATE t SET n = 2")
    with other.cursor() as cursor:
        waiting = asyncio.create_task(cursor.execute("UPDATE t SET n = 3"))
        await standin.until_waiting(other.session_id)
        standin.sessions[connection.session_id].kill()
        await waiting
        assert cursor.rowcount == 1


async def test_a_dba_kills_a_session_by_its_numbers(connection: Connection, other: Connection) -> None:
    kill = "ALTER SYSTEM KILL SESSION '{},{}' IMMEDIATE"
    with other.cursor() as cursor:
        with fails_with("ORA-00030"):
            await cursor.execute(kill.format(connection.session_id, 1))
        await cursor.execute(kill.format(connection.session_id, connection.serial_num))
    with fails_with("DPY-4011"):
        await ask(connection)


async def test_a_database_goes_down_and_comes_back_on_its_port(
    standin: StandIn, connection: Connection, table: None
) -> None:
    await insert(connection)
    await connection.commit()
    dsn = standin.dsn
    await standin.go_down()
    with fails_with("DPY-4011"):
        await ask(connection)
    assert await refused(standin) in ("DPY-6005", "DPY-6000")
    await standin.listen()
    assert standin.dsn == dsn
    async with oracledb.connect_async(user="app", password=PASSWORD, dsn=dsn) as again:
        assert await count(again) == 1


async def test_a_pool_replaces_the_connections_that_were_killed(standin: StandIn) -> None:
    pool = oracledb.create_pool_async(user="app", password=PASSWORD, dsn=standin.dsn, min=3, max=3)
    held = [await pool.acquire() for _ in range(3)]
    for connection in held:
        await pool.release(connection)
    standin.kill_all()
    for _ in range(3):
        with suppress(oracledb.DatabaseError):  # those that the pool does not yet know to be dead
            async with pool.acquire() as connection:
                await ask(connection)
    for _ in range(3):
        async with pool.acquire() as connection:
            assert await ask(connection) == (1,)
    await pool.close()
