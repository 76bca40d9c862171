"""Migrations where each statement commits itself: taken up again, never twice at once, never a changed script."""

import asyncio

import pytest

from mailer.db import migrations
from mailer.db.migration_script import begun_versions, migration_script
from mailer.db.migrations import Migration, installed_migrations, migrate, require_current_schema
from mailer.db.oracle import OracleDatabase
from mailer.errors import AlreadyExists, DatabaseAway, DatabaseRefused, MigrationNeeded
from tests.doubles.oracle import Action, Fault, StandIn
from tests.unit.db.conftest import Open, until_one_waits

TWO_TABLES = """
CREATE TABLE ONE (A NUMBER(19) PRIMARY KEY, B NUMBER);
CREATE INDEX ONE_BY_B ON ONE (B);
CREATE OR REPLACE TRIGGER ONE_NEVER_CHANGES BEFORE UPDATE ON ONE FOR EACH ROW
BEGIN
    RAISE_APPLICATION_ERROR(-20001, 'never');
END;
/
CREATE TABLE TWO (A NUMBER REFERENCES ONE);
"""
ONE_MORE_COLUMN = "ALTER TABLE TWO ADD (C VARCHAR2(10));\n"


class Scripts:
    """What this program ships, as a test has it."""

    def __init__(self) -> None:
        self.scripts = [TWO_TABLES]

    def shipped(self, dialect: str) -> list[Migration]:
        assert dialect == "oracle"
        return [Migration(number, f"step_{number}", script) for number, script in enumerate(self.scripts, start=1)]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Scripts:
    scripts = Scripts()
    monkeypatch.setattr(migrations, "shipped_migrations", scripts.shipped)
    return scripts


@pytest.fixture
async def empty(opened: Open) -> OracleDatabase:
    """Without a schema."""
    return await opened()


async def versions(database: OracleDatabase) -> list[int]:
    return [done.version for done in await installed_migrations(database)]


async def test_the_shipped_schema_is_made_once(empty: OracleDatabase) -> None:
    with pytest.raises(MigrationNeeded):
        await require_current_schema(empty)
    assert [done.version for done in await migrate(empty)] == [done.version for done in migrations_shipped()]
    await require_current_schema(empty)
    assert await migrate(empty) == []


def migrations_shipped() -> list[Migration]:
    return migrations.shipped_migrations("oracle")


async def test_what_is_new_is_run_alone(empty: OracleDatabase, scripts: Scripts) -> None:
    await migrate(empty)
    scripts.scripts.append(ONE_MORE_COLUMN)
    assert [done.version for done in await migrate(empty)] == [2]
    assert await versions(empty) == [1, 2]


@pytest.mark.parametrize("statement", ["TABLE ONE", "ONE_BY_B", "TRIGGER", "TABLE TWO"])
@pytest.mark.parametrize("action", [Action.KILL, Action.LOSE])
async def test_a_run_that_broke_off_is_taken_up_again(
    standin: StandIn, empty: OracleDatabase, scripts: Scripts, statement: str, action: Action
) -> None:
    standin.faults.arm(Fault(action, sql=f"CREATE.* {statement}"))
    with pytest.raises(DatabaseAway):
        await migrate(empty)
    assert await versions(empty) == []
    with pytest.raises(MigrationNeeded):
        await require_current_schema(empty)
    assert [done.version for done in await migrate(empty)] == [1]
    await require_current_schema(empty)


async def test_another_run_that_broke_off_behind_an_added_column_is_taken_up_again(
    standin: StandIn, empty: OracleDatabase, scripts: Scripts
) -> None:
    await migrate(empty)
    scripts.scripts.append(ONE_MORE_COLUMN)
    standin.faults.arm(Fault(Action.LOSE, sql="ALTER TABLE TWO"))
    with pytest.raises(DatabaseAway):
        await migrate(empty)
    assert [done.version for done in await migrate(empty)] == [2]


async def test_somebody_elses_table_of_that_name_is_never_taken_for_ours(
    empty: OracleDatabase, scripts: Scripts
) -> None:
    async with empty.transaction() as transaction:
        await transaction.run_script_statement("CREATE TABLE ONE (X NUMBER)")
    with pytest.raises(AlreadyExists, match="ORA-00955") as caught:
        await migrate(empty)
    assert "schema of its own" in caught.value.next_step


async def test_a_script_that_ran_and_was_changed_is_refused(empty: OracleDatabase, scripts: Scripts) -> None:
    await migrate(empty)
    scripts.scripts[0] += "\n-- changed\n"
    with pytest.raises(MigrationNeeded, match="V001"):
        await migrate(empty)


async def test_a_script_that_was_begun_and_then_changed_is_refused(
    standin: StandIn, empty: OracleDatabase, scripts: Scripts
) -> None:
    standin.faults.arm(Fault(Action.KILL, sql="TABLE TWO"))
    with pytest.raises(DatabaseAway):
        await migrate(empty)
    scripts.scripts[0] += "\n-- changed\n"
    with pytest.raises(MigrationNeeded, match="begun by another script"):
        await migrate(empty)


async def test_of_two_at_once_the_second_waits_and_finds_nothing_to_do(
    standin: StandIn, opened: Open, empty: OracleDatabase, scripts: Scripts
) -> None:
    other = await opened()
    armed = standin.faults.arm(Fault(Action.SLOW, sql="TABLE TWO", seconds=0.5))
    first = asyncio.create_task(migrate(empty))
    await armed.struck.wait()
    second = asyncio.create_task(migrate(other))
    await until_one_waits(standin)
    assert [done.version for done in await first] == [1]
    assert await second == []


async def test_many_at_once_on_an_empty_schema_run_it_once(opened: Open, scripts: Scripts) -> None:
    processes = [await opened() for _ in range(4)]
    done = await asyncio.gather(*(migrate(process) for process in processes))
    assert sorted(len(ran) for ran in done) == [0, 0, 0, 1]


async def test_a_run_whose_lock_dies_leaves_the_way_free(
    standin: StandIn, empty: OracleDatabase, scripts: Scripts
) -> None:
    standin.faults.arm(Fault(Action.ERROR, sql="TABLE TWO", code=1031))
    with pytest.raises(DatabaseRefused, match="lacks a right"):
        await migrate(empty)
    assert [done.version for done in await migrate(empty)] == [1]


async def run_by_hand(database: OracleDatabase) -> None:
    """As a DBA runs what `mailer migrate --sql` prints."""
    pending = migrations.pending_migrations(
        migrations.shipped_migrations("oracle"), await installed_migrations(database)
    )
    script = migration_script("oracle", pending, await begun_versions(database))
    async with database.transaction() as transaction:
        for statement in database.split_script(script):
            await transaction.run_script_statement(statement)


async def test_the_shipped_schema_that_a_dba_made_by_hand_is_current(empty: OracleDatabase) -> None:
    await run_by_hand(empty)
    await require_current_schema(empty)
    assert await migrate(empty) == []


async def test_a_dba_goes_on_with_what_mailer_made_or_left_half_made(
    standin: StandIn, empty: OracleDatabase, scripts: Scripts
) -> None:
    await migrate(empty)
    scripts.scripts.append(ONE_MORE_COLUMN)
    standin.faults.arm(Fault(Action.ERROR, sql="ADD", code=1031))
    with pytest.raises(DatabaseRefused):
        await migrate(empty)
    await run_by_hand(empty)
    assert await versions(empty) == [1, 2]
    assert await migrate(empty) == []
