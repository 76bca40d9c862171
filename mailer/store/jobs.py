"""Jobs as people look at them: what ran, is running, waits, and who got the mail."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from mailer.db.database import Database
from mailer.db.record import Record
from mailer.errors import NotFound
from mailer.model.automation import Automation
from mailer.model.delivery import Status
from mailer.model.job import JobClaim, JobStatus, Stopping
from mailer.store.automations import as_automation
from mailer.store.minutes import Counts, read_counts


@dataclass(frozen=True, slots=True)
class Job:
    """A row of JOB_QUEUE, as people see it."""

    job_id: int
    automation: str
    status: JobStatus
    stopping: Stopping | None
    fire_at: datetime
    start_at: datetime | None
    end_at: datetime | None
    log: str | None


class Jobs:
    """Reads jobs and their deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, auto_id: int | None, status: JobStatus | None, at_most: int) -> list[Job]:
        """The latest first."""
        binds = {"auto_id": auto_id, "status": status.value if status else None}
        return [_job(row) for row in await self._database.fetch("list_jobs", binds, at_most=at_most)]

    async def read(self, job_id: int) -> Job:
        """Raises NotFound."""
        return _job(await self._row(job_id))

    async def counts(self, job_id: int) -> Counts:
        """Deliveries and update queries by state."""
        return await read_counts(self._database, job_id)

    async def held_back(self, job_id: int) -> int:
        """Rows that wait for an earlier job's key to be settled."""
        (row,) = await self._database.fetch("count_held_back", {"job_id": job_id})
        return row.integer("N")

    async def automation_id(self, job_id: int) -> int:
        """The AUTO_ID of the job. Raises NotFound."""
        return (await self._row(job_id)).integer("AUTO_ID")

    def deliveries(
        self, job_id: int, statuses: Sequence[Status]
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Record]]]:
        """The ledger's rows in slices, in the target query's order; all states where none is named."""
        chosen = ",".join(status.value for status in statuses) or None
        return self._database.stream("list_deliveries", {"job_id": job_id, "statuses": chosen})

    async def active(self) -> int:
        """How many jobs wait or run."""
        (row,) = await self._database.fetch("count_idle_work")
        return row.integer("ACTIVE")

    async def freeze(self, claim: JobClaim) -> None:
        """The job keeps the automation's definition as it stands now. Nothing happens where the claim is over."""
        await self._database.execute("freeze_definition", {"job_id": claim.job_id, "fence": claim.fence})

    async def frozen(self, job_id: int) -> Automation:
        """The definition that the job runs by, without schedules."""
        (row,) = await self._database.fetch("read_frozen_definition", {"job_id": job_id})
        return as_automation(row)

    async def _row(self, job_id: int) -> Record:
        rows = await self._database.fetch("read_job", {"job_id": job_id})
        if not rows:
            raise NotFound(f"there is no job {job_id}", "See 'mailer job list'.")
        return rows[0]


def _job(row: Record) -> Job:
    stopping = row.maybe_text("STOPPING")
    return Job(
        row.integer("JOB_ID"),
        row.text("NAME"),
        JobStatus(row.text("STATUS")),
        Stopping(stopping) if stopping else None,
        row.moment("FIRE_AT"),
        row.maybe_moment("START_AT"),
        row.maybe_moment("END_AT"),
        row.maybe_text("LOG"),
    )
