"""What only a database with row locks can show: who waits for whom, and what is seen of a change that is still open."""

import asyncio
from datetime import timedelta

import pytest

from mailer.db.database import Binds
from mailer.errors import Conflict, DuplicateKey, FenceLost
from mailer.model.delivery import Status
from mailer.store.fires import DueSchedule, Fired
from mailer.store.queue import Queue
from tests.store.engines import Engine
from tests.store.oracle_engine import StandInEngine
from tests.store.processes import LEASE, Process, definition
from tests.store.tables import Tables


@pytest.fixture
def locks(engine: Engine) -> StandInEngine:
    if not isinstance(engine, StandInEngine):
        pytest.skip("SQLite serialises its writers")
    return engine


async def test_a_group_waits_for_an_open_take_over_and_then_its_fence_is_lost(
    locks: StandInEngine, worker: Process, other: Process, tables: Tables
) -> None:
    """The fence is carried by writing the batch's row. Read in a subquery, it would still be seen."""
    job = await worker.run_job(definition(), ["하나"])
    claim, (delivery,) = await worker.take(job.job_id)
    async with other.database.transaction() as take_over:
        taken: Binds = {**_batch(claim.job_id, claim.batch_no), "fence": claim.fence, "worker_id": other.name}
        assert await take_over.execute("claim_batch", {**taken, "lease_seconds": LEASE}) == 1
        sending = asyncio.create_task(worker.mark_sending(delivery, claim))
        await locks.until_waiting("carry_batch_fence")
        assert not sending.done()
    with pytest.raises(FenceLost):
        await sending
    (row,) = await locks.run_sql("SELECT STATUS FROM DELIVERY")
    assert row.text("STATUS") == Status.PENDING


async def test_a_fence_that_is_only_read_does_not_see_an_open_take_over(
    locks: StandInEngine, worker: Process, other: Process
) -> None:
    """The damage that the rule keeps away: without it the test above would find the row SENDING."""
    job = await worker.run_job(definition(), ["하나"])
    claim, _ = await worker.take(job.job_id)
    async with other.database.transaction() as take_over:
        taken: Binds = {**_batch(claim.job_id, claim.batch_no), "fence": claim.fence, "worker_id": other.name}
        await take_over.execute("claim_batch", {**taken, "lease_seconds": LEASE})
        await locks.run_sql(
            "UPDATE DELIVERY SET STATUS = 'SENDING' WHERE STATUS = 'PENDING' "
            "AND EXISTS (SELECT 1 FROM JOB_BATCH B WHERE B.JOB_ID = DELIVERY.JOB_ID AND B.FENCE = :fence)",
            {"fence": claim.fence},
        )
    (row,) = await locks.run_sql("SELECT STATUS FROM DELIVERY")
    assert row.text("STATUS") == Status.SENDING
    await locks.run_sql("UPDATE DELIVERY SET STATUS = 'PENDING'")  # nobody has counted it


async def test_a_second_active_job_waits_for_the_firsts_commit_and_is_then_refused(
    locks: StandInEngine, worker: Process, other: Process
) -> None:
    auto_id = (await worker.automations.save(definition(), "kim")).auto_id
    fire: Binds = {"auto_id": auto_id, "schedule_id": 0, "actor": "kim"}
    now = locks.clock.now()
    async with worker.database.transaction() as first:
        await first.insert("insert_job", {**fire, "fire_at": now})
        await first.fetch("read_now")  # so that only the second one is in insert_job
        second = asyncio.create_task(
            other.database.insert("insert_job", {**fire, "fire_at": now + timedelta(seconds=1)})
        )
        await locks.until_waiting("insert_job")
        assert not second.done()
    with pytest.raises(DuplicateKey):
        await second


async def test_who_enqueues_waits_for_who_has_the_automation_and_not_for_an_open_job_of_it(
    locks: StandInEngine, worker: Process, other: Process
) -> None:
    """An INSERT of a second active job would wait for as long as the first one's transaction hangs."""
    auto_id = (await worker.automations.save(definition(), "kim")).auto_id
    async with worker.database.transaction() as hanging:
        await hanging.fetch("lock_automation", {"auto_id": auto_id})
        now = locks.clock.now()
        await hanging.insert("insert_job", {"auto_id": auto_id, "schedule_id": 0, "actor": "kim", "fire_at": now})
        second = asyncio.create_task(other.fires.enqueue(auto_id, "lee"))
        await locks.until_waiting("lock_automation")
        assert (await other.fires.fire(DueSchedule(7, auto_id), "scheduler")) is Fired.LOCKED
    with pytest.raises(Conflict):
        await second


async def test_two_processes_that_claim_at_once_take_different_jobs(
    locks: StandInEngine, worker: Process, other: Process
) -> None:
    jobs = {await worker.enqueue(definition(name)) for name in ("첫째", "둘째")}
    claims = await asyncio.gather(worker.queue.claim_job(), other.queue.claim_job())
    assert {claim.job_id for claim in claims if claim is not None} == jobs


async def test_a_claim_under_way_keeps_no_other_batch_from_being_taken(
    locks: StandInEngine, worker: Process, other: Process
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "셋", "넷", "다섯"])
    async with worker.database.transaction() as claiming:
        rows = await claiming.fetch("list_free_batches", {"job_id": job.job_id, "may_take_over": 1}, at_most=1)
        assert [row.integer("BATCH_NO") for row in rows] == [1]
        for batch_no in (2, 3):
            claim = await other.queue.claim_batch(job.job_id, in_order=False)
            assert claim is not None
            assert claim.batch_no == batch_no
        assert await other.queue.claim_batch(job.job_id, in_order=False) is None
    assert (await other.claim_batch(job.job_id)).batch_no == 1


async def test_in_order_the_lowest_batch_is_not_passed_over_while_somebody_writes_it(
    locks: StandInEngine, worker: Process, other: Process
) -> None:
    job = await worker.run_job(definition(max_parallel=1), ["하나", "둘", "셋"])
    claim, _ = await worker.take(job.job_id)
    async with worker.database.transaction() as group:
        held: Binds = {**_batch(claim.job_id, claim.batch_no), "fence": claim.fence, "lease_seconds": LEASE}
        assert await group.execute("carry_batch_fence", held) == 1
        queue = Queue(other.database, other.name, timedelta(seconds=LEASE))
        taking = asyncio.create_task(queue.claim_batch(job.job_id, in_order=True))
        await asyncio.wait({taking}, timeout=2)  # it may wait for the row, or say at once that there is none now
    assert await taking is None


def _batch(job_id: int, batch_no: int) -> dict[str, int]:
    return {"job_id": job_id, "batch_no": batch_no}
