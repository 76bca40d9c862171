"""The example's customers on Oracle: the same tables and rows as in crm.db, in Oracle's types."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import oracledb

TABLES = (
    """CREATE TABLE CUSTOMER (CUST_ID NUMBER(19), CUST_NAME VARCHAR2(100 CHAR) NOT NULL, EMAIL VARCHAR2(320 CHAR),
        GRADE VARCHAR2(20 CHAR), BRANCH VARCHAR2(50 CHAR) NOT NULL, MAIL_AGREED CHAR(1) NOT NULL, LEGAL_HOLD CHAR(1),
        CLOSED_ON DATE, ATTACH_NAME VARCHAR2(400 CHAR), SENT_AT TIMESTAMP(6))""",
    "CREATE INDEX CUSTOMER_BY_ID ON CUSTOMER (CUST_ID)",
    """CREATE OR REPLACE TRIGGER CUSTOMER_ON_LEGAL_HOLD BEFORE UPDATE ON CUSTOMER FOR EACH ROW
       BEGIN
           IF :OLD.LEGAL_HOLD = 'Y' THEN
               RAISE_APPLICATION_ERROR(-20001, '법적 보존 중인 고객의 행은 고칠 수 없습니다');
           END IF;
       END;""",
    """CREATE TABLE STATEMENT (STATEMENT_ID NUMBER(19) PRIMARY KEY, CUST_ID NUMBER(19), ISSUED_ON DATE, YEAR NUMBER(4),
        MONTH NUMBER(2), DUE_ON DATE, SUPPLY NUMBER(12), VAT NUMBER(12), TOTAL NUMBER(12), UNPAID NUMBER(12),
        POINTS NUMBER(12))""",
    "CREATE INDEX STATEMENT_BY_CUSTOMER ON STATEMENT (CUST_ID, ISSUED_ON)",
    """CREATE TABLE ORDER_LINE (STATEMENT_ID NUMBER(19), LINE_NO NUMBER(5), ORDERED_ON DATE, ITEM VARCHAR2(100 CHAR),
        QUANTITY NUMBER(9), AMOUNT NUMBER(12), PRIMARY KEY (STATEMENT_ID, LINE_NO))""",
)
DAYS = {"CLOSED_ON", "ISSUED_ON", "DUE_ON", "ORDERED_ON"}


async def fill(connection: oracledb.AsyncConnection, crm: Path) -> None:
    """Makes the tables and copies crm.db's rows into them."""
    for statement in TABLES:
        await connection.execute(statement)
    with closing(sqlite3.connect(crm)) as source:
        for table in ("CUSTOMER", "STATEMENT", "ORDER_LINE"):
            found = source.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in found.description]
            await _copy(connection, table, names, found.fetchall())
    await connection.commit()


async def _copy(
    connection: oracledb.AsyncConnection, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    binds = [{name: _as_oracles(name, value) for name, value in zip(names, row, strict=True)} for row in rows]
    with connection.cursor() as cursor:
        cursor.setinputsizes(**{name: _type_of([bind[name] for bind in binds]) for name in names})
        placed = ", ".join(f":{name}" for name in names)
        await cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({placed})", binds)


def _as_oracles(name: str, value: object) -> object:
    return datetime.fromisoformat(value) if name in DAYS and isinstance(value, str) else value


def _type_of(values: Sequence[object]) -> oracledb.DbType:
    first = next((value for value in values if value is not None), "")
    if isinstance(first, datetime):
        return oracledb.DB_TYPE_DATE
    return oracledb.DB_TYPE_NUMBER if isinstance(first, int) else oracledb.DB_TYPE_VARCHAR
