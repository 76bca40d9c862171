"""The items in a table's parentheses: columns with their options, and constraints."""

from __future__ import annotations

from collections.abc import Sequence

from .columns import DeclaredType, declared_type
from .errors import OracleError, unsupported
from .expressions import expression
from .strict_text import check_new_name
from .tokens import Token, closing, find, named, postgres_name, quoted, source, word_set

_CONSTRAINTS = ("CONSTRAINT", "NOT", "NULL", "PRIMARY", "UNIQUE", "CHECK", "REFERENCES", "ENABLE", "DISABLE", "DEFAULT")
Tokens = Sequence[Token]


class TableItem:
    """One item of a table's parentheses: its parts for PostgreSQL, and the sequence behind an identity column."""

    def __init__(self, column: str, parts: list[str], sequences: list[str]) -> None:
        self.column, self.parts, self.sequences = column, parts, sequences


def table_item(text: str, tokens: Tokens, schema: str, table: str) -> TableItem:
    if tokens[0].is_word("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        return TableItem("", [constraint(text, tokens)], [])
    check_new_name(named(tokens[0]) if tokens[0].kind == "word" else "X")
    column = postgres_name(named(tokens[0]))
    if len(tokens) > 1 and tokens[1].is_word("GENERATED"):
        raise unsupported("virtual columns")
    kind, size = declared_type(tokens[1:], schema, table, column)
    options, sequences = _options(text, tokens[1 + size :], table, column)
    if "ALWAYS AS IDENTITY" in options:
        kind = DeclaredType("bigint")  # PostgreSQL's own identity takes no numeric
    parts = [f'"{column}" {kind.postgres} {options}'.rstrip()]
    if kind.check:
        parts.append(f'CONSTRAINT "{kind.check_name}" CHECK ({kind.check})')
    return TableItem(f'"{column}"', parts, sequences)


def _options(text: str, tokens: Tokens, table: str, column: str) -> tuple[str, list[str]]:
    """A column's default, identity and constraints."""
    parts: list[str] = []
    sequences: list[str] = []
    at = 0
    while at < len(tokens):
        end = _option_end(tokens, at)
        option = tokens[at:end]
        if not option[0].is_word(*_CONSTRAINTS, "GENERATED"):
            raise OracleError(907)
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
            parts.append(constraint(text, option))
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


def constraint(text: str, tokens: Tokens) -> str:
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
        return f"{prefix}UNIQUE {'NULLS NOT DISTINCT ' if several else ''}{written(tokens[1:])}"
    return prefix + written(tokens)


_KEYWORDS = word_set(
    """PRIMARY KEY UNIQUE FOREIGN REFERENCES ON DELETE CASCADE SET NULL NOT DEFERRABLE INITIALLY DEFERRED IMMEDIATE"""
)


def written(tokens: Tokens) -> str:
    return " ".join(
        quoted(token) if token.kind in ("word", "name") and not token.is_word(*_KEYWORDS) else token.text
        for token in tokens
    ).replace(" . ", ".")
