"""Target queries that return nothing, too much, other columns than before, or never end."""

import pytest

from mailer.model.job import JobStatus
from tests.faults.workplace import Workplace, address, statement

ENDLESS_ROWS = """
WITH RECURSIVE N(I) AS (SELECT 1 UNION ALL SELECT I + 1 FROM N)
SELECT I AS CUST_ID, '고객' AS CUST_NAME, 'cust' || I || '@example.co.kr' AS EMAIL,
       LENGTH(HEX(ZEROBLOB(100000))) AS N  -- each row takes its time
  FROM N
"""
NO_ROW_FOR_EVER = f"SELECT * FROM ({ENDLESS_ROWS}) WHERE CUST_ID < 0"
MILLION = 1_000_000


def test_a_list_without_rows_is_done(workplace: Workplace) -> None:
    workplace.add_customers(0)
    job_id = workplace.new_job(statement())
    workplace.run_until_idle()
    workplace.require_all_sent(job_id, 0)
    assert workplace.job_log(job_id) == "nothing to send"


@pytest.mark.parametrize("target", [ENDLESS_ROWS, NO_ROW_FOR_EVER], ids=["rows without end", "never a row"])
def test_a_query_that_never_ends_fails_the_job_with_that_cause_and_the_queue_goes_on(
    workplace: Workplace, target: str
) -> None:
    workplace.add_customers(2)
    endless = workplace.new_job(statement(target=target))
    other = workplace.new_job(statement("공지", update=None))
    workplace.run_until_idle({"MAILER_QUERY_SECONDS": "1"})
    assert workplace.job_status(endless) is JobStatus.FAIL
    assert "longer than 1 s" in workplace.job_log(endless)
    assert workplace.mails(endless) == []
    assert len(workplace.mails(other)) == 2


def test_a_list_that_lost_a_column_fails_its_job_before_the_first_mail_and_goes_on_when_it_is_back(
    workplace: Workplace,
) -> None:
    workplace.add_customers(3)
    automation = workplace.save(statement(target="SELECT * FROM CUSTOMER"))
    first = workplace.enqueue(automation)
    workplace.run_until_idle()
    workplace.require_all_sent(first, 3)

    with workplace.crm() as crm:
        crm.execute("ALTER TABLE CUSTOMER RENAME COLUMN EMAIL TO MAIL_ADDRESS")
    second = workplace.enqueue(automation)
    workplace.run_until_idle()
    assert workplace.job_status(second) is JobStatus.FAIL
    assert "returns no column EMAIL" in workplace.job_log(second)
    assert workplace.mails(second) == []

    with workplace.crm() as crm:
        crm.execute("ALTER TABLE CUSTOMER RENAME COLUMN MAIL_ADDRESS TO EMAIL")
    assert workplace.look("job", "retry", str(second)).code == 0
    workplace.run_until_idle()
    assert {mail.to for mail in workplace.mails(second)} == {address(number) for number in (1, 2, 3)}


def test_a_column_that_is_lost_while_the_job_runs_stops_it_and_a_retry_goes_on(workplace: Workplace) -> None:
    workplace.add_customers(20)
    workplace.ses.limit(latency=0.1)
    mapping = "SELECT CUST_NAME AS GREETED FROM CUSTOMER WHERE CUST_ID = :CUST_ID"
    job_id = workplace.new_job(statement(mapping=mapping))
    service = workplace.start("run")
    workplace.wait_for_mails(job_id, 3)
    with workplace.crm() as crm:
        crm.execute("ALTER TABLE CUSTOMER RENAME COLUMN CUST_NAME TO FULL_NAME")
    assert workplace.wait_for_job(job_id) is JobStatus.FAIL
    assert "CUST_NAME" in workplace.job_log(job_id)
    verdict = workplace.judge(job_id, 20)
    assert (verdict.lost, verdict.twice, verdict.denied, verdict.unknown) == ([], [], [], [])

    with workplace.crm() as crm:
        crm.execute("ALTER TABLE CUSTOMER RENAME COLUMN FULL_NAME TO CUST_NAME")
    assert workplace.look("job", "retry", str(job_id)).code == 0
    workplace.wait_for_job(job_id, JobStatus.DONE)
    service.kill()
    workplace.require_all_sent(job_id, 20, unknown=0)


@pytest.mark.slow
def test_a_million_rows_are_loaded_and_counted(workplace: Workplace) -> None:
    workplace.add_customers(0)
    # Only the last thousand have an address, so that the list is long and the sending short.
    target = f"""
        WITH RECURSIVE N(I) AS (SELECT 1 UNION ALL SELECT I + 1 FROM N WHERE I < {MILLION})
        SELECT I AS CUST_ID, '고객' AS CUST_NAME,
               CASE WHEN I > {MILLION - 1000} THEN 'cust' || I || '@example.co.kr' END AS EMAIL FROM N
    """
    job_id = workplace.new_job(statement(target=target, update=None, max_parallel=50))
    workplace.run_until_idle({"MAILER_SES_RATE": "1000"})
    assert workplace.job_status(job_id) is JobStatus.DONE
    counted = workplace.query("SELECT STATUS, COUNT(*) FROM DELIVERY WHERE JOB_ID = ? GROUP BY STATUS", job_id)
    assert dict(tuple(row) for row in counted) == {"FAILED": MILLION - 1000, "SENT": 1000}
    workplace.require_counts(job_id)
