"""What jobs that are over leave to be done: update queries, which no other than a worker of the service will run."""

from mailer.model.job import JobStatus
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, statement

CUSTOMERS = 12
SLOW = "(WITH RECURSIVE N(I) AS (SELECT 1 UNION ALL SELECT I + 1 FROM N WHERE I < 2000000) SELECT COUNT(*) FROM N)"
"""Some tenths of a second of SQLite's time."""


def test_updates_that_take_longer_than_a_lease_run_once_each(workplace: Workplace) -> None:
    workplace.add_customers(CUSTOMERS)
    with workplace.crm() as crm:
        crm.execute("CREATE TABLE GATE (IS_OPEN INTEGER)")
    update = (
        "UPDATE CUSTOMER SET UPDATES = UPDATES + 1, MAIL_ID = :MESSAGE_ID"
        f" WHERE CUST_ID = :CUST_ID AND EXISTS (SELECT 1 FROM GATE) AND {SLOW} > 0"
    )
    job_id = workplace.new_job(statement(update=update))
    workplace.run_until_idle()
    with workplace.crm() as crm:
        crm.execute("INSERT INTO GATE VALUES (1)")
    assert workplace.look("job", "retry", str(job_id), "--updates").code == 0

    workplace.run_until_idle()

    with workplace.crm() as crm:
        assert crm.execute("SELECT UPDATES, COUNT(*) FROM CUSTOMER GROUP BY 1").fetchall() == [(1, CUSTOMERS)]
    workplace.require_updates(job_id)


def test_a_row_that_cannot_be_read_any_more_ends_neither_the_service_nor_the_next_job(workplace: Workplace) -> None:
    workplace.add_customers(3)
    auto_id = workplace.save(statement())
    spoilt = workplace.enqueue(auto_id)
    workplace.run_until_idle()
    workplace.execute("UPDATE DELIVERY SET ROW_DATA = '{', UPDATE_STATUS = 'DUE' WHERE ROW_NO = 2")
    workplace.execute("UPDATE JOB_BATCH SET STATUS = 'OPEN'")
    service = workplace.start("run")
    service.wait_until_said("settling what is left of a job met a defect")

    job_id = workplace.new_job(statement("다음 명세서", update=None))

    assert workplace.wait_for_job(job_id) is JobStatus.DONE
    assert len(workplace.mails(job_id)) == 3
    until(lambda: workplace.job_status(spoilt) is JobStatus.DONE, "the earlier job stays as it was")
