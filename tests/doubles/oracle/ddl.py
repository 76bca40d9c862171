"""Oracle's DDL made into PostgreSQL's, by its tokens: sqlglot knows too little of it. Storage clauses are left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .alterations import alter_sequence, alter_table
from .errors import OracleError, unsupported
from .expressions import expression
from .statements import translated
from .table_items import table_item, written
from .tokens import Token, closing, find, named, object_name, postgres_name, quoted, source, split, tokenize, word_set
from .triggers import drop_trigger_script, trigger_script

_STORAGE = word_set(
    """INITRANS PCTFREE PCTUSED MAXTRANS TABLESPACE LOGGING NOLOGGING STORAGE LOB PARTITION ROW ORGANIZATION
    COMPRESS NOCOMPRESS CACHE NOCACHE MONITORING PARALLEL NOPARALLEL ENABLE DISABLE SEGMENT ONLINE LOCAL REVERSE
    INVISIBLE VISIBLE USING INMEMORY COMPUTE"""
)
Tokens = Sequence[Token]


def translated_ddl(text: str, schema: str) -> str:
    """One statement's script for PostgreSQL; "" if there is nothing to do. `schema` is PostgreSQL's name of it."""
    tokens = tokenize(text)
    words = [token.upper for token in tokens if not token.is_word("EDITIONABLE", "FORCE")]
    if words[1:3] == ["OR", "REPLACE"]:
        words = words[:1] + words[3:]
    if words[0] == "CREATE" and words[1] in ("PROCEDURE", "FUNCTION", "PACKAGE", "TYPE"):
        raise unsupported(f"CREATE {words[1]}")
    if words[:2] == ["CREATE", "TRIGGER"]:
        return trigger_script(text, schema)
    if tokens[-1].text in (";", "/"):
        raise OracleError(911 if tokens[-1].text == ";" else 933)
    for shape, translate in _STATEMENTS:
        if tuple(words[: len(shape)]) == shape:
            return translate(text, tokens, schema)
    raise unsupported(f"DDL like {text[:40]!r}")


def _create_table(text: str, tokens: Tokens, schema: str) -> str:
    name, at = object_name(tokens, 2)
    if at < len(tokens) and tokens[at].is_word("AS"):
        return f"CREATE TABLE {name} AS {translated(source(text, tokens[at + 1 :])).postgres}"
    end = closing(tokens, at) if at < len(tokens) and tokens[at].text == "(" else None
    if end is None:
        raise OracleError(922)
    _storage_only(tokens[end + 1 :])
    table = postgres_name(named(tokens[at - 1]))
    columns = [table_item(text, item, schema, table) for item in split(tokens[at + 1 : end])]
    before = "".join(f"CREATE SEQUENCE {sequence}; " for item in columns for sequence in item.sequences)
    after = "".join(
        f"; ALTER SEQUENCE {sequence} OWNED BY {name}.{item.column}" for item in columns for sequence in item.sequences
    )
    return f"{before}CREATE TABLE {name} ({', '.join(part for item in columns for part in item.parts)}){after}"


def _create_index(text: str, tokens: Tokens, schema: str) -> str:
    unique = tokens[1].is_word("UNIQUE")
    index, at = object_name(tokens, 3 if unique else 2)
    table, opening = object_name(tokens, at + 1)
    end = closing(tokens, opening)
    if not tokens[at].is_word("ON") or end is None:
        raise OracleError(969, "missing ON keyword")
    _storage_only(tokens[end + 1 :])
    items = [_indexed(text, item) for item in split(tokens[opening + 1 : end])]
    nulls = ""
    if unique and len(items) > 1:  # (7, NULL) is a duplicate in Oracle, (NULL, NULL) is not in the index
        nothing = " AND ".join(f"{item.removesuffix(' DESC')} IS NULL" for item in items)
        nulls = f" NULLS NOT DISTINCT WHERE NOT ({nothing})"
    return (
        f"CREATE {'UNIQUE ' if unique else ''}INDEX {index.rpartition('.')[2]} ON {table} ({', '.join(items)}){nulls}"
    )


def _indexed(text: str, tokens: Tokens) -> str:
    descends = tokens[-1].is_word("DESC")
    inner = tokens[:-1] if tokens[-1].is_word("ASC", "DESC") else tokens
    column = (
        quoted(inner[0]) if len(inner) == 1 and inner[0].kind != "number" else f"({expression(source(text, inner))})"
    )
    return column + (" DESC" if descends else "")


def _storage_only(tokens: Tokens) -> None:
    if tokens and not tokens[0].is_word(*_STORAGE):
        raise OracleError(922)


def _drop(text: str, tokens: Tokens, schema: str) -> str:
    name, at = object_name(tokens, 2)
    if tokens[1].is_word("TRIGGER"):
        return drop_trigger_script(tokens[at - 1])
    cascade = " CASCADE" if find(tokens, "CASCADE", start=at) is not None else ""
    return f"DROP {tokens[1].upper} {name}{cascade}"


def _create_view(text: str, tokens: Tokens, schema: str) -> str:
    view, as_ = find(tokens, "VIEW"), find(tokens, "AS")
    if view is None or as_ is None:
        raise OracleError(905)
    name, at = object_name(tokens, view + 1)
    columns = written(tokens[at:as_])
    return f"CREATE OR REPLACE VIEW {name} {columns} AS {translated(source(text, tokens[as_ + 1 :])).postgres}"


def _create_sequence(text: str, tokens: Tokens, schema: str) -> str:
    name, at = object_name(tokens, 2)
    rest = re.sub(r"\b(NO)?(ORDER|CACHE|KEEP|SCALE)\b(\s+\d+)?", "", source(text, tokens[at:]), flags=re.IGNORECASE)
    rest = re.sub(r"\bNO(MINVALUE|MAXVALUE|CYCLE)\b", r"NO \1", rest, flags=re.IGNORECASE)
    return f"CREATE SEQUENCE {name} {rest}"


def _create_synonym(text: str, tokens: Tokens, schema: str) -> str:
    at = find(tokens, "SYNONYM") or 0
    name, after = object_name(tokens, at + 1)
    target, _ = object_name(tokens, after + 1)
    return f"CREATE OR REPLACE VIEW {name} WITH (security_invoker = true) AS SELECT * FROM {target}"


def _grant(text: str, tokens: Tokens, schema: str) -> str:
    on = find(tokens, "ON")
    if on is None:
        return ""  # a system privilege: the stand-in has none
    privileges = source(text, tokens[1:on]).upper().replace("READ", "SELECT")
    name, at = object_name(tokens, on + 1)
    users = ", ".join(
        "PUBLIC" if token.is_word("PUBLIC") else quoted(token) for token in tokens[at + 1 :] if token.kind != "symbol"
    )
    return f"{tokens[0].upper} {privileges} ON {name} {tokens[at].upper} {users}"


def _comment(text: str, tokens: Tokens, schema: str) -> str:
    is_ = find(tokens, "IS")
    if is_ is None:
        raise OracleError(905)
    return f"COMMENT ON {tokens[2].upper} {written(tokens[3:is_])} IS {tokens[is_ + 1].text}"


def _truncate(text: str, tokens: Tokens, schema: str) -> str:
    return f"TRUNCATE TABLE {object_name(tokens, 2)[0]}"


def _nothing(text: str, tokens: Tokens, schema: str) -> str:
    return ""


_Translate = Callable[[str, Tokens, str], str]
_STATEMENTS: list[tuple[tuple[str, ...], _Translate]] = [
    (("CREATE", "TABLE"), _create_table),
    (("CREATE", "INDEX"), _create_index),
    (("CREATE", "UNIQUE", "INDEX"), _create_index),
    (("CREATE", "VIEW"), _create_view),
    (("CREATE", "SEQUENCE"), _create_sequence),
    (("CREATE", "SYNONYM"), _create_synonym),
    *[(("DROP", kind), _drop) for kind in ("TABLE", "INDEX", "VIEW", "SEQUENCE", "TRIGGER")],
    (("GRANT",), _grant),
    (("REVOKE",), _grant),
    (("COMMENT",), _comment),
    (("TRUNCATE", "TABLE"), _truncate),
    (("ALTER", "TABLE"), alter_table),
    (("ALTER", "SEQUENCE"), alter_sequence),
    (("ALTER", "INDEX"), _nothing),
    (("ALTER", "TRIGGER"), _nothing),
    (("ANALYZE",), _nothing),
]
