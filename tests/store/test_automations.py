"""Definitions: saved once, changed part by part, never changed in place, and what saving one sets off."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from mailer.errors import DatabaseAway, NotFound
from mailer.model.automation import Automation, Policies, Schedule, ScheduleKind, Template
from mailer.store.automations import Automations, AutomationStatus, Saved
from tests.automation_strategies import AUTOMATIONS
from tests.store.engines import Engine, TimePasses
from tests.store.faulty_database import Fault, FaultyDatabase
from tests.store.processes import ACTOR, Process, definition
from tests.store.tables import Tables

DAY = 86400.0
REPETITIONS = 5
NINE = Schedule(ScheduleKind.DAILY, (time(9),), timezone="Asia/Seoul")
"""The tests begin at 09:00 in Seoul: it is due a day later."""
TEN = Schedule(ScheduleKind.DAILY, (time(10),), timezone="Asia/Seoul")
OFTEN = Schedule(ScheduleKind.REALTIME, every=timedelta(seconds=30))
ONCE = Schedule(ScheduleKind.REALTIME)


async def rows_of(engine: Engine) -> dict[str, int]:
    """How many definitions were written."""
    counts = {}
    for table in ("AUTOMATION", "DBIO", "TEMPLATE", "SCHEDULE", "JOB_QUEUE", "AUDIT_LOG"):
        (row,) = await engine.run_sql(f"SELECT COUNT(*) AS N FROM {table}")
        counts[table] = row.integer("N")
    return counts


async def save(process: Process, automation: Automation) -> Saved:
    return await process.automations.save(automation, ACTOR)


async def test_a_new_automation_is_active_and_is_read_as_it_was_written(worker: Process, tables: Tables) -> None:
    automation = definition(schedules=[NINE, TEN])
    saved = await save(worker, automation)
    assert saved == Saved(saved.auto_id, None, is_changed=True)
    assert await worker.automations.read(saved.auto_id) == automation
    (listed,) = await worker.automations.listed()
    assert (listed.name, listed.status, listed.is_running) == ("월간 명세서", AutomationStatus.ACTIVE, False)
    assert listed.owner == "crm-team@example.co.kr"
    assert (listed.last_run, listed.next_run) == (None, datetime(2026, 11, 25, 1, tzinfo=UTC))
    assert await tables.audit() == [(ACTOR, "automation apply", f"automation {saved.auto_id}")]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(automation=AUTOMATIONS)
async def test_whatever_a_definition_says_is_read_as_it_was_written(worker: Process, automation: Automation) -> None:
    saved = await save(worker, automation)
    read = await worker.automations.read(saved.auto_id)
    assert sorted(read.schedules, key=repr) == sorted(automation.schedules, key=repr)
    assert replace(read, schedules=()) == replace(automation, schedules=())
    assert not (await save(worker, automation)).is_changed


async def test_an_equal_automation_changes_nothing(worker: Process, engine: Engine) -> None:
    automation = definition(schedules=[NINE])
    first = await save(worker, automation)
    before = await rows_of(engine)
    assert await save(worker, automation) == Saved(first.auto_id, automation, is_changed=False)
    assert await rows_of(engine) == before


async def test_schedules_in_another_order_are_the_same_automation(worker: Process) -> None:
    await save(worker, definition(schedules=[NINE, TEN, OFTEN]))
    assert not (await save(worker, definition(schedules=[OFTEN, NINE, TEN]))).is_changed


async def test_a_changed_query_writes_a_new_register_and_keeps_the_old(worker: Process, engine: Engine) -> None:
    automation = definition()
    saved = await save(worker, automation)
    changed = replace(automation, dbio=replace(automation.dbio, mapping="SELECT 1"))
    assert await save(worker, changed) == Saved(saved.auto_id, automation, is_changed=True)
    assert await worker.automations.read(saved.auto_id) == changed
    counts = await rows_of(engine)
    assert (counts["DBIO"], counts["TEMPLATE"], counts["AUTOMATION"]) == (2, 1, 1)


async def test_a_changed_template_writes_a_new_template_alone(worker: Process, engine: Engine) -> None:
    automation = definition()
    saved = await save(worker, automation)
    changed = replace(automation, template=Template("제목", "<p></p>", "글"))
    await save(worker, changed)
    assert await worker.automations.read(saved.auto_id) == changed
    counts = await rows_of(engine)
    assert (counts["DBIO"], counts["TEMPLATE"]) == (1, 2)


async def test_changed_policies_or_another_owner_write_neither(worker: Process, engine: Engine) -> None:
    automation = definition()
    saved = await save(worker, automation)
    changed = replace(automation, policies=Policies("다른 곳 <other@example.co.kr>"), owner=None)
    assert (await save(worker, changed)).is_changed
    assert await worker.automations.read(saved.auto_id) == changed
    counts = await rows_of(engine)
    assert (counts["DBIO"], counts["TEMPLATE"]) == (1, 1)


async def test_a_job_keeps_the_definition_that_it_was_loaded_with(worker: Process) -> None:
    automation = definition()
    job = await worker.run_job(automation, ["하나"])
    await save(worker, replace(automation, template=Template("새 제목", "<p></p>"), owner="new@example.co.kr"))
    assert (await worker.jobs.frozen(job.job_id)).template == automation.template


async def test_a_schedule_that_stays_keeps_its_next_run(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    saved = await save(worker, definition(schedules=[NINE]))
    (before,) = await tables.schedules(saved.auto_id)
    await time_passes(DAY + 60)  # it is due, and a minute late
    await save(worker, definition(subject="새 제목", schedules=[TEN, NINE]))
    after = await tables.schedules(saved.auto_id)
    assert after[0] == before
    assert after[1].moment("NEXT_RUN") == datetime(2026, 11, 26, 1, tzinfo=UTC)
    assert (await tables.automation(saved.auto_id)).moment("NEXT_RUN") == before.moment("NEXT_RUN")


async def test_a_schedule_that_goes_is_never_due_again(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    saved = await save(worker, definition(schedules=[NINE, TEN]))
    await save(worker, definition(schedules=[TEN]))
    assert len(await tables.schedules(saved.auto_id)) == 1
    assert await worker.automations.next_runs(saved.auto_id) == [(TEN, datetime(2026, 11, 25, 1, tzinfo=UTC))]
    await save(worker, definition())
    assert (await tables.automation(saved.auto_id)).maybe_moment("NEXT_RUN") is None


@pytest.mark.parametrize("schedule", [OFTEN, ONCE], ids=["again and again", "once"])
async def test_a_realtime_schedule_of_a_new_automation_fires_as_it_is_saved(
    worker: Process, tables: Tables, engine: Engine, schedule: Schedule
) -> None:
    saved = await save(worker, definition(schedules=[schedule]))
    (job,) = await tables.jobs(saved.auto_id)
    assert (saved.job_id, saved.busy) == (job.integer("JOB_ID"), None)
    assert (job.moment("FIRE_AT"), job.text("ACTOR")) == (engine.clock.now(), ACTOR)
    (row,) = await tables.schedules(saved.auto_id)
    assert job.integer("SCHEDULE_ID") == row.integer("SCHEDULE_ID")
    assert row.moment("LAST_RUN") == engine.clock.now()
    assert row.maybe_moment("NEXT_RUN") == (engine.clock.now() + schedule.every if schedule.every else None)
    assert await worker.fires.due() == []


async def test_a_realtime_schedule_fires_again_when_its_automation_is_changed_and_not_when_it_is_not(
    worker: Process, time_passes: TimePasses
) -> None:
    first = await save(worker, definition(schedules=[ONCE]))
    assert first.job_id is not None
    await worker.interventions.cancel(first.job_id, ACTOR)
    await time_passes(1)
    assert (await save(worker, definition(schedules=[ONCE]))).job_id is None
    changed = await save(worker, definition(subject="새 제목", schedules=[ONCE]))
    assert changed.job_id is not None


async def test_a_realtime_schedule_beside_an_active_job_tells_which_is_in_the_way(
    worker: Process, time_passes: TimePasses
) -> None:
    active = await worker.enqueue(definition())
    await time_passes(1)
    saved = await save(worker, definition(schedules=[OFTEN]))
    assert (saved.job_id, saved.busy) == (None, active)
    assert await worker.fires.due() == []


async def test_a_realtime_schedule_of_a_paused_automation_waits_until_it_is_resumed(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    saved = await save(worker, definition())
    await worker.automations.set_status(saved.auto_id, AutomationStatus.PAUSED, ACTOR)
    changed = await save(worker, definition(subject="고친 제목", schedules=[ONCE]))
    assert (changed.is_changed, changed.job_id, changed.busy) == (True, None, None)
    assert await tables.jobs(saved.auto_id) == []
    await time_passes(DAY)
    await worker.automations.set_status(saved.auto_id, AutomationStatus.ACTIVE, ACTOR)
    assert len(await worker.fires.due()) == 1


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CUT])
async def test_a_save_that_is_cut_leaves_neither_automation_nor_job(
    worker: Process, engine: Engine, fault: Fault
) -> None:
    faulty = FaultyDatabase(worker.database)
    faulty.faults.append(fault)
    with pytest.raises(DatabaseAway):
        await Automations(faulty).save(definition(schedules=[OFTEN]), ACTOR)
    assert set((await rows_of(engine)).values()) == {0}


async def test_an_automation_is_found_by_its_name_or_its_id(worker: Process) -> None:
    first = (await save(worker, definition("첫째"))).auto_id
    second = (await save(worker, definition("둘째"))).auto_id
    assert await worker.automations.find("첫째") == first
    assert await worker.automations.find(str(second)) == second


async def test_a_name_of_digits_wins_over_an_id(worker: Process) -> None:
    first = (await save(worker, definition("첫째"))).auto_id
    named = (await save(worker, definition(str(first)))).auto_id
    assert named != first
    assert await worker.automations.find(str(first)) == named


@pytest.mark.parametrize("name", ["없음", "99999", "9" * 30, "", "%"])
async def test_an_automation_that_is_not_there_is_not_found(worker: Process, name: str) -> None:
    await save(worker, definition())
    with pytest.raises(NotFound, match=name or "''"):
        await worker.automations.find(name)


async def test_an_id_that_is_nobodys_can_not_be_read(worker: Process) -> None:
    with pytest.raises(NotFound):
        await worker.automations.read(99)


async def test_a_pause_and_a_resume_take_effect_once_and_leave_a_trace(worker: Process, tables: Tables) -> None:
    auto_id = (await save(worker, definition(schedules=[NINE]))).auto_id
    pause, resume = AutomationStatus.PAUSED, AutomationStatus.ACTIVE
    done = [
        await worker.automations.set_status(auto_id, status, ACTOR, "holiday")
        for status in (resume, pause, pause, resume)
    ]
    assert done == [False, True, False, True]
    assert await tables.audit() == [
        (ACTOR, "automation apply", f"automation {auto_id}"),
        (ACTOR, "automation pause", f"automation {auto_id}"),
        (ACTOR, "automation resume", f"automation {auto_id}"),
    ]


async def test_on_resuming_what_was_missed_is_past(worker: Process, tables: Tables, time_passes: TimePasses) -> None:
    auto_id = (await save(worker, definition(schedules=[NINE, TEN]))).auto_id
    await worker.automations.set_status(auto_id, AutomationStatus.PAUSED, ACTOR)
    await time_passes(3 * DAY + 60)  # a minute after nine, so within the grace
    await worker.automations.set_status(auto_id, AutomationStatus.ACTIVE, ACTOR)
    assert await worker.fires.due() == []
    nine, ten = await tables.schedules(auto_id)
    assert nine.moment("NEXT_RUN") == datetime(2026, 11, 29, 0, tzinfo=UTC)
    assert ten.moment("NEXT_RUN") == datetime(2026, 11, 28, 1, tzinfo=UTC)
    assert (nine.maybe_moment("LAST_RUN"), await tables.jobs(auto_id)) == (None, [])


async def test_on_resuming_a_run_that_is_still_to_come_stays(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = (await save(worker, definition(schedules=[NINE]))).auto_id
    before = await tables.schedules(auto_id)
    await worker.automations.set_status(auto_id, AutomationStatus.PAUSED, ACTOR)
    await time_passes(DAY - 1)
    await worker.automations.set_status(auto_id, AutomationStatus.ACTIVE, ACTOR)
    assert await tables.schedules(auto_id) == before


async def test_on_resuming_the_last_run_of_the_automation_does_not_go_back(
    worker: Process, tables: Tables, time_passes: TimePasses
) -> None:
    auto_id = (await save(worker, definition(schedules=[NINE, TEN]))).auto_id
    for seconds in (3600, DAY - 3600):  # ten o'clock, then nine
        await time_passes(seconds)
        for due in await worker.fires.due():
            await worker.fires.fire(due, "scheduler")
        await worker.interventions.cancel((await tables.jobs(auto_id))[-1].integer("JOB_ID"), ACTOR)
    last_run = (await tables.automation(auto_id)).moment("LAST_RUN")
    await worker.automations.set_status(auto_id, AutomationStatus.PAUSED, ACTOR)
    await time_passes(5000)  # ten is missed
    await worker.automations.set_status(auto_id, AutomationStatus.ACTIVE, ACTOR)
    assert (await tables.automation(auto_id)).moment("LAST_RUN") == last_run == datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE DBIO SET TARGET_QUERY = 'SELECT 2'", "never changed"),
        ("UPDATE TEMPLATE SET HTML = '<p>바뀜</p>'", "never changed"),
        ("UPDATE AUDIT_LOG SET ACTOR = 'somebody else'", "append-only"),
        ("DELETE FROM AUDIT_LOG", "append-only"),
    ],
)
async def test_what_is_never_changed_refuses_changes_of_anybody(
    worker: Process, engine: Engine, change: str, message: str
) -> None:
    await save(worker, definition())
    with pytest.raises(engine.refusal, match=message):
        await engine.run_sql(change)


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_two_persons_who_save_a_new_automation_at_once_make_one(
    worker: Process, other: Process, engine: Engine, _: int
) -> None:
    saved = await asyncio.gather(*(save(process, definition(schedules=[OFTEN])) for process in (worker, other)))
    assert saved[0].auto_id == saved[1].auto_id
    assert [one.is_changed for one in saved].count(True) == 1
    counts = await rows_of(engine)
    assert (counts["AUTOMATION"], counts["JOB_QUEUE"]) == (1, 1)
