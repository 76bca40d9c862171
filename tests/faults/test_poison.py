"""A job that kills each worker that takes it: it ends FAIL after three, and the queue goes on."""

import pytest

from mailer.fault_points import FaultPoint
from mailer.model.job import JobStatus
from tests.faults.processes import stop_at
from tests.faults.workplace import Workplace, statement

DEATHS = 3


@pytest.mark.parametrize(
    ("point", "cause"),
    [
        ("slice loaded", "loading the list ended 3 workers in a row"),
        ("batch claimed", "batch 1 ended 3 workers in a row without any progress"),
    ],
)
def test_a_job_that_kills_three_workers_in_a_row_is_failed_and_the_queue_goes_on(
    workplace: Workplace, point: FaultPoint, cause: str
) -> None:
    workplace.add_customers(3)
    poisoned = workplace.new_job(statement())
    for _ in range(DEATHS):
        doomed = workplace.start("run", env=stop_at(point))
        doomed.wait_until_stopped()
        doomed.kill()
    other = workplace.new_job(statement("공지", update=None))

    workplace.run_until_idle()

    assert workplace.job_status(poisoned) is JobStatus.FAIL
    assert cause in workplace.job_log(poisoned)
    assert workplace.mails(poisoned) == []
    assert workplace.job_status(other) is JobStatus.DONE
    assert len(workplace.mails(other)) == 3

    assert workplace.look("job", "retry", str(poisoned)).code == 0  # the cause is mended
    workplace.run_until_idle()
    workplace.require_all_sent(poisoned, 3)


def test_deaths_with_progress_between_them_do_not_count_as_poison(workplace: Workplace) -> None:
    workplace.add_customers(6)
    job_id = workplace.new_job(statement())
    for _ in range(DEATHS + 1):
        doomed = workplace.start("run", env=stop_at("answer committed"))
        doomed.wait_until_stopped()
        doomed.kill()
    workplace.run_until_idle()
    workplace.require_all_sent(job_id, 6)
