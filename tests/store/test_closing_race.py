"""A batch is not closed over an update query that becomes due at the same moment."""

import asyncio

import pytest

from mailer.model.delivery import Change, Standing, Status, UpdateStatus
from mailer.store.changes import write_changes
from mailer.store.minutes import Minutes
from tests.store.processes import Process, definition
from tests.store.tables import Tables

HELD = 0.5
"""Seconds for which the other transaction is left open, so that the close meets it."""


@pytest.mark.parametrize("locks_first", [True, False], ids=["an event", "a late answer"])
async def test_a_close_that_waited_sees_what_was_made_due(
    worker: Process, other: Process, tables: Tables, locks_first: bool
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch, Status.UNKNOWN)
    before, after = Standing(Status.UNKNOWN, 1, UpdateStatus.NONE), Standing(Status.SENT, 1, UpdateStatus.DUE)
    change = Change(delivery.delivery_id, job.job_id, 1, before, after, 0)
    of_batch = {"job_id": job.job_id, "batch_no": 1}
    async with other.database.transaction() as transaction:
        if locks_first:
            await transaction.fetch("lock_batch", of_batch)
        await write_changes(transaction, Minutes("another"), [change])
        await transaction.execute("open_batch", of_batch)
        closing = asyncio.create_task(worker.queue.close_batch(batch))
        await asyncio.wait({closing}, timeout=HELD)
    assert not await closing
    assert await tables.batches(job.job_id) == {1: "OPEN"}
