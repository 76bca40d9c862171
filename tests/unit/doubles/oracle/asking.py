"""How the tests ask: a row, all rows, and what the driver was told of their columns."""

from __future__ import annotations

from typing import Any

import oracledb


async def rows(cursor: oracledb.AsyncCursor, sql: str, *values: object) -> list[Any]:
    await cursor.execute(sql, list(values))
    return list(await cursor.fetchall())


async def one(cursor: oracledb.AsyncCursor, sql: str, *values: object) -> Any:
    """The first row; its value alone if it has one column."""
    row, *_ = await rows(cursor, sql, *values)
    return row[0] if len(row) == 1 else row


def names_of(cursor: oracledb.AsyncCursor) -> list[str]:
    return [column[0] for column in cursor.description or ()]


def types_of(cursor: oracledb.AsyncCursor) -> list[oracledb.DbType]:
    return [column[1] for column in cursor.description or ()]
