"""Opposite verbs at the same instant: all take their locks in one order, so that one waits and none is undone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest

from mailer.model.delivery import Change, Delivery, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobStatus, Stopping
from mailer.model.ses_event import EventKind, SesEvent
from mailer.store.feedback import FeedbackLedger
from mailer.store.ledger import Ledger, Recorded, Verdict
from tests.store.engines import Engine
from tests.store.oracle_engine import StandInEngine
from tests.store.processes import ACTOR, LEASE, PATIENCE, Process, answer, definition, sending
from tests.store.tables import Tables

KEYS = ["하나", "둘", "셋"]


@pytest.fixture
def locks(engine: Engine) -> StandInEngine:
    if not isinstance(engine, StandInEngine):
        pytest.skip("SQLite serialises its writers")
    return engine


@asynccontextmanager
async def held(process: Process, delivery: Delivery) -> AsyncIterator[None]:
    """Somebody has that delivery's row."""
    async with process.database.transaction() as holding:
        await holding.fetch("read_standing", {"delivery_id": delivery.delivery_id})
        yield


async def record_together(
    process: Process, engine: Engine, claim: BatchClaim, changes: Sequence[Change]
) -> list[Recorded]:
    """In one group: all have handed in before the committer begins."""
    ledger = Ledger(process.database, process.name, timedelta(seconds=LEASE), engine.clock, timedelta(seconds=PATIENCE))
    waiting = [asyncio.create_task(ledger.record(change, claim)) for change in changes]
    await anyio.lowlevel.checkpoint()
    committing = asyncio.create_task(ledger.run())
    results = await asyncio.gather(*waiting)
    committing.cancel()
    return results


async def until_it_waits(task: "asyncio.Task[object]") -> None:
    """Or is done: for who may have to wait in either of two statements."""
    await asyncio.wait({task}, timeout=2)


async def left_unknown(process: Process, count: int) -> tuple[BatchClaim, list[Delivery]]:
    """A batch in hand, of which the first deliveries are UNKNOWN."""
    job = await process.run_job(definition(), KEYS, batch_rows=len(KEYS))
    batch, deliveries = await process.take(job.job_id)
    for delivery in deliveries[:count]:
        await process.send(delivery, batch, Status.UNKNOWN)
    return batch, deliveries


async def test_a_person_settles_while_a_group_holds_the_batch(
    locks: StandInEngine, worker: Process, other: Process, tables: Tables
) -> None:
    batch, (first, second, third) = await left_unknown(worker, 2)
    async with held(other, second):
        settling = asyncio.create_task(other.interventions.settle(batch.job_id, ACTOR, sent=False, key=None))
        await locks.until_waiting("list_unknown")
        group = [answer(first, Status.SENT, UpdateStatus.NONE), sending(third)]
        recording = asyncio.create_task(record_together(worker, locks, batch, group))
        await until_it_waits(recording)
    assert await settling == 2
    assert [recorded.verdict for recorded in await recording] == [Verdict.WRITTEN] * 2
    assert await tables.statuses(batch.job_id) == [Status.SENT, Status.PENDING, Status.SENDING]


async def test_a_person_settles_while_a_refusal_comes_late(
    locks: StandInEngine, worker: Process, other: Process, tables: Tables
) -> None:
    batch, (first, second, _) = await left_unknown(worker, 2)
    async with held(other, first):
        settling = asyncio.create_task(other.interventions.settle(batch.job_id, ACTOR, sent=True, key=None))
        await locks.until_waiting("list_unknown")
        recording = asyncio.create_task(worker.answer(second, batch, Status.PENDING, UpdateStatus.NONE))
        await locks.until_waiting("lock_job")
    assert await settling == 2
    assert (await recording).verdict is Verdict.REFUSED
    assert await tables.statuses(batch.job_id) == [Status.SENT, Status.SENT, Status.PENDING]


async def test_a_job_ends_while_a_refusal_comes_late(
    locks: StandInEngine, worker: Process, other: Process, tables: Tables
) -> None:
    job = await worker.run_job(definition(), KEYS, batch_rows=len(KEYS))
    batch, (first, *_) = await worker.take(job.job_id)
    await worker.send(first, batch, Status.UNKNOWN)
    await worker.queue.mark_stopping(job.job_id, Stopping.FAIL, "the cause")
    async with other.database.transaction() as holding:
        await holding.fetch("lock_job", {"job_id": job.job_id})
        await holding.fetch("read_now")  # so that only the answer is in lock_job
        recording = asyncio.create_task(worker.answer(first, batch, Status.PENDING, UpdateStatus.NONE))
        await locks.until_waiting("lock_job")
        ending = asyncio.create_task(other.queue.end_stopped(job, JobStatus.FAIL, "the cause"))
        await until_it_waits(ending)
    assert (await recording).verdict is Verdict.WRITTEN
    assert await ending
    assert await tables.job_status(job.job_id) is JobStatus.FAIL
    assert await tables.statuses(job.job_id) == [Status.PENDING] * 3


@pytest.mark.parametrize("verb", ["retry", "retry_updates"])
async def test_a_job_is_retried_while_an_event_comes(
    locks: StandInEngine, worker: Process, other: Process, tables: Tables, verb: str
) -> None:
    job = await worker.run_job(definition(), KEYS, batch_rows=len(KEYS))
    batch, deliveries = await worker.take(job.job_id)
    first, second, _ = deliveries
    for delivery in deliveries:
        if verb == "retry":
            await worker.send(delivery, batch, Status.FAILED)
        else:
            await worker.send(delivery, batch, update=UpdateStatus.FAILED)
    assert await worker.queue.close_batch(batch)
    await worker.finish(job)
    event = SesEvent(EventKind.SEND, first.delivery_id, first.token, "ses-1", "", False, ())
    events = FeedbackLedger(worker.database, "default", "events")
    async with held(other, second):
        retrying = asyncio.create_task(getattr(other.interventions, verb)(job.job_id, ACTOR, with_current=False))
        await locks.until_waiting("retry_failed" if verb == "retry" else verb)
        heeding = asyncio.create_task(events.heed([event]))
        await until_it_waits(heeding)
    await retrying
    assert await heeding == 1
    assert await tables.batches(job.job_id) == {1: "OPEN"}
    assert (await tables.statuses(job.job_id))[0] is Status.SENT
