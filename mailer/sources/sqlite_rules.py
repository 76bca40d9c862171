"""What a person's SQL may do in an SQLite file, as SQLite's own authorizer enforces it: nothing here reads the text.

See https://www.sqlite.org/c3ref/set_authorizer.html and https://www.sqlite.org/c3ref/c_alter_table.html (the actions).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_READING = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE},
)
_CHANGING = _READING | {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}

_REFUSED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"})
"""They reach beyond the database. SQLite has most of them off or not built in; some builds do not."""
_SEARCH_INDEX_PRAGMAS = frozenset({"data_version", "page_size"})
"""What a full-text index asks when a table's trigger keeps it up to date (FTS3 and FTS5); asking changes nothing."""


class Rules:
    """The authorizer of one connection: SQLite asks it for each thing that a statement does, when it compiles it."""

    def __init__(self, *, may_change_rows: bool) -> None:
        """`may_change_rows`: an update query; otherwise reading is all that is allowed."""
        self._may_change_rows = may_change_rows
        self._allowed = _CHANGING if may_change_rows else _READING
        self._is_ours = False

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """For a statement of our own: the borders of a transaction, the question for the journal mode."""
        self._is_ours = True
        try:
            yield
        finally:
            self._is_ours = False

    def __call__(self, action: int, first: str | None, second: str | None, *_where: str | None) -> int:
        """SQLITE_OK or SQLITE_DENY; for a function `second` is its name, for a pragma `first`, its value `second`."""
        return sqlite3.SQLITE_OK if self._is_ours or self._allows(action, first, second) else sqlite3.SQLITE_DENY

    def _allows(self, action: int, first: str | None, second: str | None) -> bool:
        if action == sqlite3.SQLITE_FUNCTION:
            return (second or "").lower() not in _REFUSED_FUNCTIONS
        if action == sqlite3.SQLITE_PRAGMA:
            return self._may_change_rows and second is None and first in _SEARCH_INDEX_PRAGMAS
        return action in self._allowed
