"""JOB_BATCH in workers' hands: which batch is taken, what a take-over does, and when one closes."""

import pytest

from mailer.errors import FenceLost
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import BatchClaim, JobStatus, Stopping
from tests.store.engines import TimePasses
from tests.store.processes import ACTOR, LEASE, Process, definition, without_mail
from tests.store.tables import Tables

STEP = 0.000001
KEYS = ["하나", "둘", "셋", "넷", "다섯"]


async def claim_in_order(process: Process, job_id: int) -> BatchClaim | None:
    return await process.queue.claim_batch(job_id, in_order=True)


async def test_the_lowest_free_batch_is_taken_first(worker: Process, other: Process) -> None:
    job = await worker.run_job(definition(), KEYS)
    claims = [await process.claim_batch(job.job_id) for process in (worker, other, worker)]
    assert [claim.batch_no for claim in claims] == [1, 2, 3]
    assert await other.queue.claim_batch(job.job_id, in_order=False) is None


async def test_in_order_the_next_batch_waits_for_the_lowest_to_close(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(max_parallel=1), KEYS)
    first = await claim_in_order(worker, job.job_id)
    assert first is not None
    assert await claim_in_order(worker, job.job_id) is None
    for delivery in await worker.ledger.work(first):
        await worker.send(delivery, first)
    assert await worker.queue.close_batch(first)
    second = await claim_in_order(worker, job.job_id)
    assert second is not None
    assert (first.batch_no, second.batch_no) == (1, 2)


async def test_in_order_nothing_is_taken_while_anothers_lease_on_the_lowest_lives(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(max_parallel=1), KEYS)
    assert await claim_in_order(worker, job.job_id) is not None
    await time_passes(LEASE - STEP)
    assert await claim_in_order(other, job.job_id) is None
    await time_passes(STEP)
    taken = await claim_in_order(other, job.job_id)
    assert taken is not None
    assert taken.batch_no == 1


@pytest.mark.parametrize("seconds", [LEASE, LEASE + STEP], ids=["exactly", "one step past"])
async def test_a_lease_that_is_over_lets_another_take_the_batch(
    worker: Process, other: Process, time_passes: TimePasses, seconds: float
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    old = await worker.claim_batch(job.job_id)
    assert await other.queue.claim_batch(job.job_id, in_order=False) is None
    await time_passes(seconds)
    taken = await other.claim_batch(job.job_id)
    assert (taken.batch_no, taken.fence, taken.takeovers) == (old.batch_no, old.fence + 1, 1)


async def test_a_take_over_leaves_unknown_what_was_sending(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, _) = await worker.take(job.job_id)
    await worker.mark_sending(first, batch)
    await time_passes(LEASE)
    await other.claim_batch(job.job_id)
    assert await tables.statuses(job.job_id) == [Status.UNKNOWN, Status.PENDING]
    row = await tables.delivery(job.job_id)
    assert (row.integer("ATTEMPT"), row.text("ERROR_CODE")) == (1, "no answer")
    assert row.maybe_moment("DONE_AT") is not None


async def test_a_take_over_leaves_other_batches_alone(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), KEYS)
    first, (one, *_) = await worker.take(job.job_id)
    second, (two, *_) = await worker.take(job.job_id)
    await worker.mark_sending(one, first)
    await time_passes(LEASE)
    await worker.mark_sending(two, second)
    await other.claim_batch(job.job_id)
    assert (await tables.statuses(job.job_id))[:3] == [Status.UNKNOWN, Status.PENDING, Status.SENDING]


async def test_a_batch_given_back_is_free_at_once_and_its_next_claim_is_no_take_over(
    worker: Process, other: Process
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    await worker.queue.give_back_batch(await worker.claim_batch(job.job_id))
    again = await other.claim_batch(job.job_id)
    assert (again.fence, again.takeovers) == (2, 0)


async def test_what_was_sending_in_a_batch_given_back_is_unknown_for_the_next(
    worker: Process, other: Process, tables: Tables
) -> None:
    """A worker that meets a defect, or a database that refuses its answer, gives back with a row in SENDING."""
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await worker.queue.give_back_batch(batch)
    await other.claim_batch(job.job_id)
    assert await tables.statuses(job.job_id) == [Status.UNKNOWN]


async def test_what_a_taken_over_holder_does_to_the_batch_is_refused(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    old = await worker.claim_batch(job.job_id)
    await time_passes(LEASE)
    await other.claim_batch(job.job_id)
    with pytest.raises(FenceLost):
        await worker.queue.renew_batch(old)
    await worker.queue.give_back_batch(old)
    assert not await worker.queue.close_batch(old)
    row = await tables.batch(job.job_id)
    assert (row.text("STATUS"), row.text("WORKER_ID")) == ("OPEN", "worker-2")


async def test_a_renewed_lease_counts_from_its_renewal(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch = await worker.claim_batch(job.job_id)
    await time_passes(LEASE - 1)
    await worker.queue.renew_batch(batch)
    await time_passes(LEASE - 1)
    assert await other.queue.claim_batch(job.job_id, in_order=False) is None


async def test_a_group_that_claims_rows_renews_the_lease(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await time_passes(LEASE - 1)
    await worker.mark_sending(delivery, batch)
    await time_passes(LEASE - 1)
    assert await other.queue.claim_batch(job.job_id, in_order=False) is None


async def test_take_overs_without_progress_are_counted(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    counted = []
    for process in (worker, other, worker, other):
        counted.append((await process.claim_batch(job.job_id)).takeovers)
        await time_passes(LEASE)
    assert counted == [0, 1, 2, 3]


async def test_a_row_that_becomes_sending_ends_the_count(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    await worker.claim_batch(job.job_id)
    await time_passes(LEASE)
    batch, (first, _) = await other.take(job.job_id)
    assert batch.takeovers == 1
    await other.mark_sending(first, batch)
    await time_passes(LEASE)
    assert (await worker.claim_batch(job.job_id)).takeovers == 1


async def test_a_row_that_ends_without_a_mail_ends_the_count(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    await worker.claim_batch(job.job_id)
    await time_passes(LEASE)
    batch, (first, _) = await other.take(job.job_id)
    await other.ledger.record(without_mail(first), batch)
    await time_passes(LEASE)
    assert (await worker.claim_batch(job.job_id)).takeovers == 1


async def test_a_poisoned_batch_counts_anew_once_its_job_is_retried(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    for process in (worker, other, worker, other):
        await process.claim_batch(job.job_id)
        await time_passes(LEASE)
    await worker.stop(job)
    await worker.interventions.retry(job.job_id, ACTOR, with_current=False)
    await worker.claim_job()
    assert (await worker.claim_batch(job.job_id)).takeovers == 0


@pytest.mark.parametrize(
    ("after", "update", "closes"),
    [
        (Status.PENDING, UpdateStatus.NONE, False),
        (Status.SENDING, UpdateStatus.NONE, False),
        (Status.SENT, UpdateStatus.DUE, False),
        (Status.SENT, UpdateStatus.DONE, True),
        (Status.SENT, UpdateStatus.FAILED, True),
        (Status.FAILED, UpdateStatus.NONE, True),
        (Status.UNKNOWN, UpdateStatus.NONE, True),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
async def test_a_batch_closes_only_when_no_row_is_pending_sending_or_due(
    worker: Process, tables: Tables, after: Status, update: UpdateStatus, closes: bool
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    await worker.send(first, batch)
    await worker.mark_sending(second, batch)
    if after is not Status.SENDING:
        await worker.answer(second, batch, after, UpdateStatus.DUE if after is Status.SENT else UpdateStatus.NONE)
    if update in (UpdateStatus.DONE, UpdateStatus.FAILED):
        await worker.end_update(second, batch, update)
    assert await worker.queue.close_batch(batch) is closes
    assert await tables.batches(job.job_id) == {1: "CLOSED" if closes else "OPEN"}


async def test_a_closed_batch_is_nobodys(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch)
    await worker.queue.close_batch(batch)
    assert await worker.queue.claim_batch(job.job_id, in_order=False) is None
    with pytest.raises(FenceLost):
        await worker.queue.renew_batch(batch)
    assert (await tables.batch(job.job_id)).maybe_text("WORKER_ID") is None


@pytest.mark.parametrize("status", [JobStatus.FAIL, JobStatus.CANCELLED, JobStatus.DONE])
async def test_a_due_update_of_a_job_that_is_over_is_left_over(
    worker: Process, other: Process, status: JobStatus
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    await worker.send(first, batch, update=UpdateStatus.FAILED)
    if status is JobStatus.DONE:
        await worker.send(second, batch)
        await worker.queue.close_batch(batch)
        await worker.finish(job)
    else:
        await worker.stop(job, status)
    assert await other.queue.claim_batch_left_over() is None
    await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=False)
    taken = await other.queue.claim_batch_left_over()
    assert taken is not None
    assert (await other.ledger.work(taken))[0].recipient_key == "하나"
    assert await other.queue.claim_batch_left_over() is None


async def test_a_job_that_runs_leaves_nothing_over(worker: Process, other: Process, time_passes: TimePasses) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await time_passes(LEASE)
    assert await other.queue.claim_batch_left_over() is None


async def test_a_job_that_stops_leaves_over_what_its_dead_worker_was_sending(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await worker.queue.mark_stopping(job.job_id, Stopping.CANCELLED, "enough")
    assert await other.queue.claim_batch_left_over(job.job_id) is None  # its owner may live
    await time_passes(LEASE)
    assert await other.queue.claim_batch_left_over(job.job_id) is not None
    assert await tables.statuses(job.job_id) == [Status.UNKNOWN]


async def test_what_is_pending_in_a_job_that_is_over_is_not_left_over(worker: Process, other: Process) -> None:
    job = await worker.run_job(definition(), KEYS)
    await worker.stop(job)
    assert await other.queue.claim_batch_left_over() is None


async def test_left_over_batches_are_those_of_the_job_that_is_asked_for(worker: Process, other: Process) -> None:
    first = await worker.run_job(definition("첫째"), ["하나"])
    await worker.send_all(first, update=UpdateStatus.FAILED)
    await worker.finish(first)
    second = await worker.run_job(definition("둘째"), ["하나"])
    await worker.interventions.retry_updates(first.job_id, ACTOR, with_current=False)
    assert await other.queue.claim_batch_left_over(second.job_id) is None
    assert await other.queue.claim_batch_left_over(first.job_id) is not None
