"""The policy `settle`: that no event came of a mail is proof only while events flow."""

from datetime import timedelta

import pytest

from mailer.model.delivery import Delivery, Standing, Status, UpdateStatus
from mailer.model.job import JobClaim, Stopping
from mailer.model.ses_event import EventKind, SesEvent
from mailer.store.feedback import FeedbackLedger
from tests.store.engines import Engine, TimePasses
from tests.store.processes import Process, definition
from tests.store.tables import Tables

ACCOUNT = "default"
GRACE = timedelta(minutes=15)
GRACE_SECONDS = GRACE.total_seconds()
STEP = 0.000001


@pytest.fixture(autouse=True)
async def account(worker: Process, engine: Engine) -> None:
    await engine.run_sql("INSERT INTO ACCOUNT (ACCOUNT) VALUES ('default')")


async def left_unknown(process: Process, time_passes: TimePasses) -> tuple[JobClaim, list[Delivery]]:
    """A job of three mails, a second apart; nobody knows of the second, which SES has not answered for a second."""
    job = await process.run_job(definition(), ["하나", "둘", "셋"], batch_rows=3)
    batch, deliveries = await process.take(job.job_id)
    for delivery in deliveries:
        if delivery is deliveries[1]:
            await process.mark_sending(delivery, batch)
            await time_passes(1)
            await process.answer(delivery, batch, Status.UNKNOWN, UpdateStatus.NONE)
        else:
            await process.send(delivery, batch)
        await time_passes(1)
    assert await process.queue.close_batch(batch)
    return job, deliveries


async def event_of(process: Process, delivery: Delivery) -> None:
    """SES's Send event of that mail is consumed."""
    event = SesEvent(EventKind.SEND, delivery.delivery_id, delivery.token, "ses-1", "", False, ())
    await FeedbackLedger(process.database, ACCOUNT, "events").heed([event])


async def settle(process: Process, job: JobClaim) -> int:
    return await process.unknowns.settle_by_absence(job.job_id, GRACE, ACCOUNT)


async def test_what_has_no_event_while_a_later_mail_has_is_sent_again_after_the_grace_time(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job, deliveries = await left_unknown(worker, time_passes)
    await event_of(worker, deliveries[2])
    await time_passes(GRACE_SECONDS)
    assert await settle(worker, job) == 1
    assert await tables.standing(job.job_id, 2) == Standing(Status.PENDING, 1, UpdateStatus.NONE)
    assert await tables.batches(job.job_id) == {1: "OPEN"}
    _, work = await worker.take(job.job_id)
    assert [(row.row_no, row.attempt) for row in work] == [(2, 1)]


async def test_the_grace_time_counts_from_when_it_became_unknown(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job, deliveries = await left_unknown(worker, time_passes)  # two seconds ago
    await event_of(worker, deliveries[2])
    await time_passes(GRACE_SECONDS - 2 - STEP)
    assert await settle(worker, job) == 0
    await time_passes(STEP)
    assert await settle(worker, job) == 1


async def test_without_any_event_nothing_is_proved(worker: Process, time_passes: TimePasses) -> None:
    job, _ = await left_unknown(worker, time_passes)
    await time_passes(GRACE_SECONDS * 10)
    assert await settle(worker, job) == 0


async def test_events_of_earlier_mails_alone_prove_nothing(worker: Process, time_passes: TimePasses) -> None:
    job, deliveries = await left_unknown(worker, time_passes)
    await event_of(worker, deliveries[0])
    await time_passes(GRACE_SECONDS * 10)
    assert await settle(worker, job) == 0


async def test_the_event_of_a_later_job_proves_it_too(worker: Process, time_passes: TimePasses) -> None:
    job, _ = await left_unknown(worker, time_passes)
    later = await worker.run_job(definition("다른 안내"), ["넷"])
    batch, (delivery,) = await worker.take(later.job_id)
    await worker.send(delivery, batch)
    await event_of(worker, delivery)
    await time_passes(GRACE_SECONDS)
    assert await settle(worker, job) == 1


async def test_its_own_event_settles_it_whatever_flows(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job, deliveries = await left_unknown(worker, time_passes)
    for delivery in (deliveries[2], deliveries[1]):
        await event_of(worker, delivery)
    await time_passes(GRACE_SECONDS)
    assert await settle(worker, job) == 0
    assert await tables.standing(job.job_id, 2) == Standing(Status.SENT, 1, UpdateStatus.DUE)


async def test_the_flow_of_another_account_proves_nothing(worker: Process, time_passes: TimePasses) -> None:
    job, deliveries = await left_unknown(worker, time_passes)
    await event_of(worker, deliveries[2])
    await time_passes(GRACE_SECONDS)
    assert await worker.unknowns.settle_by_absence(job.job_id, GRACE, "another") == 0


async def test_a_job_that_stops_or_is_over_sends_nothing_again(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job, deliveries = await left_unknown(worker, time_passes)
    await event_of(worker, deliveries[2])
    await time_passes(GRACE_SECONDS)
    await worker.queue.mark_stopping(job.job_id, Stopping.CANCELLED, "enough")
    assert await settle(worker, job) == 0
    assert (await tables.standing(job.job_id, 2)).status is Status.UNKNOWN


async def test_it_is_waited_for_until_it_is_older_than_so_and_so(worker: Process, time_passes: TimePasses) -> None:
    job, _ = await left_unknown(worker, time_passes)  # two seconds ago
    assert await worker.unknowns.is_within(job.job_id, GRACE)
    await time_passes(GRACE_SECONDS - 2 - STEP)
    assert await worker.unknowns.is_within(job.job_id, GRACE)
    await time_passes(STEP)
    assert not await worker.unknowns.is_within(job.job_id, GRACE)
