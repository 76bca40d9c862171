"""What SES's events say is kept in whatever state the delivery is, once, and matched by its token."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from mailer.model.delivery import Delivery, Standing, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobClaim, JobStatus
from mailer.model.ses_event import EventKind, Feedback, SesEvent, feedback_after
from mailer.store.feedback import FeedbackLedger
from mailer.store.ledger import Verdict
from tests.store.engines import Engine, TimePasses
from tests.store.processes import Process, definition, without_mail
from tests.store.tables import Tables

ACCOUNT = "default"
REJECTING = (EventKind.REJECT, EventKind.RENDERING_FAILURE)


def ledger_of(process: Process) -> FeedbackLedger:
    return FeedbackLedger(process.database, ACCOUNT, f"{process.name}-events")


def event(
    kind: EventKind,
    delivery: Delivery,
    *,
    token: str | None = None,
    message_id: str = "ses-1",
    suppresses: bool = False,
    named: tuple[str, ...] = (),
) -> SesEvent:
    reason = "" if kind.proves_acceptance else "바이러스"
    return SesEvent(kind, delivery.delivery_id, token or delivery.token, message_id, reason, suppresses, named)


async def leave(process: Process, status: Status, *, update: str | None = "UPDATE C") -> tuple[Delivery, BatchClaim]:
    """A delivery of a running job, after one attempt; its batch is claimed."""
    job = await process.run_job(definition(update=update), ["하나"])
    batch, (delivery,) = await process.take(job.job_id)
    if status is Status.SKIPPED:
        await process.mark_sending(delivery, batch)
        await process.answer(delivery, batch, Status.PENDING, UpdateStatus.NONE)
        (delivery,) = await process.ledger.work(batch)
        await process.ledger.record(without_mail(delivery, Status.SKIPPED), batch)
    elif status is Status.SENDING:
        await process.mark_sending(delivery, batch)
    elif status is Status.SENT and update is None:
        await process.mark_sending(delivery, batch)
        await process.answer(delivery, batch, status, UpdateStatus.NONE)
    else:
        await process.send(delivery, batch, status)
    return delivery, batch


async def over_with_unknown(process: Process) -> tuple[JobClaim, Delivery]:
    """A job that is DONE, its one delivery UNKNOWN, its batch closed."""
    job = await process.run_job(definition(), ["하나"])
    batch, (delivery,) = await process.take(job.job_id)
    await process.send(delivery, batch, Status.UNKNOWN)
    assert await process.queue.close_batch(batch)
    await process.finish(job)
    return job, delivery


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind not in REJECTING])
@pytest.mark.parametrize("status", Status)
async def test_whatever_the_state_what_ses_has_taken_is_sent_with_its_message_id(
    worker: Process, tables: Tables, kind: EventKind, status: Status
) -> None:
    delivery, _ = await leave(worker, status)
    before = await tables.delivery(delivery.job_id)
    assert await ledger_of(worker).heed([event(kind, delivery)]) == 1
    row = await tables.delivery(delivery.job_id)
    if status is Status.SENT:
        assert row | {"FEEDBACK": None} == before
    else:
        assert await tables.standing(delivery.job_id) == Standing(Status.SENT, 1, UpdateStatus.DUE)
        assert row.text("MESSAGE_ID") == "ses-1"
        assert row["SENT_AT"] is not None
        assert (row["ERROR_CODE"], row["ERROR"], row["DONE_AT"]) == (None, None, None)
    assert row.maybe_text("FEEDBACK") == feedback_after(None, event(kind, delivery))


@pytest.mark.parametrize("kind", REJECTING)
@pytest.mark.parametrize("status", Status)
async def test_what_ses_will_not_send_is_failed_where_nobody_knew_and_rejected_anywhere(
    worker: Process, tables: Tables, kind: EventKind, status: Status
) -> None:
    delivery, _ = await leave(worker, status)
    before = await tables.standing(delivery.job_id)
    await ledger_of(worker).heed([event(kind, delivery)])
    row = await tables.delivery(delivery.job_id)
    assert row.text("FEEDBACK") == "REJECTED"
    if status in (Status.SENDING, Status.UNKNOWN):
        assert await tables.standing(delivery.job_id) == Standing(Status.FAILED, 1, UpdateStatus.NONE)
        assert (row.text("ERROR_CODE"), row.text("ERROR")) == (kind.value, "바이러스")
    else:
        assert await tables.standing(delivery.job_id) == before


@pytest.mark.parametrize("status", Status)
async def test_without_an_update_query_nothing_becomes_due(worker: Process, tables: Tables, status: Status) -> None:
    delivery, _ = await leave(worker, status, update=None)
    await ledger_of(worker).heed([event(EventKind.SEND, delivery)])
    assert await tables.standing(delivery.job_id) == Standing(Status.SENT, 1, UpdateStatus.NONE)


async def test_an_event_of_another_token_or_of_no_delivery_changes_nothing(worker: Process, tables: Tables) -> None:
    delivery, _ = await leave(worker, Status.UNKNOWN)
    before = await tables.delivery(delivery.job_id)
    of_another_life = event(EventKind.BOUNCE, delivery, token="token-of-another-life", suppresses=True)
    nowhere = SesEvent(EventKind.SEND, 99, delivery.token, "ses-1", "", False, ())
    assert await ledger_of(worker).heed([of_another_life, nowhere]) == 0
    assert await tables.delivery(delivery.job_id) == before
    assert await tables.suppressed() == {}


async def test_an_event_comes_before_the_answer_of_its_own_call(worker: Process, tables: Tables) -> None:
    delivery, batch = await leave(worker, Status.SENDING)
    await ledger_of(worker).heed([event(EventKind.DELIVERY, delivery)])
    recorded = await worker.answer(delivery, batch, Status.SENT, UpdateStatus.DUE)
    assert recorded.verdict is Verdict.SENT_ALREADY
    assert (await worker.ledger.send_facts(delivery.delivery_id)).message_id == "ses-1"
    await worker.end_update(delivery, batch, UpdateStatus.DONE)
    assert await worker.queue.close_batch(batch)
    assert await tables.standing(delivery.job_id) == Standing(Status.SENT, 1, UpdateStatus.DONE)


@pytest.mark.parametrize("after", [Status.UNKNOWN, Status.PENDING, Status.FAILED])
async def test_no_later_answer_undoes_what_an_event_has_proved(worker: Process, tables: Tables, after: Status) -> None:
    delivery, batch = await leave(worker, Status.SENDING)
    await ledger_of(worker).heed([event(EventKind.SEND, delivery)])
    assert (await worker.answer(delivery, batch, after, UpdateStatus.NONE)).verdict is Verdict.REFUSED
    assert (await tables.standing(delivery.job_id)).status is Status.SENT


@pytest.mark.parametrize("update", ["UPDATE C", None], ids=["with an update query", "without one"])
async def test_what_an_event_has_sent_is_not_sent_by_a_worker_that_has_it_in_hand(
    worker: Process, tables: Tables, update: str | None
) -> None:
    delivery, batch = await leave(worker, Status.PENDING, update=update)
    (again,) = await worker.ledger.work(batch)
    await ledger_of(worker).heed([event(EventKind.SEND, delivery)])
    assert (await worker.mark_sending(again, batch)).verdict is Verdict.REFUSED
    assert await worker.queue.close_batch(batch) is (update is None)
    due = [row.update_status for row in await worker.ledger.work(batch)]
    assert due == ([UpdateStatus.DUE] if update else [])


async def test_an_event_after_the_end_of_a_job_opens_its_batch_and_the_update_query_runs(
    worker: Process, other: Process, tables: Tables
) -> None:
    job, delivery = await over_with_unknown(worker)
    assert await other.queue.claim_batch_left_over() is None
    await ledger_of(worker).heed([event(EventKind.SEND, delivery)])
    assert await tables.batches(job.job_id) == {1: "OPEN"}
    left_over = await other.queue.claim_batch_left_over()
    assert left_over is not None
    (due,) = await other.ledger.work(left_over)
    assert (due.status, due.update_status, due.message_id) == (Status.SENT, UpdateStatus.DUE, "ses-1")
    await other.end_update(delivery, left_over, UpdateStatus.DONE)
    assert await other.queue.close_batch(left_over)
    assert await tables.job_status(job.job_id) is JobStatus.DONE
    assert await tables.batches(job.job_id) == {1: "CLOSED"}


async def test_an_event_before_the_end_of_a_job_keeps_it_open_until_the_update_query_has_run(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch, Status.UNKNOWN)
    assert await worker.queue.close_batch(batch)
    await ledger_of(worker).heed([event(EventKind.SEND, delivery)])
    assert not await worker.queue.end_done(job, "", unknown_is_final=True)
    batch = await worker.claim_batch(job.job_id)
    await worker.end_update(delivery, batch, UpdateStatus.DONE)
    assert await worker.queue.close_batch(batch)
    await worker.finish(job)


async def test_a_mail_that_a_person_settled_gets_its_message_id_later(worker: Process, tables: Tables) -> None:
    job, delivery = await over_with_unknown(worker)
    await worker.interventions.settle(job.job_id, "kim", sent=True, key=None)
    assert (await tables.delivery(job.job_id))["MESSAGE_ID"] is None
    await ledger_of(worker).heed([event(EventKind.SEND, delivery, message_id="ses-7")])
    await ledger_of(worker).heed([event(EventKind.SEND, delivery, message_id="ses-8")])
    assert (await tables.delivery(job.job_id)).text("MESSAGE_ID") == "ses-7"


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.SENDING, Status.PENDING, Status.FAILED])
@pytest.mark.parametrize(
    "kinds",
    [
        (EventKind.SEND, EventKind.DELIVERY, EventKind.BOUNCE),
        (EventKind.SEND, EventKind.REJECT),
        (EventKind.DELIVERY, EventKind.OPEN, EventKind.COMPLAINT),
        (EventKind.REJECT,),
    ],
    ids="+".join,
)
async def test_any_order_and_repetition_of_events_ends_the_same(
    worker: Process, tables: Tables, status: Status, kinds: Sequence[EventKind]
) -> None:
    chance = random.Random(f"{status}{kinds}")
    job = await worker.run_job(definition(), [f"키{n}" for n in range(12)], batch_rows=12)
    batch, deliveries = await worker.take(job.job_id)
    for delivery in deliveries:
        await worker.mark_sending(delivery, batch)
        if status is not Status.SENDING:
            await worker.answer(delivery, batch, status, UpdateStatus.NONE)
        order = [event(kind, delivery, suppresses=kind is EventKind.COMPLAINT) for kind in kinds]
        order += chance.choices(order, k=chance.randrange(3))
        chance.shuffle(order)
        cut = chance.randrange(len(order) + 1)
        for part in (order[:cut], order[cut:]):
            await ledger_of(worker).heed(part)
    ends = {
        (row.text("STATUS"), row.text("UPDATE_STATUS"), row.maybe_text("FEEDBACK"), row.maybe_text("MESSAGE_ID"))
        for row in await tables.deliveries(job.job_id)
    }
    assert len(ends) == 1
    ((end, *_),) = ends
    assert (end == "SENT") is any(kind.proves_acceptance for kind in kinds)


async def test_two_consumers_that_get_the_same_events_write_them_once(
    worker: Process, other: Process, tables: Tables
) -> None:
    job = await worker.run_job(definition(), [f"키{n}" for n in range(8)])
    events = []
    while (batch := await worker.queue.claim_batch(job.job_id, in_order=False)) is not None:
        for delivery in await worker.ledger.work(batch):
            await worker.send(delivery, batch, Status.UNKNOWN)
            events += [event(kind, delivery) for kind in (EventKind.DELIVERY, EventKind.SEND)]
        await worker.queue.close_batch(batch)
    first, second = ledger_of(worker), ledger_of(other)
    await asyncio.gather(*(ledger.heed(part) for ledger in (first, second) for part in (events, events[::-1])))
    assert {row.text("FEEDBACK") for row in await tables.deliveries(job.job_id)} == {"DELIVERED"}
    assert (await worker.jobs.counts(job.job_id)).updates[UpdateStatus.DUE] == 8


async def test_a_permanent_bounce_suppresses_the_recipient_and_whom_it_names_in_lower_case(
    worker: Process, tables: Tables
) -> None:
    delivery, _ = await leave(worker, Status.SENT)
    bounce = event(EventKind.BOUNCE, delivery, suppresses=True, named=("forwarded@example.com",))
    await ledger_of(worker).heed([bounce, bounce, event(EventKind.COMPLAINT, delivery, suppresses=True)])
    assert await tables.suppressed() == {"하나@example.co.kr": "Bounce", "forwarded@example.com": "Bounce"}


async def test_a_transient_bounce_suppresses_nobody(worker: Process, tables: Tables) -> None:
    delivery, _ = await leave(worker, Status.SENT)
    await ledger_of(worker).heed([event(EventKind.BOUNCE, delivery)])
    assert (await tables.delivery(delivery.job_id)).text("FEEDBACK") == Feedback.BOUNCED
    assert await tables.suppressed() == {}


async def test_the_flow_of_events_is_as_late_as_the_latest_mail_of_which_one_came(
    worker: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    await engine.run_sql("INSERT INTO ACCOUNT (ACCOUNT) VALUES ('default')")
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    for delivery in (first, second):
        await worker.mark_sending(delivery, batch)
        await time_passes(5)
    sending = [row.moment("SENDING_AT") for row in await tables.deliveries(job.job_id)]
    seen = []
    for delivery in (first, second, first):
        await ledger_of(worker).heed([event(EventKind.OPEN, delivery)])
        seen.append((await engine.run_sql("SELECT EVENTS_TO FROM ACCOUNT"))[0].moment("EVENTS_TO"))
    assert seen == [sending[0], sending[1], sending[1]]


async def test_an_event_that_is_not_of_ours_is_no_flow(worker: Process, engine: Engine) -> None:
    await engine.run_sql("INSERT INTO ACCOUNT (ACCOUNT) VALUES ('default')")
    delivery, _ = await leave(worker, Status.UNKNOWN)
    await ledger_of(worker).heed([event(EventKind.SEND, delivery, token="another")])
    assert (await engine.run_sql("SELECT EVENTS_TO FROM ACCOUNT"))[0]["EVENTS_TO"] is None
