"""What a poll asks first: whether there may be work, without taking any of it."""

import pytest

from mailer.model.delivery import UpdateStatus
from mailer.model.job import Stopping
from mailer.store.queue import Work
from tests.store.engines import TimePasses
from tests.store.processes import LEASE, Process, definition

NOTHING = Work(to_claim=False, to_join=False, to_settle=False)
KEYS = ["하나", "둘"]


async def test_where_nothing_is_there_is_nothing(worker: Process) -> None:
    assert await worker.queue.look() == NOTHING


async def test_a_waiting_job_is_to_be_claimed_and_a_look_does_not_take_it(worker: Process) -> None:
    await worker.enqueue(definition())
    for _ in range(2):
        assert (await worker.queue.look()).to_claim
    await worker.claim_job()
    assert await worker.queue.look() == NOTHING


async def test_a_job_whose_lease_is_over_is_to_be_claimed(worker: Process, time_passes: TimePasses) -> None:
    await worker.enqueue(definition())
    await worker.claim_job()
    await time_passes(LEASE)
    assert (await worker.queue.look()).to_claim


async def test_a_free_batch_of_a_loaded_job_is_to_be_joined_until_the_job_stops(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), KEYS)
    assert await other.queue.look() == Work(to_claim=False, to_join=True, to_settle=False)
    batch = await worker.claim_batch(job.job_id)
    assert await other.queue.look() == NOTHING
    await time_passes(LEASE - 1)
    await worker.queue.renew_job(job)
    await time_passes(1)
    assert (await other.queue.look()).to_join
    await other.claim_batch(batch.job_id)
    await other.queue.mark_stopping(job.job_id, Stopping.FAIL, "원인")
    assert not (await worker.queue.look()).to_join


@pytest.mark.parametrize("is_answered", [True, False], ids=["an update is due", "an answer is missing"])
async def test_what_is_under_way_in_a_job_that_stops_is_to_be_settled_once_its_owner_is_gone(
    worker: Process, other: Process, time_passes: TimePasses, is_answered: bool
) -> None:
    job = await worker.run_job(definition(), KEYS)
    batch, (first, *_) = await worker.take(job.job_id)
    if is_answered:
        await worker.send(first, batch, update=UpdateStatus.DUE)
    else:
        await worker.mark_sending(first, batch)
    await worker.queue.mark_stopping(job.job_id, Stopping.FAIL, "원인")
    assert not (await other.queue.look()).to_settle
    await time_passes(LEASE)
    assert (await other.queue.look()).to_settle
    assert await other.queue.claim_batch_left_over() is not None
    assert not (await other.queue.look()).to_settle
