"""Brings the schema up to date by plain scripts, `migrations/<dialect>/V001__name.sql`, each run once and in order."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer.db.database import Database, Session, Transaction
from mailer.errors import AlreadyExists, ConfigurationError, MigrationNeeded
from mailer.fault_points import fault_point
from mailer.shipped import shipped_folder

_FILE_NAME = re.compile(r"V(?P<version>\d+)__(?P<description>\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One script, as it ships with this program."""

    version: int
    description: str
    script: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the script, whatever line ends a checkout gave it."""
        return hashlib.sha256(self.script.replace("\r\n", "\n").encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Installed:
    """One script, as the database remembers it."""

    version: int
    description: str
    checksum: str
    installed_at: datetime


def shipped_migrations(dialect: str) -> list[Migration]:
    """The scripts of this program, in order. Raises ConfigurationError for a file name that is no migration's."""
    return sorted(
        (_read(file) for file in (shipped_folder("migrations") / dialect).glob("*.sql")),
        key=lambda migration: migration.version,
    )


async def installed_migrations(database: Session) -> list[Installed]:
    """What ran on the database; empty before the first."""
    if not await database.fetch("schema_history_exists"):
        return []
    return [
        Installed(row.integer("VERSION"), row.text("DESCRIPTION"), row.text("CHECKSUM"), row.moment("INSTALLED_AT"))
        for row in await database.fetch("list_installed_migrations")
    ]


def pending_migrations(shipped: Sequence[Migration], installed: Sequence[Installed]) -> list[Migration]:
    """What is still to run. Raises MigrationNeeded: the database is newer than this program, or a script changed."""
    known = {migration.version: migration for migration in shipped}
    for done in installed:
        if done.version not in known:
            raise MigrationNeeded(
                f"the database is newer than this mailer: it has V{done.version:03} ({done.description})",
                "Run the mailer that wrote it, or a newer one.",
            )
        if known[done.version].checksum != done.checksum:
            raise MigrationNeeded(
                f"migration V{done.version:03} ({done.description}) is not the script that ran on this database",
                "Install the released mailer again: a script that ran is never changed.",
            )
    ran = {done.version for done in installed}
    return [migration for migration in shipped if migration.version not in ran]


async def migrate(database: Database) -> list[Migration]:
    """Runs what is pending and gives it back; of two at once the second waits, and then finds nothing to do.

    Where each statement commits itself, a run that broke off is taken up again: what it made is left as it is.
    """
    shipped = shipped_migrations(database.dialect)
    async with database.migrating() as session:
        pending = pending_migrations(shipped, await installed_migrations(session))
        begun = {row.integer("VERSION"): row.text("CHECKSUM") for row in await session.fetch("list_begun_migrations")}
        for migration in pending:
            if migration.version in begun:
                _require_same(migration, begun[migration.version])
            else:
                await session.execute(
                    "begin_migration",
                    {
                        "version": migration.version,
                        "description": migration.description,
                        "checksum": migration.checksum,
                    },
                )
            await _run(session, database.split_script(migration.script), is_resumed=migration.version in begun)
            await session.execute("finish_migration", {"version": migration.version})
    return pending


async def _run(session: Transaction, statements: Sequence[str], *, is_resumed: bool) -> None:
    for statement in statements:
        try:
            await session.run_script_statement(statement)
        except AlreadyExists:
            if not is_resumed:
                raise
        fault_point("migration begun")


def _require_same(migration: Migration, checksum: str) -> None:
    if migration.checksum != checksum:
        raise MigrationNeeded(
            f"migration V{migration.version:03} ({migration.description}) was begun by another script of that name",
            "Finish it with the mailer that began it; or drop what it made, and its row in SCHEMA_HISTORY.",
        )


async def require_current_schema(database: Database) -> None:
    """Raises MigrationNeeded where the schema is not this program's."""
    installed = await installed_migrations(database)
    if pending_migrations(shipped_migrations(database.dialect), installed):
        none = "the database has no tables of mailer's: is MAILER_DATABASE right?"
        what = "the database's schema is older than this mailer" if installed else none
        raise MigrationNeeded(what, "Run 'mailer migrate'.")


async def require_own(database: Database) -> None:
    """Raises ConfigurationError where the tables that are there are somebody else's: nothing is added unasked."""
    if await database.fetch("schema_history_exists"):
        return
    tables = [row.text("TABLE_NAME") for row in await database.fetch("list_tables")]
    if tables:
        raise ConfigurationError(
            f"the database has no tables of mailer's, but {', '.join(tables[:5])}{', …' if tables[5:] else ''}",
            "Set MAILER_DATABASE to one of mailer's own; or put its tables beside these by 'mailer migrate'.",
        )


def _read(file: Path) -> Migration:
    match = _FILE_NAME.fullmatch(file.name)
    if match is None:
        raise ConfigurationError(f"{file}: a migration is named V001__what_it_does.sql")
    return Migration(int(match["version"]), match["description"], file.read_text(encoding="utf-8"))
