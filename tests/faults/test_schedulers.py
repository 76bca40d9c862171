"""Schedulers that start together, or die between insert and commit: one job for each run."""

from collections import Counter
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

from mailer.clock import SystemClock
from mailer.db.sqlite import SqliteDatabase
from mailer.model.automation import Automation, Schedule, ScheduleKind
from mailer.scheduler import ACTOR
from mailer.store.fires import Fires
from tests.faults.processes import stop_at
from tests.faults.racing import race
from tests.faults.waiting import until
from tests.faults.workplace import Workplace, statement

ROUNDS = 100


def test_a_scheduler_killed_between_insert_and_commit_doubles_no_run_and_loses_none(workplace: Workplace) -> None:
    workplace.add_customers(2)
    auto_id = workplace.save(_daily())
    fire_at = _make_due(workplace)
    doomed = workplace.start("run", "--role", "scheduler", env=stop_at("job inserted"))
    doomed.wait_until_stopped()
    doomed.kill()
    assert workplace.query("SELECT 1 FROM JOB_QUEUE") == []

    workplace.run_until_idle()

    assert [tuple(row) for row in workplace.query("SELECT AUTO_ID, FIRE_AT FROM JOB_QUEUE")] == [(auto_id, fire_at)]
    workplace.require_all_sent(1, 2)
    (schedule,) = workplace.query("SELECT NEXT_RUN, LAST_RUN FROM SCHEDULE")
    assert (schedule["LAST_RUN"], schedule["NEXT_RUN"] > fire_at) == (fire_at, True)


def test_two_scheduler_processes_that_start_together_make_one_job_for_each_run(workplace: Workplace) -> None:
    workplace.add_customers(1)
    for number in range(20):
        workplace.save(_daily(f"명세서 {number}"))
    _make_due(workplace)
    schedulers = [workplace.start("run", "--role", "scheduler") for _ in range(2)]
    until(lambda: len(workplace.query("SELECT 1 FROM JOB_QUEUE")) == 20, "each run has its job")
    for scheduler in schedulers:
        scheduler.wait_until_said("started")
    assert len(workplace.query("SELECT DISTINCT AUTO_ID FROM JOB_QUEUE")) == 20
    assert workplace.query("SELECT 1 FROM SCHEDULE WHERE NEXT_RUN <= LAST_RUN OR LAST_RUN IS NULL") == []


def test_two_schedulers_that_reach_for_the_same_run_at_the_same_instant_make_one_job_a_hundred_times(
    workplace: Workplace,
) -> None:
    workplace.save_all(_daily(f"명세서 {number}") for number in range(ROUNDS))
    _make_due(workplace)
    ended = race(fire_all, workplace.database)
    assert ended == {"ENQUEUED": ROUNDS, "NOT_DUE": ROUNDS}
    assert len(workplace.query("SELECT DISTINCT AUTO_ID FROM JOB_QUEUE")) == ROUNDS


async def fire_all(path: Path, together: Callable[[], None]) -> Counter[str]:
    """Fires each schedule that is due, all racers the same one at the same instant."""
    ended: Counter[str] = Counter()
    async with SqliteDatabase(path, SystemClock()) as database:
        fires = Fires(database)
        together()  # all see the same schedules due
        due = await fires.due()
        for schedule in due:
            together()
            ended[(await fires.fire(schedule, ACTOR)).name] += 1
    return ended


def _daily(name: str = "일일 명세서") -> Automation:
    schedule = Schedule(ScheduleKind.DAILY, at=(time(9),), timezone="Asia/Seoul", misfire_grace=timedelta(days=2))
    return statement(name, schedules=(schedule,))


def _make_due(workplace: Workplace) -> str:
    """Moves every schedule's next run a day back: it was due within the last 24 hours. The time of it."""
    workplace.execute("UPDATE SCHEDULE SET NEXT_RUN = strftime('%Y-%m-%d %H:%M:%S.000000', NEXT_RUN, '-1 day')")
    return str(workplace.query("SELECT MIN(NEXT_RUN) FROM SCHEDULE")[0][0])
