"""A person cancels a job, or sends what it has left: what changes, what stays, and what is refused."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from mailer.errors import ConfigurationError, Conflict, FenceLost, NotFound
from mailer.model.automation import Automation
from mailer.model.delivery import NewDelivery, Standing, Status, UpdateStatus
from mailer.model.job import JobClaim, JobStatus, Stopping
from mailer.store.interventions import Retried
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, UPDATE, Process, answer, definition, target_row
from tests.store.tables import Tables

Verb = Callable[[Process, int], Awaitable[object]]
VERBS: dict[str, Verb] = {
    "cancel": lambda process, job_id: process.interventions.cancel(job_id, ACTOR),
    "retry": lambda process, job_id: process.interventions.retry(job_id, ACTOR, with_current=False),
    "retry updates": lambda process, job_id: process.interventions.retry_updates(job_id, ACTOR, with_current=False),
    "settle": lambda process, job_id: process.interventions.settle(job_id, ACTOR, sent=True, key=None),
}


async def failed_job(process: Process, after: Status = Status.FAILED, automation: Automation | None = None) -> JobClaim:
    """A job of two that is DONE, the first of them sent."""
    job = await process.run_job(automation or definition(), ["하나", "둘"])
    batch, (first, second) = await process.take(job.job_id)
    await process.send(first, batch)
    await process.send(second, batch, after)
    await process.queue.close_batch(batch)
    await process.finish(job)
    return job


async def retry(process: Process, job_id: int, *, with_current: bool = False) -> Retried:
    return await process.interventions.retry(job_id, ACTOR, with_current=with_current)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_job_that_is_not_there_is_not_found(worker: Process, tables: Tables, verb: str) -> None:
    with pytest.raises(NotFound, match="no job 99"):
        await VERBS[verb](worker, 99)
    assert await tables.audit() == []


async def test_a_job_that_nobody_has_begun_is_cancelled_at_once(worker: Process, tables: Tables) -> None:
    job_id = await worker.enqueue(definition())
    assert await worker.interventions.cancel(job_id, ACTOR) is JobStatus.CANCELLED
    job = await tables.job(job_id)
    assert (job.text("STATUS"), job.text("LOG")) == ("CANCELLED", "cancelled by kim")
    assert job.maybe_moment("END_AT") is not None
    assert not await tables.is_running(job.integer("AUTO_ID"))
    assert (await tables.audit())[-1] == (ACTOR, "job cancel", f"job {job_id}")
    assert await worker.queue.claim_job() is None


async def test_a_job_that_runs_is_marked_and_sends_nothing_more(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나"])
    batch, (delivery,) = await worker.take(job.job_id)
    assert await worker.interventions.cancel(job.job_id, ACTOR) is JobStatus.RUNNING
    standing = await worker.queue.standing(job.job_id)
    assert (standing.status, standing.stopping) == (JobStatus.RUNNING, Stopping.CANCELLED)
    assert standing.log == "cancelled by kim"
    await worker.mark_sending(delivery, batch)
    assert await tables.statuses(job.job_id) == [Status.PENDING]
    assert await tables.is_running(job.auto_id)
    assert (await tables.audit())[-1] == (ACTOR, "job cancel", f"job {job.job_id}")


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.FAIL, JobStatus.CANCELLED])
async def test_a_job_that_is_over_is_not_cancelled(worker: Process, tables: Tables, status: JobStatus) -> None:
    job = await worker.run_job(definition(), [])
    await (worker.finish(job) if status is JobStatus.DONE else worker.stop(job, status))
    audit = await tables.audit()
    with pytest.raises(Conflict, match=f"job {job.job_id} is {status.value}"):
        await worker.interventions.cancel(job.job_id, ACTOR)
    assert await tables.audit() == audit


async def test_a_job_that_stops_already_keeps_its_first_cause(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    await worker.queue.mark_stopping(job.job_id, Stopping.FAIL, "the cause")
    with pytest.raises(Conflict, match="stops already"):
        await worker.interventions.cancel(job.job_id, ACTOR)
    assert (await worker.queue.standing(job.job_id)).log == "the cause"


async def test_a_retry_makes_what_failed_pending_with_all_its_tries(worker: Process, tables: Tables) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    await worker.send(first, batch)
    await worker.mark_sending(second, batch)
    refused = replace(answer(second, Status.FAILED), tries=4, error_code="Rejected", error="bad content")
    await worker.ledger.record(refused, batch)
    await worker.queue.close_batch(batch)
    await worker.finish(job)
    assert await retry(worker, job.job_id) == Retried(1, is_reopened=True, is_definition_changed=False)
    row = await tables.delivery(job.job_id, 2)
    assert (row.text("STATUS"), row.integer("TRIES"), row.integer("ATTEMPT")) == ("PENDING", 0, 1)
    assert (row.maybe_text("ERROR_CODE"), row.maybe_text("ERROR"), row.maybe_moment("DONE_AT")) == (None, None, None)
    assert await tables.statuses(job.job_id) == [Status.SENT, Status.PENDING]
    assert await tables.batches(job.job_id) == {1: "OPEN"}


async def test_a_retried_job_waits_again_as_the_same_job(worker: Process, tables: Tables) -> None:
    job = await failed_job(worker)
    await retry(worker, job.job_id)
    row = await tables.job(job.job_id)
    assert row.text("STATUS") == "WAITING"
    assert (row.maybe_text("LOG"), row.maybe_moment("END_AT")) == (None, None)
    assert await tables.is_running(job.auto_id)
    assert (await tables.audit())[-1] == (ACTOR, "job retry", f"job {job.job_id}")
    again = await worker.claim_job()
    assert (again.job_id, again.is_loaded) == (job.job_id, True)
    assert again.fence > job.fence
    with pytest.raises(FenceLost):
        await worker.queue.renew_job(job)


async def test_a_retried_job_is_sent_and_ends_done(worker: Process, tables: Tables) -> None:
    job = await failed_job(worker)
    await retry(worker, job.job_id)
    again = await worker.claim_job()
    await worker.send_all(again)
    await worker.finish(again)
    assert await tables.standing(job.job_id, 2) == Standing(Status.SENT, 2, UpdateStatus.DONE)


@pytest.mark.parametrize("code", ["no key", "key too long", "no address", "malformed address", "several addresses"])
async def test_a_row_that_can_not_get_better_stays_failed(worker: Process, tables: Tables, code: str) -> None:
    await worker.enqueue(definition())
    job = await worker.claim_job()
    await worker.jobs.freeze(job)
    bad = NewDelivery(1, "하나", None, {"CUST_ID": "하나"}, "token-1", Status.FAILED, code, code)
    await worker.lists.add_slice(job, 1, [bad, target_row(2, "둘")])
    await worker.lists.set_loaded(job)
    await worker.send_all(job, Status.FAILED)
    await worker.finish(job)
    assert (await retry(worker, job.job_id)).deliveries == 1
    assert await tables.statuses(job.job_id) == [Status.FAILED, Status.PENDING]


@pytest.mark.parametrize("after", [Status.UNKNOWN, Status.SKIPPED])
async def test_what_is_unknown_or_skipped_is_not_retried(worker: Process, tables: Tables, after: Status) -> None:
    job = await failed_job(worker, after)
    before = await tables.job(job.job_id)
    audit = await tables.audit()
    assert await retry(worker, job.job_id) == Retried(0, is_reopened=False, is_definition_changed=False)
    assert await tables.statuses(job.job_id) == [Status.SENT, after]
    assert await tables.job(job.job_id) == before
    assert await tables.audit() == audit


@pytest.mark.parametrize("status", [JobStatus.FAIL, JobStatus.CANCELLED])
async def test_what_a_stopped_job_left_pending_is_sent_by_a_retry(
    worker: Process, tables: Tables, status: JobStatus
) -> None:
    job = await worker.run_job(definition(), ["하나", "둘"])
    batch, (first, second) = await worker.take(job.job_id)
    await worker.send(first, batch)
    await worker.mark_sending(second, batch)
    await worker.ledger.record(replace(answer(second, Status.PENDING), tries=3), batch)
    await worker.stop(job, status)
    assert (await retry(worker, job.job_id)).deliveries == 1
    assert (await tables.delivery(job.job_id, 2)).integer("TRIES") == 0
    _, work = await worker.take((await worker.claim_job()).job_id)
    assert [delivery.recipient_key for delivery in work] == ["둘"]


async def test_a_job_that_stopped_while_loading_is_loaded_anew(worker: Process, tables: Tables, engine: Engine) -> None:
    await worker.enqueue(definition())
    job = await worker.claim_job()
    await worker.jobs.freeze(job)
    await worker.lists.add_slice(job, 1, [target_row(1, "하나")])
    await worker.stop(job)
    assert await retry(worker, job.job_id) == Retried(0, is_reopened=True, is_definition_changed=False)
    await engine.pass_time(1)
    again = await worker.claim_job()
    assert not again.is_loaded
    await worker.load(again, ["둘", "셋"])
    assert [row.text("RECIPIENT_KEY") for row in await tables.deliveries(job.job_id)] == ["둘", "셋"]


@pytest.mark.parametrize("is_claimed", [False, True], ids=["waiting", "running"])
async def test_a_job_that_is_active_is_not_retried(worker: Process, is_claimed: bool) -> None:
    job_id = await worker.enqueue(definition())
    if is_claimed:
        await worker.claim_job()
    with pytest.raises(Conflict, match="active itself"):
        await retry(worker, job_id)


async def test_a_job_is_not_retried_beside_another_of_its_automation(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await failed_job(worker)
    await time_passes(1)
    other = await worker.fires.enqueue(job.auto_id, ACTOR)
    with pytest.raises(Conflict, match=f"job {other} of its automation is active"):
        await retry(worker, job.job_id)
    assert await tables.job_status(job.job_id) is JobStatus.DONE
    assert await tables.statuses(job.job_id) == [Status.SENT, Status.FAILED]


async def test_a_retry_keeps_the_jobs_definition_and_says_that_it_has_changed(worker: Process) -> None:
    job = await failed_job(worker)
    await worker.automations.save(definition(subject="새 제목"), ACTOR)
    assert await retry(worker, job.job_id) == Retried(1, is_reopened=True, is_definition_changed=True)
    assert (await worker.jobs.frozen(job.job_id)).template.subject == "$(CUST_NAME)님, 명세서"


@pytest.mark.parametrize(
    "changed",
    [definition(subject="새 제목"), definition(update=None), definition(max_parallel=9)],
    ids=["template", "query", "policies"],
)
async def test_a_retry_with_the_current_definition_takes_all_of_it(worker: Process, changed: Automation) -> None:
    job = await failed_job(worker)
    await worker.automations.save(changed, ACTOR)
    assert await retry(worker, job.job_id, with_current=True) == Retried(1, True, is_definition_changed=False)
    assert await worker.jobs.frozen(job.job_id) == changed


async def test_where_nothing_is_to_be_retried_the_definition_stays_too(worker: Process) -> None:
    job = await failed_job(worker, Status.UNKNOWN)
    before = await worker.jobs.frozen(job.job_id)
    await worker.automations.save(definition(subject="새 제목"), ACTOR)
    assert await retry(worker, job.job_id, with_current=True) == Retried(0, False, is_definition_changed=False)
    assert await worker.jobs.frozen(job.job_id) == before


async def updates_left(process: Process) -> JobClaim:
    """A job that is DONE, with an update query that failed, one that touched no row, one that did, and no mail."""
    job = await process.run_job(definition(), ["실패", "없음", "하나", "둘", "안 보냄"], batch_rows=1)
    ends = [(UpdateStatus.FAILED, None), (UpdateStatus.DONE, 0), (UpdateStatus.DONE, 1), (UpdateStatus.DONE, 2)]
    for update, rows in ends:
        batch, (delivery,) = await process.take(job.job_id)
        await process.send(delivery, batch, update=UpdateStatus.DUE)
        await process.end_update(delivery, batch, update, rows=rows)
        await process.queue.close_batch(batch)
    await process.send_all(job, Status.FAILED)
    await process.finish(job)
    return job


async def test_update_queries_that_failed_or_touched_no_row_are_due_again(worker: Process, tables: Tables) -> None:
    job = await updates_left(worker)
    assert await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=False) == 2
    rows = await tables.deliveries(job.job_id)
    assert [row.text("UPDATE_STATUS") for row in rows] == ["DUE", "DUE", "DONE", "DONE", "NONE"]
    assert rows[0].maybe_moment("DONE_AT") is None
    assert rows[1]["UPDATE_ROWS"] is None
    assert await tables.batches(job.job_id) == {1: "OPEN", 2: "OPEN", 3: "CLOSED", 4: "CLOSED", 5: "CLOSED"}
    assert await tables.job_status(job.job_id) is JobStatus.DONE
    assert not await tables.is_running(job.auto_id)
    assert (await tables.audit())[-1] == (ACTOR, "job retry --updates", f"job {job.job_id}")
    assert await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=False) == 0


async def test_updates_of_a_job_that_is_active_are_not_retried(worker: Process) -> None:
    job = await worker.run_job(definition(), ["하나"])
    with pytest.raises(Conflict, match=f"job {job.job_id} is RUNNING"):
        await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=False)


async def test_updates_are_retried_beside_another_job_of_the_automation(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await updates_left(worker)
    await time_passes(1)
    other = await worker.fires.enqueue(job.auto_id, ACTOR)
    assert await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=False) == 2
    assert await tables.job_status(other) is JobStatus.WAITING


async def test_updates_are_retried_by_the_current_update_query(worker: Process) -> None:
    job = await updates_left(worker)
    await worker.automations.save(definition(update=UPDATE + " AND SENT_AT IS NULL"), ACTOR)
    await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=True)
    assert (await worker.jobs.frozen(job.job_id)).dbio.update == UPDATE + " AND SENT_AT IS NULL"


async def test_updates_are_not_retried_by_a_definition_without_an_update_query(worker: Process, tables: Tables) -> None:
    job = await updates_left(worker)
    await worker.automations.save(definition(update=None), ACTOR)
    before = await tables.deliveries(job.job_id)
    with pytest.raises(ConfigurationError, match="no update query"):
        await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=True)
    assert await tables.deliveries(job.job_id) == before
    assert (await worker.jobs.frozen(job.job_id)).dbio.update == UPDATE
