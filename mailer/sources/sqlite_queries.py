"""A person's queries on an open SQLite connection, in its thread.

What can't be used is raised as sqlite3.ProgrammingError, beside what SQLite itself refuses.
"""

import sqlite3
from contextlib import closing

from mailer.model.row import Row, fold_name
from mailer.sources.sqlite_connection import GuardedConnection
from mailer.sources.sqlite_values import SqliteBinds


class NamedCursor:
    """A running query, its rows by column name."""

    def __init__(self, connection: sqlite3.Connection, query: str, binds: SqliteBinds | None = None) -> None:
        self._cursor = connection.execute(query, binds or {})
        try:
            self.names = _names(self._cursor)
        except sqlite3.Error:
            self._cursor.close()
            raise

    def fetch(self, at_most: int) -> list[Row]:
        """The next rows; none: that was all. After an error there are no more: a list cut short must not look whole."""
        try:
            rows = self._cursor.fetchmany(at_most)
        except sqlite3.Error:
            self._cursor.close()
            raise
        return [dict(zip(self.names, row, strict=True)) for row in rows]

    def close(self) -> None:
        """Ends the query, and with it the read lock."""
        self._cursor.close()


def fetch_all(connection: sqlite3.Connection, query: str, binds: SqliteBinds, at_most: int) -> list[Row]:
    """All rows; more than `at_most` are an error."""
    with closing(NamedCursor(connection, query, binds)) as cursor:
        rows = cursor.fetch(at_most + 1)
    if len(rows) > at_most:
        raise sqlite3.ProgrammingError(f"the query returns more than {at_most} rows for one recipient")
    return rows


def column_names(connection: sqlite3.Connection, query: str, binds: SqliteBinds) -> tuple[str, ...]:
    """The names of the columns, known once the first row is there; no row is fetched."""
    with closing(NamedCursor(connection, query, binds)) as cursor:
        return cursor.names


def bind_names(connection: sqlite3.Connection, query: str) -> tuple[str, ...]:
    """The binds of a query, which is compiled and not run: sqlite3 asks for the value of each by its name."""
    asked = _Asked()
    connection.execute(f"EXPLAIN {query}", asked).close()
    return tuple(asked)


def is_wal(connection: GuardedConnection) -> bool:
    """Whether the file is in WAL mode, where readers and a writer don't disturb each other."""
    with connection.rules.lifted():
        return connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


class _Asked(dict[str, None]):
    """Holds each name that it was asked for, in order."""

    def __missing__(self, name: str) -> None:
        self[name] = None


def _names(cursor: sqlite3.Cursor) -> tuple[str, ...]:
    if cursor.description is None:
        raise sqlite3.ProgrammingError("the query returns no columns: a SELECT is needed")
    names = tuple(fold_name(column[0]) for column in cursor.description)
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise sqlite3.ProgrammingError(f"the query returns two columns of one name: {', '.join(twice)}; use AS")
    return names
