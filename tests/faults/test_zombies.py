"""A worker that stood still for longer than its lease: what it does when it wakes does no harm."""

import signal
from dataclasses import dataclass

import pytest

from mailer.fault_points import FaultPoint
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.faults.processes import MailerProcess, block_at, stop_at
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, address, statement

CUSTOMERS = 30


@dataclass(frozen=True)
class Sleep:
    """Where a worker stands still."""

    point: FaultPoint
    nth: int = 1


SLEEPS = [
    Sleep("job claimed"),
    Sleep("list loaded"),
    Sleep("batch claimed"),
    Sleep("SENDING committed", nth=3),
    Sleep("answer in hand", nth=3),
    Sleep("answer committed", nth=3),
    Sleep("update run", nth=3),
]


@pytest.mark.parametrize("sleep", SLEEPS, ids=lambda sleep: sleep.point)
def test_a_worker_that_was_frozen_for_longer_than_its_lease_loses_nothing_and_repeats_nothing(
    workplace: Workplace, sleep: Sleep
) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.1)  # the job outlasts the sleep
    job_id = workplace.new_job(statement())
    zombie = workplace.start("run", "--workers", "1", env=stop_at(sleep.point, sleep.nth))
    zombie.wait_until_stopped()
    successor = workplace.start("run", "--workers", "1")
    _wait_for_take_over(workplace, job_id)

    zombie.go_on()

    workplace.wait_for_job(job_id)
    _end_well(zombie, successor)
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def test_a_loader_that_was_frozen_adds_nothing_to_the_list_that_its_successor_loads(workplace: Workplace) -> None:
    workplace.add_customers(1010)  # three slices
    job_id = workplace.new_job(statement(max_parallel=50))
    zombie = workplace.start("run", env=stop_at("slice loaded"))
    zombie.wait_until_stopped()
    successor = workplace.start("run")
    _wait_for_take_over(workplace, job_id)

    zombie.go_on()

    workplace.wait_for_job(job_id)
    _end_well(zombie, successor)
    assert len(workplace.rows(job_id)) == 1010
    workplace.require_all_sent(job_id, 1010, unknown=0)


def test_what_a_zombie_knows_was_not_sent_is_sent_by_a_retry_where_the_job_is_over_meanwhile(
    workplace: Workplace,
) -> None:
    workplace.add_customers(4)
    job_id = workplace.new_job(statement())
    zombie = workplace.start("run", env=stop_at("SENDING committed", nth=3))
    zombie.wait_until_stopped()
    workplace.run_until_idle()
    assert workplace.judge(job_id, 4).unknown == [address(3)]

    zombie.go_on()

    until(lambda: workplace.rows(job_id)[2].status is Status.FAILED, "the zombie has said that it did not send")
    assert workplace.job_status(job_id) is JobStatus.DONE
    assert workplace.look("job", "retry", str(job_id)).code == 0
    workplace.wait_for_job(job_id)
    workplace.require_all_sent(job_id, 4, unknown=0)


def test_the_answer_in_a_zombies_hands_is_written_where_the_job_is_over_meanwhile(workplace: Workplace) -> None:
    workplace.add_customers(4)
    job_id = workplace.new_job(statement())
    zombie = workplace.start("run", env=stop_at("answer in hand", nth=3))
    zombie.wait_until_stopped()
    workplace.run_until_idle()
    assert workplace.judge(job_id, 4).unknown == [address(3)]

    zombie.go_on()

    until(lambda: workplace.rows(job_id)[2].status is Status.SENT, "the zombie's answer is written")
    until(lambda: not _due(workplace, job_id), "its update query has run")
    workplace.require_all_sent(job_id, 4, unknown=0)


def test_a_blocked_event_loop_lets_the_lease_end_and_sends_nothing_after_it(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    workplace.ses.limit(latency=0.1)
    job_id = workplace.new_job(statement())
    blocked = workplace.start("run", "--workers", "1", env=block_at("SENDING committed", seconds=6, nth=3))
    workplace.wait_for_job(job_id, JobStatus.RUNNING)
    successor = workplace.start("run", "--workers", "1")
    _wait_for_take_over(workplace, job_id)
    workplace.wait_for_job(job_id)
    _end_well(blocked, successor)
    workplace.require_all_sent(job_id, CUSTOMERS, unknown=0)


def _wait_for_take_over(workplace: Workplace, job_id: int) -> None:
    fence = "SELECT 1 FROM JOB_QUEUE WHERE JOB_ID = ? AND FENCE = 2"
    until(lambda: workplace.query(fence, job_id), "another worker has taken the job over")


def _due(workplace: Workplace, job_id: int) -> bool:
    return bool(workplace.query("SELECT 1 FROM DELIVERY WHERE JOB_ID = ? AND UPDATE_STATUS = 'DUE'", job_id))


def _end_well(*processes: MailerProcess) -> None:
    for process in processes:
        ran = process.end(signal.SIGTERM)
        assert ran.code == 0, ran.stderr
