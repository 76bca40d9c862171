"""Columns: how Oracle's declared types are kept in PostgreSQL, and what a result's columns are told to the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg.pq.abc import PGresult

from .errors import OracleError, unsupported
from .tokens import Token, oracle_name, string_literal
from .values import NATIONAL, OracleType

_MOST_BYTES = 4000
_MOST_DIGITS = 38
_PLAIN = {
    "INTEGER": "numeric(38)",
    "INT": "numeric(38)",
    "SMALLINT": "numeric(38)",
    "FLOAT": "numeric",
    "REAL": "numeric",
    "BINARY_DOUBLE": "float8",
    "BINARY_FLOAT": "float4",
    "DATE": "sys.oradate",
    "CLOB": "sys.clob",
    "NCLOB": "sys.nclob",
    "LONG": "sys.clob",
    "BLOB": "bytea",
}


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """A column's type in PostgreSQL, and the check that keeps its length (with the check's name), if it has one."""

    postgres: str
    check_name: str = ""
    check: str = ""


def declared_type(tokens: Sequence[Token], owner: str, table: str, column: str) -> tuple[DeclaredType, int]:
    """The type at the front of a column's definition, and how many tokens it takes. ORA-00902 for what is none."""
    name = tokens[0].upper if tokens else ""
    arguments, size = _arguments(tokens)
    if name in _PLAIN and (not arguments or name in ("FLOAT", "REAL")):
        return DeclaredType(_PLAIN[name]), size
    match name:
        case "VARCHAR2" | "VARCHAR" | "NVARCHAR2" | "RAW":
            return _text(name, arguments, owner, table, column), size
        case "CHAR" | "NCHAR":
            return DeclaredType(f"bpchar({arguments[0].text if arguments else 1})"), size
        case "NUMBER" | "NUMERIC" | "DECIMAL":
            return DeclaredType(_number(name, arguments)), size
        case "TIMESTAMP":
            digits = min(int(arguments[0].text), 6) if arguments else 6
            words = [token.upper for token in tokens[size : size + 4]]
            if words[:3] == ["WITH", "TIME", "ZONE"]:
                return DeclaredType(f"timestamptz({digits})"), size + 3
            if words == ["WITH", "LOCAL", "TIME", "ZONE"]:
                return DeclaredType(f"timestamptz({digits})"), size + 4
            return DeclaredType(f"timestamp({digits})"), size
        case "INTERVAL":
            raise unsupported("columns of INTERVAL")
    raise OracleError(902)


def _arguments(tokens: Sequence[Token]) -> tuple[list[Token], int]:
    if len(tokens) < 2 or tokens[1].text != "(":
        return [], 1
    end = next((at for at, token in enumerate(tokens) if token.text == ")"), len(tokens))
    return [token for token in tokens[2:end] if token.text != ","], end + 1


def _number(name: str, arguments: Sequence[Token]) -> str:
    if not arguments or arguments[0].text == "*":
        return "numeric" if name == "NUMBER" and not arguments else "numeric(38)"
    digits = int(arguments[0].text)
    if not 1 <= digits <= _MOST_DIGITS:
        raise OracleError(1727, "numeric precision specifier is out of range (1 to 38)")
    return f"numeric({digits}, {''.join(token.text for token in arguments[1:]) or 0})"


def _text(name: str, arguments: Sequence[Token], owner: str, table: str, column: str) -> DeclaredType:
    if not arguments:
        raise OracleError(906)
    length = int(arguments[0].text)
    national, raw = name == "NVARCHAR2", name == "RAW"
    if length > (_MOST_BYTES // 2 if national or raw else _MOST_BYTES):
        raise OracleError(910)
    by_char = national or (len(arguments) > 1 and arguments[1].is_word("CHAR"))
    quoted = f'"{column}"'
    measure = f"char_length({quoted}::text)" if by_char else f"octet_length({quoted})"
    fits = f"{measure} <= {length}" + (f" AND octet_length({quoted}::text) <= {_MOST_BYTES}" if by_char else "")
    names = ", ".join(string_literal(oracle_name(part)) for part in (owner, table, column))
    check = f"{fits} OR sys.too_large({names}, {measure}, {length})"
    kind = "sys.nvarchar2" if national else "sys.raw" if raw else "varchar"
    label = "raw" if raw else "nvarchar2" if national else "varchar2"
    return DeclaredType(kind, f"{label}({length} {'char' if by_char else 'byte'}) {column}", check)


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result as it is described to the driver; sizes are in bytes."""

    name: str
    kind: OracleType
    size: int
    precision: int = 0
    scale: int = 0
    characters: int = 0
    character_set_form: int = 0


_INT2, _INT4, _INT8, _BOOL, _TEXT, _NAME, _OID = 21, 23, 20, 16, 25, 19, 26
_FLOAT4, _FLOAT8, _BPCHAR, _VARCHAR, _NUMERIC, _BYTEA, _TID = 700, 701, 1042, 1043, 1700, 17, 27
_DATE, _TIMESTAMP, _TIMESTAMPTZ, _INTERVAL = 1082, 1114, 1184, 1186
_WHOLE = {_INT2: 5, _INT4: 10, _INT8: 19, _BOOL: 1, _OID: 10}
_FIXED = {
    _FLOAT4: (OracleType.BINARY_DOUBLE, 8, 0),
    _FLOAT8: (OracleType.BINARY_DOUBLE, 8, 0),
    _DATE: (OracleType.DATE, 7, 0),
    _TIMESTAMP: (OracleType.TIMESTAMP, 11, 6),
    _TIMESTAMPTZ: (OracleType.TIMESTAMP_TZ, 13, 6),
    _INTERVAL: (OracleType.INTERVAL_DS, 11, 6),
    _BYTEA: (OracleType.BLOB, _MOST_BYTES, 0),
}


@dataclass(frozen=True, slots=True)
class OwnTypes:
    """The numbers that PostgreSQL gave the stand-in's own types; they are the same in every database of a server."""

    oradate: int
    clob: int
    nclob: int
    nvarchar2: int
    raw: int

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> OwnTypes:
        return cls(**{name: numbers[name] for name in cls.__slots__})

    def described(self, result: PGresult) -> list[ResultColumn]:
        return [self._column(result, at) for at in range(result.nfields)]

    def _column(self, result: PGresult, at: int) -> ResultColumn:
        number, modifier = result.ftype(at), result.fmod(at)
        name = oracle_name((result.fname(at) or b"").decode())
        if number in _WHOLE:
            return ResultColumn(name, OracleType.NUMBER, 22, precision=_WHOLE[number])
        if number == _NUMERIC:
            if modifier < 4:
                return ResultColumn(name, OracleType.NUMBER, 22, scale=-127)
            precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
            return ResultColumn(name, OracleType.NUMBER, 22, precision=precision, scale=scale)
        if number in _FIXED:
            kind, size, scale = _FIXED[number]
            return ResultColumn(name, kind, size, scale=scale)
        if number == self.oradate:
            return ResultColumn(name, OracleType.DATE, 7)
        if number == self.raw:
            return ResultColumn(name, OracleType.RAW, 2000)
        if number in (self.clob, self.nclob):
            form = NATIONAL if number == self.nclob else 1
            return ResultColumn(name, OracleType.CLOB, _MOST_BYTES, character_set_form=form)
        kind = OracleType.CHAR if number == _BPCHAR else OracleType.VARCHAR
        characters = modifier - 4 if number in (_BPCHAR, _VARCHAR) and modifier > 4 else _MOST_BYTES
        form = NATIONAL if number == self.nvarchar2 else 1
        return ResultColumn(name, kind, min(characters * 4, 32767), characters=characters, character_set_form=form)
