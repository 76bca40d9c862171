"""`mailer job show`."""

from datetime import timedelta

from mailer.assembly import account_name, open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson, JobId
from mailer.cli.job_list import job_json, shown_status
from mailer.cli.job_view import JobView, next_steps
from mailer.cli.output import Column, Json, console, iso, plural, print_json, print_table, shown_time
from mailer.db.database import Database
from mailer.model.address import mask_addresses
from mailer.model.delivery import Status, UpdateStatus
from mailer.service import BEAT, Role
from mailer.settings import Settings
from mailer.store.account import Account, Pause
from mailer.store.job_log import read_job_log
from mailer.store.jobs import Jobs
from mailer.store.workers import Workers

ALIVE = timedelta(seconds=1.5 * BEAT)
"""A process with workers that has been silent for longer is gone; another may be silent for three times as long."""


def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Shows a job: its counts, what happened in it, and what to do next."""

    async def read() -> JobView:
        settings = session.settings()
        async with open_database(settings, session.CLOCK) as database:
            return await read_view(database, settings, job_id)

    view = session.run_async(read)
    if as_json:
        print_json(_view_json(view))
    else:
        _print_view(view)


async def read_view(database: Database, settings: Settings, job_id: int) -> JobView:
    """The job and what concerns it. Raises NotFound."""
    jobs = Jobs(database)
    job = await jobs.read(job_id)
    return JobView(
        job=job,
        counts=await jobs.counts(job_id),
        held_back=await jobs.held_back(job_id),
        log_lines=await read_job_log(database, job_id),
        pause=await Account(database, account_name(settings)).paused() if job.status.is_active else None,
        has_worker=await has_worker(database),
        waiting=await jobs.waiting(job_id),
    )


async def has_worker(database: Database) -> bool:
    """Whether a process is alive that works on jobs."""
    return any(process.role in (Role.ALL, Role.WORKER) for process in await Workers(database).alive(ALIVE))


def _view_json(view: JobView) -> Json:
    return {
        **job_json(view.job),
        "counts": {status.value: view.counts.deliveries[status] for status in Status},
        "total": view.counts.total,
        "held_back": view.held_back,
        "waiting_for": [{"job_id": one.for_job, "recipients": one.recipients} for one in view.waiting],
        "updates": {status.value: view.counts.updates[status] for status in UpdateStatus},
        "log_lines": [
            {
                "level": line.level.value,
                "code": line.code,
                "message": line.message,
                "times": line.times,
                "first_at": iso(line.first_at),
                "last_at": iso(line.last_at),
            }
            for line in view.log_lines
        ],
        "paused": {"until": iso(view.pause.until), "why": view.pause.why} if view.pause else None,
        "next": next_steps(view),
    }


def _print_view(view: JobView) -> None:
    job, counts, out = view.job, view.counts, console()
    out.print(f"job {job.job_id} of {job.automation}: {shown_status(job)}", markup=False, style="bold")
    out.print(f"due {shown_time(job.fire_at)}", markup=False)
    if job.start_at:
        out.print(f"started {shown_time(job.start_at)}", markup=False)
    if job.end_at:
        out.print(f"ended {shown_time(job.end_at)}", markup=False)
    if job.log:
        out.print(mask_addresses(job.log), markup=False)
    if view.pause:
        out.print(shown_pause(view.pause), markup=False)
    out.print()
    rows = [[status.value, str(counts.deliveries[status])] for status in Status]
    print_table([Column("deliveries"), Column("", is_number=True)], [*rows, ["total", str(counts.total)]], empty="")
    out.print()
    rows = [[status.value, str(counts.updates[status])] for status in UpdateStatus]
    print_table([Column("update queries"), Column("", is_number=True)], rows, empty="")
    out.print(f"\nheld back: {view.held_back}{shown_waiting(view)}", markup=False)
    if view.log_lines:
        out.print()
        print_log_lines(view)
    for step in next_steps(view):
        out.print(f"→ {step}", markup=False)


def shown_pause(pause: Pause, what: str = "nothing can leave") -> str:
    """Why, and when it is tried, or was tried last."""
    return f"{what}, {'last' if pause.is_over else 'next'} try at {shown_time(pause.until)}: {pause.why}"


def shown_waiting(view: JobView) -> str:
    """Whom the held back wait for: ' (2 wait for job 12; 1 settled since)'; '' where nobody is."""
    if not view.held_back:
        return ""
    parts = [f"{plural(one.recipients, 'waits', 'wait')} for job {one.for_job}" for one in view.waiting]
    settled = view.held_back - sum(one.recipients for one in view.waiting)
    return f" ({'; '.join([*parts, *([f'{settled} settled since'] if settled > 0 else [])])})"


def print_log_lines(view: JobView) -> None:
    """JOB_LOG: the first of each kind, and how often it came."""
    columns = [Column("level"), Column("what happened"), Column("times", is_number=True), Column("first of them")]
    rows = [[line.level.value, line.code, str(line.times), mask_addresses(line.message)] for line in view.log_lines]
    print_table(columns, rows, empty="")
