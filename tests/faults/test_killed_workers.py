"""kill -9 at each point of a job's way: another worker goes on, nothing is lost, nothing goes twice."""

from dataclasses import dataclass

import pytest

from mailer.fault_points import FaultPoint
from tests.faults.processes import stop_at
from tests.faults.workplace import Workplace, address, statement

CUSTOMERS = 6


@dataclass(frozen=True)
class Death:
    """Where a worker dies, and what its death must leave in doubt."""

    point: FaultPoint
    nth: int = 1
    is_unknown: bool = False
    is_accepted: bool = False


DEATHS = [
    Death("job claimed"),
    Death("list loaded"),
    Death("batch claimed"),
    Death("SENDING committed", nth=3, is_unknown=True),
    Death("answer in hand", nth=3, is_unknown=True, is_accepted=True),
    Death("answer committed", nth=3),
    Death("update run", nth=3),
    Death("job ending"),
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.point)
def test_a_killed_worker_leaves_in_doubt_the_one_mail_that_was_in_its_hands_and_no_other(
    workplace: Workplace, death: Death
) -> None:
    workplace.add_customers(CUSTOMERS)
    job_id = workplace.new_job(statement())  # max_parallel 1: the third pass is the third customer's
    doomed = workplace.start("run", env=stop_at(death.point, death.nth))
    doomed.wait_until_stopped()
    doomed.kill()

    workplace.run_until_idle()

    verdict = workplace.require_all_sent(job_id, CUSTOMERS, unknown=1)
    assert verdict.unknown == ([address(3)] if death.is_unknown else [])
    accepted = [mail.to for mail in workplace.mails(job_id)]
    assert (address(3) in accepted) is (not death.is_unknown or death.is_accepted)


def test_a_worker_killed_between_slices_leaves_a_partial_list_that_the_next_one_loads_anew(
    workplace: Workplace,
) -> None:
    workplace.add_customers(510)  # more than one slice
    job_id = workplace.new_job(statement(max_parallel=50))
    doomed = workplace.start("run", env=stop_at("slice loaded"))
    doomed.wait_until_stopped()
    assert len(workplace.rows(job_id)) == 500
    doomed.kill()
    with workplace.crm() as crm:  # what the target query returns has changed meanwhile
        crm.execute("DELETE FROM CUSTOMER WHERE CUST_ID = 1")

    workplace.run_until_idle()

    assert address(1) not in {row.email for row in workplace.rows(job_id)}
    verdict = workplace.judge(job_id, 510)
    assert (verdict.lost, verdict.twice, verdict.denied) == ([address(1)], [], [])
    assert len(workplace.mails(job_id)) == 509


def test_the_next_job_holds_back_whoever_a_death_left_in_doubt_until_a_person_settles_it(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    automation = workplace.save(statement())
    first = workplace.enqueue(automation)
    doomed = workplace.start("run", env=stop_at("answer in hand", nth=3))
    doomed.wait_until_stopped()
    doomed.kill()
    workplace.run_until_idle()

    second = workplace.enqueue(automation)
    workplace.run_until_idle()
    assert address(3) not in {mail.to for mail in workplace.mails(second)}
    assert len(workplace.mails(second)) == CUSTOMERS - 1

    settled = workplace.look("job", "settle", str(first), "--as", "sent")
    assert settled.code == 0, settled.stderr
    workplace.run_until_idle()  # its update query runs
    third = workplace.enqueue(automation)
    workplace.run_until_idle()
    assert len(workplace.mails(third)) == CUSTOMERS
    with workplace.crm() as crm:  # its update query has run, though its worker died before
        assert crm.execute("SELECT UPDATES FROM CUSTOMER WHERE CUST_ID = 3").fetchone() == (2,)
