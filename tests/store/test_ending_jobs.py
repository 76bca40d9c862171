"""How a job ends: DONE when every delivery is final; FAIL and CANCELLED when nothing is in flight any more."""

import pytest

from mailer.errors import FenceLost
from mailer.model.automation import UnknownPolicy
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus, Stopping
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, LEASE, Process, definition
from tests.store.tables import Tables


async def test_a_job_whose_deliveries_are_final_is_done(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    assert await tables.is_running(job.auto_id)
    await worker.send_all(job)
    assert await worker.queue.end_done(job, "sent 2 of 2", unknown_is_final=True)
    row = await tables.job(job.job_id)
    assert (row.text("STATUS"), row.text("LOG")) == ("DONE", "sent 2 of 2")
    assert row.maybe_moment("END_AT") is not None
    assert (row.maybe_text("WORKER_ID"), row.maybe_moment("LEASE_UNTIL")) == (None, None)
    assert not await tables.is_running(job.auto_id)


async def test_a_job_without_recipients_is_done(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), [])
    await worker.finish(job)
    assert await tables.job_status(job.job_id) is JobStatus.DONE


async def test_the_end_releases_the_place_of_the_active_job(worker: Process, time_passes: TimePasses) -> None:
    job = await worker.run_job(definition(), [])
    await worker.finish(job)
    await time_passes(1)
    assert await worker.fires.enqueue(job.auto_id, ACTOR) > job.job_id


async def test_a_job_is_not_done_before_its_list_is_loaded(worker: Process, tables: Tables) -> None:
    job_id = await worker.enqueue(definition())
    claim = await worker.claim_job()
    with pytest.raises(FenceLost):
        await worker.queue.end_done(claim, "nothing to send", unknown_is_final=True)
    assert await tables.job_status(job_id) is JobStatus.RUNNING
    assert await tables.is_running(claim.auto_id)


@pytest.mark.parametrize(
    ("after", "update"),
    [(Status.PENDING, UpdateStatus.NONE), (Status.SENDING, UpdateStatus.NONE), (Status.SENT, UpdateStatus.DUE)],
    ids=["pending", "sending", "due"],
)
async def test_a_job_with_a_row_that_is_not_final_is_not_done(
    worker: Process, tables: Tables, engine: Engine, after: Status, update: UpdateStatus
) -> None:
    """Whatever its batch says."""
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    await worker.send(first, batch)
    if after is not Status.PENDING:
        await worker.mark_sending(second, batch)
    if after is Status.SENT:
        await worker.answer(second, batch, after, update)
    assert not await worker.queue.end_done(job, "", unknown_is_final=True)
    await engine.run_sql("UPDATE JOB_BATCH SET STATUS = 'CLOSED'")
    assert not await worker.queue.end_done(job, "", unknown_is_final=True)
    assert await tables.job_status(job.job_id) is JobStatus.RUNNING


async def test_a_job_with_an_open_batch_is_not_done_though_its_rows_are_final(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch)
    assert (await worker.queue.remaining(job.job_id)).open_batches == 1
    assert not await worker.queue.end_done(job, "", unknown_is_final=True)
    await worker.queue.close_batch(batch)
    assert await worker.queue.end_done(job, "", unknown_is_final=True)


@pytest.mark.parametrize("policy", UnknownPolicy)
async def test_unknown_is_final_under_skip_alone(worker: Process, policy: UnknownPolicy) -> None:
    job = await worker.run_job(definition(unknown=policy), ["하나"])
    await worker.send_all(job, Status.UNKNOWN)
    assert (await worker.queue.remaining(job.job_id)).unknown == 1
    is_final = policy is UnknownPolicy.SKIP
    assert await worker.queue.end_done(job, "", unknown_is_final=is_final) is is_final


async def test_only_the_holder_ends_a_job(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    old = await worker.run_job(definition(), [])
    await time_passes(LEASE)
    new = await other.claim_job()
    with pytest.raises(FenceLost):
        await worker.queue.end_done(old, "by the old holder", unknown_is_final=True)
    await worker.queue.mark_stopping(old.job_id, Stopping.FAIL, "the cause")
    with pytest.raises(FenceLost):
        await worker.queue.end_stopped(old, JobStatus.FAIL, "by the old holder")
    assert await tables.is_running(old.auto_id)
    assert await other.queue.end_stopped(new, JobStatus.FAIL, "by the new holder")


async def test_a_job_that_is_to_stop_does_not_end_done(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나"])
    await worker.send_all(job)
    await worker.interventions.cancel(job.job_id, ACTOR)
    with pytest.raises(FenceLost):
        await worker.queue.end_done(job, "sent 1 of 1", unknown_is_final=True)
    assert await worker.queue.end_stopped(job, JobStatus.CANCELLED, "cancelled by kim; sent 1 of 1")
    assert await tables.job_status(job.job_id) is JobStatus.CANCELLED


@pytest.mark.parametrize("status", [JobStatus.FAIL, JobStatus.CANCELLED])
async def test_a_stopped_job_says_why_and_keeps_what_is_pending(
    worker: Process, tables: Tables, status: JobStatus
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "셋"])
    batch, (first, _) = await worker.take(job.job_id)
    await worker.send(first, batch)
    await worker.queue.mark_stopping(job.job_id, Stopping(status.value), "the cause")
    assert await worker.queue.end_stopped(job, status, "the cause; sent 1, pending 2 of 3")
    row = await tables.job(job.job_id)
    assert (row.text("STATUS"), row.text("LOG")) == (status.value, "the cause; sent 1, pending 2 of 3")
    assert row.maybe_text("STOPPING") is None
    assert await tables.statuses(job.job_id) == [Status.SENT, Status.PENDING, Status.PENDING]
    assert not await tables.is_running(job.auto_id)


async def test_a_stop_takes_all_open_batches_from_their_holders(
    worker: Process, other: Process, tables: Tables
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "셋"])
    batch, (first, _) = await other.take(job.job_id)
    await worker.stop(job)
    with pytest.raises(FenceLost):
        await other.mark_sending(first, batch)
    with pytest.raises(FenceLost):
        await other.queue.renew_batch(batch)
    assert await tables.batches(job.job_id) == {1: "OPEN", 2: "OPEN"}
    assert await tables.statuses(job.job_id) == [Status.PENDING] * 3


async def test_a_stop_waits_for_a_mail_in_flight_and_takes_nothing_meanwhile(
    worker: Process, other: Process, tables: Tables
) -> None:
    job = await worker.run_job(definition(update=None), ["하나"])
    batch, (delivery,) = await other.take(job.job_id)
    await other.mark_sending(delivery, batch)
    await worker.queue.mark_stopping(job.job_id, Stopping.FAIL, "the cause")
    assert not await worker.queue.end_stopped(job, JobStatus.FAIL, "the cause")
    assert (await tables.batch(job.job_id)).integer("FENCE") == batch.fence
    assert await tables.job_status(job.job_id) is JobStatus.RUNNING
    await other.answer(delivery, batch, Status.SENT, UpdateStatus.NONE)
    assert await worker.queue.end_stopped(job, JobStatus.FAIL, "the cause")


async def test_a_stop_waits_for_an_update_query_that_is_due(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch, update=UpdateStatus.DUE)
    await worker.queue.mark_stopping(job.job_id, Stopping.FAIL, "the cause")
    assert not await worker.queue.end_stopped(job, JobStatus.FAIL, "the cause")
    await worker.end_update(delivery, batch, UpdateStatus.FAILED)
    assert await worker.queue.end_stopped(job, JobStatus.FAIL, "the cause")


async def test_a_stop_does_not_wait_for_what_is_unknown(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(unknown=UnknownPolicy.RESEND), ["하나"])
    await worker.send_all(job, Status.UNKNOWN)
    await worker.stop(job)
    assert await tables.statuses(job.job_id) == [Status.UNKNOWN]


async def test_whoever_takes_a_stopping_job_over_ends_it(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    await worker.interventions.cancel(job.job_id, ACTOR)
    await time_passes(LEASE)
    claim = await other.claim_job()
    assert await other.queue.end_stopped(claim, JobStatus.CANCELLED, "cancelled by kim")
    assert await tables.job_status(job.job_id) is JobStatus.CANCELLED


async def test_a_log_longer_than_its_column_is_cut(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), [])
    await worker.queue.mark_stopping(job.job_id, Stopping.FAIL, "가" * 3000)
    assert await worker.queue.end_stopped(job, JobStatus.FAIL, "가" * 3000)
    assert len((await tables.job(job.job_id)).text("LOG")) == 1000
