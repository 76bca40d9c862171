"""A parsed Oracle statement made into PostgreSQL's: one small rule for each construct that differs in meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from .errors import unsupported
from .tokens import postgres_name, word_set

_PSEUDO_COLUMNS = {
    "SYSDATE": "sys.sysdate",
    "SYSTIMESTAMP": "sys.systimestamp",
    "CURRENT_DATE": "sys.current_date_in_zone",
    "USER": "sys.current_user_name",
}
_OF_POSTGRES = word_set(
    """ABS ASCII AVG CEIL CHR COALESCE COUNT CUME_DIST DENSE_RANK FIRST_VALUE FLOOR GENERATE_SERIES GREATEST
    INITCAP LAG LAST_VALUE LEAD LEAST LENGTH LN LOG LOWER LPAD MAX MIN NTILE POWER RANK REGEXP_COUNT REGEXP_INSTR
    REGEXP_REPLACE REGEXP_SUBSTR ROUND ROW_NUMBER RPAD SIGN SQRT STDDEV SUM TRUNC UPPER VARIANCE"""
)
_OWN_TYPES = {"DATE": "sys.oradate", "TEXT": "sys.clob", "CLOB": "sys.clob", "NCLOB": "sys.nclob", "RAW": "sys.raw"}
_TRIMS = {"LEADING": "sys.ltrim", "TRAILING": "sys.rtrim"}


def rewritten(tree: exp.Expr, parameters: Mapping[int, int]) -> str:
    """The same statement in PostgreSQL's SQL; `parameters` says which `$n` the n-th bind of the text becomes."""
    for statement in list(tree.find_all(exp.Select, exp.Update, exp.Delete)):
        _numbered_rows(statement)
    for query in list(tree.find_all(exp.Select)):
        _level_generator(query)
        _locked_tables(query)
    for node in reversed(list(tree.walk())):  # children before their parents: a rule finds its arguments rewritten
        rule = _RULES.get(type(node))
        new = rule(node) if rule else node
        if new is not node:
            node.replace(new)
    for name in list(tree.find_all(exp.Identifier)):
        _spell(name)
    for bind in list(tree.find_all(exp.Placeholder)):
        bind.replace(exp.Parameter(this=exp.Literal.number(parameters[int(bind.name[1:])])))
    return tree.sql("postgres", comments=False)


def _call(name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[argument for argument in arguments if argument is not None])


def _now(node: exp.Expr) -> exp.Expr:
    return _call("sys.sysdate" if node.args.get("sysdate") else "sys.systimestamp")


def _column(node: exp.Expr) -> exp.Expr:
    name, table = node.name.upper(), node.args.get("table")
    if name in ("NEXTVAL", "CURRVAL") and table is not None:
        return _call(name.lower(), exp.Literal.string(f'"{postgres_name(table.name.upper())}"'))
    if name == "ROWID":
        return exp.column("CTID", table=table)
    if table is not None or isinstance(node.this, exp.Star) or node.this.args.get("quoted"):
        return node
    if name == "DEFAULT":
        return exp.var("DEFAULT")
    if name == "ROWNUM":
        return exp.Window(this=exp.RowNumber())
    return _call(_PSEUDO_COLUMNS[name]) if name in _PSEUDO_COLUMNS else node


def _function(node: exp.Expr) -> exp.Expr:
    name = node.name.upper()
    if name in _OF_POSTGRES or isinstance(node.parent, exp.Dot):
        return node
    if name == "TO_CHAR" and len(node.expressions) > 1:
        return node
    return _call(f"sys.{name.lower()}", *node.expressions)


def _cast(node: exp.Expr) -> exp.Expr:
    kind = node.args["to"]
    name = kind.this.name if isinstance(kind.this, exp.DType) else str(kind.this).upper()
    if name in _OWN_TYPES:
        node.set("to", exp.DataType.build(_OWN_TYPES[name], udt=True))
    elif name == "VARCHAR":
        for parameter in kind.expressions:
            parameter.set("expression", None)  # VARCHAR2(5 CHAR)
    return node


def _string(node: exp.Expr) -> exp.Expr:
    empty = node.this == "" and node.args.get("is_string") and not isinstance(node.parent, exp.Interval)
    return exp.Null() if empty else node


def _division(node: exp.Expr) -> exp.Expr:
    if node.args.get("typed"):
        return node
    return exp.Div(this=exp.cast(node.this, "numeric", dialect="postgres"), expression=node.expression, typed=True)


def _joined(node: exp.Expr) -> exp.Expr:
    return _call("sys.joined", *(_call("sys.to_char", part) for part in (node.this, node.expression)))


def _extreme(node: exp.Expr) -> exp.Expr:
    """GREATEST and LEAST of what holds a NULL are NULL; PostgreSQL leaves the NULLs out."""
    arguments = [node.this, *node.expressions]
    empty = exp.or_(*(exp.Is(this=argument.copy(), expression=exp.Null()) for argument in arguments))
    return exp.Case(ifs=[exp.If(this=empty, true=exp.Null())], default=node.copy())


def _listagg(node: exp.Expr) -> exp.Expr:
    order = node.this if isinstance(node.this, exp.Order) else None
    (order or node).set("this", _call("sys.to_char", order.this if order else node.this))
    return node


def _trim(node: exp.Expr) -> exp.Expr:
    return _call(_TRIMS.get(str(node.args.get("position")), "sys.btrim"), node.this, node.args.get("expression"))


def _json_value(node: exp.Expr) -> exp.Expr:
    return _call("sys.json_value", node.this, exp.Literal.string(node.args["path"].sql("oracle").strip("'")))


def _date_literal(node: exp.Expr) -> exp.Expr:
    return exp.Cast(this=node.this, to=exp.DataType.build("sys.oradate", udt=True))


def _timestamp_literal(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.this, "timestamp", dialect="postgres")


def _update(node: exp.Expr) -> exp.Expr:
    for setting in node.expressions:
        target = setting.this
        for column in target.expressions if isinstance(target, exp.Tuple | exp.Schema) else [target]:
            if isinstance(column, exp.Column):
                column.set("table", None)
    return node


def _table(node: exp.Expr) -> exp.Expr:
    node.set("partition", None)
    return node


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.CurrentTimestamp: _now,
    exp.Systimestamp: _now,
    exp.CurrentDate: lambda _: _call("sys.current_date_in_zone"),
    exp.Localtimestamp: lambda _: exp.cast(_call("sys.systimestamp"), "timestamp", dialect="postgres"),
    exp.Column: _column,
    exp.Anonymous: _function,
    exp.Cast: _cast,
    exp.Literal: _string,
    exp.Div: _division,
    exp.DPipe: _joined,
    exp.Greatest: _extreme,
    exp.Least: _extreme,
    exp.GroupConcat: _listagg,
    exp.Trim: _trim,
    exp.JSONValue: _json_value,
    exp.DateStrToDate: _date_literal,
    exp.StrToTime: _timestamp_literal,
    exp.Update: _update,
    exp.Table: _table,
}


def _spell(identifier: exp.Identifier) -> None:
    if not isinstance(identifier.parent, exp.Dot):
        name = identifier.this if identifier.args.get("quoted") else identifier.this.upper()
        identifier.set("this", postgres_name(name))
        identifier.set("quoted", True)


def _numbered_rows(query: exp.Expr) -> None:
    """`ROWNUM <= n` counts rows before ORDER BY, locks and writes: so the limit goes into a query below them."""
    limit, rest = _row_limit(query)
    if limit is None:
        return
    if isinstance(query, exp.Select) and not query.args.get("order") and not query.args.get("locks"):
        query.set("where", rest)
        query.set("limit", limit)
        return
    table = query.args["from_"].this if isinstance(query, exp.Select) else query.this
    if not isinstance(table, exp.Table) or query.args.get("joins"):
        raise unsupported("ROWNUM beside ORDER BY or FOR UPDATE over several tables")
    row = exp.column("CTID", table=table.alias_or_name)
    below = exp.Select(expressions=[row.copy()], from_=exp.From(this=table.copy()), where=rest, limit=limit)
    query.set("where", exp.Where(this=exp.In(this=row, query=exp.Subquery(this=below))))


def _row_limit(query: exp.Expr) -> tuple[exp.Limit | None, exp.Where | None]:
    """The limit that a condition on ROWNUM means, and the other conditions."""
    where = query.args.get("where")
    conditions = (
        list(where.this.flatten()) if where and isinstance(where.this, exp.And) else [where.this] if where else []
    )
    limits = [condition for condition in conditions if _is_rownum(condition.this)]
    if not limits:
        return None, None
    if len(limits) > 1 or not isinstance(limits[0], exp.LT | exp.LTE):
        raise unsupported("ROWNUM in this form")
    most = limits[0].expression.copy()
    if isinstance(limits[0], exp.LT):
        most = exp.Sub(this=most, expression=exp.Literal.number(1))
    others = [condition.copy() for condition in conditions if condition is not limits[0]]
    return exp.Limit(expression=most), exp.Where(this=exp.and_(*others)) if others else None


def _is_rownum(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Column) and node.name.upper() == "ROWNUM"


def _level_generator(query: exp.Select) -> None:
    """`FROM DUAL CONNECT BY LEVEL <= n` is Oracle's way to make n rows."""
    connect = query.args.get("connect")
    if connect is None:
        return
    condition = connect.args["connect"]
    if not isinstance(condition, exp.LTE) or condition.this.name.upper() != "LEVEL" or connect.args.get("start"):
        raise unsupported("CONNECT BY but for LEVEL <= n")
    count = exp.cast(condition.expression, "int", dialect="postgres")
    series = exp.Anonymous(this="generate_series", expressions=[exp.Literal.number(1), count])
    alias = exp.TableAlias(this=exp.to_identifier("GENERATED"), columns=[exp.to_identifier("LEVEL")])
    query.set("connect", None)
    query.set("from_", exp.From(this=exp.Table(this=series, alias=alias)))


def _locked_tables(query: exp.Select) -> None:
    """FOR UPDATE OF names columns in Oracle, tables in PostgreSQL; how long to wait is a setting there."""
    for lock in query.args.get("locks") or ():
        tables = {item.args["db"].name for item in lock.expressions if item.args.get("db")}
        lock.set("expressions", [exp.to_table(name) for name in sorted(tables)])
        if isinstance(lock.args.get("wait"), exp.Literal):
            lock.set("wait", None)
