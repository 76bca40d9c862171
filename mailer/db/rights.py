"""The rights on mailer's own tables that its statements need, read from their text."""

import re
from collections.abc import Collection, Mapping

from mailer.db.statements import Statement

Right = tuple[str, str]
"""A table, and what may be done with it: ('JOB_BATCH', 'UPDATE')."""

_CHANGE = re.compile(r"(?<!FOR )\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+([A-Z][A-Z_]*)\b")
_READ = re.compile(r"\b(?:FROM|JOIN)\s+([A-Z][A-Z_]*)\b")
_LOCK = re.compile(r"\bFOR UPDATE\b")
_VERBS: Mapping[str, tuple[str, ...]] = {
    "INSERT INTO": ("INSERT",),
    "UPDATE": ("UPDATE",),
    "DELETE FROM": ("DELETE",),
    "MERGE INTO": ("INSERT", "UPDATE"),
}
_NOT_OURS = {"DUAL", "ALL_TABLES", "ALL_SYNONYMS", "SET"}


def rights_of(statement: Statement) -> set[Right]:
    """What a user must be granted, beside being their owner, to run the statement."""
    sql = re.sub(r"--[^\n]*", "", statement.sql)
    tables = _READ.findall(sql)
    rights = {(table, "SELECT") for table in tables}
    for verb, table in _CHANGE.findall(sql):
        rights |= {(table, right) for right in ("SELECT", *_VERBS[verb])}  # its WHERE reads it
    if _LOCK.search(sql) and tables:
        rights.add((tables[0], "UPDATE"))
    return {(table, right) for table, right in rights if table not in _NOT_OURS}


def missing_rights(statements: Mapping[str, Statement], refused: Collection[str]) -> dict[str, list[str]]:
    """By table, what only statements that were refused need: as good as what the user lacks."""
    needed: set[Right] = set()
    held: set[Right] = set()
    for name, statement in statements.items():
        rights = rights_of(statement)
        if name in refused:
            needed |= rights
        else:
            held |= rights
    lacking: dict[str, list[str]] = {}
    for table, right in sorted(needed - held):
        lacking.setdefault(table, []).append(right)
    return lacking
