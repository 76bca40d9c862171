"""SES refuses, throttles, answers late or not at all: nothing is lost, nothing goes twice, and UNKNOWN is bounded."""

import signal

from mailer.model.automation import UnknownPolicy
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.doubles.ses_faults import AFTER_ACCEPTING, BEFORE_ACCEPTING
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, address, statement

CUSTOMERS = 40


def test_each_answer_that_never_came_is_unknown_and_nothing_else_is(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    kinds = [*(AFTER_ACCEPTING.keys() - {"late"}), *BEFORE_ACCEPTING]
    for number, kind in enumerate(kinds, start=1):
        workplace.ses.fault(kind, to=address(number))
    job_id = workplace.new_job(statement(max_parallel=10))
    workplace.run_until_idle()
    verdict = workplace.require_all_sent(job_id, CUSTOMERS, unknown=len(kinds))
    assert verdict.unknown == sorted(address(number) for number in range(1, len(kinds) + 1))


def test_under_resend_a_job_stays_open_until_what_nobody_knew_is_sent_again(workplace: Workplace) -> None:
    workplace.add_customers(3)
    (kind, *_) = BEFORE_ACCEPTING
    workplace.ses.fault(kind, to=address(2), times=1)
    workplace.environment["MAILER_UNKNOWN_GRACE"] = "5s"  # a lease and a call, and little more
    job_id = workplace.new_job(statement(unknown=UnknownPolicy.RESEND))
    workplace.run_until_idle()
    workplace.require_all_sent(job_id, 3, unknown=0)


def test_a_used_up_quota_makes_the_job_wait_and_nobody_fail(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(quota=10)
    job_id = workplace.new_job(statement(max_parallel=10))
    service = workplace.start("run")
    service.wait_until_said("nothing can be sent")
    until(lambda: _counts(workplace, job_id) == {Status.SENT: 10, Status.PENDING: CUSTOMERS - 10}, "the rest waits")
    assert workplace.job_status(job_id) is JobStatus.RUNNING
    workplace.ses.limit(quota=None)
    workplace.wait_for_job(job_id)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_refused_connections_make_the_job_wait_and_nobody_fail(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    job_id = workplace.new_job(statement(max_parallel=10))
    workplace.ses.refuse_connections(8)
    service = workplace.start("run")
    service.wait_until_said("nothing can be sent")
    workplace.wait_for_job(job_id)
    assert service.end(signal.SIGTERM).code == 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_throttling_delays_mails_and_fails_none(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(rate=20, burst=1)
    job_id = workplace.new_job(statement(max_parallel=10))
    workplace.run_until_idle({"MAILER_SES_RATE": "100"})
    assert workplace.ses.stats()["refused"]["TooManyRequestsException"] > 0
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_an_ses_slower_than_the_timeout_leaves_in_doubt_what_was_in_flight_then_and_no_more(
    workplace: Workplace,
) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=5)  # a call's deadline is under half the lease, 1.5 s
    job_id = workplace.new_job(statement(max_parallel=4))
    service = workplace.start("run")
    until(lambda: _counts(workplace, job_id).get(Status.UNKNOWN, 0) >= 4, "calls have timed out")
    workplace.ses.limit(latency=0.02)
    slow = workplace.posts
    workplace.wait_for_job(job_id)
    assert service.end(signal.SIGTERM).code == 0
    verdict = workplace.judge(job_id, CUSTOMERS)
    assert (verdict.lost, verdict.twice, verdict.denied, verdict.unfinished) == ([], [], [], [])
    assert 4 <= len(verdict.unknown) <= slow + 4
    workplace.require_updates(job_id)


def _counts(workplace: Workplace, job_id: int) -> dict[Status, int]:
    counts: dict[Status, int] = {}
    for row in workplace.rows(job_id):
        counts[row.status] = counts.get(row.status, 0) + 1
    return counts
