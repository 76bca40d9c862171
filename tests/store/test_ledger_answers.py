"""What the transport said is written whoever owns the batch by then, over what it may replace and over nothing else."""

from itertools import product

import pytest

from mailer.model.delivery import Change, Standing, Status, UpdateStatus
from mailer.model.job import JobStatus
from mailer.store.ledger import Verdict
from tests.store.engines import Engine, TimePasses
from tests.store.processes import LEASE, Process, answer, definition
from tests.store.tables import Tables, standing_of

ANSWERS = [
    (Status.SENT, UpdateStatus.NONE),
    (Status.SENT, UpdateStatus.DUE),
    (Status.PENDING, UpdateStatus.NONE),
    (Status.FAILED, UpdateStatus.NONE),
    (Status.UNKNOWN, UpdateStatus.NONE),
]
FOUND = [
    *((status, UpdateStatus.NONE) for status in Status),
    (Status.SENT, UpdateStatus.DUE),
    (Status.SENT, UpdateStatus.DONE),
    (Status.SENT, UpdateStatus.FAILED),
]
ATTEMPTS = [1, 2]
"""The answer is that to attempt 1; the row may stand at a later one."""
PAIRS = list(product(ANSWERS, FOUND, ATTEMPTS))

REPLACES = {
    Status.SENT: {Status.SENDING, Status.UNKNOWN, Status.PENDING, Status.FAILED},
    Status.PENDING: {Status.SENDING, Status.UNKNOWN},
    Status.FAILED: {Status.SENDING, Status.UNKNOWN},
    Status.UNKNOWN: {Status.SENDING},
}


def verdict_on(after: Status, found: Status, attempt: int) -> Verdict:
    if attempt == 1 and found in REPLACES[after]:
        return Verdict.WRITTEN
    return Verdict.SENT_ALREADY if after is found is Status.SENT else Verdict.REFUSED


async def test_each_answer_replaces_what_it_may_and_nothing_else(worker: Process, tables: Tables) -> None:
    """Every pair of an answer and of how it finds its row."""
    job = await worker.run_job(definition(), [f"고객-{number}" for number in range(len(PAIRS))], batch_rows=len(PAIRS))
    batch, work = await worker.take(job.job_id)
    before = Standing(Status.PENDING, 0, UpdateStatus.NONE)
    for delivery, (_, (status, update), attempt) in zip(work, PAIRS, strict=True):
        standing = Standing(status, attempt, update)
        change = Change(delivery.delivery_id, job.job_id, 1, before, standing, 0, message_id="ses-of-the-row")
        await worker.ledger.record(change, batch)
    for delivery, ((after, update), (status, _), attempt) in zip(work, PAIRS, strict=True):
        recorded = await worker.ledger.record(answer(delivery, after, update), batch)
        assert recorded.verdict is verdict_on(after, status, attempt), (after, status, attempt)
    await tables.require_sums()
    for row, ((after, update), (status, found), attempt) in zip(
        await tables.deliveries(job.job_id), PAIRS, strict=True
    ):
        is_written = verdict_on(after, status, attempt) is Verdict.WRITTEN
        expected = Standing(after, 1, update) if is_written else Standing(status, attempt, found)
        assert standing_of(row) == expected, (after, update, status, found, attempt)


@pytest.mark.parametrize(
    ("after", "update", "opens"),
    [
        (Status.SENT, UpdateStatus.DUE, True),
        (Status.SENT, UpdateStatus.NONE, False),
        (Status.PENDING, UpdateStatus.NONE, True),
        (Status.FAILED, UpdateStatus.NONE, False),
    ],
    ids=["sent, update due", "sent", "not accepted", "refused"],
)
async def test_a_late_answer_opens_its_batch_where_something_is_to_be_done_again(
    worker: Process,
    other: Process,
    tables: Tables,
    time_passes: TimePasses,
    after: Status,
    update: UpdateStatus,
    opens: bool,
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    late, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, late)
    await time_passes(LEASE)
    assert await other.queue.close_batch(await other.claim_batch(job.job_id))
    recorded = await worker.answer(delivery, late, after, update)
    assert recorded.verdict is Verdict.WRITTEN
    assert await tables.batches(job.job_id) == {1: "OPEN" if opens else "CLOSED"}
    if opens:
        _, work = await other.take(job.job_id)
        assert [found.delivery_id for found in work] == [delivery.delivery_id]


async def late_answer_in(
    status: JobStatus, worker: Process, other: Process, engine: Engine, after: Status, update: UpdateStatus
) -> tuple[int, Verdict]:
    """The answer comes when the worker was taken over, what it sent is UNKNOWN, and the job is over."""
    job = await worker.run_job(definition(), ["하나"])
    late, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, late)
    await engine.pass_time(LEASE)
    holder = await other.claim_job()
    batch = await other.claim_batch(job.job_id)
    if status is JobStatus.DONE:
        await other.queue.close_batch(batch)
        await other.finish(holder)
    else:
        await other.stop(holder, status)
    recorded = await worker.answer(delivery, late, after, update)
    return job.job_id, recorded.verdict


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.FAIL, JobStatus.CANCELLED])
async def test_evidence_that_a_mail_was_sent_is_written_in_a_job_that_is_over(
    worker: Process, other: Process, engine: Engine, tables: Tables, status: JobStatus
) -> None:
    job_id, verdict = await late_answer_in(status, worker, other, engine, Status.SENT, UpdateStatus.DUE)
    assert verdict is Verdict.WRITTEN
    assert await tables.standing(job_id) == Standing(Status.SENT, 1, UpdateStatus.DUE)
    assert await tables.job_status(job_id) is status
    left_over = await other.queue.claim_batch_left_over()
    assert left_over is not None
    assert left_over.job_id == job_id


@pytest.mark.parametrize("status", [JobStatus.FAIL, JobStatus.CANCELLED])
async def test_what_was_not_accepted_is_pending_in_a_job_that_was_stopped(
    worker: Process, other: Process, engine: Engine, tables: Tables, status: JobStatus
) -> None:
    job_id, verdict = await late_answer_in(status, worker, other, engine, Status.PENDING, UpdateStatus.NONE)
    assert verdict is Verdict.WRITTEN
    assert await tables.statuses(job_id) == [Status.PENDING]
    assert await other.queue.claim_batch_left_over() is None


async def test_what_was_not_accepted_is_failed_in_a_job_that_is_done(
    worker: Process, other: Process, engine: Engine, tables: Tables
) -> None:
    """DONE says that every delivery is final: nobody would send what is PENDING there."""
    job_id, verdict = await late_answer_in(JobStatus.DONE, worker, other, engine, Status.PENDING, UpdateStatus.NONE)
    assert verdict is Verdict.WRITTEN
    row = await tables.delivery(job_id)
    assert standing_of(row) == Standing(Status.FAILED, 1, UpdateStatus.NONE)
    assert row.text("ERROR_CODE") == "said so"
    assert row.maybe_moment("DONE_AT") is not None
    retried = await worker.interventions.retry(job_id, "kim", with_current=False)
    assert retried.deliveries == 1


async def test_an_answer_to_a_mail_that_was_purged_changes_nothing(worker: Process, engine: Engine) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    await worker.mark_sending(first, batch)
    await worker.mark_sending(second, batch)
    for table in ("DELIVERY", "JOB_MINUTE"):
        await engine.run_sql(f"DELETE FROM {table} WHERE JOB_ID = :job_id", {"job_id": job.job_id})
    assert (await worker.answer(first, batch, Status.SENT, UpdateStatus.NONE)).verdict is Verdict.REFUSED
