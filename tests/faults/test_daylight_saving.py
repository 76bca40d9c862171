"""Daylight saving begins and ends while a scheduler is at work: each wall-clock time fires once a day."""

from datetime import datetime, time
from pathlib import Path

import pytest

from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.model.automation import Schedule, ScheduleKind
from mailer.scheduler import Scheduler
from mailer.store.automations import Automations
from mailer.store.fires import Fired, Fires
from mailer.store.interventions import Interventions
from mailer.store.jobs import Jobs
from tests.doubles.hand_clock import HandClock
from tests.faults.workplace import ACTOR, statement

STEP = 5 * 60.0
STEPS = 3 * 24 * 12


@pytest.mark.parametrize(
    ("begins", "at", "fires"),
    [
        pytest.param(
            # 8 March 2026: 02:00 EST becomes 03:00 EDT. 02:30 is skipped, and fires at the first moment after the gap.
            "2026-03-07T06:00Z",
            "02:30",
            ["2026-03-07T07:30Z", "2026-03-08T07:00Z", "2026-03-09T06:30Z"],
            id="spring",
        ),
        pytest.param(
            # 1 November 2026: 02:00 EDT becomes 01:00 EST. 01:30 comes twice, and fires the first time.
            "2026-10-31T05:00Z",
            "01:30",
            ["2026-10-31T05:30Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z"],
            id="autumn",
        ),
    ],
)
async def test_a_daily_time_fires_once_a_day_while_the_clocks_are_changed(
    tmp_path: Path, begins: str, at: str, fires: list[str]
) -> None:
    clock = HandClock(datetime.fromisoformat(begins))
    async with SqliteDatabase(tmp_path / "mailer.db", clock, create=True) as database:
        await migrate(database)
        schedule = Schedule(ScheduleKind.DAILY, at=(time.fromisoformat(at),), timezone="America/New_York")
        await Automations(database).save(statement(schedules=(schedule,)), ACTOR)
        scheduler = Scheduler(Fires(database), Automations(database), 30.0, clock, lambda: None)
        jobs, interventions = Jobs(database), Interventions(database, "test")
        fired = []
        for _ in range(STEPS):
            if (await scheduler.tick())[Fired.ENQUEUED]:
                (job,) = await jobs.listed(None, None, at_most=1)
                await interventions.cancel(job.job_id, ACTOR)  # it is not in the way of the next
                assert job.fire_at <= clock.now()
                fired.append(job.fire_at)
            clock.advance(STEP)
    assert fired == [datetime.fromisoformat(fire) for fire in fires]
