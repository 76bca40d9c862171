"""Pending migrations as one script, for a DBA who runs it by hand: with what SCHEMA_HISTORY would remember of them."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from mailer.db.database import Session
from mailer.db.migrations import Migration
from mailer.db.statements import shipped_statements

_BIND = re.compile(r":(\w+)")
_SQLITE_NOW = "STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')"
"""In place of the function that mailer gives to its own connections."""


async def begun_versions(session: Session) -> set[int] | None:
    """Migrations that were begun and not ended; None where SCHEMA_HISTORY is not there yet."""
    if not await session.fetch("schema_history_exists"):
        return None
    return {row.integer("VERSION") for row in await session.fetch("list_begun_migrations")}


def migration_script(dialect: str, pending: Sequence[Migration], begun: Collection[int] | None) -> str:
    """What `mailer migrate` would run, ended as SQL*Plus, SQLcl and sqlite3 read it; empty where nothing is pending.

    `begun`: see `begun_versions`. After it the schema is this program's.
    """
    if not pending:
        return ""
    return "\n".join(_parts(dialect, pending, begun))


def _parts(dialect: str, pending: Sequence[Migration], begun: Collection[int] | None) -> Iterable[str]:
    if begun is None:
        yield _written(dialect, "create_schema_history", {})
        if dialect == "oracle":
            yield _written(dialect, "insert_migration_lock", {})
    for migration in pending:
        values = {
            "version": str(migration.version),
            "description": f"'{migration.description}'",
            "checksum": f"'{migration.checksum}'",
        }
        if migration.version not in (begun or ()):
            yield _written(dialect, "begin_migration", values)
        yield migration.script
        yield _written(dialect, "finish_migration", values)
        if dialect == "oracle":
            yield "COMMIT;\n"


def _written(dialect: str, statement: str, values: Mapping[str, str]) -> str:
    """A named statement with its values in it. They are numbers, names and hexadecimal digits of ours."""
    sql = shipped_statements(dialect)[statement].sql.replace("UTC_NOW()", _SQLITE_NOW)
    return _BIND.sub(lambda bind: values.get(bind[1], bind[0]), sql) + ";\n"
