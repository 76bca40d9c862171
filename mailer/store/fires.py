"""From a schedule that is due, or a person's wish, to a row of JOB_QUEUE: one transaction, one unique key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from mailer.db.database import Binds, Database, Session, Transaction
from mailer.db.record import Record
from mailer.errors import Conflict, DuplicateKey, NotFound
from mailer.fault_points import fault_point
from mailer.model.automation import Schedule, ScheduleKind
from mailer.model.policies_json import load_rule
from mailer.model.recurrence import first_fire, latest_fire, next_fire
from mailer.store.audit import write_audit
from mailer.store.database_time import read_now
from mailer.store.job_log import log_skipped_fire
from mailer.store.undone import again_if_undone

AD_HOC = 0
"""SCHEDULE_ID of a job that a person enqueued."""


class Fired(Enum):
    """What became of a schedule that was due."""

    ENQUEUED = auto()
    BUSY = auto()
    """A job of the automation is active: this run is skipped."""
    MISSED = auto()
    """Past the misfire grace: this run is skipped."""
    NOT_DUE = auto()
    """Another scheduler was first, or the automation is paused meanwhile."""
    LOCKED = auto()
    """Somebody holds the automation's row: try again in a second."""


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule that a tick has to look at."""

    schedule_id: int
    auto_id: int


class Fires:
    """Turns due schedules into jobs. Any number of schedulers may do so at once: the unique keys forbid a double."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self) -> Sequence[DueSchedule]:
        """The schedules that are due now."""
        rows = await self._database.fetch("list_due_schedules")
        return [DueSchedule(row.integer("SCHEDULE_ID"), row.integer("AUTO_ID")) for row in rows]

    async def seconds_to_next(self) -> tuple[float | None, bool]:
        """How long until a schedule is due, None where none ever is; and whether one has no next run yet."""
        (row,) = await self._database.fetch("read_next_run")
        next_run = row.maybe_moment("NEXT_RUN")
        seconds = (next_run - row.moment("MOMENT")).total_seconds() if next_run else None
        return seconds, bool(row.maybe_integer("IS_NEW"))

    @again_if_undone
    async def fire(self, due: DueSchedule, actor: str) -> Fired:
        """Enqueues the job of the latest run that is due, or says why not; NEXT_RUN moves on either way."""
        async with self._database.transaction() as transaction:
            for automation in await transaction.fetch("lock_automation_if_free", {"auto_id": due.auto_id}, at_most=1):
                rows = await transaction.fetch("read_schedule", {"schedule_id": due.schedule_id})
                now = await read_now(transaction)
                if automation.text("STATUS") != "ACTIVE" or not rows or not _is_due(rows[0], now):
                    return Fired.NOT_DUE
                return await self._fire(transaction, rows[0], now, actor)
        return Fired.LOCKED

    @again_if_undone
    async def enqueue(self, auto_id: int, actor: str) -> int:
        """An ad hoc job now; its JOB_ID. Raises NotFound, and Conflict where a job of the automation is active."""
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch("lock_automation", {"auto_id": auto_id}, at_most=1)
            if not rows:
                raise NotFound(f"there is no automation {auto_id}", "See 'mailer automation list'.")
            job_id, active = await _insert_ad_hoc(transaction, auto_id, actor)
            if job_id is None:
                name = rows[0].text("NAME")
                raise Conflict(
                    f"job {active} of automation '{name}' is active",
                    f"Watch it with 'mailer job show {active}', or end it with 'mailer job cancel {active}'.",
                )
            await write_audit(transaction, actor, "enqueue", f"job {job_id}", f"automation {auto_id}")
        return job_id

    async def _fire(self, transaction: Transaction, row: Record, now: datetime, actor: str) -> Fired:
        schedule = as_schedule(row)
        auto_id, schedule_id = row.integer("AUTO_ID"), row.integer("SCHEDULE_ID")
        due = row.maybe_moment("NEXT_RUN") or first_fire(schedule, now)
        if due is None or due > now:  # saved by another program: from here on it has a next run
            await move_on(transaction, auto_id, schedule_id, next_run=due, last_run=None)
            return Fired.NOT_DUE
        fire_at = latest_fire(schedule, due, now)
        fired = await self._insert_unless(transaction, schedule, auto_id, schedule_id, fire_at, now, actor)
        await move_on(transaction, auto_id, schedule_id, next_fire(schedule, fire_at), fire_at)
        return fired

    async def _insert_unless(
        self,
        transaction: Transaction,
        schedule: Schedule,
        auto_id: int,
        schedule_id: int,
        fire_at: datetime,
        now: datetime,
        actor: str,
    ) -> Fired:
        if now - fire_at > schedule.misfire_grace and schedule.kind is not ScheduleKind.REALTIME:
            late = timedelta(seconds=int((now - fire_at).total_seconds()))
            message = (
                f"the run of {fire_at:%Y-%m-%d %H:%M:%S} UTC was skipped: it was {late} late, past the misfire grace"
            )
            await log_skipped_fire(transaction, auto_id, "run missed", message)
            return Fired.MISSED
        job_id, active = await insert_job(transaction, auto_id, schedule_id, fire_at, actor)
        if job_id is not None:
            return Fired.ENQUEUED
        if active is None:
            return Fired.NOT_DUE
        message = f"the run of {fire_at:%Y-%m-%d %H:%M:%S} UTC was skipped: job {active} was active"
        await log_skipped_fire(transaction, auto_id, "run skipped", message)
        return Fired.BUSY


async def insert_job(
    transaction: Session, auto_id: int, schedule_id: int, fire_at: datetime, actor: str
) -> tuple[int | None, int | None]:
    """The new JOB_ID, or None and the active job that is in the way (None too: this fire has had its job).

    The caller has locked the automation. Which key refuses is asked, not guessed; where the active job is gone by
    then, the row is inserted once more.
    """
    for _ in range(2):
        active = await transaction.fetch("find_active_job", {"auto_id": auto_id}, at_most=1)
        if active:
            return None, active[0].integer("JOB_ID")
        fire: Binds = {"auto_id": auto_id, "schedule_id": schedule_id, "fire_at": fire_at}
        if await transaction.fetch("find_job_of_fire", fire, at_most=1):
            return None, None
        try:
            job_id = await transaction.insert("insert_job", {**fire, "actor": actor})
        except DuplicateKey:
            continue
        fault_point("job inserted")
        await transaction.execute("set_automation_running", {"auto_id": auto_id, "is_running": 1})
        await transaction.execute("note_run", {"auto_id": auto_id, "last_run": fire_at})
        return job_id, None
    return None, None


async def _insert_ad_hoc(transaction: Session, auto_id: int, actor: str) -> tuple[int | None, int | None]:
    """As `insert_job`, now; a microsecond later where a job of this very moment is over already."""
    fire_at = await read_now(transaction)
    while True:
        job_id, active = await insert_job(transaction, auto_id, AD_HOC, fire_at, actor)
        if job_id is not None or active is not None:
            return job_id, active
        fire_at += timedelta(microseconds=1)


async def move_on(
    transaction: Session, auto_id: int, schedule_id: int, next_run: datetime | None, last_run: datetime | None
) -> None:
    """Sets the schedule's times, and after them the automation's next run."""
    await transaction.execute("move_schedule", {"schedule_id": schedule_id, "next_run": next_run, "last_run": last_run})
    await transaction.execute("note_run", {"auto_id": auto_id, "last_run": None})


def as_schedule(row: Record) -> Schedule:
    """A row of SCHEDULE as a value."""
    return load_rule(
        ScheduleKind(row.text("KIND")),
        row.text("RULE"),
        row.text("TIMEZONE"),
        timedelta(seconds=row.number("MISFIRE_GRACE")),
    )


def _is_due(row: Record, now: datetime) -> bool:
    next_run = row.maybe_moment("NEXT_RUN")
    return next_run <= now if next_run is not None else row.maybe_moment("LAST_RUN") is None
