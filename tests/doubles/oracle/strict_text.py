"""What Oracle refuses to parse although sqlglot and PostgreSQL would: symbols, names, words that stand together."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import OracleError
from .tokens import Token, closing, word_set

_LONGEST_NAME = 128

RESERVED = word_set(
    """ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COMMENT COMPRESS CONNECT
    CREATE CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE EXCLUSIVE EXISTS FILE FLOAT FOR FROM
    GRANT GROUP HAVING IDENTIFIED IMMEDIATE IN INCREMENT INDEX INITIAL INSERT INTEGER INTERSECT INTO IS LEVEL
    LIKE LOCK LONG MAXEXTENTS MINUS MLSLABEL MODE MODIFY NOAUDIT NOCOMPRESS NOT NOWAIT NULL NUMBER OF OFFLINE ON
    ONLINE OPTION OR ORDER PCTFREE PRIOR PUBLIC RAW RENAME RESOURCE REVOKE ROW ROWID ROWNUM ROWS SELECT SESSION
    SET SHARE SIZE SMALLINT START SUCCESSFUL SYNONYM SYSDATE TABLE THEN TO TRIGGER UID UNION UNIQUE UPDATE USER
    VALIDATE VALUES VARCHAR VARCHAR2 VIEW WHENEVER WHERE WITH"""
)
_FUNCTIONS = word_set(
    """ABS ADD_MONTHS ASCII AVG CAST CEIL CHR COALESCE CONCAT COUNT CUME_DIST DECODE DENSE_RANK EXTRACT
    FIRST_VALUE FLOOR FROM_TZ GETLENGTH GREATEST HEXTORAW INITCAP INSTR JSON_VALUE LAG LAST_DAY LAST_VALUE LEAD
    LEAST LENGTH LENGTHB LISTAGG LN LOG LOWER LPAD LTRIM MAX MEDIAN MIN MOD MONTHS_BETWEEN NTILE NULLIF
    NUMTODSINTERVAL NUMTOYMINTERVAL NVL NVL2 POWER RANK RAWTOHEX REGEXP_COUNT REGEXP_INSTR REGEXP_LIKE
    REGEXP_REPLACE REGEXP_SUBSTR REPLACE ROUND ROW_NUMBER RPAD RTRIM SIGN SLEEP SQRT STDDEV SUBSTR SUBSTRB SUM
    SYS_CONTEXT SYS_EXTRACT_UTC SYS_GUID TO_CHAR TO_CLOB TO_DATE TO_DSINTERVAL TO_NUMBER TO_TIMESTAMP
    TO_TIMESTAMP_TZ TRANSLATE TREAT TRIM TRUNC UPPER VARIANCE"""
)
_BEFORE_PARENTHESIS = word_set(
    """ALL AND ANY AS BETWEEN BY CHAR CUBE DECIMAL DELETE ELSE EXISTS FETCH FIRST FLOAT FOR FROM GROUP HAVING IN
    INSERT INTERSECT INTO JOIN KEY LIKE MATCHED MINUS NEXT NOT NUMBER NUMERIC NVARCHAR2 OF OFFSET ON OR OVER
    PARTITION PRIOR RAW ROLLUP SELECT SET SETS SOME SECOND DAY THEN TIMESTAMP UNION UPDATE USING VALUES VARCHAR
    VARCHAR2 WHEN WHERE WITHIN CONNECT PIVOT"""
)
_FOREIGN_SYMBOLS = frozenset("%`\\&~[]{};?!") | {"::"}
_CALLABLE = _FUNCTIONS | _BEFORE_PARENTHESIS
_FORBIDDEN: dict[tuple[str, ...], int] = {
    ("INSERT", "OR"): 925,
    ("WITH", "RECURSIVE"): 905,
    ("DISTINCT", "ON"): 936,
    ("FOR", "SHARE"): 905,
    ("FOR", "NO"): 905,
    ("IS", "DISTINCT"): 908,
    ("IS", "NOT", "DISTINCT"): 908,
    ("ON", "CONFLICT"): 933,
    ("FILTER", "("): 923,
    ("EXCEPT",): 933,
    ("ISNULL",): 933,
    ("NOTNULL",): 933,
    ("GLOB",): 920,
    ("ILIKE",): 933,
    **{("AS", kind): 902 for kind in ("TEXT", "BOOLEAN", "BIGINT", "DOUBLE", "TIMESTAMPTZ", "JSON")},
}
_TAKE_TABLES = ("FROM", "JOIN", "UPDATE", "INTO", "USING")


def check_tokens(tokens: Sequence[Token]) -> None:
    for at, token in enumerate(tokens):
        _check_symbol(token, last=at == len(tokens) - 1)
        _check_name(token)
    _check_words(tokens)
    _check_aliases(tokens)
    _check_functions(tokens)


def check_new_name(name: str) -> None:
    """A name that a statement gives to something: a table, a column, an alias."""
    if len(name.encode()) > _LONGEST_NAME:
        raise OracleError(972)
    if name in RESERVED:
        raise OracleError(904, f'"{name}": invalid identifier')


def _check_symbol(token: Token, *, last: bool) -> None:
    if token.kind != "symbol":
        return
    if token.text == ";" and last:
        raise OracleError(933)
    if token.text == "==":
        raise OracleError(936, position=token.start)
    if token.text in _FOREIGN_SYMBOLS:
        raise OracleError(911, position=token.start)


def _check_name(token: Token) -> None:
    if token.kind == "bind" and token.bind_name in RESERVED and '"' not in token.text:
        raise OracleError(1745)
    if token.kind in ("word", "name") and len(token.text.strip('"').encode()) > _LONGEST_NAME:
        raise OracleError(972)


def _check_words(tokens: Sequence[Token]) -> None:
    words = [token.upper for token in tokens]
    for at in range(len(words)):
        for width in (1, 2, 3):
            code = _FORBIDDEN.get(tuple(words[at : at + width]))
            if code and not (width == 1 and at and words[at - 1] in ("AS", ".", ",", "(")):
                raise OracleError(code, position=tokens[at].start)


def _check_aliases(tokens: Sequence[Token]) -> None:
    """`FROM t AS x`: Oracle's tables have their aliases without AS."""
    for at, token in enumerate(tokens):
        if not token.is_word("AS") or at < 2:
            continue
        before = at - 1
        if tokens[before].text == ")":
            opening = next((i for i in range(at) if tokens[i].text == "(" and closing(tokens, i) == before), 0)
            before = opening
        elif at >= 4 and tokens[at - 2].text == ".":
            before = at - 3
        if before and tokens[before - 1].is_word(*_TAKE_TABLES):
            raise OracleError(933, position=token.start)


def _check_functions(tokens: Sequence[Token]) -> None:
    """A function that Oracle has not is an invalid identifier there, whatever PostgreSQL has."""
    for at, token in enumerate(tokens[:-1]):
        if token.kind != "word" or tokens[at + 1].text != "(" or token.upper in _CALLABLE:
            continue
        names_something = at and tokens[at - 1].is_word("INTO", "JOIN", "WITH", "TABLE", "UPDATE", "FROM", "AS")
        end = closing(tokens, at + 1)
        is_column_list = end is not None and end + 1 < len(tokens) and tokens[end + 1].is_word("AS")
        in_package = at and tokens[at - 1].text == "."
        if not (names_something or is_column_list or in_package):
            raise OracleError(904, f'"{token.upper}": invalid identifier', position=token.start)
