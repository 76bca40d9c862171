"""UNKNOWN is decided: by a person, in whatever state the job is, or by the policy `resend` after its grace time."""

from datetime import timedelta

import pytest

from mailer.errors import NotFound
from mailer.model.automation import UnknownPolicy
from mailer.model.delivery import Standing, Status, UpdateStatus
from mailer.model.job import JobClaim, JobStatus, Stopping
from mailer.store.ledger import Verdict
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, LEASE, UPDATE, Process, definition
from tests.store.tables import Tables

GRACE = timedelta(minutes=15)
KEYS = ["하나", "둘", "셋"]


async def left_unknown(
    process: Process, *, unknown: UnknownPolicy = UnknownPolicy.SKIP, update: str | None = UPDATE
) -> JobClaim:
    """A job that runs, with three deliveries that nobody knows of, each in a closed batch."""
    job = await process.run_job(definition(unknown=unknown, update=update), KEYS, batch_rows=1)
    while (batch := await process.queue.claim_batch(job.job_id, in_order=False)) is not None:
        for delivery in await process.ledger.work(batch):
            await process.send(delivery, batch, Status.UNKNOWN)
        await process.queue.close_batch(batch)
    return job


async def bring(process: Process, job: JobClaim, state: str) -> None:
    """The job into that state, from RUNNING."""
    match state:
        case "RUNNING":
            return
        case "stopping":
            await process.queue.mark_stopping(job.job_id, Stopping.CANCELLED, "enough")
        case "DONE":
            await process.finish(job)
        case _:
            await process.stop(job, JobStatus(state))


STATES = ["RUNNING", "stopping", "DONE", "FAIL", "CANCELLED"]


async def settle(process: Process, job: JobClaim, *, sent: bool, key: str | None = None) -> int:
    return await process.interventions.settle(job.job_id, ACTOR, sent=sent, key=key)


@pytest.mark.parametrize("state", STATES)
async def test_what_was_sent_is_sent_and_its_update_query_is_due(
    worker: Process, tables: Tables, engine: Engine, state: str
) -> None:
    job = await left_unknown(worker)
    await bring(worker, job, state)
    before = await tables.job(job.job_id)
    await engine.pass_time(5)
    assert await settle(worker, job, sent=True, key="둘") == 1
    row = await tables.delivery(job.job_id, 2)
    assert (row.text("STATUS"), row.text("UPDATE_STATUS"), row.integer("ATTEMPT")) == ("SENT", "DUE", 1)
    assert row.moment("SENT_AT") == row.moment("CHANGED_AT") == engine.clock.now()
    assert row.maybe_text("ERROR_CODE") is None
    assert await tables.batches(job.job_id) == {1: "CLOSED", 2: "OPEN", 3: "CLOSED"}
    assert await tables.job(job.job_id) == before


async def test_what_was_sent_without_an_update_query_is_at_its_end(worker: Process, tables: Tables) -> None:
    job = await left_unknown(worker, update=None)
    assert await settle(worker, job, sent=True) == 3
    assert await tables.standing(job.job_id) == Standing(Status.SENT, 1, UpdateStatus.NONE)
    assert set((await tables.batches(job.job_id)).values()) == {"CLOSED"}
    assert (await tables.delivery(job.job_id)).maybe_moment("DONE_AT") is not None


async def test_what_was_not_sent_is_pending_in_a_job_that_runs(worker: Process, tables: Tables) -> None:
    job = await left_unknown(worker)
    assert await settle(worker, job, sent=False, key="하나") == 1
    assert await tables.statuses(job.job_id) == [Status.PENDING, Status.UNKNOWN, Status.UNKNOWN]
    assert await tables.batches(job.job_id) == {1: "OPEN", 2: "CLOSED", 3: "CLOSED"}
    batch, (delivery,) = await worker.take(job.job_id)
    assert (await worker.mark_sending(delivery, batch)).verdict is Verdict.WRITTEN
    assert await tables.standing(job.job_id) == Standing(Status.SENDING, 2, UpdateStatus.NONE)


@pytest.mark.parametrize("state", STATES[1:])
async def test_what_was_not_sent_is_failed_in_any_other_and_a_retry_sends_it(
    worker: Process, tables: Tables, state: str
) -> None:
    job = await left_unknown(worker)
    await bring(worker, job, state)
    assert await settle(worker, job, sent=False, key="하나") == 1
    row = await tables.delivery(job.job_id)
    assert (row.text("STATUS"), row.text("ERROR")) == ("FAILED", "settled: not sent")
    assert set((await tables.batches(job.job_id)).values()) == {"CLOSED"}
    if state == "stopping":
        assert await worker.queue.end_stopped(job, JobStatus.CANCELLED, "enough")
    assert (await worker.interventions.retry(job.job_id, ACTOR, with_current=False)).deliveries == 1


async def test_what_was_not_sent_in_a_job_that_waits_again_is_failed(worker: Process, tables: Tables) -> None:
    job = await left_unknown(worker)
    await settle(worker, job, sent=False, key="하나")
    await worker.stop(job)
    await worker.interventions.retry(job.job_id, ACTOR, with_current=False)
    await settle(worker, job, sent=False, key="둘")
    assert await tables.statuses(job.job_id) == [Status.PENDING, Status.FAILED, Status.UNKNOWN]


async def test_what_is_not_unknown_stays(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), KEYS, batch_rows=3)
    batch, (first, second, _) = await worker.take(job.job_id)
    await worker.send(first, batch, Status.FAILED)
    await worker.send(second, batch, Status.UNKNOWN)
    assert await settle(worker, job, sent=True) == 1
    assert await tables.statuses(job.job_id) == [Status.FAILED, Status.SENT, Status.PENDING]
    assert await settle(worker, job, sent=True) == 0


@pytest.mark.parametrize("key", ["없음", "하나"])
async def test_a_key_without_an_unknown_delivery_is_not_found(worker: Process, tables: Tables, key: str) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (_, second) = await worker.take(job.job_id)
    await worker.send(second, batch, Status.UNKNOWN)
    audit = await tables.audit()
    with pytest.raises(NotFound) as caught:
        await settle(worker, job, sent=True, key=key)
    assert key not in str(caught.value)  # it may be somebody's address
    assert await tables.audit() == audit


async def test_a_verdict_leaves_a_trace(worker: Process, tables: Tables, engine: Engine) -> None:
    job = await left_unknown(worker)
    await settle(worker, job, sent=False)
    assert (await tables.audit())[-1] == (ACTOR, "job settle", f"job {job.job_id}")
    rows = await engine.run_sql("SELECT DETAILS FROM AUDIT_LOG ORDER BY AUDIT_ID DESC")
    assert rows[0].text("DETAILS") == "3 deliveries: not sent"


async def test_evidence_that_a_mail_was_sent_wins_over_a_person_who_said_that_it_was_not(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await time_passes(LEASE)
    await other.claim_batch(job.job_id)
    await settle(other, job, sent=False)
    recorded = await worker.answer(delivery, batch, Status.SENT, UpdateStatus.DUE)
    assert recorded.verdict is Verdict.WRITTEN
    assert await tables.statuses(job.job_id) == [Status.SENT]


@pytest.mark.parametrize(
    ("age", "resent"), [(GRACE - timedelta(microseconds=1), 0), (GRACE, 3)], ids=["one step before", "exactly"]
)
async def test_the_policy_sends_again_what_has_been_unknown_for_the_grace_time(
    worker: Process, tables: Tables, time_passes: TimePasses, age: timedelta, resent: int
) -> None:
    job = await left_unknown(worker, unknown=UnknownPolicy.RESEND)
    await time_passes(age.total_seconds())
    assert await worker.unknowns.resend(job.job_id, GRACE) == resent
    assert (await tables.statuses(job.job_id)).count(Status.PENDING) == resent
    assert list((await tables.batches(job.job_id)).values()).count("OPEN") == resent


async def test_the_grace_time_counts_from_when_a_row_became_unknown(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(unknown=UnknownPolicy.RESEND), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await time_passes(GRACE.total_seconds())
    await other.claim_batch(job.job_id)
    assert await other.unknowns.resend(job.job_id, GRACE) == 0
    await time_passes(GRACE.total_seconds())
    assert await other.unknowns.resend(job.job_id, GRACE) == 1
    assert await tables.statuses(job.job_id) == [Status.PENDING]


@pytest.mark.parametrize("state", STATES[1:])
async def test_the_policy_sends_nothing_again_in_a_job_that_does_not_run(
    worker: Process, tables: Tables, time_passes: TimePasses, state: str
) -> None:
    job = await left_unknown(worker, unknown=UnknownPolicy.RESEND)
    await bring(worker, job, state)
    await time_passes(GRACE.total_seconds())
    assert await worker.unknowns.resend(job.job_id, GRACE) == 0
    assert await tables.statuses(job.job_id) == [Status.UNKNOWN] * 3
