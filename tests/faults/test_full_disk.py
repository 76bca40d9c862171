"""The disk is full: the service says so, holds still, and goes on when there is room."""

import signal
import subprocess
from pathlib import Path

from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.e2e.commands import COMMAND, environment
from tests.faults.disks import Disk
from tests.faults.waiting import BOUND, lasts, until
from tests.faults.workplace import LEASE, Workplace, statement

CUSTOMERS = 60


def test_a_full_disk_under_the_database_delays_the_mails_and_loses_none(workplace: Workplace, disk: Disk) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.move_database(disk.folder)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(statement(max_parallel=5, update=None))
    service = workplace.start("run")
    workplace.wait_for_mails(job_id, 5)
    with disk.full(service.pid):
        began = workplace.posts
        lasts(LEASE + 1)
        assert workplace.posts <= began + 5
        assert workplace.job_status(job_id) is JobStatus.RUNNING
    workplace.wait_for_job(job_id)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_disk_that_stays_full_gives_the_job_up_with_that_cause_and_a_retry_goes_on(
    workplace: Workplace, disk: Disk
) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.move_database(disk.folder)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(statement(max_parallel=5, update=None))
    service = workplace.start("run", env={"MAILER_DB_PATIENCE": "2s"})
    workplace.wait_for_mails(job_id, 5)
    with disk.full(service.pid):
        lasts(6)
    assert workplace.wait_for_job(job_id) is JobStatus.FAIL
    assert "mailer's database has not answered for 2 s" in workplace.job_log(job_id)
    assert disk.says in workplace.job_log(job_id)
    verdict = workplace.judge(job_id, CUSTOMERS)
    assert (verdict.lost, verdict.twice, verdict.denied, verdict.unknown) == ([], [], [], [])
    assert workplace.look("job", "retry", str(job_id)).code == 0
    workplace.wait_for_job(job_id, JobStatus.DONE)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_full_disk_under_the_outbox_is_nobodys_failure(workplace: Workplace, disk: Disk) -> None:
    workplace.add_customers(CUSTOMERS)
    job_id = workplace.new_job(statement(max_parallel=5))
    outbox = disk.folder / "보낸편지함"
    env = {"MAILER_TRANSPORT": "outbox", "MAILER_OUTBOX": str(outbox), "MAILER_SES_RATE": "20"}
    service = workplace.start("run", env=env)
    until(lambda: len(list(outbox.glob("*.eml"))) >= 5, "mails are written")
    with disk.full(service.pid):
        lasts(2)
        assert workplace.job_status(job_id) is JobStatus.RUNNING
        assert {row.status for row in workplace.rows(job_id)} <= {Status.SENT, Status.PENDING, Status.SENDING}
    workplace.wait_for_job(job_id, JobStatus.DONE)
    assert {row.status for row in workplace.rows(job_id)} == {Status.SENT}
    assert len(list(outbox.glob("*.eml"))) == CUSTOMERS


def test_a_full_disk_under_the_log_costs_lines_and_no_mail(workplace: Workplace) -> None:
    workplace.add_customers(3)
    job_id = workplace.new_job(statement())
    with Path("/dev/full").open("w") as log:
        command, env = [str(COMMAND), "run", "--until-idle"], environment(workplace.environment)
        ran = subprocess.run(command, cwd=workplace.folder, env=env, stderr=log, timeout=BOUND, check=False)
    assert ran.returncode == 0
    workplace.require_all_sent(job_id, 3)
