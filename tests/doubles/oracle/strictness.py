"""What Oracle refuses although sqlglot and PostgreSQL would take it: each check is one rule, with Oracle's number.

Where the shape of the text matters the tokens are looked at, where its meaning matters the parsed tree.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from .errors import OracleError, unsupported
from .tokens import Token, closing, word_set

_LONGEST_NAME = 128
_LONGEST_LIST = 1000

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
_TAKE_TABLES = ("FROM", "JOIN", "UPDATE", "INTO", "USING")


def check_tokens(tokens: Sequence[Token]) -> None:
    for at, token in enumerate(tokens):
        _check_symbol(token, last=at == len(tokens) - 1)
        _check_name(token)
    _check_aliases(tokens)
    _check_functions(tokens)


def check_tree(tree: exp.Expr) -> None:
    for check in (_booleans, _from_less, _limits, _locks, _lists, _outer_joins, _merges, _foreign_clauses):
        check(tree)


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
        if token.kind != "word" or tokens[at + 1].text != "(" or token.upper in _FUNCTIONS | _BEFORE_PARENTHESIS:
            continue
        names_something = at and tokens[at - 1].is_word("INTO", "JOIN", "WITH", "TABLE", "UPDATE", "FROM", "AS")
        end = closing(tokens, at + 1)
        is_column_list = end is not None and end + 1 < len(tokens) and tokens[end + 1].is_word("AS")
        in_package = at and tokens[at - 1].text == "."
        if not (names_something or is_column_list or in_package):
            raise OracleError(904, f'"{token.upper}": invalid identifier', position=token.start)


def _booleans(tree: exp.Expr) -> None:
    if any(tree.find_all(exp.Boolean)):
        raise OracleError(904, '"TRUE": invalid identifier')
    for select in tree.find_all(exp.Select):
        for item in select.expressions:
            if isinstance(item.unalias(), exp.Predicate | exp.Connector | exp.Not):
                raise OracleError(923)
    for where in tree.find_all(exp.Where):
        if isinstance(where.this.unnest(), exp.Column | exp.Literal | exp.Placeholder):
            raise OracleError(920, "invalid relational operator")


def _from_less(tree: exp.Expr) -> None:
    for select in tree.find_all(exp.Select):
        if not select.args.get("from_"):
            raise OracleError(923)


def _limits(tree: exp.Expr) -> None:
    if any(tree.find_all(exp.Limit)):
        raise OracleError(933)


def _locks(tree: exp.Expr) -> None:
    for lock in tree.find_all(exp.Lock):
        query = lock.parent
        if not isinstance(query, exp.Select):
            raise OracleError(933)
        grouped = any(query.args.get(part) for part in ("distinct", "group", "having", "limit", "offset"))
        aggregates = any(
            aggregate.parent_select is query and not aggregate.find_ancestor(exp.Window)
            for item in query.expressions
            for aggregate in item.find_all(exp.AggFunc)
        )
        if isinstance(query.parent, exp.SetOperation):
            raise OracleError(1786)
        if grouped or aggregates or query.parent:
            raise OracleError(2014)


def _lists(tree: exp.Expr) -> None:
    if any(len(listed.expressions) > _LONGEST_LIST for listed in tree.find_all(exp.In)):
        raise OracleError(1795)


def _outer_joins(tree: exp.Expr) -> None:
    if any(column.args.get("join_mark") for column in tree.find_all(exp.Column)):
        raise unsupported("outer joins by (+)")


def _merges(tree: exp.Expr) -> None:
    if not isinstance(tree, exp.Merge):
        return
    if not isinstance(tree.args["on"], exp.Paren):
        raise OracleError(906)
    joined = {column.name.upper() for column in tree.args["on"].find_all(exp.Column) if _is_of_target(column, tree)}
    for update in tree.find_all(exp.Update):
        for setting in update.expressions:
            if isinstance(setting.this, exp.Column) and setting.this.name.upper() in joined:
                raise OracleError(38104)


def _is_of_target(column: exp.Column, merge: exp.Merge) -> bool:
    return not column.table or column.table.upper() == merge.this.alias_or_name.upper()


def _foreign_clauses(tree: exp.Expr) -> None:
    if isinstance(tree, exp.Insert):
        values = tree.expression
        if (isinstance(values, exp.Values) and len(values.expressions) > 1) or tree.args.get("conflict"):
            raise OracleError(933)
    if (isinstance(tree, exp.Update) and tree.args.get("from_")) or any(tree.find_all(exp.ILike, exp.Returning)):
        raise OracleError(933)
