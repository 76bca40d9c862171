"""A job that a person wants now: one at a time, whoever else wants one at the same moment."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest

from mailer.errors import Conflict, NotFound
from mailer.model.automation import Schedule, ScheduleKind
from mailer.store.automations import AutomationStatus
from tests.store.engines import Engine, TimePasses
from tests.store.processes import ACTOR, Process, definition
from tests.store.tables import Tables

DAILY = Schedule(ScheduleKind.DAILY, (time(9),), timezone="Asia/Seoul")
"""The tests begin at 09:00 in Seoul: it is due a day later."""
DUE_AT = datetime(2026, 11, 26, tzinfo=UTC)
REPETITIONS = 5


async def saved(process: Process, *schedules: Schedule) -> int:
    return (await process.automations.save(definition(schedules=schedules), ACTOR)).auto_id


async def test_a_person_enqueues_a_job_at_any_time(worker: Process, tables: Tables, engine: Engine) -> None:
    auto_id = await saved(worker, DAILY)
    await engine.pass_time(0.123456)
    job_id = await worker.fires.enqueue(auto_id, ACTOR)
    job = await tables.job(job_id)
    assert (job.integer("SCHEDULE_ID"), job.text("STATUS"), job.text("ACTOR")) == (0, "WAITING", ACTOR)
    assert job.moment("FIRE_AT") == engine.clock.now()
    assert await tables.is_running(auto_id)
    assert (await tables.automation(auto_id)).moment("LAST_RUN") == engine.clock.now()
    assert (await tables.automation(auto_id)).moment("NEXT_RUN") == DUE_AT
    assert (await tables.audit())[-1] == (ACTOR, "enqueue", f"job {job_id}")


async def test_a_person_may_enqueue_a_paused_automation(worker: Process, tables: Tables) -> None:
    auto_id = await saved(worker, DAILY)
    await worker.automations.set_status(auto_id, AutomationStatus.PAUSED, ACTOR)
    assert await tables.job_status(await worker.fires.enqueue(auto_id, ACTOR)) == "WAITING"


@pytest.mark.parametrize("is_claimed", [False, True], ids=["waiting", "running"])
async def test_a_second_active_job_is_refused_and_the_first_is_named(
    worker: Process, tables: Tables, time_passes: TimePasses, is_claimed: bool
) -> None:
    auto_id = await saved(worker)
    job_id = await worker.fires.enqueue(auto_id, ACTOR)
    if is_claimed:
        await worker.claim_job()
    await time_passes(1)
    with pytest.raises(Conflict, match=f"job {job_id} of automation '월간 명세서' is active") as caught:
        await worker.fires.enqueue(auto_id, ACTOR)
    assert f"mailer job show {job_id}" in caught.value.next_step
    assert len(await tables.jobs(auto_id)) == 1


async def test_a_job_may_follow_another_within_the_same_microsecond(
    worker: Process, tables: Tables, engine: Engine
) -> None:
    auto_id = await saved(worker)
    now = engine.clock.now()
    for _ in range(3):
        await worker.interventions.cancel(await worker.fires.enqueue(auto_id, ACTOR), ACTOR)
    fires = [job.moment("FIRE_AT") for job in await tables.jobs(auto_id)]
    assert fires == [now + timedelta(microseconds=step) for step in range(3)]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_two_persons_at_once_make_one_job(worker: Process, other: Process, tables: Tables, _: int) -> None:
    auto_id = await saved(worker)
    results = await asyncio.gather(
        worker.fires.enqueue(auto_id, "kim"), other.fires.enqueue(auto_id, "lee"), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "int"]
    assert len(await tables.jobs(auto_id)) == 1


async def test_the_database_itself_refuses_a_second_active_job(worker: Process, engine: Engine) -> None:
    auto_id = await saved(worker)
    await worker.fires.enqueue(auto_id, ACTOR)
    with pytest.raises(engine.refusal):
        await engine.run_sql(
            "INSERT INTO JOB_QUEUE (AUTO_ID, SCHEDULE_ID, FIRE_AT, STATUS, RUN_AFTER, ACTOR, CREATED_AT)"
            " SELECT AUTO_ID, 7, FIRE_AT, 'WAITING', RUN_AFTER, ACTOR, CREATED_AT FROM JOB_QUEUE"
        )


async def test_an_automation_that_is_not_there_is_not_enqueued(worker: Process) -> None:
    with pytest.raises(NotFound, match="no automation 99"):
        await worker.fires.enqueue(99, ACTOR)
