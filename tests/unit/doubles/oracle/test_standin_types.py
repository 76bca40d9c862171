from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import oracledb
import pytest
from oracledb import AsyncCursor as Cursor

from tests.unit.doubles.oracle.asking import one, types_of
from tests.unit.doubles.oracle.failures import fails_with

MOMENT = datetime(2026, 3, 4, 5, 6, 7, 123456)


@pytest.mark.parametrize(
    "number",
    ["0", "1", "-1", "99", "100", "-100", "0.01", "-0.001", "12345678901234567890123456789012345678", "-98765.4321",
     "1E+20", "1E-20", "0.1", "1000000", "123.45", "9999999999999999999", "1234567890123456789"],
)  # fmt: skip
async def test_a_number_comes_back_exactly(cursor: Cursor, monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setattr(oracledb.defaults, "fetch_decimals", True)
    assert await one(cursor, "SELECT :1 FROM DUAL", Decimal(number)) == Decimal(number)


async def test_a_column_of_19_digits_comes_back_as_an_int(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE customer (cust_id NUMBER(19), price NUMBER(12, 2), free NUMBER)")
    await cursor.execute("INSERT INTO customer VALUES (:1, :2, :3)", [9999999999999999999, Decimal("0.99"), 7])
    assert await one(cursor, "SELECT * FROM customer") == (9999999999999999999, 0.99, 7)
    assert [(column[0], column[1], column[4], column[5]) for column in cursor.description or ()] == [
        ("CUST_ID", oracledb.DB_TYPE_NUMBER, 19, 0),
        ("PRICE", oracledb.DB_TYPE_NUMBER, 12, 2),
        ("FREE", oracledb.DB_TYPE_NUMBER, 0, -127),
    ]


async def test_a_number_past_its_precision_is_refused(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE small (n NUMBER(3))")
    with fails_with("ORA-01438"):
        await cursor.execute("INSERT INTO small VALUES (1000)")


async def test_a_datetime_binds_as_date_unless_it_is_said_to_be_a_timestamp(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE seen (d DATE, t TIMESTAMP(6), z TIMESTAMP(6) WITH TIME ZONE)")
    await cursor.execute("INSERT INTO seen VALUES (:1, :1, NULL)", [MOMENT, MOMENT])
    cursor.setinputsizes(None, oracledb.DB_TYPE_TIMESTAMP, oracledb.DB_TYPE_TIMESTAMP_TZ)
    await cursor.execute("INSERT INTO seen VALUES (:1, :2, :3)", [MOMENT, MOMENT, MOMENT])
    await cursor.execute("SELECT d, t, z FROM seen ORDER BY z NULLS FIRST")
    whole = MOMENT.replace(microsecond=0)
    assert await cursor.fetchall() == [(whole, whole, None), (whole, MOMENT, MOMENT)]
    assert types_of(cursor) == [
        oracledb.DB_TYPE_DATE,
        oracledb.DB_TYPE_TIMESTAMP,
        oracledb.DB_TYPE_TIMESTAMP_TZ,
    ]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("DATE '2026-03-01' - 1", datetime(2026, 2, 28)),
        ("DATE '2026-03-01' + 0.5", datetime(2026, 3, 1, 12)),
        ("DATE '2026-03-01' + 1 / 24 / 60", datetime(2026, 3, 1, 0, 1)),
        ("DATE '2026-03-01' - DATE '2026-02-27'", 2),
        ("(DATE '2026-03-01' + 0.25) - DATE '2026-03-01'", 0.25),
        ("TIMESTAMP '2026-03-01 00:00:00.5' + NUMTODSINTERVAL(1.25, 'SECOND')", datetime(2026, 3, 1, 0, 0, 1, 750000)),
        ("TIMESTAMP '2026-03-01 00:00:00.5' - 1", datetime(2026, 2, 28)),
        ("TIMESTAMP '2026-03-02 00:00:01.5' - TIMESTAMP '2026-03-01 00:00:00'", timedelta(days=1, seconds=1.5)),
        ("TIMESTAMP '2026-03-01 00:00:00' - TIMESTAMP '2026-03-02 00:00:01.5'", -timedelta(days=1, seconds=1.5)),
        ("TRUNC(TIMESTAMP '2026-03-04 05:06:07')", datetime(2026, 3, 4)),
        ("TRUNC(DATE '2026-03-04', 'MM')", datetime(2026, 3, 1)),
        ("ADD_MONTHS(DATE '2026-01-31', 1)", datetime(2026, 2, 28)),
        ("LAST_DAY(DATE '2026-02-03')", datetime(2026, 2, 28)),
        ("TO_CHAR(TIMESTAMP '2026-03-04 05:06:07.123456', 'YYYY-MM-DD HH24:MI:SS.FF6')", "2026-03-04 05:06:07.123456"),
        ("TO_DATE('2026-03-04', 'YYYY-MM-DD')", datetime(2026, 3, 4)),
        ("TO_TIMESTAMP('2026-03-04 05:06:07.5', 'YYYY-MM-DD HH24:MI:SS.FF')", datetime(2026, 3, 4, 5, 6, 7, 500000)),
        ("CAST(TIMESTAMP '2026-03-04 05:06:07.9' AS DATE)", datetime(2026, 3, 4, 5, 6, 7)),
    ],
)
async def test_date_arithmetic_is_oracles(cursor: Cursor, expression: str, value: object) -> None:
    assert await one(cursor, f"SELECT {expression} FROM DUAL") == value


async def test_a_lease_ends_a_bound_number_of_seconds_from_the_databases_now(cursor: Cursor) -> None:
    now, later, earlier = await one(
        cursor,
        "SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP), SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:1, 'SECOND'),"
        " SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:2, 'SECOND') FROM DUAL",
        60.5,
        1,
    )
    assert (later - now, now - earlier) == (timedelta(seconds=60.5), timedelta(seconds=1))
    assert types_of(cursor)[0] is oracledb.DB_TYPE_TIMESTAMP


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NVL('', 'null')", "null"),
        ("'a' || NULL || 'b'", "ab"),
        ("'' || ''", None),
        ("SUBSTR('abc', 4)", None),
        ("SUBSTR('가나다라', -2)", "다라"),
        ("SUBSTR('가나다라', 2, 2)", "나다"),
        ("INSTR('abcabc', 'c', 1, 2)", 6),
        ("INSTR('abc', 'x')", 0),
        ("INSTR('가나다', '다')", 3),
        ("TRIM('  ')", None),
        ("REPLACE('aaa', 'a')", None),
        ("LENGTH('한글')", 2),
        ("LENGTHB('한글')", 6),
        ("TO_CHAR(0.5)", ".5"),
        ("'n=' || 12.50", "n=12.5"),
        ("1 / 2", 0.5),
        ("MOD(7, 0)", 7),
        ("DECODE(2, 1, 'one', 2, 'two', 'many')", "two"),
        ("NVL2(NULL, 1, 2)", 2),
        ("GREATEST(1, 3, 2)", 3),
        ("GREATEST(1, NULL)", None),
        ("LEAST(TO_NUMBER(NULL), 2)", None),
        ("CASE WHEN 'a_b' LIKE 'a\\_b' ESCAPE '\\' THEN 'like' END", "like"),
        ("CASE WHEN 1 = 1 THEN 'yes' END", "yes"),
        ("q'[it's]'", "it's"),
        ('JSON_VALUE(\'{"a": {"b": "한"}}\', \'$.a.b\')', "한"),
    ],
)
async def test_text_functions_are_oracles(cursor: Cursor, expression: str, value: object) -> None:
    assert await one(cursor, f"SELECT {expression} FROM DUAL") == value


async def test_an_empty_string_is_null_wherever_it_comes_from(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (a VARCHAR2(10), b VARCHAR2(10) DEFAULT '')")
    await cursor.execute("INSERT INTO t (a) VALUES (:1)", [""])
    await cursor.execute("INSERT INTO t (a) VALUES ('')")
    assert await one(cursor, "SELECT COUNT(*) FROM t WHERE a IS NULL AND b IS NULL") == 2
    assert await one(cursor, "SELECT :1 FROM DUAL", "") is None


async def test_bytes_and_doubles_come_back(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (r RAW(16), d BINARY_DOUBLE)")
    await cursor.execute("INSERT INTO t VALUES (:1, :2)", [b"\0\1\xff", 1.5])
    assert await one(cursor, "SELECT r, d FROM t") == (b"\0\1\xff", 1.5)
    assert types_of(cursor) == [oracledb.DB_TYPE_RAW, oracledb.DB_TYPE_BINARY_DOUBLE]


async def test_national_text_travels_in_utf_16(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (n NVARCHAR2(10), c NCLOB)")
    cursor.setinputsizes(oracledb.DB_TYPE_NVARCHAR, oracledb.DB_TYPE_NCLOB)
    await cursor.execute("INSERT INTO t VALUES (:1, :2)", ["한글", "긴 글" * 3000])
    name, text = await one(cursor, "SELECT n, c FROM t")
    assert name == "한글"
    assert await text.read() == "긴 글" * 3000
    assert types_of(cursor) == [oracledb.DB_TYPE_NVARCHAR, oracledb.DB_TYPE_NCLOB]


async def test_lobs_are_read_through_their_locators(cursor: Cursor) -> None:
    text = "한€x" * 30000
    await cursor.execute("CREATE TABLE t (id NUMBER, c CLOB, b BLOB)")
    await cursor.execute("INSERT INTO t VALUES (1, :1, :2)", [text, b"\0\1\xff"])
    await cursor.execute("INSERT INTO t VALUES (2, NULL, NULL)")
    await cursor.execute("SELECT c, b FROM t ORDER BY id")
    (clob, blob), nothing = await cursor.fetchall()
    assert await clob.read() == text
    assert await clob.read(2, 3) == text[1:4]
    assert await clob.size() == len(text)
    assert await blob.read() == b"\0\1\xff"
    assert nothing == (None, None)


async def test_lobs_come_whole_in_the_row_where_the_driver_is_told_so(
    cursor: Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracledb.defaults, "fetch_lobs", False)
    text = "가" * 700_000
    await cursor.execute("CREATE TABLE t (id NUMBER, c CLOB, n NCLOB, b BLOB)")
    await cursor.execute("INSERT INTO t VALUES (:1, :2, :3, :4)", [1, text, text, b"\1" * 50_000])
    for _ in range(2):  # the second time the client sends no defines
        await cursor.execute("SELECT c, id, n, b FROM t")
        assert await cursor.fetchall() == [(text, 1, text, b"\1" * 50_000)]


async def test_a_temporary_lob_is_written_and_freed(connection: oracledb.AsyncConnection, cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (c CLOB)")
    lob = await connection.createlob(oracledb.DB_TYPE_CLOB)
    await lob.write("한글")
    await lob.write("abc", 3)
    await cursor.execute("INSERT INTO t VALUES (:1)", [lob])
    del lob
    await connection.ping()
    await cursor.execute("SELECT c FROM t")
    (found,) = await cursor.fetchone()
    assert await found.read() == "한글abc"


async def test_a_clob_is_neither_sorted_nor_grouped(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (c CLOB)")
    for wrong in ("SELECT c FROM t ORDER BY c", "SELECT DISTINCT c FROM t", "SELECT c FROM t GROUP BY c"):
        with fails_with("ORA-00932"):
            await cursor.execute(wrong)


async def test_the_types_of_binds_are_converted_where_oracle_converts(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (v VARCHAR2(10), n NUMBER)")
    await cursor.execute("INSERT INTO t VALUES (:1, :2)", [5, "7"])
    assert await one(cursor, "SELECT COUNT(*) FROM t WHERE v = :1 AND n = :2", 5, "7") == 1
    with fails_with("ORA-01722"):
        await cursor.execute("INSERT INTO t (n) VALUES (:1)", ["many"])


async def test_null_has_the_type_that_is_wanted(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (n NUMBER, d DATE, at TIMESTAMP(6), v VARCHAR2(5))")
    merge = """MERGE INTO t USING (SELECT :n AS n, :d AS d, :at AS at, :v AS v FROM DUAL) s ON (t.n = s.n)
        WHEN NOT MATCHED THEN INSERT (n, d, at, v) VALUES (s.n, s.d, s.at, s.v)"""
    await cursor.execute(merge, n=None, d=None, at=None, v=None)
    cursor.setinputsizes(n=oracledb.DB_TYPE_NUMBER, d=oracledb.DB_TYPE_DATE, at=oracledb.DB_TYPE_TIMESTAMP)
    await cursor.execute(merge, n=None, d=None, at=None, v=None)
    given = (
        "SELECT COUNT(*) FROM t WHERE (:n IS NULL OR n = :n) AND (:at IS NULL OR at > :at) AND (:v IS NULL OR v = :v)"
    )
    await cursor.execute(given, n=None, at=None, v=None)
    assert await cursor.fetchone() == (2,)
    await cursor.execute(given, n=5, at=MOMENT, v="x")
    assert await cursor.fetchone() == (0,)


async def test_a_text_is_no_date(cursor: Cursor) -> None:
    await cursor.execute("CREATE TABLE t (d DATE, at TIMESTAMP)")
    for wrong in ("INSERT INTO t (d) VALUES (:1)", "INSERT INTO t (at) VALUES (:1)", "DELETE FROM t WHERE at = :1"):
        with fails_with("ORA-01861"):
            await cursor.execute(wrong, ["2026-01-01"])


async def test_a_text_with_nul_is_refused_and_not_cut(cursor: Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match=r"ORA-54001.*NUL"):
        await cursor.execute("SELECT :t FROM DUAL", t="앞\0뒤")
