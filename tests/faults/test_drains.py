"""SIGTERM in each phase: what is in flight ends, the rest is given back, nothing is in doubt afterwards."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.faults.processes import MailerProcess
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, address, statement

LONG_LEASE = {"MAILER_LEASE": "60s"}
"""Nobody waits that long in these tests: what was not given back would be seen."""
CUSTOMERS = 40
EXIT_OF_A_SECOND_SIGTERM = 128 + signal.SIGTERM


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds, what


def drain(process: MailerProcess) -> None:
    """SIGTERM: a clean end, well before the lease's."""
    with within(20, "the drain"):
        ran = process.end(signal.SIGTERM)
    assert ran.code == 0, ran.stderr


def go_on(workplace: Workplace) -> None:
    """The next process finds everything given back: it need not wait for a lease."""
    with within(40, "the next process waited for a lease"):
        workplace.run_until_idle(LONG_LEASE)


def in_doubt(workplace: Workplace, job_id: int) -> list[Status]:
    doubtful = (Status.SENDING, Status.UNKNOWN)
    return [row.status for row in workplace.rows(job_id) if row.status in doubtful]


def test_an_idle_service_ends_at_once(workplace: Workplace) -> None:
    service = workplace.start("run", env=LONG_LEASE)
    service.wait_until_said("started")
    with within(5, "the end of an idle service"):
        drain(service)
    assert workplace.query("SELECT 1 FROM WORKER") == []


def test_a_stop_while_mails_are_in_flight_waits_for_their_answers_and_gives_the_rest_back(
    workplace: Workplace,
) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.5)
    job_id = workplace.new_job(statement(max_parallel=10))
    service = workplace.start("run", env=LONG_LEASE)
    until(lambda: workplace.posts >= 5, "mails are in flight")
    drain(service)
    assert in_doubt(workplace, job_id) == []
    sent = sum(row.status is Status.SENT for row in workplace.rows(job_id))
    assert 0 < sent < CUSTOMERS
    assert workplace.job_status(job_id) is JobStatus.RUNNING

    go_on(workplace)

    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_stop_while_a_list_is_loaded_is_quick_and_the_next_process_loads_it_anew(workplace: Workplace) -> None:
    workplace.add_customers(560)
    with workplace.crm() as crm:
        crm.execute("CREATE TABLE PATIENCE (STEPS INTEGER)")
        crm.execute("INSERT INTO PATIENCE VALUES (1000000000)")
    slow = (
        "WITH RECURSIVE N(I) AS (SELECT 1 UNION ALL SELECT I + 1 FROM N WHERE I < (SELECT STEPS FROM PATIENCE)) "
        "SELECT MAX(I) FROM N"
    )
    target = f"SELECT CUST_ID, CUST_NAME, EMAIL, CASE WHEN CUST_ID > 510 THEN ({slow}) END AS N FROM CUSTOMER"
    job_id = workplace.new_job(statement(target=target, max_parallel=50))
    service = workplace.start("run", env=LONG_LEASE)
    until(lambda: len(workplace.rows(job_id)) == 500, "a part of the list is loaded")
    drain(service)
    assert workplace.mails(job_id) == []
    with workplace.crm() as crm:
        crm.execute("UPDATE PATIENCE SET STEPS = 1")

    go_on(workplace)

    workplace.require_all_sent(job_id, 560, unknown=0)


def test_a_stop_while_the_account_is_paused_leaves_the_mails_pending(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.fault("paused", times=None)
    job_id = workplace.new_job(statement(max_parallel=10))
    service = workplace.start("run", env=LONG_LEASE)
    service.wait_until_said("nothing can be sent")
    drain(service)
    assert {row.status for row in workplace.rows(job_id)} == {Status.PENDING}
    workplace.ses.clear_faults()

    go_on(workplace)

    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_stop_while_a_refused_mail_waits_for_its_next_try_leaves_it_pending(workplace: Workplace) -> None:
    workplace.add_customers(3)
    workplace.ses.fault("conflict", to=address(2), times=None)
    job_id = workplace.new_job(statement(max_parallel=3))
    service = workplace.start("run", env=LONG_LEASE)
    tries = "SELECT 1 FROM DELIVERY WHERE TRIES > 0 AND STATUS = 'PENDING'"
    until(lambda: workplace.query(tries), "the mail waits for its next try")
    drain(service)
    assert in_doubt(workplace, job_id) == []
    workplace.ses.clear_faults()

    go_on(workplace)

    workplace.require_all_sent(job_id, 3, unknown=0)


def test_a_stop_while_the_customers_table_is_locked_leaves_the_update_due_for_the_next_process(
    workplace: Workplace,
) -> None:
    workplace.add_customers(3)
    job_id = workplace.new_job(statement())
    with workplace.crm() as crm:
        crm.execute("BEGIN IMMEDIATE")
        service = workplace.start("run", env={**LONG_LEASE, "MAILER_DRAIN": "4s"})
        due = "SELECT 1 FROM DELIVERY WHERE UPDATE_STATUS = 'DUE'"
        until(lambda: workplace.query(due), "an update query waits for the lock")
        drain(service)
        assert workplace.query(due) != []

    go_on(workplace)

    workplace.require_all_sent(job_id, 3, unknown=0)


def test_a_stop_while_another_process_has_mailers_database_locked_ends_when_it_is_free(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.3)
    job_id = workplace.new_job(statement(max_parallel=5))
    service = workplace.start("run", env=LONG_LEASE)
    until(lambda: len(workplace.mails(job_id)) >= 5, "mails are in flight")
    with workplace.locked():
        service.tell(signal.SIGTERM)
        service.wait_until_said("draining")
        held = workplace.posts
        until(lambda: len(workplace.mails(job_id)) == held, "the mails in flight are accepted")
    assert service.wait().code == 0, service.stderr
    assert in_doubt(workplace, job_id) == []

    go_on(workplace)

    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_what_ses_has_not_answered_by_the_end_of_the_drain_is_written_unknown_before_the_end(
    workplace: Workplace,
) -> None:
    workplace.add_customers(3)
    workplace.ses.fault("hang", to=address(2))
    job_id = workplace.new_job(statement(max_parallel=3))
    service = workplace.start("run", env={**LONG_LEASE, "MAILER_DRAIN": "5s"})
    until(lambda: workplace.posts == 3, "all mails are in flight")
    drain(service)
    assert in_doubt(workplace, job_id) == [Status.UNKNOWN]

    go_on(workplace)

    assert workplace.require_all_sent(job_id, 3, unknown=1).unknown == [address(2)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_where_it_stands(workplace: Workplace, number: signal.Signals) -> None:
    workplace.add_customers(3)
    workplace.ses.fault("hang", to=address(2))
    job_id = workplace.new_job(statement(max_parallel=3))
    service = workplace.start("run")
    until(lambda: workplace.posts == 3, "all mails are in flight")
    service.tell(signal.SIGTERM)
    service.wait_until_said("draining")
    with within(1, "the end by a second signal"):
        ran = service.end(number)
    assert ran.code == 128 + number

    workplace.run_until_idle()

    assert workplace.require_all_sent(job_id, 3, unknown=3).unknown != []


def test_a_cancelled_job_stops_sending_within_five_seconds(workplace: Workplace) -> None:
    workplace.add_customers(400)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(statement(max_parallel=4))
    service = workplace.start("run")
    until(lambda: len(workplace.mails(job_id)) >= 5, "mails are in flight")
    assert workplace.look("job", "cancel", str(job_id)).code == 0
    cancelled_at = time.time()
    assert workplace.wait_for_job(job_id) is JobStatus.CANCELLED
    drain(service)
    verdict = workplace.judge(job_id, 400)
    assert (verdict.lost, verdict.twice, verdict.denied, verdict.unknown) == ([], [], [], [])
    assert max(mail.at for mail in workplace.mails(job_id)) < cancelled_at + 5
    workplace.require_updates(job_id)
    workplace.require_counts(job_id)
