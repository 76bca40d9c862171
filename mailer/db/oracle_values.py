"""Values on their way to Oracle and back: each bind with the type that keeps it whole, each column as it is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import oracledb

from mailer.model.row import Value

OracleValue = str | int | float | Decimal | bytes | datetime | date | None

_LONGEST_TEXT = 32767
"""Bytes of a text that is bound as VARCHAR2; beyond it is a CLOB."""


def adapt(value: Value) -> OracleValue:
    """The value as the driver takes it: a time in UTC and naive, as our columns keep it."""
    match value:
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).replace(tzinfo=None)
        case bool():
            return int(value)  # there is no BOOLEAN before 23ai
        case str():
            return str(value)  # a member of an enumeration, too
        case _:
            return value


def adapt_binds(binds: Mapping[str, Value]) -> dict[str, OracleValue]:
    """All of them."""
    return {name: adapt(value) for name, value in binds.items()}


def bind_types(
    rows: Sequence[Mapping[str, OracleValue]], unset: Mapping[str, oracledb.DbType] | None = None
) -> dict[str, oracledb.DbType]:
    """What `setinputsizes` must be told, for the rows of one statement: types that the driver would guess wrongly.

    It would bind a time as DATE, which loses the fraction, and a column whose first rows are None as a text.
    `unset` has the types of binds that may be None in all rows and are no texts.
    """
    types = {}
    for name in rows[0] if rows else ():
        wanted = _type_of(row[name] for row in rows) or (unset or {}).get(name)
        if wanted is not None:
            types[name] = wanted
    return types


def as_value(value: object) -> Value:
    """A column's value as the row keeps it: exact, and of a type that the ledger knows.

    Raises TypeError for what is no value, like a cursor.
    """
    match value:
        case None | str() | int() | float() | bytes() | datetime() | date():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else value
        case timedelta():
            return str(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            raise TypeError(f"a {type(value).__name__} is no value")


def _type_of(values: Iterable[OracleValue]) -> oracledb.DbType | None:
    """The type for all of them; None where the driver's guess is right, or nothing is known."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return None
    if datetime in kinds:
        return oracledb.DB_TYPE_TIMESTAMP
    if kinds <= {int, float, Decimal}:
        return oracledb.DB_TYPE_NUMBER
    return None
