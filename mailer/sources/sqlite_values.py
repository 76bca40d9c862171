"""Bind values as SQLite stores them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from mailer.model.row import Value

SqliteValue = str | int | float | bytes | None
SqliteBinds = Mapping[str, SqliteValue]

_INTEGERS = range(-(2**63), 2**63)


def adapt_binds(binds: Mapping[str, Value]) -> dict[str, SqliteValue]:
    """The binds as SQLite stores them.

    A time is the text `YYYY-MM-DD HH:MM:SS.ffffff` in UTC (a naive one is taken as UTC), a day `YYYY-MM-DD`, a Decimal
    or an integer of more than 64 bits its digits.
    """
    return {name: _adapt(value) for name, value in binds.items()}


def _adapt(value: Value) -> SqliteValue:
    if value is None or type(value) is str:
        return value
    match value:
        case datetime():
            moment = value.astimezone(UTC) if value.tzinfo else value
            return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case int() if value not in _INTEGERS:
            return str(value)
        case _:
            return value
