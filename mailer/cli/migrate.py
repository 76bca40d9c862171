"""`mailer migrate`: the schema."""

from typing import Annotated

import typer

from mailer.assembly import database_of
from mailer.cli import session
from mailer.cli.output import Column, console, iso, print_json, print_table
from mailer.db.migration_script import begun_versions, migration_script
from mailer.db.migrations import installed_migrations, pending_migrations, shipped_migrations
from mailer.db.migrations import migrate as run_migrations
from mailer.errors import NotFound


def migrate(
    status: Annotated[
        bool, typer.Option("--status", help="Show what ran and what is pending; change nothing.")
    ] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL that would run, for a DBA; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --status: JSON on stdout.")] = False,
) -> None:
    """Brings the database's schema up to date."""
    if status:
        session.run_async(lambda: _show_status(as_json))
    elif sql:
        session.run_async(_print_sql)
    else:
        session.run_async(_migrate)


async def _migrate() -> None:
    async with database_of(session.settings(), session.CLOCK, create=True) as database:
        done = await run_migrations(database)
    for migration in done:
        console().print(f"V{migration.version:03} {migration.description}")
    console().print("up to date" if not done else f"{len(done)} migrations ran: up to date")


async def _print_sql() -> None:
    settings = session.settings()
    dialect = database_of(settings, session.CLOCK).dialect
    shipped = shipped_migrations(dialect)
    try:
        async with database_of(settings, session.CLOCK) as database:
            pending = pending_migrations(shipped, await installed_migrations(database))
            begun = await begun_versions(database)
    except NotFound:
        pending, begun = shipped, None
    script = migration_script(dialect, pending, begun)
    if script:
        console().print(script, markup=False)


async def _show_status(as_json: bool) -> None:
    settings = session.settings()
    shipped = shipped_migrations(database_of(settings, session.CLOCK).dialect)
    async with database_of(settings, session.CLOCK) as database:
        installed = await installed_migrations(database)
    pending = pending_migrations(shipped, installed)
    if as_json:
        print_json(
            {
                "installed": [
                    {"version": done.version, "description": done.description, "installed_at": iso(done.installed_at)}
                    for done in installed
                ],
                "pending": [
                    {"version": migration.version, "description": migration.description} for migration in pending
                ],
            }
        )
        return
    rows = [
        [f"V{done.version:03}", done.description, f"{done.installed_at:%Y-%m-%d %H:%M:%S} UTC"] for done in installed
    ]
    rows += [[f"V{migration.version:03}", migration.description, "pending"] for migration in pending]
    columns = [Column("version"), Column("description"), Column("installed")]
    print_table(columns, rows, empty="no migrations")
