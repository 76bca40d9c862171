"""ALTER TABLE, ALTER SEQUENCE and ALTER TRIGGER."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .columns import declared_type
from .errors import OracleError, unsupported
from .expressions import expression
from .table_items import constraint, table_item
from .tokens import Token, closing, find, named, object_name, postgres_name, quoted, source, split

_STORAGE = (
    "INITRANS",
    "PCTFREE",
    "MOVE",
    "CACHE",
    "NOCACHE",
    "LOGGING",
    "NOLOGGING",
    "PARALLEL",
    "NOPARALLEL",
    "SHRINK",
    "ROW",
    "MODIFY LOB",
)


def alter_table(text: str, tokens: Sequence[Token], schema: str) -> str:
    name, at = object_name(tokens, 2)
    table = postgres_name(named(tokens[at - 1]))
    verb, rest = tokens[at], tokens[at + 1 :]
    if verb.is_word("ADD"):
        return _add(text, rest, name, schema, table)
    if verb.is_word("MODIFY"):
        return "; ".join(_modified(text, item, name, schema, table) for item in _items(rest))
    if verb.is_word("DROP"):
        return _dropped(rest, name)
    if verb.is_word("RENAME"):
        if rest[0].is_word("COLUMN"):
            return f"ALTER TABLE {name} RENAME COLUMN {quoted(rest[1])} TO {quoted(rest[3])}"
        if rest[0].is_word("CONSTRAINT"):
            return f"ALTER TABLE {name} RENAME CONSTRAINT {quoted(rest[1])} TO {quoted(rest[3])}"
        return f"ALTER TABLE {name} RENAME TO {quoted(rest[1])}"
    if verb.is_word("ENABLE", "DISABLE") and rest[0].is_word("ALL"):
        return f"ALTER TABLE {name} {verb.upper} TRIGGER USER"
    if verb.is_word(*_STORAGE):
        return ""
    raise unsupported(f"ALTER TABLE … {verb.text}")


def alter_sequence(text: str, tokens: Sequence[Token], schema: str) -> str:
    name, at = object_name(tokens, 2)
    rest = re.sub(r"\b(NO)?(ORDER|CACHE)\b(\s+\d+)?", "", source(text, tokens[at:]), flags=re.IGNORECASE)
    return f"ALTER SEQUENCE {name} {rest}" if rest.strip() else ""


def _items(tokens: Sequence[Token]) -> list[list[Token]]:
    """One item, or several in parentheses."""
    if tokens and tokens[0].text == "(" and closing(tokens, 0) == len(tokens) - 1:
        return split(tokens[1:-1])
    return [list(tokens)]


def _add(text: str, tokens: Sequence[Token], name: str, schema: str, table: str) -> str:
    before, parts, after = "", [], ""
    for tokens_of_item in _items(tokens):
        item = table_item(text, tokens_of_item, schema, table)
        before += "".join(f"CREATE SEQUENCE {sequence}; " for sequence in item.sequences)
        parts += [f"ADD {part}" for part in item.parts]
        after += "".join(f"; ALTER SEQUENCE {sequence} OWNED BY {name}.{item.column}" for sequence in item.sequences)
    return f"{before}ALTER TABLE {name} {', '.join(parts)}{after}"


def _modified(text: str, tokens: Sequence[Token], name: str, schema: str, table: str) -> str:
    column = quoted(tokens[0])
    rest = tokens[1:]
    actions: list[str] = []
    before = ""
    if rest and not rest[0].is_word("DEFAULT", "NOT", "NULL", "CONSTRAINT"):
        kind, size = declared_type(rest, schema, table, column[1:-1])
        rest = rest[size:]
        before = f"SELECT sys.drop_length_check('{name}', '{column[1:-1]}'); "
        actions.append(f"ALTER {column} TYPE {kind.postgres} USING {column}::{kind.postgres}")
        if kind.check:
            actions.append(f'ADD CONSTRAINT "{kind.check_name}" CHECK ({kind.check})')
    default = find(rest, "DEFAULT")
    if default is not None:
        end = find(rest, "NOT", "CONSTRAINT", start=default + 2) or len(rest)
        actions.append(f"ALTER {column} SET DEFAULT {expression(source(text, rest[default + 1 : end]))}")
        rest = rest[end:]
    if rest and rest[0].is_word("NOT", "NULL"):
        actions.append(f"ALTER {column} {'SET' if rest[0].is_word('NOT') else 'DROP'} NOT NULL")
    elif rest:
        actions.append(f"ADD {constraint(text, rest)}")
    if not actions:
        raise OracleError(905)
    return f"{before}ALTER TABLE {name} {', '.join(actions)}"


def _dropped(tokens: Sequence[Token], name: str) -> str:
    cascade = " CASCADE" if find(tokens, "CASCADE") is not None else ""
    if tokens[0].is_word("COLUMN"):
        return f"ALTER TABLE {name} DROP COLUMN {quoted(tokens[1])}{cascade}"
    if tokens[0].is_word("CONSTRAINT"):
        return f"ALTER TABLE {name} DROP CONSTRAINT {quoted(tokens[1])}{cascade}"
    end = closing(tokens, 0) if tokens[0].text == "(" else None
    if end is None:
        raise unsupported(f"DROP {tokens[0].text}")
    columns = ", ".join(f"DROP COLUMN {quoted(run[0])}" for run in split(tokens[1:end]))
    return f"ALTER TABLE {name} {columns}"
