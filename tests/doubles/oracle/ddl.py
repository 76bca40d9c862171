"""Oracle's DDL made into PostgreSQL's, by its tokens: sqlglot knows too little of it. Storage clauses are read and left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .columns import declared_type
from .errors import OracleError, unsupported
from .parsing import parse_expression
from .rewriting import rewritten
from .statements import translated
from .strictness import check_new_name, check_tokens
from .tokens import Token, closing, find, named, postgres_name, quoted, source, split, tokenize

_STORAGE = frozenset(
    """INITRANS PCTFREE PCTUSED MAXTRANS TABLESPACE LOGGING NOLOGGING STORAGE LOB PARTITION ROW ORGANIZATION COMPRESS NOCOMPRESS
    CACHE NOCACHE MONITORING PARALLEL NOPARALLEL ENABLE DISABLE SEGMENT ONLINE LOCAL REVERSE INVISIBLE VISIBLE USING INMEMORY COMPUTE""".split()
)
_CONSTRAINTS = ("CONSTRAINT", "NOT", "NULL", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "ENABLE", "DISABLE", "DEFAULT")
Tokens = Sequence[Token]


def translated_ddl(text: str, schema: str) -> str:
    """One statement's script for PostgreSQL; "" if there is nothing to do there. `schema` is PostgreSQL's name of it."""
    tokens = tokenize(text)
    if tokens[-1].text in (";", "/"):
        raise OracleError(933 if tokens[-1].text == "/" else 911)
    words = [token.upper for token in tokens]
    if words[1:3] == ["OR", "REPLACE"]:
        words = words[:1] + words[3:]
    for shape, translate in _STATEMENTS:
        if tuple(words[: len(shape)]) == shape:
            return translate(text, tokens, schema)
    raise unsupported(f"DDL like {text[:40]!r}")


def expression(text: str) -> str:
    """An expression of a default, a check or an index in PostgreSQL's SQL."""
    check_tokens(tokenize(text))
    wrapped = rewritten(parse_expression(text), {})
    return wrapped.removeprefix("SELECT ").removesuffix(' FROM "dual"')


def _create_table(text: str, tokens: Tokens, schema: str) -> str:
    name, at = _object(tokens, 2)
    if at < len(tokens) and tokens[at].is_word("AS"):
        return f"CREATE TABLE {name} AS {translated(source(text, tokens[at + 1 :])).postgres}"
    end = closing(tokens, at) if at < len(tokens) and tokens[at].text == "(" else None
    if end is None:
        raise OracleError(922)
    _storage_only(tokens[end + 1 :])
    table = postgres_name(named(tokens[at - 1]))
    columns = [_item(text, item, schema, table) for item in split(tokens[at + 1 : end])]
    before = "".join(f"CREATE SEQUENCE {name}; " for item in columns for name in item.sequences)
    after = "".join(
        f"; ALTER SEQUENCE {sequence} OWNED BY {name}.{item.column}" for item in columns for sequence in item.sequences
    )
    return f"{before}CREATE TABLE {name} ({', '.join(part for item in columns for part in item.parts)}){after}"


class _Item:
    """One item of a table's parentheses: its parts for PostgreSQL, and the sequence behind an identity column."""

    def __init__(self, column: str, parts: list[str], sequences: list[str]) -> None:
        self.column, self.parts, self.sequences = column, parts, sequences


def _item(text: str, tokens: Tokens, schema: str, table: str) -> _Item:
    if tokens[0].is_word("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        return _Item("", [_constraint(text, tokens)], [])
    check_new_name(named(tokens[0]) if tokens[0].kind == "word" else "X")
    column = postgres_name(named(tokens[0]))
    if len(tokens) > 1 and tokens[1].is_word("GENERATED"):
        raise unsupported("virtual columns")
    kind, size = declared_type(tokens[1:], schema, table, column)
    options, sequences = _options(text, tokens[1 + size :], table, column)
    parts = [f'"{column}" {kind.postgres} {options}'.rstrip()]
    if kind.check:
        parts.append(f'CONSTRAINT "{kind.check_name}" CHECK ({kind.check})')
    return _Item(f'"{column}"', parts, sequences)


def _options(text: str, tokens: Tokens, table: str, column: str) -> tuple[str, list[str]]:
    """A column's default, identity and constraints."""
    parts: list[str] = []
    sequences: list[str] = []
    at = 0
    while at < len(tokens):
        end = _option_end(tokens, at)
        option = tokens[at:end]
        if option[0].is_word("GENERATED"):
            sequence = f'"iseq$$_{table}_{column}"'
            if option[1].is_word("ALWAYS"):
                parts.append("GENERATED ALWAYS AS IDENTITY")
            else:
                sequences.append(sequence)
                parts.append(f"NOT NULL DEFAULT nextval('{sequence}')")
        elif option[0].is_word("DEFAULT"):
            value = option[3:] if option[1].is_word("ON") else option[1:]
            parts.append(f"DEFAULT {expression(source(text, value))}")
        elif not option[0].is_word("ENABLE", "DISABLE"):
            parts.append(_constraint(text, option))
        at = end
    return " ".join(parts), sequences


def _option_end(tokens: Tokens, start: int) -> int:
    first = start + 1
    if tokens[start].is_word("CONSTRAINT"):
        first = start + 3
    elif tokens[start].is_word("NOT", "PRIMARY"):
        first = start + 2
    elif tokens[start].is_word("GENERATED"):
        identity = find(tokens, "IDENTITY", start=start)
        first = len(tokens) if identity is None else identity + 1
        if first < len(tokens) and tokens[first].text == "(":
            first = (closing(tokens, first) or first) + 1
        return first
    elif tokens[start].is_word("DEFAULT"):
        first = start + (4 if tokens[start + 1].is_word("ON") else 2)
    elif tokens[start].is_word("REFERENCES"):
        on = find(tokens, "ON", start=start)
        first = start + 1 if on is None else on + 3
    end = find(tokens, *_CONSTRAINTS, "GENERATED", start=min(first, len(tokens)))
    return len(tokens) if end is None else end


def _constraint(text: str, tokens: Tokens) -> str:
    """A constraint, in line or out of line: names quoted, conditions translated, the rest as it is."""
    prefix = ""
    if tokens[0].is_word("CONSTRAINT"):
        prefix, tokens = f"CONSTRAINT {quoted(tokens[1])} ", tokens[2:]
    using = find(tokens, "USING")
    tokens = tokens if using is None else tokens[:using]
    tokens = [token for token in tokens if not token.is_word("ENABLE", "VALIDATE", "NOVALIDATE")]
    if tokens[0].is_word("CHECK"):
        end = closing(tokens, 1) or len(tokens) - 1
        return f"{prefix}CHECK ({expression(source(text, tokens[2:end]))})"
    if tokens[0].is_word("UNIQUE") and len(tokens) > 1:
        several = any(token.text == "," for token in tokens)
        return f"{prefix}UNIQUE {'NULLS NOT DISTINCT ' if several else ''}{_written(tokens[1:])}"
    return prefix + _written(tokens)


_KEYWORDS = ("PRIMARY", "KEY", "UNIQUE", "FOREIGN", "REFERENCES", "ON", "DELETE", "CASCADE", "SET", "NULL", "NOT", "DEFERRABLE",
             "INITIALLY", "DEFERRED", "IMMEDIATE")  # fmt: skip


def _written(tokens: Tokens) -> str:
    return " ".join(
        quoted(token) if token.kind in ("word", "name") and not token.is_word(*_KEYWORDS) else token.text for token in tokens
    ).replace(" . ", ".")


def _create_index(text: str, tokens: Tokens, schema: str) -> str:
    unique = tokens[1].is_word("UNIQUE")
    index, at = _object(tokens, 3 if unique else 2)
    table, opening = _object(tokens, at + 1)
    end = closing(tokens, opening)
    if not tokens[at].is_word("ON") or end is None:
        raise OracleError(969, "missing ON keyword")
    _storage_only(tokens[end + 1 :])
    items = [_indexed(text, item) for item in split(tokens[opening + 1 : end])]
    nulls = ""
    if unique and len(items) > 1:  # (7, NULL) is a duplicate in Oracle, (NULL, NULL) is not in the index
        nothing = " AND ".join(f"{item.removesuffix(' DESC')} IS NULL" for item in items)
        nulls = f" NULLS NOT DISTINCT WHERE NOT ({nothing})"
    return f"CREATE {'UNIQUE ' if unique else ''}INDEX {index.rpartition('.')[2]} ON {table} ({', '.join(items)}){nulls}"


def _indexed(text: str, tokens: Tokens) -> str:
    descends = tokens[-1].is_word("DESC")
    inner = tokens[:-1] if tokens[-1].is_word("ASC", "DESC") else tokens
    column = quoted(inner[0]) if len(inner) == 1 and inner[0].kind != "number" else f"({expression(source(text, inner))})"
    return column + (" DESC" if descends else "")


def _object(tokens: Tokens, at: int) -> tuple[str, int]:
    """A name with its schema if it has one, quoted; and the index behind it."""
    if at >= len(tokens) or tokens[at].kind not in ("word", "name"):
        raise OracleError(903, "invalid table name")
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        return f"{quoted(tokens[at])}.{quoted(tokens[at + 2])}", at + 3
    if tokens[at].is_word("IF") and tokens[at + 1].is_word("NOT", "EXISTS"):
        raise OracleError(922)
    return quoted(tokens[at]), at + 1


def _storage_only(tokens: Tokens) -> None:
    if tokens and not tokens[0].is_word(*_STORAGE):
        raise OracleError(922)


def _drop(text: str, tokens: Tokens, schema: str) -> str:
    name, at = _object(tokens, 2)
    if tokens[1].is_word("TRIGGER"):
        return f"DROP FUNCTION {_trigger_function(name)} CASCADE"
    cascade = " CASCADE" if find(tokens, "CASCADE", start=at) is not None else ""
    return f"DROP {tokens[1].upper} {name}{cascade}"


def _trigger_function(name: str) -> str:
    owner, dot, last = name.rpartition(".")
    return f'{owner}{dot}"trigger {last[1:-1]}"'


def _create_view(text: str, tokens: Tokens, schema: str) -> str:
    view, as_ = find(tokens, "VIEW"), find(tokens, "AS")
    if view is None or as_ is None:
        raise OracleError(905)
    name, at = _object(tokens, view + 1)
    columns = _written(tokens[at:as_])
    return f"CREATE OR REPLACE VIEW {name} {columns} AS {translated(source(text, tokens[as_ + 1 :])).postgres}"


def _create_sequence(text: str, tokens: Tokens, schema: str) -> str:
    name, at = _object(tokens, 2)
    rest = re.sub(r"\b(NO)?(ORDER|CACHE|KEEP|SCALE)\b(\s+\d+)?", "", source(text, tokens[at:]), flags=re.I)
    rest = re.sub(r"\bNO(MINVALUE|MAXVALUE|CYCLE)\b", r"NO \1", rest, flags=re.I)
    return f"CREATE SEQUENCE {name} {rest}"


def _create_synonym(text: str, tokens: Tokens, schema: str) -> str:
    at = find(tokens, "SYNONYM") or 0
    name, after = _object(tokens, at + 1)
    target, _ = _object(tokens, after + 1)
    return f"CREATE OR REPLACE VIEW {name} WITH (security_invoker) AS SELECT * FROM {target}"


def _grant(text: str, tokens: Tokens, schema: str) -> str:
    on = find(tokens, "ON")
    if on is None:
        return ""  # a system privilege: the stand-in has none
    privileges = source(text, tokens[1:on]).upper().replace("READ", "SELECT")
    name, at = _object(tokens, on + 1)
    users = ", ".join("PUBLIC" if token.is_word("PUBLIC") else quoted(token) for token in tokens[at + 1 :] if token.kind != "symbol")
    return f"{tokens[0].upper} {privileges} ON {name} {tokens[at].upper} {users}"


def _comment(text: str, tokens: Tokens, schema: str) -> str:
    is_ = find(tokens, "IS")
    if is_ is None:
        raise OracleError(905)
    return f"COMMENT ON {tokens[2].upper} {_written(tokens[3:is_])} IS {tokens[is_ + 1].text}"


def _truncate(text: str, tokens: Tokens, schema: str) -> str:
    return f"TRUNCATE TABLE {_object(tokens, 2)[0]}"


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
    (("ALTER", "INDEX"), _nothing),
    (("ANALYZE",), _nothing),
]
