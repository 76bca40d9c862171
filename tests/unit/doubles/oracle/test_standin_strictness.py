"""What Oracle refuses is refused here, by Oracle's number, although PostgreSQL would take most of it."""

from __future__ import annotations

import oracledb
import pytest
from oracledb import AsyncCursor as Cursor

from tests.unit.doubles.oracle.failures import fails_with


@pytest.fixture(autouse=True)
async def table(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (a NUMBER, b VARCHAR2(20), c CLOB)")
    await cursor.execute("CREATE TABLE u (a NUMBER)")
    await cursor.execute("CREATE TABLE keyed (a NUMBER PRIMARY KEY, b NUMBER)")
    await cursor.execute("INSERT INTO t (a) VALUES (1)")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT a FROM t FETCH FIRST 1 ROWS ONLY FOR UPDATE", "ORA-02014"),
        ("SELECT a FROM t ORDER BY a FETCH FIRST 1 ROWS ONLY FOR UPDATE SKIP LOCKED", "ORA-02014"),
        ("SELECT a FROM t OFFSET 1 ROWS FOR UPDATE", "ORA-02014"),
        ("SELECT DISTINCT a FROM t FOR UPDATE", "ORA-02014"),
        ("SELECT a FROM t GROUP BY a FOR UPDATE", "ORA-02014"),
        ("SELECT COUNT(*) FROM t FOR UPDATE", "ORA-02014"),
        ("SELECT a FROM t UNION SELECT a FROM u FOR UPDATE", "ORA-01786"),
        ("SELECT a FROM t;", "ORA-00933"),
        ("DELETE FROM t;", "ORA-00933"),
        ("SELECT a FROM t LIMIT 1", "ORA-00933"),
        ("SELECT a FROM t AS x", "ORA-00933"),
        ("SELECT x.a FROM (SELECT a FROM t) AS x", "ORA-00933"),
        ("SELECT t.a FROM t JOIN u AS v ON v.a = t.a", "ORA-00933"),
        ("UPDATE t SET a = u.a FROM u", "ORA-00933"),
        ("INSERT INTO t (a) VALUES (1), (2)", "ORA-00933"),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", "ORA-00933"),
        ("INSERT INTO t (a) VALUES (1) RETURNING a", "ORA-00925"),
        ("DELETE FROM t RETURNING a", "ORA-00925"),
        ("SELECT 1", "ORA-00923"),
        ("SELECT a = 1 FROM t", "ORA-00923"),
        ("SELECT a IS NULL FROM t", "ORA-00923"),
        ("SELECT TRUE FROM DUAL", "ORA-00904"),
        ("UPDATE t SET a = FALSE", "ORA-00904"),
        ("SELECT a FROM t WHERE a", "ORA-00920"),
        ("SELECT NOW() FROM DUAL", "ORA-00904"),
        ("SELECT IFNULL(a, 0) FROM t", "ORA-00904"),
        ("SELECT DATE_TRUNC('day', SYSDATE) FROM DUAL", "ORA-00904"),
        ("SELECT datetime('now') FROM DUAL", "ORA-00904"),
        ("SELECT a % 2 FROM t", "ORA-00911"),
        ("SELECT `a` FROM t", "ORA-00911"),
        ("SELECT a FROM t WHERE b ILIKE 'x'", "ORA-00933"),
        ("SELECT a FROM t WHERE a == 1", "ORA-00936"),
        ("SELECT nothing FROM t", "ORA-00904"),
        ("SELECT LOWER(b) AS x, COUNT(*) FROM t GROUP BY x", "ORA-00904"),
        ("SELECT a, b, COUNT(*) FROM t GROUP BY a", "ORA-00979"),
        ("SELECT k.a, k.b, COUNT(*) FROM keyed k GROUP BY k.a", "ORA-00979"),
        ("SELECT a AS size FROM t", "ORA-00923"),
        ("SELECT DISTINCT ON (a) a FROM t", "ORA-00936"),
        ("SELECT COUNT(*) FILTER (WHERE a > 1) FROM t", "ORA-00923"),
        ("SELECT a FROM t WHERE a IS DISTINCT FROM 1", "ORA-00908"),
        ("SELECT a FROM t WHERE a IS 1", "ORA-00908"),
        ("SELECT SYSDATE - INTERVAL '5 minutes' FROM DUAL", "ORA-00923"),
        ("SELECT EXTRACT(EPOCH FROM SYSTIMESTAMP) FROM DUAL", "ORA-00907"),
        ("SELECT a FROM t FOR SHARE", "ORA-00905"),
        ("SELECT a FROM t EXCEPT SELECT a FROM u", "ORA-00933"),
        ("WITH RECURSIVE q AS (SELECT 1 AS a FROM DUAL) SELECT a FROM q", "ORA-00905"),
        ("SELECT CAST(a AS TEXT) FROM t", "ORA-00902"),
        ("SELECT c ->> 'x' FROM t", "ORA-00923"),
        ("SELECT * FROM (VALUES (1)) v", "ORA-00903"),
        ("INSERT OR IGNORE INTO t (a) VALUES (1)", "ORA-00925"),
        ("DELETE FROM t USING u WHERE t.a = u.a", "ORA-00933"),
        ("UPDATE t SET a = 1 WHERE a = 2 LIMIT 1", "ORA-00933"),
        ("SELECT a FROM nowhere", "ORA-00942"),
        ("SELECT FROM WHERE", "ORA-00900"),
        ("NONSENSE", "ORA-00900"),
        ("SELECT a AS " + "x" * 129 + " FROM t", "ORA-00972"),
        ("SELECT a FROM t WHERE a IN (" + ", ".join(["1"] * 1001) + ")", "ORA-01795"),
        ("SELECT a FROM t, u", "ORA-00918"),
        ("SELECT a, COUNT(*) FROM t", "ORA-00979"),
        ("SELECT a FROM t WHERE a = (SELECT LEVEL FROM DUAL CONNECT BY LEVEL <= 2)", "ORA-01427"),
        ("SELECT 1 / 0 FROM DUAL", "ORA-01476"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET t.b = 'x'", "ORA-00906"),
        ("MERGE INTO t USING u ON (t.a = u.a) WHEN MATCHED THEN UPDATE SET t.a = 1", "ORA-38104"),
        ("MERGE INTO t USING DUAL ON (1 = 1) WHEN MATCHED THEN UPDATE SET b = 'x' DELETE WHERE a = 1", "ORA-54001"),
    ],
)  # fmt: skip
async def test_a_statement_is_refused(cursor: Cursor, sql: str, code: str) -> None:
    with fails_with(code):
        await cursor.execute(sql)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("CREATE TABLE v (a BOOLEAN)", "ORA-00902"),
        ("CREATE TABLE v (a TEXT)", "ORA-00902"),
        ("CREATE TABLE v (a BIGINT)", "ORA-00902"),
        ("CREATE TABLE v (a JSON)", "ORA-00902"),
        ("CREATE TABLE v (a TIMESTAMPTZ)", "ORA-00902"),
        ("CREATE TABLE v (a VARCHAR2)", "ORA-00906"),
        ("CREATE TABLE v (a VARCHAR2(4001))", "ORA-00910"),
        ("CREATE TABLE v (a NVARCHAR2(2001))", "ORA-00910"),
        ("CREATE TABLE v (a NUMBER(39))", "ORA-01727"),
        ("CREATE TABLE v (a NUMBER);", "ORA-00911"),
        ("CREATE TABLE IF NOT EXISTS v (a NUMBER)", "ORA-00922"),
        ("CREATE TABLE v (size NUMBER)", "ORA-00904"),
        ("CREATE TABLE v (date DATE)", "ORA-00904"),
        ("CREATE TABLE v (" + "가" * 43 + " NUMBER)", "ORA-00972"),
        ("CREATE TABLE v (a NUMBER AUTOINCREMENT)", "ORA-00907"),
        ("CREATE INDEX i ON t (a) WHERE a > 0", "ORA-00922"),
        ("DROP TABLE IF EXISTS t", "ORA-00933"),
    ],
)
async def test_ddl_is_refused(cursor: Cursor, sql: str, code: str) -> None:
    with fails_with(code):
        await cursor.execute(sql)


async def test_a_bind_that_is_not_given_is_missed(cursor: Cursor) -> None:
    with pytest.raises(oracledb.Error):
        await cursor.execute("SELECT :a, :b FROM DUAL", a=1)
    with pytest.raises(oracledb.Error):
        await cursor.execute("SELECT :a FROM DUAL")


async def test_a_bind_that_is_not_in_the_text_is_refused(cursor: Cursor) -> None:
    with pytest.raises(oracledb.Error):
        await cursor.execute("SELECT :a FROM DUAL", a=1, b=2)


@pytest.mark.parametrize("name", ["date", "level", "size", "start", "user", "mode", "row", "number"])
async def test_a_reserved_word_is_no_name_for_a_bind(cursor: Cursor, name: str) -> None:
    with fails_with("ORA-01745"):
        await cursor.execute(f"SELECT :{name} FROM DUAL", {name: 1})


async def test_a_name_of_128_bytes_is_just_short_enough(cursor: Cursor) -> None:
    await cursor.execute("SELECT a AS " + "가" * 42 + "xy FROM t")


async def test_what_the_stand_in_does_not_know_is_said_as_such(cursor: Cursor) -> None:
    for unknown in (
        "SELECT t.a FROM t, u WHERE t.a = u.a (+)",
        "INSERT ALL INTO t (a) VALUES (1) INTO u (a) VALUES (2) SELECT * FROM DUAL",
        "SELECT a FROM t START WITH a = 1 CONNECT BY PRIOR a = a",
        "CREATE PROCEDURE p AS BEGIN NULL; END;",
    ):
        with fails_with("ORA-54001") as failure:
            await cursor.execute(unknown)
        assert "the stand-in does not know" in failure.message


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT TRUNC(SYSDATE) AS today, t.a, UPPER(t.b) || 'x', COUNT(*), MAX(k.a) FROM t JOIN keyed k ON k.a = t.a"
        " GROUP BY t.a, UPPER(t.b)",
        "SELECT CASE WHEN a > 1 THEN 'many' ELSE 'one' END AS kind, SUM(a) AS a FROM t"
        " GROUP BY CASE WHEN a > 1 THEN 'many' ELSE 'one' END",
        "SELECT MOD(a, 2) AS a, COUNT(*) OVER () FROM t GROUP BY a HAVING COUNT(*) > 0 ORDER BY COUNT(*)",
    ],
)
async def test_what_is_grouped_by_may_be_selected(cursor: Cursor, sql: str) -> None:
    await cursor.execute(sql)
