"""The schema, brought up to date once: whoever else does it at the same moment, and whoever dies of it."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mailer.clock import SystemClock
from mailer.db import migrations
from mailer.db.migrations import (
    Migration,
    installed_migrations,
    migrate,
    pending_migrations,
    require_current_schema,
    require_own,
    shipped_migrations,
)
from mailer.db.sqlite import SqliteDatabase
from mailer.errors import ConfigurationError, DatabaseAway, DatabaseRefused, MigrationNeeded

SHIPPED = shipped_migrations("sqlite")
ENTER = """
import asyncio, sys
from pathlib import Path
from mailer.clock import SystemClock
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase

async def main():
    async with SqliteDatabase(Path(sys.argv[1]), SystemClock(), create=True) as database:
        print(len(await migrate(database)))

asyncio.run(main())
"""


def opened(path: Path, busy_seconds: float = 30) -> SqliteDatabase:
    return SqliteDatabase(path, SystemClock(), create=True, busy_seconds=busy_seconds)


def schema_of(path: Path) -> list[tuple[str, str]]:
    """Names and texts of all that is there."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT NAME, SQL FROM sqlite_master WHERE SQL IS NOT NULL ORDER BY NAME").fetchall()
    return [row for row in rows if row[0] not in ("SCHEMA_HISTORY", "sqlite_sequence")]


def begin_migrating(path: Path, stop_at: str | None = None) -> subprocess.Popen[str]:
    """Another process; `stop_at` a point of the program at which it freezes."""
    env = os.environ | ({"MAILER_TEST_STOP_AT": stop_at} if stop_at else {})
    return subprocess.Popen([sys.executable, "-c", ENTER, str(path)], stdout=subprocess.PIPE, text=True, env=env)


async def brought_up_to_date(path: Path, busy_seconds: float = 30) -> list[Migration]:
    async with opened(path, busy_seconds) as database:
        return await migrate(database)


def what_the_command_prints(path: Path) -> str:
    """Of `mailer migrate --sql`."""
    command = [sys.executable, "-c", "from mailer.cli.app import main; main()", "migrate", "--sql"]
    env = os.environ | {"MAILER_DATABASE": str(path)}
    return subprocess.run(command, env=env, cwd=path.parent, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mailer.db"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of SQLite migrations in place of those that ship."""
    folder = tmp_path / "migrations" / "sqlite"
    folder.mkdir(parents=True)
    monkeypatch.setattr(migrations, "shipped_folder", lambda _: folder.parent)
    (folder / "V001__first.sql").write_text("CREATE TABLE ONE (A TEXT) STRICT;\n")
    return folder


async def test_the_shipped_schema_is_made_once(path: Path) -> None:
    async with opened(path) as database:
        assert await installed_migrations(database) == []
        with pytest.raises(MigrationNeeded) as caught:
            await require_current_schema(database)
        assert caught.value.next_step == "Run 'mailer migrate'."
        assert await migrate(database) == SHIPPED
        assert await migrate(database) == []
        await require_current_schema(database)
        installed = await installed_migrations(database)
    assert [(done.version, done.description, done.checksum) for done in installed] == [
        (script.version, script.description, script.checksum) for script in SHIPPED
    ]


async def test_what_is_new_runs_after_what_ran_already_in_the_order_of_numbers(path: Path, scripts: Path) -> None:
    async with opened(path) as database:
        await migrate(database)
        (scripts / "V010__third.sql").write_text("DROP TABLE TWO;\n")
        (scripts / "V002__second.sql").write_text("CREATE TABLE TWO (A TEXT) STRICT;\n")
        assert [done.version for done in await migrate(database)] == [2, 10]
    assert [name for name, _ in schema_of(path)] == ["ONE"]


async def test_a_script_that_fails_leaves_nothing_of_itself_nor_of_those_before_it(path: Path, scripts: Path) -> None:
    (scripts / "V002__second.sql").write_text("CREATE TABLE TWO (A TEXT) STRICT;\nINSERT INTO NOWHERE VALUES (1);\n")
    async with opened(path) as database:
        with pytest.raises(DatabaseRefused, match="NOWHERE"):
            await migrate(database)
        assert await installed_migrations(database) == []
        assert schema_of(path) == []
        (scripts / "V002__second.sql").write_text("CREATE TABLE TWO (A TEXT) STRICT;\n")
        assert len(await migrate(database)) == 2


async def test_a_script_that_ran_and_was_changed_is_refused(path: Path) -> None:
    async with opened(path) as database:
        await migrate(database)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE SCHEMA_HISTORY SET CHECKSUM = 'another'")
        for verb in (migrate(database), require_current_schema(database)):
            with pytest.raises(MigrationNeeded, match="not the script that ran"):
                await verb


async def test_a_database_that_is_newer_than_the_program_is_refused(path: Path) -> None:
    async with opened(path) as database:
        await migrate(database)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("INSERT INTO SCHEMA_HISTORY VALUES (999, 'from_tomorrow', '-', '2027-01-01 00:00:00.000000')")
        for verb in (migrate(database), require_current_schema(database)):
            with pytest.raises(MigrationNeeded, match=r"newer than this mailer: it has V999 \(from_tomorrow\)"):
                await verb


def test_a_script_is_the_same_whatever_line_ends_a_checkout_gives_it() -> None:
    unix = Migration(1, "first", "CREATE TABLE ONE (A);\nCREATE TABLE TWO (A);\n")
    windows = Migration(1, "first", unix.script.replace("\n", "\r\n"))
    assert unix.checksum == windows.checksum != Migration(1, "first", unix.script + " ").checksum


def test_nothing_is_pending_where_everything_ran_and_all_where_nothing_did() -> None:
    assert pending_migrations(SHIPPED, []) == SHIPPED


def test_a_file_that_is_not_named_as_a_migration_is_refused(scripts: Path) -> None:
    (scripts / "fix.sql").write_text("SELECT 1;")
    with pytest.raises(ConfigurationError, match="V001__what_it_does"):
        shipped_migrations("sqlite")


async def test_a_script_is_split_into_whole_statements_and_nothing_of_it_is_lost(path: Path) -> None:
    async with opened(path) as database:
        triggers = 0
        for migration in SHIPPED:
            statements = database.split_script(migration.script)
            assert "".join(statements) == migration.script
            assert all(sqlite3.complete_statement(statement) for statement in statements)
            triggers += sum("CREATE TRIGGER" in statement for statement in statements)
        assert triggers == 4


async def test_a_definition_that_was_saved_before_there_were_batches_has_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(migrations, "shipped_migrations", lambda _: SHIPPED[:1])
        assert await brought_up_to_date(path) == SHIPPED[:1]
    with closing(sqlite3.connect(path)) as connection, connection:
        names = "NAME, SOURCE, TARGET_QUERY, KEY_COLUMN, EMAIL_COLUMN, CREATED_AT"
        connection.execute(
            f"INSERT INTO DBIO ({names}) VALUES ('월간', 'crm', 'SELECT 1', 'ID', 'EMAIL', '2026-11-24')"
        )
    assert await brought_up_to_date(path) == SHIPPED[1:]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT NAME, MAPPING_BATCH FROM DBIO").fetchall() == [("월간", 0)]


def test_two_processes_at_once_make_the_schema_once(path: Path) -> None:
    processes = [begin_migrating(path) for _ in range(2)]
    made = sorted(int(process.communicate(timeout=60)[0]) for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert made == [0, len(SHIPPED)]


def test_a_process_that_is_killed_half_way_leaves_nothing_and_the_next_begins_anew(path: Path) -> None:
    process = begin_migrating(path, "migration begun:9")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    with pytest.raises(DatabaseAway):
        asyncio.run(brought_up_to_date(path, busy_seconds=0.05))  # it may still go on
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert schema_of(path) == []
    assert asyncio.run(brought_up_to_date(path)) == SHIPPED


def test_what_the_command_prints_is_what_it_would_run(path: Path, tmp_path: Path) -> None:
    printed = what_the_command_prints(path)
    assert not path.exists()
    assert all(migration.script in printed for migration in SHIPPED)
    by_hand = tmp_path / "by-hand.db"
    with closing(sqlite3.connect(by_hand)) as connection:
        connection.executescript(printed)
    asyncio.run(brought_up_to_date(path))
    assert schema_of(by_hand) == schema_of(path)
    assert asyncio.run(brought_up_to_date(by_hand)) == []
    assert what_the_command_prints(path).strip() == ""


async def test_tables_of_others_are_not_added_to_unasked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE CUSTOMER (ID INTEGER)")
    async with opened(path) as database:
        with pytest.raises(ConfigurationError, match="no tables of mailer's, but CUSTOMER"):
            await require_own(database)
        await migrate(database)  # as a person who was asked
        await require_own(database)


async def test_an_empty_database_may_become_mailers(path: Path) -> None:
    async with opened(path) as database:
        await require_own(database)
