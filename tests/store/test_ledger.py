"""The ledger's hot path: what a change asks for before it is written, and what it leaves."""

from datetime import timedelta
from itertools import chain

import pytest

from mailer.errors import FenceLost
from mailer.model.delivery import Delivery, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobStatus, Stopping
from mailer.store.ledger import GROUP_LIMIT, Ledger, Recorded, Verdict
from tests.store.engines import Engine, TimePasses
from tests.store.groups import Entries, in_one_group
from tests.store.processes import ACTOR, LEASE, PATIENCE, Process, answer, definition, sending, without_mail
from tests.store.tables import Tables


async def record_together(process: Process, engine: Engine, entries: Entries) -> list[Recorded | BaseException]:
    """In one group."""
    ledger = Ledger(process.database, process.name, timedelta(seconds=LEASE), engine.clock, timedelta(seconds=PATIENCE))
    return await in_one_group(ledger, entries)


def verdicts(results: list[Recorded | BaseException]) -> list[object]:
    """A verdict, or the type of an error, for each."""
    return [result.verdict if isinstance(result, Recorded) else type(result) for result in results]


async def test_a_batch_hands_out_what_is_pending_and_what_is_due_in_the_lists_order(
    worker: Process, other: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["라", "다", "나", "가"], batch_rows=4)
    batch, (first, second, third, _) = await worker.take(job.job_id)
    await worker.send(first, batch)
    await worker.send(second, batch, update=UpdateStatus.DUE)
    await worker.send(third, batch, Status.FAILED)
    await time_passes(LEASE)
    _, work = await other.take(job.job_id)
    assert [(delivery.recipient_key, delivery.status) for delivery in work] == [
        ("다", Status.SENT),
        ("가", Status.PENDING),
    ]
    assert (work[0].attempt, work[0].update_status) == (1, UpdateStatus.DUE)
    assert work[0].message_id == f"ses-{second.delivery_id}-1"


async def test_a_delivery_is_handed_out_as_it_was_loaded(worker: Process) -> None:
    job = await worker.run_job(definition(), ["고객-1"])
    _, (delivery,) = await worker.take(job.job_id)
    assert (delivery.recipient_key, delivery.email) == ("고객-1", "고객-1@example.co.kr")
    assert (delivery.row, delivery.token) == ({"CUST_ID": "고객-1"}, "token-1")
    assert (delivery.attempt, delivery.tries) == (0, 0)


async def test_an_attempt_begins_with_sending_and_its_time(worker: Process, tables: Tables, engine: Engine) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await engine.pass_time(5)
    recorded = await worker.mark_sending(delivery, batch)
    assert recorded == Recorded(Verdict.WRITTEN, engine.clock.now())
    row = await tables.delivery(job.job_id)
    assert (row.text("STATUS"), row.integer("ATTEMPT"), row.text("TOKEN")) == ("SENDING", 1, "token-1")
    assert row.moment("SENDING_AT") == row.moment("CHANGED_AT") == engine.clock.now()
    assert row.maybe_moment("DONE_AT") is None


async def test_a_mail_that_is_sent_has_its_id_its_time_and_its_update_due(
    worker: Process, tables: Tables, engine: Engine
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await engine.pass_time(1)
    recorded = await worker.answer(delivery, batch, Status.SENT, UpdateStatus.DUE)
    row = await tables.delivery(job.job_id)
    assert row.moment("SENT_AT") == recorded.moment == engine.clock.now()
    assert row.text("UPDATE_STATUS") == "DUE"
    assert row.maybe_moment("DONE_AT") is None
    facts = await worker.ledger.send_facts(delivery.delivery_id)
    assert (facts.message_id, facts.sent_at) == (f"ses-{delivery.delivery_id}-1", engine.clock.now())


async def test_the_time_of_sending_is_set_once(worker: Process, tables: Tables, engine: Engine) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch, update=UpdateStatus.DUE)
    sent_at = engine.clock.now()
    await engine.pass_time(5)
    await worker.end_update(delivery, batch, UpdateStatus.DONE, rows=2)
    row = await tables.delivery(job.job_id)
    assert row.moment("SENT_AT") == sent_at
    assert row.moment("CHANGED_AT") == row.moment("DONE_AT") == engine.clock.now()
    assert (row.text("UPDATE_STATUS"), row.integer("UPDATE_ROWS")) == ("DONE", 2)
    assert row.text("MESSAGE_ID") == f"ses-{delivery.delivery_id}-1"


async def test_an_update_query_ends_once(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.send(delivery, batch)
    recorded = await worker.end_update(delivery, batch, UpdateStatus.FAILED)
    assert recorded.verdict is Verdict.REFUSED


async def test_only_one_of_two_that_read_a_row_pending_marks_it(worker: Process, engine: Engine) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    results = await record_together(worker, engine, [(sending(delivery), batch)] * 2)
    assert verdicts(results) == [Verdict.WRITTEN, Verdict.REFUSED]


async def test_an_attempt_that_was_read_before_another_began_is_refused(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await worker.answer(delivery, batch, Status.PENDING, UpdateStatus.NONE)
    assert (await worker.mark_sending(delivery, batch)).verdict is Verdict.REFUSED


@pytest.mark.parametrize("stopping", Stopping)
async def test_no_mail_begins_in_a_job_that_is_to_stop(worker: Process, tables: Tables, stopping: Stopping) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.queue.mark_stopping(job.job_id, stopping, "the cause")
    assert (await worker.mark_sending(delivery, batch)).verdict is Verdict.REFUSED
    assert await tables.statuses(job.job_id) == [Status.PENDING]


async def test_no_mail_begins_in_a_job_that_waits_again(worker: Process, tables: Tables) -> None:
    """Its batches are open, and free: a worker that had joined it may still come for one."""
    job = await worker.run_job(definition(), ["하나"])
    await worker.stop(job, JobStatus.CANCELLED)
    await worker.interventions.retry(job.job_id, ACTOR, with_current=False)
    batch, (delivery,) = await worker.take(job.job_id)
    assert (await worker.mark_sending(delivery, batch)).verdict is Verdict.REFUSED
    assert await tables.statuses(job.job_id) == [Status.PENDING]


async def test_an_answer_is_written_though_its_job_is_to_stop(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await worker.mark_sending(delivery, batch)
    await worker.queue.mark_stopping(job.job_id, Stopping.CANCELLED, "enough")
    recorded = await worker.answer(delivery, batch, Status.SENT, UpdateStatus.DUE)
    assert recorded.verdict is Verdict.WRITTEN
    assert await tables.statuses(job.job_id) == [Status.SENT]


async def test_a_holder_that_slept_through_its_lease_sends_nothing(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    slow, (delivery,) = await worker.take(job.job_id)
    await time_passes(LEASE)
    quick = await other.claim_batch(job.job_id)
    with pytest.raises(FenceLost):
        await worker.mark_sending(delivery, slow)
    assert quick.fence > slow.fence
    assert await tables.statuses(job.job_id) == [Status.PENDING]


async def test_a_holder_whose_lease_is_over_but_that_nobody_took_over_goes_on(
    worker: Process, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    await time_passes(LEASE * 2)
    assert (await worker.mark_sending(delivery, batch)).verdict is Verdict.WRITTEN


async def test_a_row_that_ends_without_a_mail_needs_the_claim_too(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await worker.run_job(definition(), ["하나"])
    old, (delivery,) = await worker.take(job.job_id)
    await time_passes(LEASE)
    batch, _ = await other.take(job.job_id)
    with pytest.raises(FenceLost):
        await worker.ledger.record(without_mail(delivery), old)
    assert (await other.ledger.record(without_mail(delivery), batch)).verdict is Verdict.WRITTEN
    row = await tables.delivery(job.job_id)
    assert (row.text("STATUS"), row.text("ERROR_CODE"), row.integer("ATTEMPT")) == ("FAILED", "no mapping row", 0)
    assert row.maybe_moment("DONE_AT") is not None


async def test_in_a_group_a_stale_row_neither_stops_the_others_nor_passes_with_them(
    worker: Process, other: Process, engine: Engine, tables: Tables
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "셋", "넷", "다섯"], batch_rows=4)
    batch, work = await worker.take(job.job_id)
    lost, (in_lost,) = await worker.take(job.job_id)
    await worker.mark_sending(work[1], batch)
    await worker.queue.give_back_batch(lost)
    await other.take(job.job_id)
    entries = [(sending(delivery), batch) for delivery in work]
    results = await record_together(worker, engine, [entries[3], (sending(in_lost), lost), *entries[:3]])
    assert verdicts(results) == [
        Verdict.WRITTEN,
        FenceLost,
        Verdict.WRITTEN,
        Verdict.REFUSED,
        Verdict.WRITTEN,
    ]
    assert await tables.statuses(job.job_id) == [*[Status.SENDING] * 4, Status.PENDING]


@pytest.mark.parametrize("is_old_first", [True, False], ids=["old first", "new first"])
async def test_in_a_group_an_old_claim_of_the_process_itself_neither_stops_its_new_one_nor_passes_with_it(
    worker: Process, engine: Engine, tables: Tables, is_old_first: bool
) -> None:
    """A process may take a batch over from itself: one of its workers was slow."""
    job = await worker.run_job(definition(), ["하나", "둘"])
    old, (first, second) = await worker.take(job.job_id)
    await engine.pass_time(LEASE)
    new = await worker.claim_batch(job.job_id)
    entries = [(sending(first), old), (sending(second), new)]
    results = await record_together(worker, engine, entries if is_old_first else entries[::-1])
    expected = [FenceLost, Verdict.WRITTEN]
    assert verdicts(results) == (expected if is_old_first else expected[::-1])
    assert await tables.statuses(job.job_id) == [Status.PENDING, Status.SENDING]


async def test_in_a_group_answers_are_written_whoever_holds_their_batch(
    worker: Process, other: Process, engine: Engine, tables: Tables
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"], batch_rows=1)
    first_batch, (first,) = await worker.take(job.job_id)
    second_batch, (second,) = await worker.take(job.job_id)
    await worker.mark_sending(first, first_batch)
    await engine.pass_time(LEASE)
    await other.take(job.job_id)
    results = await record_together(
        worker,
        engine,
        [(answer(first, Status.SENT), first_batch), (sending(second), second_batch)],
    )
    assert verdicts(results) == [Verdict.WRITTEN, Verdict.WRITTEN]
    assert await tables.statuses(job.job_id) == [Status.SENT, Status.SENDING]


async def test_many_rows_of_many_batches_and_jobs_are_written_together(
    worker: Process, engine: Engine, tables: Tables
) -> None:
    entries: Entries = []
    jobs = []
    for name in ("첫째", "둘째"):
        job = await worker.run_job(definition(name), [f"{number}" for number in range(120)], batch_rows=40)
        jobs.append(job.job_id)
        work: list[tuple[BatchClaim, list[Delivery]]] = [await worker.take(job.job_id) for _ in range(3)]
        entries += chain.from_iterable([(sending(row), batch) for row in rows] for batch, rows in work)
    assert len(entries) < GROUP_LIMIT
    results = await record_together(worker, engine, entries[::-1])
    assert verdicts(results) == [Verdict.WRITTEN] * 240
    for job_id in jobs:
        assert set(await tables.statuses(job_id)) == {Status.SENDING}
        assert (await worker.jobs.counts(job_id)).deliveries[Status.SENDING] == 120


async def test_the_counts_are_the_sums_of_all_writers(worker: Process, other: Process, engine: Engine) -> None:
    job = await worker.run_job(definition(), ["하나", "둘", "셋"], batch_rows=1)
    outcomes = [(worker, Status.SENT), (other, Status.FAILED), (other, Status.SENT)]
    for process, status in outcomes:
        batch, (delivery,) = await process.take(job.job_id)
        await process.send(delivery, batch, status)
        await process.queue.close_batch(batch)
        await engine.pass_time(40)  # another minute
    counts = await worker.jobs.counts(job.job_id)
    assert counts.total == 3
    assert {status: n for status, n in counts.deliveries.items() if n} == {Status.SENT: 2, Status.FAILED: 1}
    assert counts.updates == {
        UpdateStatus.NONE: 1,
        UpdateStatus.DUE: 0,
        UpdateStatus.DONE: 2,
        UpdateStatus.FAILED: 0,
    }
