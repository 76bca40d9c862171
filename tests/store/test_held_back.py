"""A key whose earlier mail, or update query, is open in another job of the automation gets no mail from the next."""

from datetime import timedelta

import pytest

from mailer.model.delivery import Change, Standing, Status, UpdateStatus
from mailer.model.job import JobClaim
from mailer.store.target_lists import Skipped
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, HOLD_BACK, Process, definition
from tests.store.tables import Tables

STEP = 0.000001
HELD = Skipped(repeated=0, held_back=1, sent_since=0, suppressed=0)
FREE = Skipped(0, 0, 0, 0)


async def leave(
    process: Process,
    engine: Engine,
    status: Status,
    update: UpdateStatus = UpdateStatus.NONE,
    rows: int | None = None,
    *,
    name: str = "월간 명세서",
) -> JobClaim:
    """A job that is over and has left the key so, a while ago."""
    job = await process.run_job(definition(name), ["하나"])
    batch, (delivery,) = await process.take(job.job_id)
    before, after = Standing(Status.PENDING, 0, UpdateStatus.NONE), Standing(status, 1, update)
    change = Change(delivery.delivery_id, job.job_id, 1, before, after, 0, update_rows=rows)
    await process.ledger.record(change, batch)
    await process.queue.give_back_batch(batch)
    await engine.run_sql("UPDATE JOB_QUEUE SET STATUS = 'DONE' WHERE JOB_ID = :job_id", {"job_id": job.job_id})
    await engine.pass_time(10)
    return job


async def begin_next(process: Process, auto_id: int) -> JobClaim:
    """The automation's next job is claimed now, and nothing of it is loaded."""
    await process.fires.enqueue(auto_id, ACTOR)
    return await process.claim_job()


async def load_next(process: Process, auto_id: int, hold_back: timedelta = HOLD_BACK) -> Skipped:
    """The automation's next job, with the same key."""
    return await process.load(await begin_next(process, auto_id), ["하나"], hold_back=hold_back)


async def run_left_over_update(process: Process) -> None:
    """As the worker does that comes by."""
    batch = await process.queue.claim_batch_left_over()
    assert batch is not None
    (delivery,) = await process.ledger.work(batch)
    before, after = (Standing(Status.SENT, 1, update) for update in (UpdateStatus.DUE, UpdateStatus.DONE))
    change = Change(delivery.delivery_id, delivery.job_id, 1, before, after, 0, update_rows=1)
    await process.ledger.record(change, batch)


@pytest.mark.parametrize(
    ("status", "update", "rows"),
    [
        (Status.SENDING, UpdateStatus.NONE, None),
        (Status.UNKNOWN, UpdateStatus.NONE, None),
        (Status.SENT, UpdateStatus.DUE, None),
        (Status.SENT, UpdateStatus.FAILED, None),
        (Status.SENT, UpdateStatus.DONE, 0),
    ],
    ids=["sending", "unknown", "update due", "update failed", "update touched no row"],
)
async def test_a_key_that_another_job_left_open_is_held_back(
    worker: Process, engine: Engine, tables: Tables, status: Status, update: UpdateStatus, rows: int | None
) -> None:
    earlier = await leave(worker, engine, status, update, rows)
    claim = await begin_next(worker, earlier.auto_id)
    assert await worker.load(claim, ["하나", "둘"]) == HELD
    assert await tables.reasons(claim.job_id) == {"하나": "held back"}
    row = await tables.delivery(claim.job_id)
    assert row.text("ERROR") == f"held back: job {earlier.job_id} has not settled this key"
    assert await worker.jobs.held_back(claim.job_id) == 1


@pytest.mark.parametrize(
    ("status", "update", "rows"),
    [
        (Status.SENT, UpdateStatus.NONE, None),
        (Status.SENT, UpdateStatus.DONE, 1),
        (Status.SENT, UpdateStatus.DONE, 7),
        (Status.PENDING, UpdateStatus.NONE, None),
        (Status.FAILED, UpdateStatus.NONE, None),
        (Status.SKIPPED, UpdateStatus.NONE, None),
    ],
    ids=["sent", "updated", "many rows updated", "pending", "failed", "skipped"],
)
async def test_a_key_of_which_nothing_is_open_is_not_held_back(
    worker: Process, engine: Engine, status: Status, update: UpdateStatus, rows: int | None
) -> None:
    earlier = await leave(worker, engine, status, update, rows)
    assert await load_next(worker, earlier.auto_id) == FREE


@pytest.mark.parametrize(("after_start", "expected"), [(0.0, FREE), (STEP, HELD)], ids=["exactly", "one step past"])
async def test_what_was_settled_after_this_job_had_started_may_not_have_been_seen_by_its_target_query(
    worker: Process, other: Process, engine: Engine, after_start: float, expected: Skipped
) -> None:
    earlier = await leave(worker, engine, Status.UNKNOWN)
    claim = await begin_next(other, earlier.auto_id)
    await engine.pass_time(after_start)
    await worker.interventions.settle(earlier.job_id, ACTOR, sent=True, key=None)
    await run_left_over_update(worker)
    await engine.pass_time(10)
    assert await other.load(claim, ["하나"]) == expected


async def test_the_start_that_counts_is_that_of_the_first_claim_when_a_loader_is_taken_over(
    worker: Process, other: Process, engine: Engine
) -> None:
    """A later target query may still be right, but nobody knows: held back is the safe side."""
    earlier = await leave(worker, engine, Status.UNKNOWN)
    await begin_next(worker, earlier.auto_id)
    await engine.pass_time(1)
    await worker.interventions.settle(earlier.job_id, ACTOR, sent=True, key=None)
    await run_left_over_update(worker)
    await engine.pass_time(60)
    assert await other.load(await other.claim_job(), ["하나"]) == HELD


@pytest.mark.parametrize(
    ("age", "expected"),
    [(HOLD_BACK, FREE), (HOLD_BACK - timedelta(microseconds=1), HELD)],
    ids=["exactly", "one step before"],
)
async def test_only_jobs_that_started_within_the_window_hold_back(
    worker: Process, engine: Engine, age: timedelta, expected: Skipped
) -> None:
    earlier = await leave(worker, engine, Status.UNKNOWN)
    since = (engine.clock.now() - earlier.start_at).total_seconds()
    await engine.pass_time(age.total_seconds() - since)
    assert await load_next(worker, earlier.auto_id) == expected


async def test_the_window_is_the_automations_own(worker: Process, engine: Engine) -> None:
    earlier = await leave(worker, engine, Status.UNKNOWN)
    await engine.pass_time(3600)
    assert await load_next(worker, earlier.auto_id, timedelta(minutes=30)) == FREE


async def test_a_window_of_nothing_never_holds_back(worker: Process, engine: Engine) -> None:
    earlier = await leave(worker, engine, Status.UNKNOWN)
    assert await load_next(worker, earlier.auto_id, timedelta()) == FREE


async def test_another_automations_job_holds_nothing_back(worker: Process, engine: Engine) -> None:
    await leave(worker, engine, Status.UNKNOWN, name="첫째")
    second = await leave(worker, engine, Status.SENT, name="둘째")
    assert await load_next(worker, second.auto_id) == FREE


async def test_another_key_is_not_held_back(worker: Process, engine: Engine) -> None:
    earlier = await leave(worker, engine, Status.UNKNOWN)
    claim = await begin_next(worker, earlier.auto_id)
    assert await worker.load(claim, ["하나 ", "둘"]) == FREE


@pytest.mark.parametrize("is_sent", [True, False], ids=["sent", "not sent"])
async def test_a_person_who_settles_releases_the_key(worker: Process, engine: Engine, is_sent: bool) -> None:
    earlier = await leave(worker, engine, Status.UNKNOWN)
    await worker.interventions.settle(earlier.job_id, ACTOR, sent=is_sent, key="하나")
    if is_sent:
        await run_left_over_update(worker)
    await engine.pass_time(1)
    assert await load_next(worker, earlier.auto_id) == FREE


async def test_an_update_query_that_was_run_again_releases_the_key(worker: Process, engine: Engine) -> None:
    earlier = await leave(worker, engine, Status.SENT, UpdateStatus.FAILED)
    await worker.interventions.retry_updates(earlier.job_id, ACTOR, with_current=False)
    await run_left_over_update(worker)
    await engine.pass_time(1)
    assert await load_next(worker, earlier.auto_id) == FREE


async def test_a_later_jobs_doubt_holds_a_retried_job_back(
    worker: Process, engine: Engine, tables: Tables, time_passes: TimePasses
) -> None:
    first = await worker.run_job(definition(), ["하나", "둘"])
    await worker.stop(first)
    await time_passes(1)
    later = await begin_next(worker, first.auto_id)
    await worker.load(later, ["하나"])
    await worker.send_all(later, Status.UNKNOWN)
    await worker.finish(later)
    await worker.interventions.retry(first.job_id, ACTOR, with_current=False)
    again = await worker.claim_job()
    batch = await worker.claim_batch(again.job_id)
    assert await worker.lists.judge_batch(batch, again, HOLD_BACK) == HELD
    assert await tables.reasons(first.job_id) == {"하나": "held back"}
