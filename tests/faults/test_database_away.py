"""mailer's own SQLite file is locked by another program, or may not be written: nothing is sent meanwhile."""

import signal
from pathlib import Path

import pytest

from mailer.model.job import JobStatus
from tests.faults.permissions import start_unprivileged
from tests.faults.waiting import lasts, until
from tests.faults.workplace import LEASE, Workplace, statement

CUSTOMERS = 60
IN_HAND = 5
"""max_parallel: what may be on its way when the lock falls."""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_lock_within_the_patience_delays_the_mails_and_loses_none(workplace: Workplace, processes: int) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(statement(max_parallel=IN_HAND))
    for _ in range(processes):
        workplace.start("run")
    workplace.wait_for_mails(job_id, 5)
    with workplace.locked():
        began = workplace.posts
        lasts(LEASE + 1)  # longer than the lease, too
        assert workplace.posts <= began + IN_HAND * processes
    workplace.wait_for_job(job_id)
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_lock_past_the_patience_gives_the_job_up_with_that_cause_and_a_retry_goes_on(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(statement(max_parallel=IN_HAND))
    service = workplace.start("run", env={"MAILER_DB_PATIENCE": "2s"})
    workplace.wait_for_mails(job_id, 5)
    with workplace.locked():
        lasts(6)
    assert workplace.wait_for_job(job_id) is JobStatus.FAIL
    assert "mailer's database has not answered for 2 s" in workplace.job_log(job_id)
    verdict = workplace.judge(job_id, CUSTOMERS)
    assert (verdict.lost, verdict.twice, verdict.denied, verdict.unknown) == ([], [], [], [])
    assert verdict.unfinished != []

    assert workplace.look("job", "retry", str(job_id)).code == 0
    workplace.wait_for_job(job_id, JobStatus.DONE)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_service_that_may_not_write_its_database_says_so_and_starts_when_it_may(
    workplace: Workplace, what: str
) -> None:
    workplace.add_customers(3)
    job_id = workplace.new_job(statement())
    closed: Path = workplace.database if what == "file" else workplace.folder
    mode = closed.stat().st_mode
    closed.chmod(0o555 if what == "folder" else 0o444)
    refused = start_unprivileged(lambda: workplace.start("run", "--until-idle")).wait()
    assert refused.code == 2, refused.stderr
    assert "mailer.db: attempt to write a readonly database" in refused.stderr
    assert "writable by this user" in refused.stderr
    closed.chmod(mode)
    workplace.run_until_idle()
    workplace.require_all_sent(job_id, 3)


def test_a_database_that_is_replaced_under_a_service_ends_its_sending_and_it_says_why(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(statement())
    service = workplace.start("run")
    workplace.wait_for_mails(job_id, 3)

    workplace.database.replace(workplace.folder / "old.db")

    until(lambda: "moved, deleted or replaced" in service.stderr, "it says so")
    posts = workplace.posts
    lasts(2)
    assert workplace.posts <= posts + 1
    (workplace.folder / "old.db").replace(workplace.database)
    workplace.wait_for_job(job_id)
    workplace.require_all_sent(job_id, CUSTOMERS)
