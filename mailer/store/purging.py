"""What a job leaves behind, dropped by age: recipients' data first, then the whole of its list. The job's row stays."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.errors import Conflict
from mailer.model.policies_json import load_policies
from mailer.store.audit import write_audit
from mailer.store.job_log import Level, log_always
from mailer.store.undone import again_if_undone

SLICE_ROWS = 10_000
"""Row numbers of one commit: mails wait no longer than that takes."""
PURGED, ROW_DATA_DROPPED, DELIVERIES_DROPPED = "purged", "row data dropped", "deliveries dropped"
"""Codes in JOB_LOG, which a purge keeps. The first comes before anything is dropped, the others after."""


@dataclass(frozen=True, slots=True)
class Age:
    """How long a job must have been over."""

    older_than: timedelta
    grace: timedelta
    """For how long an event may still settle an UNKNOWN."""

    @property
    def binds(self) -> dict[str, float]:
        """For the statements."""
        return {
            "older_than_seconds": self.older_than.total_seconds(),
            "grace_seconds": self.grace.total_seconds(),
        }


class Purging:
    """Drops by age, job by job, in slices with a commit each; what breaks off is gone on with by the next."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    async def jobs(self, age: Age) -> list[int]:
        """The jobs whose list may be dropped, by id. Never one that a job which can still send needs to know of.

        Such are: within hold_back, for its keys may be held back; and later than a job that may yet be retried, which
        must not mail whom the later one has mailed.
        """
        found: list[int] = []
        blocked: set[int] = set()
        async for row, may_go in self._candidates(age):
            if not may_go and not row.integer("IS_MARKED"):
                blocked.add(row.integer("AUTO_ID"))
            if may_go and row.integer("AUTO_ID") not in blocked:
                found.append(row.integer("JOB_ID"))
        return sorted(found)

    async def jobs_with_row_data(self, age: Age) -> list[int]:
        """The jobs whose recipients' data may be dropped, by id. Never one whose keys may be held back."""
        found = [row async for row, may_go in self._candidates(age) if may_go and row.integer("HAS_ROW_DATA")]
        job_ids = sorted(row.integer("JOB_ID") for row in found)
        return [job_id for job_id in job_ids if await self.deliveries(job_id)]

    async def deliveries(self, job_id: int) -> int:
        """How many the job has."""
        return (await self._list_size(job_id)).integer("N")

    async def old_log_lines(self, age: Age) -> int:
        """Lines of what schedules skipped, older than that."""
        binds: Binds = {"older_than_seconds": age.older_than.total_seconds()}
        (row,) = await self._database.fetch("count_old_automation_log", binds)
        return row.integer("N")

    async def begin(self, details: str) -> None:
        """Writes the audit before anything is dropped."""
        async with self._database.transaction() as transaction:
            await write_audit(transaction, self._actor, "purge", "jobs that are over", details)

    async def drop_row_data(self, job_id: int, age: Age) -> int:
        """ROW_DATA of the whole list; of how many deliveries. 0 where the job may not be touched any more."""
        if not await self._mark(job_id, age, "its recipients' data"):
            return 0
        dropped = await self._in_slices("drop_row_data", job_id)
        async with self._database.transaction() as transaction:
            await self._note(transaction, job_id, ROW_DATA_DROPPED, f"of {dropped} deliveries")
        return dropped

    async def drop_job(self, job_id: int, age: Age) -> int:
        """Deliveries, batches, minutes and log; how many deliveries. 0 where the job may not be touched any more."""
        if not await self._mark(job_id, age, "its list"):
            return 0
        dropped = await self._in_slices("drop_deliveries", job_id)
        async with self._database.transaction() as transaction:
            for statement in ("delete_batches", "delete_minutes", "drop_job_log"):
                await transaction.execute(statement, {"job_id": job_id})
            await self._note(transaction, job_id, DELIVERIES_DROPPED, f"{dropped} deliveries")
        return dropped

    async def drop_old_log_lines(self, age: Age) -> int:
        """Lines of what schedules skipped, older than that."""
        binds: Binds = {"older_than_seconds": age.older_than.total_seconds()}
        return await self._database.execute("drop_automation_log", binds)

    async def _candidates(self, age: Age) -> AsyncIterator[tuple[Record, bool]]:
        """Jobs of which something is left, by automation, the oldest first; and whether age and state let it go."""
        active = await self._active_hold_back()
        async with self._database.stream("list_jobs_to_purge", {"job_id": None, **age.binds}) as slices:
            async for rows in slices:
                for row in rows:
                    yield row, _may_go(row, active)

    async def _active_hold_back(self) -> Mapping[int, timedelta]:
        """The longest hold_back of each automation's active jobs."""
        longest: dict[int, timedelta] = {}
        for row in await self._database.fetch("list_active_policies"):
            auto_id, hold_back = row.integer("AUTO_ID"), load_policies(row.text("POLICIES")).hold_back
            longest[auto_id] = max(hold_back, longest.get(auto_id, hold_back))
        return longest

    @again_if_undone
    async def _mark(self, job_id: int, age: Age, what: str) -> bool:
        """From here on the job can't be retried; False where somebody has opened it meanwhile."""
        active = await self._active_hold_back()
        async with self._database.transaction() as transaction:
            await transaction.fetch("lock_job", {"job_id": job_id})
            rows = await transaction.fetch("list_jobs_to_purge", {"job_id": job_id, **age.binds})
            if not rows or not _may_go(rows[0], active):
                return False
            if not rows[0].integer("IS_MARKED"):
                await self._note(transaction, job_id, PURGED, f"{what} is dropped by {self._actor}", rows[0])
        return True

    async def _in_slices(self, statement: str, job_id: int) -> int:
        last_row = (await self._list_size(job_id)).integer("LAST_ROW")
        touched = 0
        for first in range(1, last_row + 1, SLICE_ROWS):
            binds: Binds = {"job_id": job_id, "first_row": first, "last_row": first + SLICE_ROWS - 1}
            touched += await self._database.execute(statement, binds)
        return touched

    async def _list_size(self, job_id: int) -> Record:
        return (await self._database.fetch("read_list_size", {"job_id": job_id}))[0]

    async def _note(
        self, transaction: Session, job_id: int, code: str, message: str, job: Record | None = None
    ) -> None:
        row = job or (await transaction.fetch("read_job", {"job_id": job_id}))[0]
        await log_always(transaction, row.integer("AUTO_ID"), job_id, Level.INFO, code, message)


async def require_not_purged(transaction: Session, job_id: int) -> None:
    """Raises Conflict where the job's recipients' data was dropped, or is being dropped."""
    for row in await transaction.fetch("find_purge_mark", {"job_id": job_id}, at_most=1):
        raise Conflict(
            f"job {job_id} was purged at {row.moment('FIRST_AT'):%Y-%m-%d %H:%M} UTC: what it would be sent by is gone",
            "A new job asks the target query again: 'mailer enqueue' its automation.",
        )


def _may_go(row: Record, active_hold_back: Mapping[int, timedelta]) -> bool:
    if not row.integer("IS_OVER"):
        return False
    hold_back = load_policies(row.text("POLICIES")).hold_back
    hold_back = max(hold_back, active_hold_back.get(row.integer("AUTO_ID"), hold_back))
    started = row.maybe_moment("START_AT")
    return started is None or started <= row.moment("MOMENT") - hold_back
