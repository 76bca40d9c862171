"""Between a variable of the driver and a parameter or a field of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .columns import OwnTypes, ResultColumn
from .errors import OracleError
from .lobs import Lobs
from .requests import Variable
from .streams import Row
from .values import (
    LOBS,
    MOMENTS,
    NATIONAL,
    NUMBERS,
    TEXTS,
    OracleType,
    decode_bytes,
    decode_double,
    decode_interval,
    decode_moment,
    decode_number,
    decode_text,
    encode_bytes,
    encode_double,
    encode_interval,
    encode_moment,
    encode_number,
    encode_text,
)
from .wire import data

UNKNOWN, TEXT = 0, 25
_INT8, _NUMERIC, _BYTEA, _FLOAT8, _TIMESTAMP, _TIMESTAMPTZ, _INTERVAL = 20, 1700, 17, 701, 1114, 1184, 1186
_INLINE = frozenset({OracleType.LONG, OracleType.LONG_RAW})
_NULL = b"\0"
_INLINE_NULL = b"\0\0\0"
Encoder = Callable[[bytes | None], bytes]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The rows of an execution as PostgreSQL takes them, with one type for each column of binds."""

    rows: tuple[Row, ...]
    types: tuple[int, ...]


def parameters(rows: Sequence[Sequence[tuple[bytes | None, int]]]) -> Parameters:
    """One type for each column: whole and other numbers meet in numeric, and NULL takes its neighbours' type."""
    width = len(rows[0]) if rows else 0
    types = []
    for at in range(width):
        met = {row[at][1] for row in rows} - {UNKNOWN}
        types.append(met.pop() if len(met) == 1 else _NUMERIC if met == {_INT8, _NUMERIC} else UNKNOWN)
    return Parameters(tuple([value for value, _ in row] for row in rows), tuple(types))


class Conversions:
    def __init__(self, types: OwnTypes, lobs: Lobs) -> None:
        self._types = types
        self._lobs = lobs

    def parameter(self, variable: Variable, wire: bytes | None) -> tuple[bytes | None, int]:
        """A bind's value as PostgreSQL's text, and its type; a NULL text has none, for it may stand for anything."""
        if variable.is_array:
            raise OracleError(3115, "the stand-in takes no PL/SQL arrays")
        kind = variable.kind
        if wire is None:
            return None, _NUMERIC if kind in NUMBERS else self._moment_type(kind) if kind in MOMENTS else UNKNOWN
        if kind in NUMBERS:
            text = decode_number(wire)
            return text.encode(), _INT8 if "." not in text and len(text) < 19 else _NUMERIC
        if kind in TEXTS:
            return decode_text(wire, variable.character_set_form), TEXT
        if kind in MOMENTS:
            return decode_moment(wire).encode(), self._moment_type(kind)
        if kind in LOBS:
            content = self._lobs.content(wire)
            if not content:
                return None, UNKNOWN
            return (content.encode(), TEXT) if isinstance(content, str) else (encode_bytes(content), _BYTEA)
        return _other_parameter(kind, wire)

    def encoder(self, column: ResultColumn, define: Variable | None) -> Encoder:
        """How this column's values go out; a define says that a LOB is wanted in the row itself."""
        if column.kind not in LOBS:
            convert = _converter(column.kind, column.character_set_form)
            return lambda value: _NULL if value is None else data(convert(value))
        inline = define is not None and define.kind in _INLINE
        return self._inline_lob(column) if inline else self._lob(column)

    def out(self, variable: Variable, value: bytes | None) -> bytes:
        """A value for an out bind, in the type that the bind was declared with."""
        if value is None:
            return _NULL
        if variable.kind in LOBS:
            binary = variable.kind == OracleType.BLOB
            national = variable.character_set_form == NATIONAL
            return self._lobs.in_row(decode_bytes(value) if binary else value.decode(), national=national)
        return data(_converter(variable.kind, variable.character_set_form)(value))

    def _moment_type(self, kind: int) -> int:
        if kind == OracleType.DATE:
            return self._types.oradate
        return _TIMESTAMP if kind == OracleType.TIMESTAMP else _TIMESTAMPTZ

    def _lob(self, column: ResultColumn) -> Encoder:
        national = column.character_set_form == NATIONAL
        if column.kind == OracleType.BLOB:
            return lambda value: _NULL if value is None else self._lobs.in_row(decode_bytes(value))
        return lambda value: _NULL if value is None else self._lobs.in_row(value.decode(), national=national)

    def _inline_lob(self, column: ResultColumn) -> Encoder:
        if column.kind == OracleType.BLOB:
            return lambda value: _INLINE_NULL if value is None else data(decode_bytes(value)) + b"\0\0"
        form = column.character_set_form
        return lambda value: _INLINE_NULL if value is None else data(encode_text(value, form)) + b"\0\0"


def _other_parameter(kind: int, wire: bytes) -> tuple[bytes, int]:
    match kind:
        case OracleType.BINARY_FLOAT | OracleType.BINARY_DOUBLE:
            return decode_double(wire).encode(), _FLOAT8
        case OracleType.RAW | OracleType.LONG_RAW:
            return encode_bytes(wire), _BYTEA
        case OracleType.INTERVAL_DS:
            return decode_interval(wire).encode(), _INTERVAL
        case OracleType.BOOLEAN:
            return (b"1" if wire[-1] else b"0"), _INT8
    raise OracleError(3115, f"unsupported network datatype or representation ({kind})")


def _converter(kind: int, form: int) -> Callable[[bytes], bytes]:
    if kind in NUMBERS:
        return encode_number
    if kind in MOMENTS:
        return lambda value: encode_moment(value, kind)
    match kind:
        case OracleType.BINARY_FLOAT | OracleType.BINARY_DOUBLE:
            return encode_double
        case OracleType.RAW | OracleType.LONG_RAW:
            return decode_bytes
        case OracleType.INTERVAL_DS:
            return encode_interval
    return lambda value: encode_text(value, form)
