"""A person's SQL by way of the driver: one coroutine for each use, to be run by `OracleLink.run`."""

import re

import oracledb

from mailer.errors import QueryFailed
from mailer.model.row import fold_name

_HEAD = re.compile(r"(?:\s+|--[^\n\r]*(?:\r?\n|$)|/\*.*?\*/|\()*(?P<word>\w*)", re.DOTALL)
"""A lone carriage return may end a comment or not: what comes after it is no first word."""
_CODE = [re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for words in ("WITH", "FUNCTION|PROCEDURE", "BEGIN|LANGUAGE")]
"""PL/SQL in a WITH clause needs one of each. In a transaction of its own it could do anything."""
_READING = {"SELECT", "WITH"}
_CHANGING = {"INSERT", "UPDATE", "DELETE", "MERGE"}


def require_query(source: str, query: str) -> None:
    """Raises QueryFailed for what is no query.

    That a query changes no row the database sees to, by a read-only transaction; but DDL ends any transaction, and
    Oracle runs it even when it is only to be parsed.
    """
    if _first_word(query) not in _READING:
        raise QueryFailed(
            f"data source {source!r}: target and mapping queries begin with SELECT or WITH",
            "Write one query, without a ';' behind it.",
        )
    _require_no_code(source, query)


def require_update(source: str, query: str) -> None:
    """Raises QueryFailed for what does not change rows; see `require_query`."""
    if _first_word(query) not in _CHANGING:
        raise QueryFailed(
            f"data source {source!r}: an update query begins with UPDATE, INSERT, DELETE or MERGE",
            "Write one such statement, without a ';' behind it.",
        )
    _require_no_code(source, query)


def require_statement(source: str, query: str) -> None:
    """Raises QueryFailed for what is neither; see `require_query`."""
    if _first_word(query) in _CHANGING:
        require_update(source, query)
    else:
        require_query(source, query)


async def bind_names(raw: oracledb.AsyncConnection, query: str) -> tuple[str, ...]:
    """The binds of a statement that is parsed and not run."""
    with raw.cursor() as cursor:
        await cursor.parse(query)
        return tuple(cursor.bindnames())


async def column_names(raw: oracledb.AsyncConnection, query: str) -> tuple[str, ...]:
    """The columns of a query that is parsed and not run."""
    with raw.cursor() as cursor:
        await cursor.parse(query)
        return tuple(fold_name(column.name) for column in cursor.description or ())


def _require_no_code(source: str, query: str) -> None:
    if all(words.search(query) for words in _CODE):
        raise QueryFailed(
            f"data source {source!r}: a query holds no functions of its own (WITH FUNCTION …)",
            "Let a DBA create the function, and call it.",
        )


def _first_word(query: str) -> str:
    head = _HEAD.match(query)
    return head["word"].upper() if head else ""
