"""Jobs that share the workers of one process."""

from dataclasses import replace

from mailer.model.automation import UnknownPolicy
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, address, statement

OWNER = "owner@example.co.kr"


def test_a_job_that_waits_for_what_is_unknown_leaves_the_worker_to_others(workplace: Workplace) -> None:
    workplace.add_customers(3)
    workplace.ses.fault("reset", to=address(2))
    waiting = workplace.new_job(statement(unknown=UnknownPolicy.RESEND))
    workplace.start("run", "--workers", "1", env={"MAILER_UNKNOWN_GRACE": "1h"})
    until(lambda: [row.status for row in workplace.rows(waiting)].count(Status.UNKNOWN) == 1, "one is unknown")

    other = workplace.new_job(statement("다른 명세서", update=None))

    assert workplace.wait_for_job(other) is JobStatus.DONE
    assert workplace.job_status(waiting) is JobStatus.RUNNING


def test_a_job_that_waits_for_what_is_unknown_goes_on_when_the_grace_is_over(workplace: Workplace) -> None:
    workplace.add_customers(3)
    workplace.ses.fault("reset-before", to=address(2))
    job_id = workplace.new_job(statement(unknown=UnknownPolicy.RESEND))

    workplace.run_until_idle({"MAILER_UNKNOWN_GRACE": "5s", "MAILER_POLL": "200ms"})

    workplace.require_all_sent(job_id, 3)


def test_a_job_that_is_put_off_is_cancelled_at_once(workplace: Workplace) -> None:
    workplace.add_customers(3)
    workplace.ses.fault("reset", to=address(2))
    job_id = workplace.new_job(statement(unknown=UnknownPolicy.RESEND))
    workplace.start("run", env={"MAILER_UNKNOWN_GRACE": "1h", "MAILER_POLL": "200ms"})
    until(lambda: workplace.query("SELECT 1 FROM JOB_QUEUE WHERE STATUS = 'RUNNING' AND WORKER_ID IS NULL"), "put off")

    assert workplace.look("job", "cancel", str(job_id)).code == 0

    until(lambda: workplace.job_status(job_id) is JobStatus.CANCELLED, "the job is over", seconds=20)


def test_the_owner_is_warned_of_a_stop_whoever_found_its_cause(workplace: Workplace) -> None:
    workplace.add_customers(400)
    workplace.ses.limit(latency=0.2)
    job_id = workplace.new_job(replace(statement(max_parallel=2), owner=OWNER))
    service = workplace.start("run")
    workplace.wait_for_mails(job_id, 3)

    workplace.execute("UPDATE JOB_QUEUE SET STOPPING = 'FAIL', LOG = '도우미가 만난 원인'")

    assert workplace.wait_for_job(job_id) is JobStatus.FAIL
    service.wait_until_said("job ended")
    until(lambda: [mail for mail in workplace.ses.mails() if mail.to == OWNER], "the owner is warned")
    (warning,) = [mail for mail in workplace.ses.mails() if mail.to == OWNER]
    assert "도우미가 만난 원인" in warning.text


def test_a_take_over_by_a_process_that_helps_keeps_max_parallel(workplace: Workplace) -> None:
    workplace.add_customers(2000)
    workplace.ses.limit(latency=0.3)
    workplace.new_job(statement(max_parallel=3))
    holder = workplace.start("run")
    until(lambda: workplace.query("SELECT 1 FROM JOB_BATCH WHERE WORKER_ID IS NOT NULL"), "the holder sends")
    (held_by,) = {row[0] for row in workplace.query("SELECT WORKER_ID FROM JOB_QUEUE")}
    workplace.start("run", "--role", "worker")
    others = "SELECT COUNT(*) FROM JOB_BATCH WHERE WORKER_ID <> ?"
    until(lambda: workplace.query(others, held_by)[0][0], "another process helps")
    holder.kill()
    until(lambda: workplace.query("SELECT 1 FROM JOB_QUEUE WHERE WORKER_ID <> ?", held_by), "it holds the job now")

    in_flight = (
        "SELECT COUNT(*) FROM DELIVERY D JOIN JOB_BATCH B ON B.JOB_ID = D.JOB_ID AND B.BATCH_NO = D.BATCH_NO"
        " WHERE D.STATUS = 'SENDING' AND B.WORKER_ID <> ?"
    )
    posts, seen = workplace.posts, set[int]()

    def looked() -> bool:
        seen.add(workplace.query(in_flight, held_by)[0][0])
        return workplace.posts >= posts + 30

    until(looked, "thirty more are sent")
    assert max(seen) == 3
