"""What a purge drops, what it never touches, and that a job without its list can't be opened again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailer.errors import Conflict
from mailer.model.automation import Automation
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobClaim, JobStatus
from mailer.model.ses_event import EventKind, SesEvent
from mailer.store import purging
from mailer.store.feedback import FeedbackLedger
from mailer.store.job_log import Level, log_always, log_skipped_fire
from mailer.store.purging import Age, Purging
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, Process, definition
from tests.store.tables import Tables

DAY = 86_400.0
GRACE = timedelta(hours=1)
OLD = Age(timedelta(days=90), GRACE)
KEYS = ["하나", "둘", "셋", "넷", "다섯"]


def held_back_for(days: float, name: str = "월간 명세서") -> Automation:
    automation = definition(name)
    return replace(automation, policies=replace(automation.policies, hold_back=timedelta(days=days)))


async def over(
    process: Process,
    status: Status = Status.SENT,
    update: UpdateStatus | None = None,
    *,
    automation: Automation | None = None,
    end: JobStatus = JobStatus.DONE,
) -> JobClaim:
    """A job that ended now, all its deliveries so."""
    job = await process.run_job(automation or definition(), KEYS, batch_rows=2)
    await log_always(process.database, job.auto_id, job.job_id, Level.WARNING, "attachment missing", "명세서.pdf")
    if status is not Status.PENDING:
        await process.send_all(job, status, update)
    await (process.finish(job) if end is JobStatus.DONE else process.stop(job, end))
    return job


async def left(tables: Tables, job_id: int) -> tuple[int, int, list[str]]:
    """Deliveries and batches of the job, and the codes in its log."""
    log = [code for code, _ in await tables.job_log(job_id)]
    return len(await tables.deliveries(job_id)), len(await tables.batches(job_id)), log


async def test_an_old_job_loses_list_batches_minutes_and_log_and_keeps_its_row(
    worker: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    job = await over(worker)
    before = await tables.job(job.job_id)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs(OLD) == [job.job_id]
    assert await purge.drop_job(job.job_id, OLD) == 5
    assert await left(tables, job.job_id) == (0, 0, ["purged", "deliveries dropped"])
    assert await engine.run_sql("SELECT * FROM JOB_MINUTE") == []
    assert await tables.job(job.job_id) == before
    assert await purge.jobs(OLD) == []


async def test_a_job_is_old_when_it_ended_so_long_ago(worker: Process, time_passes: TimePasses) -> None:
    job = await worker.run_job(definition(), KEYS)
    await time_passes(100 * DAY)
    await worker.send_all(job)
    await worker.finish(job)
    await time_passes(90 * DAY - 0.000001)
    assert await Purging(worker.database, ACTOR).jobs(OLD) == []
    await time_passes(0.000001)
    assert await Purging(worker.database, ACTOR).jobs(OLD) == [job.job_id]


async def test_a_job_that_waits_or_runs_is_never_touched(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    running = await worker.run_job(definition("돌고 있는"), KEYS)
    waiting = await worker.enqueue(definition("기다리는"))
    await time_passes(365 * DAY)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs(OLD) == await purge.jobs_with_row_data(OLD) == []
    for job_id in (running.job_id, waiting):
        assert await purge.drop_job(job_id, OLD) == await purge.drop_row_data(job_id, OLD) == 0
    assert (await left(tables, running.job_id))[0] == 5


async def test_an_update_query_that_is_due_keeps_the_list(worker: Process, time_passes: TimePasses) -> None:
    job = await over(worker, update=UpdateStatus.FAILED)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    await worker.interventions.retry_updates(job.job_id, ACTOR, with_current=False)
    assert await purge.jobs(OLD) == await purge.jobs_with_row_data(OLD) == []


@pytest.mark.parametrize("seconds", [3599.999999, 3600], ids=["within", "past"])
async def test_an_unknown_keeps_its_list_while_an_event_may_settle_it(
    worker: Process, time_passes: TimePasses, seconds: float
) -> None:
    job = await over(worker, Status.UNKNOWN, automation=held_back_for(0))
    await time_passes(seconds)
    young = Age(timedelta(minutes=1), GRACE)
    purge = Purging(worker.database, ACTOR)
    expected = [job.job_id] if seconds == 3600 else []
    assert await purge.jobs(young) == await purge.jobs_with_row_data(young) == expected


async def test_a_list_stays_while_its_keys_may_be_held_back(worker: Process, time_passes: TimePasses) -> None:
    job = await over(worker, Status.UNKNOWN, automation=held_back_for(200))
    purge = Purging(worker.database, ACTOR)
    await time_passes(200 * DAY - 1)
    assert await purge.jobs(OLD) == await purge.jobs_with_row_data(OLD) == []
    await time_passes(1)
    assert await purge.jobs(OLD) == await purge.jobs_with_row_data(OLD) == [job.job_id]


async def test_a_running_jobs_own_hold_back_counts_where_it_is_longer(worker: Process, time_passes: TimePasses) -> None:
    old = await over(worker, Status.UNKNOWN, automation=held_back_for(200))
    await time_passes(100 * DAY)
    running = await worker.run_job(held_back_for(200), ["여섯"])
    await worker.automations.save(held_back_for(0), ACTOR)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs_with_row_data(OLD) == []
    await worker.send_all(running)
    await worker.finish(running)
    assert await purge.jobs_with_row_data(OLD) == [old.job_id]


async def test_a_later_list_stays_while_an_earlier_job_of_the_automation_can_be_retried(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    """Else the retry would mail whom the later job has mailed."""
    earlier = await over(worker, Status.PENDING, end=JobStatus.FAIL)
    await time_passes(1)
    later = await over(worker)
    another = await over(worker, automation=definition("다른 안내"))
    await time_passes(60 * DAY)
    await worker.interventions.retry(earlier.job_id, ACTOR, with_current=False)
    again = await worker.claim_job()
    await worker.stop(again)
    await time_passes(60 * DAY)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs(OLD) == [another.job_id]
    await time_passes(30 * DAY)
    assert await purge.jobs(OLD) == [earlier.job_id, later.job_id, another.job_id]


async def test_a_job_that_was_purged_holds_up_no_later_one(worker: Process, time_passes: TimePasses) -> None:
    earlier = await over(worker, Status.FAILED)
    await time_passes(1)
    later = await over(worker)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    await purge.drop_row_data(earlier.job_id, OLD)
    assert await purge.jobs(OLD) == [earlier.job_id, later.job_id]


async def test_a_job_that_never_loaded_is_marked_too_for_a_retry_would_load_it(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job_id = await worker.enqueue(definition())
    await worker.interventions.cancel(job_id, ACTOR)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs(OLD) == [job_id]
    assert await purge.drop_job(job_id, OLD) == 0
    with pytest.raises(Conflict):
        await worker.interventions.retry(job_id, ACTOR, with_current=False)
    assert await purge.jobs(OLD) == []


async def test_row_data_goes_alone_and_once(worker: Process, tables: Tables, time_passes: TimePasses) -> None:
    job = await over(worker)
    before = await tables.deliveries(job.job_id)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs_with_row_data(OLD) == [job.job_id]
    assert await purge.drop_row_data(job.job_id, OLD) == 5
    after = await tables.deliveries(job.job_id)
    assert {row.text("ROW_DATA") for row in after} == {"{}"}
    assert [row | {"ROW_DATA": None} for row in after] == [row | {"ROW_DATA": None} for row in before]
    assert await left(tables, job.job_id) == (5, 3, ["attachment missing", "purged", "row data dropped"])
    assert await purge.jobs_with_row_data(OLD) == []
    assert await purge.jobs(OLD) == [job.job_id]
    assert await purge.drop_job(job.job_id, OLD) == 5


@pytest.mark.parametrize("how", ["row data", "list"])
async def test_a_purged_job_is_neither_retried_nor_settled(
    worker: Process, tables: Tables, time_passes: TimePasses, how: str
) -> None:
    job = await over(worker, Status.UNKNOWN)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    await (purge.drop_row_data if how == "row data" else purge.drop_job)(job.job_id, OLD)
    verbs = worker.interventions
    for refused in (
        lambda: verbs.retry(job.job_id, ACTOR, with_current=False),
        lambda: verbs.retry_updates(job.job_id, ACTOR, with_current=False),
        lambda: verbs.settle(job.job_id, ACTOR, sent=True, key=None),
    ):
        with pytest.raises(Conflict, match="was purged at 20"):
            await refused()
    assert await tables.job_status(job.job_id) is JobStatus.DONE


async def test_a_job_that_was_opened_meanwhile_is_left_alone(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await over(worker, Status.FAILED)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    assert await purge.jobs(OLD) == [job.job_id]
    await worker.interventions.retry(job.job_id, ACTOR, with_current=False)
    assert await purge.drop_job(job.job_id, OLD) == 0
    assert await tables.statuses(job.job_id) == [Status.PENDING] * 5


async def test_a_late_event_of_a_job_without_row_data_runs_no_update_query(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await over(worker, Status.UNKNOWN)
    await time_passes(90 * DAY)
    await Purging(worker.database, ACTOR).drop_row_data(job.job_id, OLD)
    row = await tables.delivery(job.job_id)
    event = SesEvent(EventKind.DELIVERY, row.integer("DELIVERY_ID"), row.text("TOKEN"), "ses-1", "", False, ())
    await FeedbackLedger(worker.database, "default", "events").heed([event])
    assert (await tables.standing(job.job_id)).update_status is UpdateStatus.NONE
    assert (await tables.delivery(job.job_id)).text("FEEDBACK") == "DELIVERED"
    assert await worker.queue.claim_batch_left_over() is None


async def test_it_goes_in_slices_and_on_where_it_broke_off(
    worker: Process, tables: Tables, time_passes: TimePasses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "SLICE_ROWS", 2)
    job = await over(worker)
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    await purge.drop_row_data(job.job_id, OLD)
    # What a process leaves that is killed after its first slice.
    await worker.database.execute("drop_deliveries", {"job_id": job.job_id, "first_row": 1, "last_row": 2})
    await worker.database.execute("delete_minutes", {"job_id": job.job_id})
    assert await purge.jobs(OLD) == [job.job_id]
    assert await purge.drop_job(job.job_id, OLD) == 3
    assert (await left(tables, job.job_id))[:2] == (0, 0)


async def test_old_lines_of_what_schedules_skipped_go_too(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    job = await over(worker)
    await log_skipped_fire(worker.database, job.auto_id, "missed", "옛날")
    await time_passes(90 * DAY)
    await log_skipped_fire(worker.database, job.auto_id, "missed", "오늘")
    purge = Purging(worker.database, ACTOR)
    assert await purge.old_log_lines(OLD) == 1
    assert await purge.drop_old_log_lines(OLD) == 1
    assert await tables.job_log(None) == [("missed", 1)]


async def test_the_audit_is_written_first_and_stays(worker: Process, tables: Tables, time_passes: TimePasses) -> None:
    job = await over(worker)
    audit = await tables.audit()
    await time_passes(90 * DAY)
    purge = Purging(worker.database, ACTOR)
    await purge.begin("older than 90d")
    await purge.drop_job(job.job_id, OLD)
    assert await tables.audit() == [*audit, (ACTOR, "purge", "jobs that are over")]
