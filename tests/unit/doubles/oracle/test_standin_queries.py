from __future__ import annotations

import asyncio

import pytest
from oracledb import AsyncConnection as Connection
from oracledb import AsyncCursor as Cursor

from tests.doubles.oracle import StandIn
from tests.unit.doubles.oracle.asking import names_of
from tests.unit.doubles.oracle.conftest import Connect
from tests.unit.doubles.oracle.failures import fails_with

ROWS = "SELECT LEVEL AS n, 'name ' || LEVEL AS name FROM DUAL CONNECT BY LEVEL <= :most"


async def test_a_name_bound_twice_is_one_bind_for_the_program(cursor: Cursor) -> None:
    for turn in range(5):  # from the second time on the cursor's number is sent instead of the text
        await cursor.execute("SELECT :x, :y, :x FROM DUAL WHERE :x IS NULL OR :x = :x", x=turn, y="s")
        assert await cursor.fetchall() == [(turn, "s", turn)]


async def test_binds_in_strings_comments_and_quoted_names_are_none(cursor: Cursor) -> None:
    await cursor.execute(
        """SELECT ':a' AS ":b", q'[:c]' /* :d */, :e -- :f
                            FROM DUAL""",
        e=1,
    )
    assert await cursor.fetchall() == [(":a", ":c", 1)]
    assert names_of(cursor)[:1] == [":b"]


async def test_names_are_upper_case_unless_they_were_quoted(cursor: Cursor) -> None:
    await cursor.execute('SELECT 1 AS plain, 2 AS "Mixed", 3 AS "lower", 4 AS "UPPER", 5 AS 한글 FROM DUAL')
    assert names_of(cursor) == ["PLAIN", "Mixed", "lower", "UPPER", "한글"]


async def test_a_large_result_is_streamed_in_order(cursor: Cursor) -> None:
    cursor.arraysize = 700
    await cursor.execute(ROWS, most=20_000)
    seen = [row async for row in cursor]
    assert seen[0] == (1, "name 1")
    assert [number for number, _ in seen] == list(range(1, 20_001))


async def test_an_unread_result_outlives_other_statements_and_the_end_of_its_transaction(
    connection: Connection, cursor: Cursor
) -> None:
    await cursor.execute("CREATE TABLE t (n NUMBER)")
    async with connection.cursor() as rows:
        rows.arraysize = 10
        await cursor.execute("INSERT INTO t VALUES (0)")
        await rows.execute(ROWS, most=2_000)
        assert (await rows.fetchone())[0] == 1
        await cursor.execute("INSERT INTO t VALUES (1)")
        await connection.rollback()
        assert len(await rows.fetchall()) == 1_999
    await cursor.execute("SELECT COUNT(*) FROM t")
    assert await cursor.fetchone() == (0,)


async def test_a_result_is_as_the_table_was_when_it_was_executed(
    connection: Connection, other: Connection, cursor: Cursor
) -> None:
    await cursor.execute("CREATE TABLE t (n NUMBER)")
    await cursor.execute("INSERT INTO t SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 3000")
    await connection.commit()
    cursor.arraysize = 100
    await cursor.execute("SELECT n FROM t")
    await cursor.fetchone()
    with other.cursor() as elsewhere:
        await elsewhere.execute("DELETE FROM t")
        await other.commit()
    assert len(await cursor.fetchall()) == 2_999


async def test_a_result_given_up_early_leaves_the_connection_usable(connection: Connection) -> None:
    for _ in range(3):
        with connection.cursor() as rows:
            rows.prefetchrows = rows.arraysize = 10
            await rows.execute(ROWS, most=200_000)
            await rows.fetchone()
    assert not connection.transaction_in_progress


async def test_an_error_in_a_later_row_comes_when_it_is_fetched(connection: Connection, cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (n NUMBER)")
    await cursor.execute("INSERT INTO t VALUES (7)")
    cursor.arraysize = 100
    await cursor.execute("SELECT 1 / (2000 - LEVEL) FROM DUAL CONNECT BY LEVEL <= 3000")
    with fails_with("ORA-01476"):
        await cursor.fetchall()
    await cursor.execute("SELECT n FROM t")
    assert await cursor.fetchall() == [(7,)]


async def test_a_wide_row_and_a_large_request_go_over_many_packets(cursor: Cursor) -> None:
    columns = ", ".join(f"RPAD('c{number}', 3000, 'x') AS c{number}" for number in range(60))
    await cursor.execute(f"SELECT {columns} FROM DUAL CONNECT BY LEVEL <= 20")
    rows = await cursor.fetchall()
    assert len(rows) == 20
    assert {len(value) for row in rows for value in row} == {3000}
    await cursor.execute("SELECT LENGTH(:p) FROM DUAL", p="한" * 1_500_000)
    assert await cursor.fetchone() == (1_500_000,)


async def test_the_clients_statement_cache_closes_the_cursors_it_drops(standin: StandIn, connect: Connect) -> None:
    connection = await connect(stmtcachesize=3)
    for number in range(30):
        with connection.cursor() as cursor:
            await cursor.execute(f"SELECT {number} FROM DUAL")
            assert await cursor.fetchone() == (number,)
    await connection.ping()
    assert standin.sessions[connection.session_id].open_cursors <= 4


async def test_parsing_a_query_tells_its_binds_and_columns_without_running_it(cursor: Cursor) -> None:
    await cursor.parse("SELECT 1 / 0 AS boom, :who AS who FROM DUAL WHERE :n = 1")
    assert cursor.bindnames() == ["WHO", "N"]
    assert names_of(cursor) == ["BOOM", "WHO"]
    with fails_with("ORA-00942"):
        await cursor.parse("SELECT * FROM nowhere")
    with fails_with("ORA-00904"):
        await cursor.parse("SELECT nothing FROM DUAL")


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 3 ORDER BY 1 DESC FETCH FIRST 2 ROWS ONLY", [(3,), (2,)]),
        ("SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 3 ORDER BY 1 OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
        ("WITH q AS (SELECT 1 AS a FROM DUAL) SELECT a, ROW_NUMBER() OVER (ORDER BY a) FROM q", [(1, 1)]),
        ("SELECT 1 FROM DUAL UNION ALL SELECT 2 FROM DUAL", [(1,), (2,)]),
        ("SELECT 1 FROM DUAL MINUS SELECT 1 FROM DUAL", []),
        ("SELECT DUMMY FROM DUAL WHERE EXISTS (SELECT NULL FROM DUAL)", [("X",)]),
        (
            "SELECT * FROM (SELECT LEVEL AS n FROM DUAL CONNECT BY LEVEL <= 9 ORDER BY 1 DESC) WHERE ROWNUM <= 2",
            [(9,), (8,)],
        ),
        (
            "SELECT LISTAGG(n, ',') WITHIN GROUP (ORDER BY n) FROM (SELECT LEVEL AS n FROM DUAL CONNECT BY LEVEL <= 3)",
            [("1,2,3",)],
        ),
        ("SELECT USER, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL", [("APP", "APP")]),
    ],
)
async def test_common_shapes_of_queries_run(cursor: Cursor, sql: str, rows: list[object]) -> None:
    await cursor.execute(sql)
    assert await cursor.fetchall() == rows


async def test_rows_are_counted_before_they_are_ordered(connection: Connection, cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (n NUMBER)")
    await cursor.executemany("INSERT INTO t VALUES (:1)", [(3,), (2,), (1,)])
    await cursor.execute("SELECT n FROM t WHERE ROWNUM <= 2 ORDER BY n")
    assert await cursor.fetchall() == [(2,), (3,)]


async def test_many_sessions_are_served_at_once(connect: Connect) -> None:
    connections = [await connect() for _ in range(20)]

    async def ask(number: int, connection: Connection) -> int:
        with connection.cursor() as cursor:
            await cursor.execute("SELECT :1 FROM DUAL", [number])
            (found,) = await cursor.fetchone()
            return int(found)

    found = await asyncio.gather(*(ask(number, connection) for number, connection in enumerate(connections)))
    assert found == list(range(20))
