"""What Oracle refuses although sqlglot and PostgreSQL would take it, clause by clause: each function is one rule."""

from __future__ import annotations

from sqlglot import exp

from .errors import OracleError, unsupported
from .strict_text import RESERVED

_LONGEST_LIST = 1000
_UNITS = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})


def check_tree(tree: exp.Expr) -> None:
    """Raises Oracle's error for the first rule that the statement breaks."""
    rules = (_booleans, _from_less, _limits, _locks, _lists, _outer_joins, _merges, _writes, _units, _aliases, _groups)
    for rule in rules:
        rule(tree)


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


def _writes(tree: exp.Expr) -> None:
    """Clauses of INSERT, UPDATE and DELETE that other databases have."""
    values = tree.expression if isinstance(tree, exp.Insert) else None
    several = isinstance(values, exp.Values) and len(values.expressions) > 1
    joins = isinstance(tree, exp.Delete) and tree.args.get("using")
    if several or joins or any(tree.args.get(clause) for clause in ("conflict", "returning")):
        raise OracleError(933)
    if isinstance(tree, exp.Update) and any(tree.args.get(clause) for clause in ("from_", "order")):
        raise OracleError(933)
    if isinstance(tree, exp.Values) or any(isinstance(table.this, exp.Values) for table in tree.find_all(exp.From)):
        raise OracleError(903, "invalid table name")


def _units(tree: exp.Expr) -> None:
    """INTERVAL '5' MINUTE, not INTERVAL '5 minutes'; EXTRACT of a field that Oracle has; IS NULL, not IS of a value."""
    for interval in tree.find_all(exp.Interval):
        unit = interval.args.get("unit")
        if unit is None or (isinstance(unit, exp.Var) and unit.name.upper() not in _UNITS):
            raise OracleError(923)
    if any(field.name.upper() not in _UNITS for field in tree.find_all(exp.Extract)):
        raise OracleError(907)
    if any(not isinstance(test.expression, exp.Null | exp.JSON) for test in tree.find_all(exp.Is)):
        raise OracleError(908, "missing NULL keyword")
    if any(tree.find_all(exp.JSONExtract, exp.JSONExtractScalar)):
        raise OracleError(923)


def _aliases(tree: exp.Expr) -> None:
    for alias in tree.find_all(exp.Alias):
        name = alias.args["alias"]
        if not name.args.get("quoted") and name.name.upper() in RESERVED:
            raise OracleError(923)


def _groups(tree: exp.Expr) -> None:
    """GROUP BY takes no alias, and what is selected beside an aggregate is grouped by, a primary key or not."""
    for query in tree.find_all(exp.Select):
        group = query.args.get("group")
        if group is None or not group.expressions:
            continue
        grouped = {_spelled(item) for item in group.expressions}
        for item in query.expressions:
            if isinstance(item, exp.Alias) and item.alias.upper() in grouped and not _mentions(item.this, item.alias):
                raise OracleError(904, f'"{item.alias.upper()}": invalid identifier')
            if not _is_grouped(item.unalias(), grouped):
                raise OracleError(979, "not a GROUP BY expression")


def _is_grouped(item: exp.Expr, grouped: set[str]) -> bool:
    if _spelled(item) in grouped or isinstance(item, exp.AggFunc | exp.Window | exp.Subquery | exp.Star):
        return True
    if isinstance(item, exp.Column):
        return isinstance(item.this, exp.Star)
    return all(_is_grouped(part, grouped) for part in item.iter_expressions())


def _mentions(item: exp.Expr, name: str) -> bool:
    return any(column.name.upper() == name.upper() for column in item.find_all(exp.Column))


def _spelled(item: exp.Expr) -> str:
    """An expression as it is compared: upper case, a column without its table."""
    if isinstance(item, exp.Column):
        return item.name.upper()
    return item.sql("oracle").upper()
