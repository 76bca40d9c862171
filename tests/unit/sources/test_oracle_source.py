"""A data source on Oracle, over the stand-in: read as it is, changed by update queries alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import oracledb
import pytest

from mailer.clock import SystemClock
from mailer.errors import QueryFailed, SourceAway, SourceDenied
from mailer.model.database_url import OracleService
from mailer.sources.oracle import OracleSource
from mailer.sources.source import Binds
from tests.doubles.oracle import Action, Fault, StandIn, running_standin, shared_postgres

PASSWORD = "비밀"
KEY = 9_007_199_254_740_993_001
"""Nineteen digits: no float holds it."""
TABLE = """CREATE TABLE CUSTOMER (CUST_ID NUMBER PRIMARY KEY, CUST_NAME VARCHAR2(30), NOTE CLOB, NATIONAL_NOTE NCLOB,
    BALANCE NUMBER, JOINED_ON DATE, SENT_AT TIMESTAMP(6))"""
INSERT = (
    "INSERT INTO CUSTOMER (CUST_ID, CUST_NAME, NOTE, NATIONAL_NOTE, BALANCE, JOINED_ON) VALUES (:1, :2, :3, :4, :5, :6)"
)
UPDATE = "UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
JOINED = datetime(2024, 2, 29, 13, 5, 9)  # noqa: DTZ001 - DATE has no zone
SENT = datetime(2026, 11, 25, 0, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with running_standin(shared_postgres(), {"CRM": PASSWORD}) as running:
        yield running


@pytest.fixture
async def beside(standin: StandIn) -> AsyncIterator[oracledb.AsyncConnection]:
    """Another program, which has filled the table."""
    async with oracledb.connect_async(user="CRM", password=PASSWORD, dsn=standin.dsn) as connection:
        await connection.execute(TABLE)
        rows = [(KEY + n, f"김{n}", "긴 글 " * 9_000, "민족", Decimal("0.10"), JOINED) for n in range(5)]
        await connection.executemany(INSERT, rows)
        await connection.commit()
        yield connection


def made(standin: StandIn, *, patience: float = 5.0, seconds: float = 100.0, password: str = PASSWORD) -> OracleSource:
    service = OracleService(standin.dsn, "CRM", password, pool=3)
    return OracleSource("crm", service, patience=patience, query_seconds=seconds, clock=SystemClock())


@pytest.fixture
async def source(standin: StandIn, beside: oracledb.AsyncConnection) -> AsyncIterator[OracleSource]:
    opened: asyncio.Future[OracleSource] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def keep() -> None:
        """In one task: the fixture's two halves may run in different ones."""
        async with made(standin) as source:
            opened.set_result(source)
            await over.wait()

    keeper = asyncio.create_task(keep())
    yield await opened
    over.set()
    await keeper


async def sent(connection: oracledb.AsyncConnection) -> int:
    ((count,),) = await connection.fetchall("SELECT COUNT(*) FROM CUSTOMER WHERE SENT_AT IS NOT NULL")
    return int(count)


async def test_the_driver_names_the_binds_each_once_and_in_order(source: OracleSource) -> None:
    query = "SELECT 1 AS A FROM CUSTOMER WHERE CUST_ID = :cust_id AND CUST_NAME = :NAME OR CUST_ID = :cust_id -- :no"
    assert await source.bind_names(query) == ("CUST_ID", "NAME")
    assert await source.bind_names(UPDATE) == ("SENT_AT", "CUST_ID")


async def test_columns_are_told_without_a_row(source: OracleSource) -> None:
    query = 'SELECT CUST_ID, CUST_NAME AS "이름" FROM CUSTOMER WHERE CUST_ID = :CUST_ID'
    assert await source.columns(query, {"CUST_ID": 1}) == ("CUST_ID", "이름")


async def test_every_type_is_read_as_it_is(source: OracleSource) -> None:
    (row,) = await source.read("SELECT * FROM CUSTOMER WHERE CUST_ID = :CUST_ID", {"CUST_ID": KEY})
    assert row == {
        "CUST_ID": KEY,
        "CUST_NAME": "김0",
        "NOTE": "긴 글 " * 9_000,
        "NATIONAL_NOTE": "민족",
        "BALANCE": Decimal("0.1"),
        "JOINED_ON": JOINED,
        "SENT_AT": None,
    }
    assert isinstance(row["CUST_ID"], int)


async def test_a_target_query_comes_in_slices_of_one_moment(
    source: OracleSource, beside: oracledb.AsyncConnection
) -> None:
    keys = []
    async with source.stream("SELECT CUST_ID FROM CUSTOMER ORDER BY CUST_ID", 2) as slices:
        async for rows in slices:
            keys.append([row["CUST_ID"] for row in rows])
            await beside.execute("DELETE FROM CUSTOMER WHERE CUST_ID = :1", [KEY + 4])
            await beside.commit()
    assert keys == [[KEY, KEY + 1], [KEY + 2, KEY + 3], [KEY + 4]]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM CUSTOMER",
        "TRUNCATE TABLE CUSTOMER",
        "/* x */ DROP TABLE CUSTOMER",
        "-- \rDROP TABLE CUSTOMER --\nSELECT 1 FROM DUAL",
        "--\rSELECT\nDROP TABLE CUSTOMER",
        "",
    ],
)
async def test_what_is_no_query_is_refused_before_it_is_parsed(
    source: OracleSource, beside: oracledb.AsyncConnection, query: str
) -> None:
    for asked in (source.read(query, {}), source.columns(query, {})):
        with pytest.raises(QueryFailed, match="begin with SELECT or WITH"):
            await asked
    with pytest.raises(QueryFailed):
        async with source.stream(query, 10):
            pass
    assert await beside.fetchall("SELECT COUNT(*) FROM CUSTOMER") == [(5,)]


@pytest.mark.parametrize(
    "head", ["WITH FUNCTION F", "with\tprocedure P", "WITH /* x */ FUNCTION F", "WITH -- x\n FUNCTION F"]
)
async def test_code_within_a_query_is_refused(source: OracleSource, head: str) -> None:
    """A function with a transaction of its own could do anything there."""
    code = f"{head} RETURN NUMBER IS PRAGMA AUTONOMOUS_TRANSACTION; BEGIN COMMIT; RETURN 1; END;"
    for query in (f"{code} SELECT F FROM DUAL", f"SELECT * FROM ({code} SELECT F FROM DUAL)"):
        with pytest.raises(QueryFailed, match="no functions of its own"):
            await source.columns(query, {})
    with pytest.raises(QueryFailed, match="no functions of its own"):
        await source.check_update(f"UPDATE CUSTOMER SET BALANCE = ({code} SELECT F FROM DUAL)")


async def test_a_query_that_would_lock_or_change_a_row_is_refused_by_the_database(source: OracleSource) -> None:
    """It begins with SELECT, and runs in a read-only transaction."""
    query = "SELECT CUST_ID FROM CUSTOMER FOR UPDATE"
    with pytest.raises(QueryFailed, match="ORA-01456"):
        await source.read(query, {})
    with pytest.raises(QueryFailed, match="ORA-01456"):
        async with source.stream(query, 10) as slices:
            await anext(slices)


async def test_an_update_query_that_is_ddl_is_refused_before_it_is_parsed(
    source: OracleSource, beside: oracledb.AsyncConnection
) -> None:
    for asked in (source.check_update("DROP TABLE CUSTOMER"), source.update("DROP TABLE CUSTOMER", {})):
        with pytest.raises(QueryFailed, match="UPDATE, INSERT, DELETE or MERGE"):
            await asked
    assert await beside.fetchall("SELECT COUNT(*) FROM CUSTOMER") == [(5,)]


async def test_an_update_query_is_checked_without_being_run(
    source: OracleSource, beside: oracledb.AsyncConnection
) -> None:
    await source.check_update(UPDATE)
    with pytest.raises(QueryFailed, match="ORA-00942"):
        await source.check_update("UPDATE NOBODY SET A = 1")
    assert await sent(beside) == 0


async def test_updates_of_many_share_a_commit_and_each_has_its_own_count(
    standin: StandIn, source: OracleSource, beside: oracledb.AsyncConnection
) -> None:
    commits = standin.faults.arm(Fault(Action.SLOW, call="commit", times=0))
    updates: list[Binds] = [{"SENT_AT": SENT, "CUST_ID": KEY + n} for n in range(7)]
    counts = await asyncio.gather(*(source.update(UPDATE, binds) for binds in updates))
    assert counts == [1, 1, 1, 1, 1, 0, 0]
    assert commits.strikes < 7
    assert await sent(beside) == 5
    found = await beside.fetchall("SELECT DISTINCT SENT_AT FROM CUSTOMER")
    assert found == [(SENT.replace(tzinfo=None),)]


async def test_an_update_that_fails_fails_alone(source: OracleSource, beside: oracledb.AsyncConnection) -> None:
    query = "UPDATE CUSTOMER SET CUST_NAME = :NAME, SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
    names = ["가", "나" * 11, "다"]
    updates: list[Binds] = [{"NAME": name, "SENT_AT": SENT, "CUST_ID": KEY + n} for n, name in enumerate(names)]
    results = await asyncio.gather(*(source.update(query, binds) for binds in updates), return_exceptions=True)
    assert [results[0], results[2]] == [1, 1]
    assert isinstance(results[1], QueryFailed)
    assert "CUST_NAME takes at most 30" in str(results[1])
    assert "나" not in str(results[1])
    assert await sent(beside) == 2


async def test_a_value_that_the_driver_can_not_bind_beside_the_others_does_not_stop_them(
    source: OracleSource, beside: oracledb.AsyncConnection
) -> None:
    query = "UPDATE CUSTOMER SET SENT_AT = SYSTIMESTAMP WHERE CUST_NAME = :NAME"
    asked = [source.update(query, {"NAME": name}) for name in ("김0", 1, "김2")]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [results[0], results[2]] == [1, 1]
    assert isinstance(results[1], QueryFailed)  # Oracle makes numbers of the names then: ORA-01722


async def test_an_update_that_waits_for_a_lock_holds_up_nobody_for_ever(
    standin: StandIn, beside: oracledb.AsyncConnection
) -> None:
    await beside.execute("UPDATE CUSTOMER SET BALANCE = 0 WHERE CUST_ID = :1", [KEY + 1])
    async with made(standin, seconds=3.0) as source:
        updates: list[Binds] = [{"SENT_AT": SENT, "CUST_ID": KEY + n} for n in range(3)]
        results = await asyncio.gather(*(source.update(UPDATE, one) for one in updates), return_exceptions=True)
    assert [results[0], results[2]] == [1, 1]
    assert isinstance(results[1], QueryFailed)
    assert "ran longer than 0.3 s, or waited for a lock" in str(results[1])


async def test_a_lost_connection_is_nothing_that_a_delivery_hears_of(
    standin: StandIn, source: OracleSource, beside: oracledb.AsyncConnection
) -> None:
    for call in ("execute", "fetch", "commit"):
        standin.faults.arm(Fault(Action.KILL, call=call, user="CRM"))
    assert await source.read("SELECT CUST_NAME FROM CUSTOMER WHERE CUST_ID = :ID", {"ID": KEY})
    assert await source.update(UPDATE, {"SENT_AT": SENT, "CUST_ID": KEY}) == 1
    standin.faults.clear()
    assert await sent(beside) == 1


async def test_a_source_that_stays_away_is_away(standin: StandIn, beside: oracledb.AsyncConnection) -> None:
    async with made(standin, patience=0.2) as source:
        await standin.go_down()
        with pytest.raises(SourceAway, match="data source 'crm'") as caught:
            await source.read("SELECT 1 AS A FROM DUAL", {})
        assert "MAILER_SOURCES__CRM__" in caught.value.next_step
        await standin.listen()
        assert await source.read("SELECT 1 AS A FROM DUAL", {}) == [{"A": 1}]


async def test_a_wrong_password_says_which_setting_to_look_at(standin: StandIn) -> None:
    with pytest.raises(SourceDenied, match="ORA-01017 from data source 'crm'") as caught:
        await made(standin, password="falsch").__aenter__()
    assert "MAILER_SOURCES__CRM__PASSWORD" in caught.value.next_step
    assert caught.value.exit_code == 2
    assert "falsch" not in str(caught.value)


async def test_a_query_that_is_wrong_is_told_without_its_values(source: OracleSource) -> None:
    with pytest.raises(QueryFailed) as caught:
        await source.read("SELECT CUST_ID FROM CUSTOMER WHERE CUST_ID = TO_NUMBER(:NAME)", {"NAME": "비밀스러운 값"})
    assert "비밀스러운" not in str(caught.value) + caught.value.next_step


async def test_a_query_that_takes_too_long_is_stopped_and_the_source_goes_on(
    standin: StandIn, beside: oracledb.AsyncConnection
) -> None:
    async with made(standin, seconds=3.0) as source:
        standin.faults.arm(Fault(Action.HANG, sql="FROM CUSTOMER"))
        with pytest.raises(QueryFailed, match="ran longer than"):
            await source.read("SELECT CUST_ID FROM CUSTOMER", {})
        assert len(await source.read("SELECT CUST_ID FROM CUSTOMER", {})) == 5
