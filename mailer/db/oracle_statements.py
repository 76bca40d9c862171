"""SQL by way of the driver: one coroutine for each kind of statement, to be run by `OracleLink.run`."""

from collections.abc import Mapping, Sequence

import oracledb

from mailer.db.oracle_values import OracleValue, as_value, bind_types
from mailer.model.row import Value, fold_name

FETCH_ROWS = 500
"""Rows in one round trip, where a statement is read to its end."""
LONG_TEXT = 32767
"""Bytes. A longer text goes into a temporary CLOB: an INSERT that returns its key takes no other."""
MERGE_AGAIN = 5
"""Times that rows of a MERGE are tried: another session may insert the same row at the same moment."""

_UNIQUE_KEY = 1
"""ORA-00001."""

OracleBinds = Mapping[str, OracleValue]
Rows = list[dict[str, Value]]

_UNSET_TYPES: Mapping[str, oracledb.DbType] = {
    "update_rows": oracledb.DB_TYPE_NUMBER,
    "auto_id": oracledb.DB_TYPE_NUMBER,
    "job_id": oracledb.DB_TYPE_NUMBER,
    "max_rate": oracledb.DB_TYPE_NUMBER,
    "quota": oracledb.DB_TYPE_NUMBER,
    "last_run": oracledb.DB_TYPE_TIMESTAMP,
    "next_run": oracledb.DB_TYPE_TIMESTAMP,
}
"""Binds of our own statements that may be None and are no texts: COALESCE refuses a mixture (ORA-00932)."""


async def fetch_sql(
    raw: oracledb.AsyncConnection, sql: str, binds: OracleBinds, at_most: int | None, *, is_exact: bool = False
) -> Rows:
    """The first `at_most` rows (None: all), in one round trip where there is no LOB.

    Rows of FOR UPDATE SKIP LOCKED are locked as they are fetched, so no more are asked for than are wanted.
    `is_exact`: a number with a fraction is a Decimal, for a float keeps 17 digits.
    """
    with raw.cursor() as cursor:
        cursor.prefetchrows = cursor.arraysize = min(at_most or FETCH_ROWS, FETCH_ROWS)
        _set_types(cursor, bind_types([binds], _UNSET_TYPES))
        await cursor.execute(sql, dict(binds), fetch_lobs=False, fetch_decimals=is_exact)
        found = await (cursor.fetchall() if at_most is None else cursor.fetchmany(at_most))
        return rows_of(cursor, found)


async def open_sql(
    raw: oracledb.AsyncConnection, sql: str, binds: OracleBinds, slice_rows: int, *, is_exact: bool = False
) -> oracledb.AsyncCursor:
    """A cursor whose rows are to be fetched in slices; it lives no longer than its connection is held."""
    cursor = raw.cursor()
    cursor.prefetchrows = cursor.arraysize = slice_rows
    _set_types(cursor, bind_types([binds], _UNSET_TYPES))
    await cursor.execute(sql, dict(binds), fetch_lobs=False, fetch_decimals=is_exact)
    return cursor


async def parse_sql(raw: oracledb.AsyncConnection, sql: str) -> None:
    """Has it parsed: the database looks up names and rights. DDL would be run by that."""
    with raw.cursor() as cursor:
        await cursor.parse(sql)


async def execute_sql(raw: oracledb.AsyncConnection, sql: str, binds: OracleBinds) -> int:
    """The number of rows touched."""
    with raw.cursor() as cursor:
        _set_types(cursor, bind_types([binds], _UNSET_TYPES))
        await cursor.execute(sql, dict(binds))
        return int(cursor.rowcount)


async def execute_sql_returning(
    raw: oracledb.AsyncConnection, sql: str, binds: OracleBinds, outs: Mapping[str, oracledb.DbType]
) -> Rows:
    """What RETURNING … INTO gives for each row touched."""
    with raw.cursor() as cursor:
        variables = {name: cursor.var(kind) for name, kind in outs.items()}
        clobs = {name: oracledb.DB_TYPE_CLOB for name, value in binds.items() if _is_long(value)}
        _set_types(cursor, bind_types([binds], _UNSET_TYPES) | clobs)
        await cursor.execute(sql, {**binds, **variables})
        columns = [[as_value(value) for value in variable.getvalue()] for variable in variables.values()]
        return [dict(zip(outs, row, strict=True)) for row in zip(*columns, strict=True)]


async def execute_sql_many(raw: oracledb.AsyncConnection, sql: str, rows: Sequence[OracleBinds]) -> list[int]:
    """The number of rows touched by each execution, all of them in one round trip.

    Rows of a MERGE that another session has inserted meanwhile are merged again: by now it has committed them.
    Otherwise, where one fails the others are done: the caller's transaction must be rolled back.
    """
    merges = sql.lstrip()[:5].upper() == "MERGE"
    counts = [0] * len(rows)
    left = list(range(len(rows)))
    with raw.cursor() as cursor:
        _set_types(cursor, bind_types(rows, _UNSET_TYPES))
        for _ in range(MERGE_AGAIN):
            batch = [dict(rows[index]) for index in left]
            # With batcherrors, for without it the driver asks a cursor that it knows for no row counts (26.1).
            await cursor.executemany(sql, batch, arraydmlrowcounts=True, batcherrors=True)
            for index, count in zip(left, cursor.getarraydmlrowcounts(), strict=True):
                counts[index] = count
            errors = cursor.getbatcherrors()
            if not errors:
                return counts
            if not merges or any(error.code != _UNIQUE_KEY for error in errors):
                break
            left = [left[error.offset] for error in errors]
        raise oracledb.IntegrityError(errors[0])


def rows_of(cursor: oracledb.AsyncCursor, rows: Sequence[Sequence[object]]) -> Rows:
    """Rows by column name. Raises TypeError for a column whose type is no value."""
    names = [fold_name(column.name) for column in cursor.description or ()]
    return [dict(zip(names, map(as_value, row), strict=True)) for row in rows]


def _set_types(cursor: oracledb.AsyncCursor, types: Mapping[str, oracledb.DbType]) -> None:
    if types:
        cursor.setinputsizes(**types)


def _is_long(value: OracleValue) -> bool:
    return isinstance(value, str) and len(value.encode()) > LONG_TEXT
