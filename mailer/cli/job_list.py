"""`mailer job list`."""

from typing import Annotated

import typer

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.output import Column, Json, iso, print_json, print_table, shown_time
from mailer.model.address import mask_addresses
from mailer.model.job import JobStatus
from mailer.store.automations import Automations
from mailer.store.jobs import Job, Jobs

_COLUMNS = (
    Column("job", is_number=True),
    *map(Column, ("automation", "status", "due", "started", "ended", "summary")),
)


def list_jobs(
    automation: Annotated[str | None, typer.Option(help="Of this automation alone: its name or id.")] = None,
    status: Annotated[JobStatus | None, typer.Option(case_sensitive=False, help="In this state alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The latest so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Shows jobs, the latest first."""

    async def read() -> list[Job]:
        async with open_database(session.settings(), session.CLOCK) as database:
            auto_id = None if automation is None else await Automations(database).find(automation)
            return await Jobs(database).listed(auto_id, status, limit)

    jobs = session.run_async(read)
    if as_json:
        print_json([job_json(job) for job in jobs])
    else:
        print_table(_COLUMNS, [_cells(job) for job in jobs], empty="no jobs")


def job_json(job: Job) -> dict[str, Json]:
    """What a script sees of a job."""
    return {
        "job_id": job.job_id,
        "automation": job.automation,
        "status": job.status.value,
        "fire_at": iso(job.fire_at),
        "start_at": iso(job.start_at),
        "end_at": iso(job.end_at),
        "log": job.log,
    }


def shown_status(job: Job) -> str:
    """Its state, and where it is about to end early in which."""
    return f"{job.status.value}, stopping: {job.stopping.value}" if job.stopping else job.status.value


def _cells(job: Job) -> list[str]:
    times = [shown_time(moment) for moment in (job.fire_at, job.start_at, job.end_at)]
    return [str(job.job_id), job.automation, shown_status(job), *times, mask_addresses(job.log or "")]
