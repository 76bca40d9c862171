"""A row of a customer's query, and its form in the ledger: JSON that keeps types exactly."""

import base64
import json
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

Value = str | int | float | Decimal | bytes | datetime | date | None
Row = Mapping[str, Value]
"""Column name, as `fold_name` gives it, to value."""


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_AS_IT_IS = frozenset({str, int, float, type(None)})


def fold_name(name: str) -> str:
    """The one spelling of a column, bind or variable: upper case, NFC, as '이름' may come in two Unicode forms."""
    return unicodedata.normalize("NFC", name.upper())


def dump_row(row: Row) -> str:
    """The row as JSON text; `load_row` gives an equal row back, types included."""
    return _encode({name: _pack(value) for name, value in row.items()})


def load_row(text: str) -> dict[str, Value]:
    """The row that `dump_row` wrote."""
    return {name: _unpack(value) for name, value in json.loads(text).items()}


def _pack(value: Value) -> object:
    if type(value) in _AS_IT_IS:
        return value
    match value:
        case Decimal():
            return {"$decimal": str(value)}
        case datetime():
            return {"$datetime": value.isoformat()}
        case date():
            return {"$date": value.isoformat()}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode("ascii")}
        case _:
            return value


def _unpack(value: object) -> Value:
    match value:
        case {"$decimal": str(text)}:
            return Decimal(text)
        case {"$datetime": str(text)}:
            return datetime.fromisoformat(text)
        case {"$date": str(text)}:
            return date.fromisoformat(text)
        case {"$bytes": str(text)}:
            return base64.b64decode(text)
        case None | str() | int() | float():
            return value
        case _:
            raise ValueError(f"not a packed value: {value!r}")
