"""Schedules that are due, and what becomes of each: a job, or a reason why there is none."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest

from mailer.model.automation import Schedule, ScheduleKind
from mailer.store.automations import AutomationStatus
from mailer.store.fires import DueSchedule, Fired
from mailer.store.job_log import read_automation_log
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, Process, definition
from tests.store.tables import Tables

DAY = 86400.0
HOUR = 3600.0
DAILY = Schedule(ScheduleKind.DAILY, (time(9),), timezone="Asia/Seoul")
"""The tests begin at 09:00 in Seoul: it is due a day later."""
OFTEN = Schedule(ScheduleKind.REALTIME, every=timedelta(seconds=30))
ONCE = Schedule(ScheduleKind.REALTIME)
DUE_AT = datetime(2026, 11, 26, tzinfo=UTC)
REPETITIONS = 5


async def saved(process: Process, *schedules: Schedule, name: str = "월간 명세서") -> int:
    """An automation with these schedules; a realtime one has fired, and its job is over."""
    saved = await process.automations.save(definition(name, schedules=schedules), ACTOR)
    if saved.job_id is not None:
        await process.interventions.cancel(saved.job_id, ACTOR)
    return saved.auto_id


async def fire(process: Process) -> list[Fired]:
    """One tick's worth."""
    return [await process.fires.fire(due, "scheduler") for due in await process.fires.due()]


async def due(process: Process) -> DueSchedule:
    (schedule,) = await process.fires.due()
    return schedule


@pytest.mark.parametrize(("seconds", "count"), [(DAY - 0.000001, 0), (DAY, 1)], ids=["one step before", "exactly"])
async def test_a_schedule_is_due_from_its_next_run_on(
    worker: Process, time_passes: TimePasses, seconds: float, count: int
) -> None:
    await saved(worker, DAILY)
    await time_passes(seconds)
    assert len(await worker.fires.due()) == count


async def test_a_due_schedule_makes_a_job_and_moves_on(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY + 60)
    assert await fire(worker) == [Fired.ENQUEUED]
    (job,) = await tables.jobs(auto_id)
    (schedule,) = await tables.schedules(auto_id)
    automation = await tables.automation(auto_id)
    assert job.moment("FIRE_AT") == DUE_AT
    assert (job.text("STATUS"), job.text("ACTOR")) == ("WAITING", "scheduler")
    assert job.integer("SCHEDULE_ID") == schedule.integer("SCHEDULE_ID")
    assert schedule.moment("LAST_RUN") == automation.moment("LAST_RUN") == DUE_AT
    assert schedule.moment("NEXT_RUN") == automation.moment("NEXT_RUN") == DUE_AT + timedelta(days=1)
    assert await tables.is_running(auto_id)
    assert await worker.fires.due() == []


@pytest.mark.parametrize(
    ("late", "fired"), [(HOUR, Fired.ENQUEUED), (HOUR + 1, Fired.MISSED)], ids=["exactly", "a second past"]
)
async def test_a_run_that_is_late_fires_within_the_misfire_grace_and_is_skipped_past_it(
    worker: Process, tables: Tables, time_passes: TimePasses, late: float, fired: Fired
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY + late)
    assert await fire(worker) == [fired]
    assert len(await tables.jobs(auto_id)) == (fired is Fired.ENQUEUED)
    assert await tables.job_log(None) == ([("run missed", 1)] if fired is Fired.MISSED else [])
    (schedule,) = await tables.schedules(auto_id)
    assert schedule.moment("NEXT_RUN") == DUE_AT + timedelta(days=1)


async def test_a_run_that_was_skipped_is_no_run_of_the_automation(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY + HOUR + 1)
    await fire(worker)
    assert (await tables.automation(auto_id)).maybe_moment("LAST_RUN") is None


async def test_of_many_missed_runs_only_the_latest_fires(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(5 * DAY + 60)
    assert await fire(worker) == [Fired.ENQUEUED]
    (job,) = await tables.jobs(auto_id)
    (schedule,) = await tables.schedules(auto_id)
    assert job.moment("FIRE_AT") == DUE_AT + timedelta(days=4)
    assert schedule.moment("NEXT_RUN") == DUE_AT + timedelta(days=5)


async def test_of_many_missed_runs_the_latest_is_skipped_once_past_the_grace(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    await saved(worker, DAILY)
    await time_passes(5 * DAY + 2 * HOUR)
    assert await fire(worker) == [Fired.MISSED]
    assert await tables.job_log(None) == [("run missed", 1)]
    assert await worker.fires.due() == []


async def test_a_realtime_schedule_keeps_its_phase_however_late_it_is(
    worker: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    begun = engine.clock.now()
    auto_id = await saved(worker, OFTEN)
    await time_passes(100_000 * 30 + 17.5)
    assert await fire(worker) == [Fired.ENQUEUED]
    job = (await tables.jobs(auto_id))[-1]
    (schedule,) = await tables.schedules(auto_id)
    assert job.moment("FIRE_AT") == begun + timedelta(seconds=100_000 * 30)
    assert schedule.moment("NEXT_RUN") == begun + timedelta(seconds=100_001 * 30)


async def test_a_run_that_is_due_while_a_job_is_active_is_skipped_and_logged(
    worker: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY)
    active = await worker.fires.enqueue(auto_id, ACTOR)
    assert await fire(worker) == [Fired.BUSY]
    assert len(await tables.jobs(auto_id)) == 1
    assert await tables.job_log(None) == [("run skipped", 1)]
    (line,) = await read_automation_log(worker.database, auto_id, 10)
    assert line.message == f"the run of 2026-11-26 00:00:00 UTC was skipped: job {active} was active"
    (schedule,) = await tables.schedules(auto_id)
    assert schedule.moment("NEXT_RUN") == engine.clock.now() + timedelta(days=1)


async def test_runs_skipped_again_are_counted_and_not_repeated_within_a_day(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = await saved(worker, OFTEN)
    await worker.fires.enqueue(auto_id, ACTOR)
    for _ in range(3):
        await time_passes(30)
        assert await fire(worker) == [Fired.BUSY]
    assert await tables.job_log(None) == [("run skipped", 3)]
    (line,) = await read_automation_log(worker.database, auto_id, 10)
    assert "00:01:30" in line.message  # the latest
    await time_passes(DAY)
    await fire(worker)
    assert await tables.job_log(None) == [("run skipped", 3), ("run skipped", 1)]


async def test_of_two_schedules_that_are_due_together_one_makes_the_job(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    weekly = Schedule(ScheduleKind.WEEKLY, (time(9),), weekdays=(0, 1, 2, 3, 4, 5, 6), timezone="Asia/Seoul")
    auto_id = await saved(worker, DAILY, weekly)
    await time_passes(DAY)
    assert sorted(fired.name for fired in await fire(worker)) == ["BUSY", "ENQUEUED"]
    assert len(await tables.jobs(auto_id)) == 1


async def test_a_schedule_that_fires_once_is_never_due_again(worker: Process, time_passes: TimePasses) -> None:
    await saved(worker, ONCE)
    await time_passes(DAY)
    assert await worker.fires.due() == []


async def save_elsewhere(engine: Engine, auto_id: int) -> None:
    """Another program has written the automation's schedules: they have no next run."""
    await engine.run_sql("UPDATE SCHEDULE SET NEXT_RUN = NULL, LAST_RUN = NULL")
    await engine.run_sql("UPDATE AUTOMATION SET NEXT_RUN = NULL WHERE AUTO_ID = :auto_id", {"auto_id": auto_id})


@pytest.mark.parametrize("schedule", [OFTEN, ONCE], ids=["again and again", "once"])
async def test_a_realtime_schedule_that_another_program_saved_fires_at_the_next_tick(
    worker: Process, tables: Tables, engine: Engine, schedule: Schedule
) -> None:
    auto_id = await saved(worker, schedule)
    await save_elsewhere(engine, auto_id)
    await engine.pass_time(1)
    assert await fire(worker) == [Fired.ENQUEUED]
    assert (await tables.jobs(auto_id))[-1].moment("FIRE_AT") == engine.clock.now()
    assert await worker.fires.due() == []


async def test_a_daily_schedule_that_another_program_saved_gets_its_next_run_at_the_next_tick(
    worker: Process, tables: Tables, engine: Engine
) -> None:
    auto_id = await saved(worker, DAILY)
    await save_elsewhere(engine, auto_id)
    assert await worker.fires.seconds_to_next() == (None, True)
    assert await fire(worker) == [Fired.NOT_DUE]
    assert await tables.jobs(auto_id) == []
    (schedule,) = await tables.schedules(auto_id)
    assert schedule.moment("NEXT_RUN") == (await tables.automation(auto_id)).moment("NEXT_RUN") == DUE_AT
    assert await worker.fires.due() == []


async def test_a_paused_automation_is_not_due(worker: Process, time_passes: TimePasses) -> None:
    auto_id = await saved(worker, DAILY)
    await worker.automations.set_status(auto_id, AutomationStatus.PAUSED, ACTOR)
    await time_passes(DAY)
    assert await worker.fires.due() == []
    assert await worker.fires.seconds_to_next() == (None, False)


async def test_an_automation_paused_after_the_look_makes_no_job(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY)
    schedule = await due(worker)
    await worker.automations.set_status(auto_id, AutomationStatus.PAUSED, ACTOR)
    assert await worker.fires.fire(schedule, "scheduler") is Fired.NOT_DUE
    assert await tables.jobs(auto_id) == []


async def test_a_schedule_removed_after_the_look_makes_no_job(worker: Process, time_passes: TimePasses) -> None:
    await saved(worker, DAILY)
    await time_passes(DAY)
    schedule = await due(worker)
    await worker.automations.save(definition(), ACTOR)
    assert await worker.fires.fire(schedule, "scheduler") is Fired.NOT_DUE


async def test_a_fire_that_has_had_its_job_makes_no_second_one(
    worker: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    """As when the tables of schedules were restored from yesterday."""
    auto_id = await saved(worker, DAILY)
    next_run = (await tables.schedules(auto_id))[0]["NEXT_RUN"]
    await time_passes(DAY)
    await fire(worker)
    await worker.interventions.cancel((await tables.jobs(auto_id))[0].integer("JOB_ID"), ACTOR)
    await engine.run_sql("UPDATE SCHEDULE SET NEXT_RUN = :next_run", {"next_run": next_run})
    assert await fire(worker) == [Fired.NOT_DUE]
    assert len(await tables.jobs(auto_id)) == 1
    (schedule,) = await tables.schedules(auto_id)
    assert schedule.moment("NEXT_RUN") == DUE_AT + timedelta(days=1)


async def test_each_automation_fires_for_itself(worker: Process, time_passes: TimePasses) -> None:
    first = await saved(worker, DAILY, name="첫째")
    await saved(worker, DAILY, name="둘째")
    await time_passes(DAY)
    await worker.fires.enqueue(first, ACTOR)
    assert sorted(fired.name for fired in await fire(worker)) == ["BUSY", "ENQUEUED"]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_two_schedulers_at_once_make_one_job(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses, _: int
) -> None:
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY)
    looks = [await due(process) for process in (worker, other)]
    fired: Sequence[Fired] = await asyncio.gather(
        worker.fires.fire(looks[0], "scheduler 1"), other.fires.fire(looks[1], "scheduler 2")
    )
    assert fired.count(Fired.ENQUEUED) == 1
    assert {*fired} <= {Fired.ENQUEUED, Fired.NOT_DUE, Fired.LOCKED}
    assert len(await tables.jobs(auto_id)) == 1


async def test_an_automation_that_somebody_has_locked_is_tried_again_later(
    worker: Process, other: Process, tables: Tables, time_passes: TimePasses, engine: Engine
) -> None:
    if not engine.has_row_locks:
        pytest.skip("this database has one lock for all rows, and waits for it")
    auto_id = await saved(worker, DAILY)
    await time_passes(DAY)
    async with other.database.transaction() as transaction:
        await transaction.fetch("lock_automation", {"auto_id": auto_id})
        assert await fire(worker) == [Fired.LOCKED]
    assert await fire(worker) == [Fired.ENQUEUED]


async def test_the_time_to_the_next_run_is_that_of_the_nearest_schedule(
    worker: Process, time_passes: TimePasses
) -> None:
    assert await worker.fires.seconds_to_next() == (None, False)
    await saved(worker, DAILY, name="첫째")
    await saved(worker, Schedule(ScheduleKind.DAILY, (time(2),)), name="둘째")
    assert await worker.fires.seconds_to_next() == (2 * HOUR, False)
    await time_passes(3 * HOUR)
    assert await worker.fires.seconds_to_next() == (-HOUR, False)
