"""Oracle's errors: their numbers and texts, and which of PostgreSQL's each one stands for."""

from __future__ import annotations

import re

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

CANCELLED = 1013
_APPLICATION_ERROR_CLASS = "OA"

_TEXTS = {
    54: "resource busy and acquire with NOWAIT specified or timeout expired",
    60: "deadlock detected while waiting for resource",
    900: "invalid SQL statement",
    902: "invalid datatype",
    904: "invalid identifier",
    905: "missing keyword",
    911: "invalid character",
    922: "missing or invalid option",
    906: "missing left parenthesis",
    907: "missing right parenthesis",
    910: "specified length too long for its datatype",
    923: "FROM keyword not found where expected",
    925: "missing INTO keyword",
    932: "inconsistent datatypes",
    933: "SQL command not properly ended",
    936: "missing expression",
    942: "table or view does not exist",
    955: "name is already used by an existing object",
    972: "identifier is too long",
    1001: "invalid cursor",
    1002: "fetch out of sequence",
    1008: "not all variables bound",
    CANCELLED: "user requested cancel of current operation",
    1017: "invalid username/password; logon denied",
    1031: "insufficient privileges",
    1036: "illegal variable name/number",
    1403: "no data found",
    1408: "such column list already indexed",
    1418: "specified index does not exist",
    1427: "single-row subquery returns more than one row",
    1430: "column being added already exists in table",
    1438: "value larger than specified precision allowed for this column",
    1442: "column to be modified to NOT NULL is already NOT NULL",
    1453: "SET TRANSACTION must be first statement of transaction",
    1456: "may not perform insert, delete, update operation inside a READ ONLY transaction",
    1476: "divisor is equal to zero",
    1722: "invalid number",
    1745: "invalid host/bind variable name",
    1786: "FOR UPDATE of this query expression is not allowed",
    1795: "maximum number of expressions in a list is 1000",
    1841: "(full) year must be between -4713 and +9999, and not be 0",
    1861: "literal does not match format string",
    2014: "cannot select FOR UPDATE from view with DISTINCT, GROUP BY, etc.",
    2260: "table can have only one primary key",
    2261: "such unique or primary key already exists in the table",
    2264: "name already used by an existing constraint",
    2275: "such a referential constraint already exists in the table",
    2289: "sequence does not exist",
    2443: "Cannot drop constraint  - nonexistent constraint",
    4080: "trigger does not exist",
    8177: "can't serialize access for this transaction",
    22922: "nonexistent LOB value",
    24381: "error(s) in array DML",
    28000: "The account is locked.",
    28001: "the password has expired",
    30006: "resource busy; acquire with WAIT timeout expired",
    30926: "unable to get a stable set of rows in the source tables",
    32795: "cannot insert into a generated always identity column",
    38104: "Columns referenced in the ON Clause cannot be updated",
    54001: "feature is not supported by the stand-in",
}

_BY_SQLSTATE = {
    "08006": 3113, "0A000": 54001, "21000": 30926, "21P02": 1427, "22001": 12899, "22003": 1438, "22007": 1861,
    "22008": 1841, "22012": 1476, "22P02": 1722, "25006": 1456, "2BP01": 2449, "34000": 1002, "3F000": 1435,
    "40001": 8177, "40P01": 60, "42501": 1031, "42601": 900, "42622": 972, "42701": 1430, "42703": 904, "42704": 4043,
    "42710": 955, "42712": 918, "42702": 918, "42723": 955, "42803": 979, "42804": 932, "42883": 904, "428C9": 32795,
    "42P01": 942, "42P02": 1008, "42P07": 955, "42P16": 2260, "42P18": 932, "42P22": 932,
    "55000": 8002, "55P03": 54, "57014": CANCELLED,
}  # fmt: skip


class OracleError(Exception):
    """An answer that begins with ORA-nnnnn. `sqlstate` is PostgreSQL's, where the error was PostgreSQL's.

    `denied` is the table that the user has no right to do this with, `parameter` the number of a `$n` of unclear type.
    """

    def __init__(self, number: int, text: str | None = None, *, sqlstate: str = "", position: int = 0) -> None:
        self.number = number
        self.sqlstate = sqlstate
        self.position = position
        self.denied = ""
        self.parameter = 0
        super().__init__(f"ORA-{number:05d}: {text or _TEXTS.get(number, 'error')}")


def unsupported(what: str) -> OracleError:
    """What the stand-in can't do is said as such, under a number that no test can mistake for Oracle's answer."""
    return OracleError(54001, f"the stand-in does not know {what}")


def from_postgres(result: PGresult) -> OracleError:
    def field(which: DiagnosticField) -> str:
        return (result.error_field(which) or b"").decode()

    state, message = field(DiagnosticField.SQLSTATE), field(DiagnosticField.MESSAGE_PRIMARY)
    schema, table, column, constraint = (
        field(which).upper()
        for which in (
            DiagnosticField.SCHEMA_NAME,
            DiagnosticField.TABLE_NAME,
            DiagnosticField.COLUMN_NAME,
            DiagnosticField.CONSTRAINT_NAME,
        )
    )
    named = f"{schema}.{constraint}"
    match state:
        case "23505" if schema == "PG_CATALOG":  # two made an object of one name at the same moment
            number, text = 955, _TEXTS[955]
        case "23505":
            number, text = 1, f"unique constraint ({named}) violated"
        case "23502":
            number, text = 1400, f'cannot insert NULL into ("{schema}"."{table}"."{column}")'
        case "23503" if "still referenced" in field(DiagnosticField.MESSAGE_DETAIL):
            number, text = 2292, f"integrity constraint ({named}) violated - child record found"
        case "23503":
            number, text = 2291, f"integrity constraint ({named}) violated - parent key not found"
        case "23514":
            number, text = 2290, f"check constraint ({named}) violated"
        case "22001":
            number, text = 12899, message
        case _ if state.startswith(_APPLICATION_ERROR_CLASS):
            number, text = 20000 + int(state[2:]), message
        case _:
            number = _number_of(state, message)
            text = _said(number, message)
    error = OracleError(number, text, sqlstate=state)
    denied = re.fullmatch(r"permission denied for (?:table|view|sequence) (.+)", message)
    error.denied = denied[1] if denied else ""
    unclear = re.search(r"parameter \$(\d+)", message)
    error.parameter = int(unclear[1]) if unclear else 0
    return error


def application_sqlstate(number: int) -> str:
    """The SQLSTATE by which a trigger's RAISE_APPLICATION_ERROR(-20000 … -20999) travels through PostgreSQL."""
    return f"{_APPLICATION_ERROR_CLASS}{-number - 20000:03d}"


def _number_of(state: str, message: str) -> int:
    if state in ("42804", "42883") and re.search(r"(timestamp|oradate).* text$|text .*(timestamp|oradate)", message):
        return 1861
    if state == "42883" and "operator" in message:
        return 932
    if state == "21000" and "subquery" in message:
        return 1427
    if state in ("42704", "42P01"):
        return _MISSING.get(message.split(maxsplit=1)[0], 942)
    if state == "42883" and '"trigger ' in message:
        return 4080
    if state == "42P16" and "primary key" not in message:
        return 955
    return _BY_SQLSTATE.get(state, 54001)


_MISSING = {"index": 1418, "constraint": 2443, "sequence": 2289, "type": 902, "role": 1917}


def _said(number: int, message: str) -> str:
    text = _TEXTS.get(number)
    if number == 904:
        name = re.search(r'column "?([^"]+?)"? (?:of|does)', message) or re.search(r"function ([\w.]+)\(", message)
        return f'"{name[1].upper()}": invalid identifier' if name else f"{message}: invalid identifier"
    return f"{text} [PostgreSQL: {message}]" if text and number not in _PLAIN else text or message


_PLAIN = {54, 60, 942, 1031, CANCELLED, 1403, 8177}
