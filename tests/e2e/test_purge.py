"""`mailer purge`: what it says, what is gone afterwards, and what can still be done with a job."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import Mailer, look
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.e2e.people import NAME, change_people, make_people, write_definition
from tests.e2e.statements import deliveries, show


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With five people to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, 5)
    database.settle_in(folder)
    assert look(folder, "automation", "apply", write_definition(folder)).code == 0
    return folder


def run_job(workplace: Path, mailer: Mailer) -> None:
    """One more job, which mails all."""
    change_people(workplace, "UPDATE PERSON SET SENT_AT = NULL")
    assert look(workplace, "enqueue", NAME).code == 0
    assert mailer("run", "--until-idle").code == 0


def age(database: OwnDatabase, job_id: int, days: int) -> None:
    """The job, and all of it, is so much older."""
    for table, columns in (("JOB_QUEUE", ("START_AT", "END_AT")), ("DELIVERY", ("CHANGED_AT",))):
        for column in columns:
            older = database.earlier(column, days * 86400)
            database.execute(f"UPDATE {table} SET {column} = {older} WHERE JOB_ID = {job_id}")


def purge(workplace: Path, *arguments: str) -> dict[str, Any]:
    ran = look(workplace, "purge", *arguments, "--json")
    assert ran.code == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def told(**numbers: int | bool) -> dict[str, int | bool]:
    return {
        "dry_run": False,
        "jobs": 0,
        "deliveries": 0,
        "row_data_jobs": 0,
        "row_data": 0,
        "log_lines": 0,
        **numbers,
    }


@on_both_databases
def test_old_lists_and_row_data_are_dropped_and_jobs_and_audit_stay(
    workplace: Path, mailer: Mailer, database: OwnDatabase
) -> None:
    for _ in range(3):
        run_job(workplace, mailer)
    age(database, 1, 100)
    age(database, 2, 40)
    arguments = ("--older-than", "90d", "--row-data-older-than", "30d")
    audit = database.query("SELECT * FROM AUDIT_LOG ORDER BY AUDIT_ID")
    expected = told(jobs=1, deliveries=5, row_data_jobs=1, row_data=5)
    assert purge(workplace, *arguments, "--dry-run") == expected | {"dry_run": True}
    assert [len(deliveries(workplace, job_id)) for job_id in (1, 2, 3)] == [5, 5, 5]
    assert database.query("SELECT * FROM AUDIT_LOG ORDER BY AUDIT_ID") == audit

    assert purge(workplace, *arguments) == expected
    assert purge(workplace, *arguments) == told()
    assert [len(deliveries(workplace, job_id)) for job_id in (1, 2, 3)] == [0, 5, 5]
    is_dropped = "CASE WHEN LENGTH(ROW_DATA) = 2 THEN 1 ELSE 0 END"
    row_data = database.query(
        f"SELECT JOB_ID, {is_dropped}, COUNT(*) FROM DELIVERY GROUP BY JOB_ID, {is_dropped} ORDER BY JOB_ID"
    )
    assert row_data == [(2, 1, 5), (3, 0, 5)]
    listed = json.loads(look(workplace, "job", "list", "--json").stdout)
    assert [(job["job_id"], job["status"]) for job in listed] == [(3, "DONE"), (2, "DONE"), (1, "DONE")]
    assert all(job["log"].startswith("sent 5 of 5") for job in listed)
    now = database.query("SELECT * FROM AUDIT_LOG ORDER BY AUDIT_ID")
    assert now[: len(audit)] == audit
    assert [row[3:] for row in now[len(audit) :]] == [
        ("purge", "jobs that are over", "older than 90d, row data older than 30d")
    ] * 2


@on_both_databases
def test_a_purged_job_says_so_and_is_exit_3_to_retry_or_settle(
    workplace: Path, mailer: Mailer, database: OwnDatabase
) -> None:
    run_job(workplace, mailer)
    age(database, 1, 40)
    purge(workplace, "--older-than", "90d", "--row-data-older-than", "30d")
    for verb in (["retry", "1"], ["retry", "1", "--updates"], ["settle", "1", "--as", "sent"]):
        ran = look(workplace, "job", *verb)
        assert (ran.code, ran.stdout) == (3, "")
        assert "job 1 was purged at 20" in ran.stderr
        assert "mailer enqueue" in ran.stderr
    shown = show(workplace, 1)
    assert {"purged", "row data dropped"} <= {line["code"] for line in shown["log_lines"]}
    assert shown["next"] == [
        "It was purged: what it would be sent by is gone, so it can't be retried or settled any more."
    ]
    run_job(workplace, mailer)  # the automation goes on as ever
    assert show(workplace, 2)["counts"]["SENT"] == 5


@on_both_databases
def test_on_the_screen_it_says_what_is_gone_or_would_be(workplace: Path, mailer: Mailer, database: OwnDatabase) -> None:
    run_job(workplace, mailer)
    age(database, 1, 100)
    dry = look(workplace, "purge", "--older-than", "90d", "--dry-run").stdout
    assert dry == "would be dropped: 5 deliveries of 1 job, with batches, numbers and log\n"
    wet = look(workplace, "purge", "--older-than", "90d").stdout
    assert wet == "dropped: 5 deliveries of 1 job, with batches, numbers and log\n"
    assert look(workplace, "purge", "--older-than", "90d").stdout.startswith("dropped: 0 deliveries of 0 jobs")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--older-than", "90"], "--older-than 90: of which unit?"),
        (["--older-than", "quarter"], "--older-than: 'quarter' is no age\n  Write a number with its unit: 90d, "),
        (["--older-than", ""], "--older-than: '' is no age\n"),
        (["--older-than", "-90d"], "--older-than: '-90d' is no age\n"),
        (["--older-than", "-1"], "--older-than: '-1' is no age\n"),
        (["--older-than", "1e3"], "--older-than: '1e3' is no age\n"),
        (["--older-than", "90d", "--row-data-older-than", "30"], "--row-data-older-than 30: of which unit?"),
    ],
)
def test_an_age_without_a_unit_or_that_is_none_is_exit_2(workplace: Path, arguments: Sequence[str], words: str) -> None:
    ran = look(workplace, "purge", *arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert words in ran.stderr


def test_without_an_age_nothing_is_dropped(workplace: Path) -> None:
    assert look(workplace, "purge").code == 2
