"""Jobs as people look at them: what ran, is running, waits, and who got the mail."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.db.database import Binds, Database
from mailer.db.record import Record
from mailer.errors import FenceLost, NotFound
from mailer.model.automation import Automation
from mailer.model.delivery import Status
from mailer.model.job import JobClaim, JobStatus, Stopping
from mailer.model.policies_json import load_policies
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


@dataclass(frozen=True, slots=True)
class Waiting:
    """Recipients that are held back, and the job whose mail or update query they wait for."""

    for_job: int
    recipients: int


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

    async def waiting(self, job_id: int) -> list[Waiting]:
        """Those of the job's held-back recipients that still wait, by the job that they wait for. Raises NotFound."""
        row = await self._row(job_id)
        policies = row.maybe_text("POLICIES")
        if policies is None:
            return []
        return await self._waiting(row.integer("AUTO_ID"), load_policies(policies).hold_back, job_id)

    async def waiting_of(self, auto_id: int, hold_back: timedelta) -> list[Waiting]:
        """The same for all jobs of an automation that began within its hold_back; each recipient counts once."""
        return await self._waiting(auto_id, hold_back, None)

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
        """The job keeps the automation's definition as it stands now. Raises FenceLost."""
        if not await self._database.execute("freeze_definition", {"job_id": claim.job_id, "fence": claim.fence}):
            raise FenceLost(f"job {claim.job_id} is in other hands")

    async def frozen(self, job_id: int) -> Automation:
        """The definition that the job runs by, without schedules."""
        (row,) = await self._database.fetch("read_frozen_definition", {"job_id": job_id})
        return as_automation(row)

    async def _waiting(self, auto_id: int, hold_back: timedelta, job_id: int | None) -> list[Waiting]:
        binds: Binds = {"auto_id": auto_id, "job_id": job_id, "hold_back_seconds": hold_back.total_seconds()}
        rows = await self._database.fetch("list_waiting_for", binds)
        return [Waiting(row.integer("FOR_JOB"), row.integer("N")) for row in rows]

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
