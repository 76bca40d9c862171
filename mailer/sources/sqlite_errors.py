"""What SQLite's errors mean for a data source: away for now, or a query that is wrong."""

import sqlite3

from mailer.errors import QueryFailed, SourceAway

FAILURES = (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError)
"""All that sqlite3 raises for a statement or its binds; until Python 3.12 several statements are a Warning."""

_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_NEEDS_A_WRITER = frozenset(
    {
        sqlite3.SQLITE_READONLY_ROLLBACK,
        sqlite3.SQLITE_READONLY_RECOVERY,
        sqlite3.SQLITE_READONLY_CANTINIT,
        sqlite3.SQLITE_READONLY_CANTLOCK,
        sqlite3.SQLITE_READONLY_DIRECTORY,
    }
)


def source_setting(source: str) -> str:
    """The variable that says where a data source is."""
    return f"MAILER_SOURCES__{source.upper()}__URL"


def error_code(error: BaseException) -> int:
    """SQLite's extended result code; SQLITE_OK where the error is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)


def is_locked(error: BaseException) -> bool:
    """Whether another connection holds a lock, so that trying again may help."""
    return error_code(error) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def is_away(error: BaseException) -> bool:
    """Whether the file is what fails, not the statement."""
    return error_code(error) & 0xFF in _AWAY or error_code(error) in _NEEDS_A_WRITER


def as_source_error(source: str, error: BaseException, seconds: float) -> SourceAway | QueryFailed:
    """Our error for one of sqlite3's; `seconds`: how long the query was allowed to run.

    The message is the database's own, except where that quotes a value of a row.
    """
    text = str(error)
    if is_away(error):
        return SourceAway(f"data source {source!r}: {text}", _advice_when_away(source, error))
    if error_code(error) == sqlite3.SQLITE_INTERRUPT:
        return QueryFailed(
            f"data source {source!r}: the query ran longer than {seconds:g} s",
            "Make it faster (an index on what it searches by?), or raise MAILER_QUERY_SECONDS.",
        )
    if text.startswith("Could not decode to UTF-8"):
        text = text.partition(" with text")[0].replace("Could not decode to UTF-8", "text that is not UTF-8, in")
    elif "has no name" in text:
        text = "a bind needs a name, as in :CUST_ID; '?' has none"
    return QueryFailed(f"data source {source!r}: {text}", _advice_when_refused(source, error))


def _advice_when_away(source: str, error: BaseException) -> str:
    if is_locked(error):
        return "Another program holds a lock on the file: let it finish, or raise MAILER_DB_PATIENCE."
    if error_code(error) & 0xFF == sqlite3.SQLITE_CANTOPEN or error_code(error) in _NEEDS_A_WRITER:
        return (
            f"Check {source_setting(source)} and the permissions of the file; "
            "in WAL mode, and after a crash, its folder must be writable too."
        )
    return "Check the disk and the file's folder, then try again."


def _advice_when_refused(source: str, error: BaseException) -> str:
    if error_code(error) == sqlite3.SQLITE_NOTADB:
        return f"Check {source_setting(source)}: it must name an SQLite file."
    if error_code(error) == sqlite3.SQLITE_READONLY:
        return "The update query needs a file, in a folder, that mailer may write to."
    if "not authorized" in str(error):
        return "Target and mapping queries may only read; an update query may only change rows."
    return "Correct the query, then run 'mailer automation validate'."
