"""Migrations: by two processes at once, by one that dies half-way, and programs that meet another's schema."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mailer.clock import SystemClock
from mailer.db.migrations import migrate, shipped_migrations
from mailer.db.sqlite import SqliteDatabase
from mailer.model.job import JobStatus
from tests.faults.processes import stop_at
from tests.faults.racing import race
from tests.faults.workplace import Workplace, statement

TABLES = "SELECT NAME FROM sqlite_master WHERE TYPE = 'table' ORDER BY NAME"


def test_a_migration_that_was_killed_half_way_left_nothing_and_runs_whole_the_next_time(workplace: Workplace) -> None:
    doomed = workplace.start("migrate", env=stop_at("migration begun", nth=5))
    doomed.wait_until_stopped()
    doomed.kill()
    assert workplace.query(TABLES) == []

    assert workplace.run("migrate").code == 0

    workplace.add_customers(2)
    job_id = workplace.new_job(statement())
    workplace.run_until_idle()
    workplace.require_all_sent(job_id, 2)


def test_two_processes_that_migrate_at_the_same_instant_run_each_script_once(tmp_path: Path) -> None:
    ran = race(migrate_all, tmp_path)
    assert ran == {"+".join(f"V{script.version}" for script in shipped_migrations("sqlite")): 20, "nothing": 20}


async def migrate_all(folder: Path, together: Callable[[], None]) -> Counter[str]:
    """Migrates one empty database after the other, all racers the same one at the same instant."""
    ran: Counter[str] = Counter()
    for number in range(20):
        async with SqliteDatabase(folder / f"{number}.db", SystemClock(), create=True) as database:
            together()
            done = await migrate(database)
            ran["+".join(f"V{one.version}" for one in done) or "nothing"] += 1
    return ran


def test_two_services_that_start_together_on_no_database_make_one(workplace: Workplace) -> None:
    services = [workplace.start("run", "--until-idle") for _ in range(2)]
    assert [service.wait().code for service in services] == [0, 0]
    assert len(workplace.query("SELECT VERSION FROM SCHEMA_HISTORY")) == len(
        workplace.query("SELECT DISTINCT VERSION FROM SCHEMA_HISTORY")
    )


def test_an_older_program_refuses_a_newer_schema_and_touches_nothing(workplace: Workplace) -> None:
    workplace.add_customers(1)
    job_id = workplace.new_job(statement())
    workplace.execute(
        "INSERT INTO SCHEMA_HISTORY (VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT)"
        " VALUES (999, 'from the future', 'x', '2026-11-24 00:00:00.000000')"
    )
    for command in (("run", "--until-idle"), ("migrate",), ("job", "list")):
        ran = workplace.run(*command)
        assert ran.code == 2, ran.stderr
        assert "newer than this mailer: it has V999 (from the future)" in ran.stderr
    assert workplace.job_status(job_id) is JobStatus.WAITING


def test_a_newer_program_asks_for_the_migration_where_it_may_not_run_it_itself(workplace: Workplace) -> None:
    workplace.database.touch()
    ran = workplace.run("run", "--until-idle", env={"MAILER_AUTO_MIGRATE": "false"})
    assert ran.code == 2, ran.stderr
    assert "Run 'mailer migrate'." in ran.stderr
    assert workplace.query(TABLES) == []


def test_a_service_that_is_pointed_at_the_customers_database_leaves_it_as_it_is(workplace: Workplace) -> None:
    workplace.add_customers(1)
    ran = workplace.run("run", "--until-idle", env={"MAILER_DATABASE": "crm.db"})
    assert (ran.code, ran.stderr.count("no tables of mailer's, but CUSTOMER")) == (2, 1)
    with workplace.crm() as crm:
        assert crm.execute("SELECT NAME FROM sqlite_master").fetchall() == [("CUSTOMER",)]
