"""An automation that is edited, paused or deleted while its job runs: the job goes on by what it was loaded with."""

import sqlite3

import pytest

from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from mailer.store.automations import AutomationStatus
from tests.faults.processes import MailerProcess, stop_at
from tests.faults.workplace import Workplace, address, statement

CUSTOMERS = 20


@pytest.fixture
def running(workplace: Workplace) -> MailerProcess:
    """A service that has sent a part of job 1."""
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.2)
    workplace.new_job(statement())
    service = workplace.start("run")
    workplace.wait_for_mails(1, 3)
    return service


def test_a_job_keeps_the_template_queries_and_policies_that_it_was_loaded_with(
    workplace: Workplace, running: MailerProcess
) -> None:
    edited = statement(html="<p>$(CUST_NAME)님, 12월 명세서입니다.</p>", update=None, max_parallel=5)
    workplace.save(edited)
    workplace.wait_for_job(1)
    workplace.require_all_sent(1, CUSTOMERS, unknown=0)
    assert {mail.html.split(", ")[1] for mail in workplace.mails(1)} == {"11월 명세서입니다.</p>"}

    job_id = workplace.new_job(edited)
    workplace.wait_for_job(job_id)
    assert {mail.html.split(", ")[1] for mail in workplace.mails(job_id)} == {"12월 명세서입니다.</p>"}


def test_a_paused_automations_job_goes_on_to_its_end(workplace: Workplace, running: MailerProcess) -> None:
    assert workplace.look("automation", "pause", "1").code == 0
    workplace.wait_for_job(1)
    workplace.require_all_sent(1, CUSTOMERS, unknown=0)
    assert workplace.query("SELECT STATUS FROM AUTOMATION")[0][0] == AutomationStatus.PAUSED


def test_the_database_refuses_to_delete_what_a_job_needs(workplace: Workplace, running: MailerProcess) -> None:
    for table in ("AUTOMATION", "DBIO", "TEMPLATE", "JOB_QUEUE"):
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            workplace.execute(f"DELETE FROM {table}")
    for table, column in (("DBIO", "TARGET_QUERY"), ("TEMPLATE", "HTML")):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            workplace.execute(f"UPDATE {table} SET {column} = ''")
    assert workplace.wait_for_job(1) is JobStatus.DONE
    workplace.require_all_sent(1, CUSTOMERS, unknown=0)


def test_an_address_that_is_suppressed_once_the_list_is_loaded_gets_no_mail(workplace: Workplace) -> None:
    workplace.add_customers(3)
    job_id = workplace.new_job(statement())
    worker = workplace.start("run", "--until-idle", "--workers", "1", env=stop_at("list loaded"))
    worker.wait_until_stopped()
    assert workplace.look("suppression", "add", address(2)).code == 0
    worker.go_on()
    assert worker.wait().code == 0
    assert [row.status for row in workplace.rows(job_id)] == [Status.SENT, Status.SKIPPED, Status.SENT]
    assert {mail.to for mail in workplace.mails(job_id)} == {address(1), address(3)}
