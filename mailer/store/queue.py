"""JOB_QUEUE and JOB_BATCH in a worker's hands: claim, renew, give back, close.

Locks are taken in one order everywhere: AUTOMATION, JOB_QUEUE, JOB_BATCH, DELIVERY, JOB_MINUTE.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.errors import FenceLost
from mailer.fault_points import fault_point
from mailer.model.delivery import Status
from mailer.model.job import BatchClaim, JobClaim, JobStatus, Stopping
from mailer.model.policies_json import load_policies
from mailer.model.stored_text import storable
from mailer.store.locks import lock_all_batches, lock_job
from mailer.store.minutes import Minutes
from mailer.store.undone import again_if_undone

NO_CLAIM = 0
"""The fence of who holds no claim: the first claim's is 1."""
LOG_LIMIT = 1000
"""Characters of a cause that are kept."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class JobStanding:
    """What a holder needs to know of its job now."""

    status: JobStatus
    stopping: Stopping | None
    log: str | None


@dataclass(frozen=True, slots=True)
class Remaining:
    """What keeps a loaded job open."""

    open_batches: int
    pending: int
    under_way: int
    """SENDING, or with an update query that is due."""
    unknown: int


@dataclass(frozen=True, slots=True)
class Work:
    """What a look found: each may be gone by the time that it is asked for."""

    to_claim: bool
    """A job that waits, or whose holder is gone."""
    to_join: bool
    """A batch, free, of a job that is being sent."""
    to_settle: bool
    """Something that is still under way in a job that is over, or stops."""


class Queue:
    """The queue as one process sees it; `worker_id` names that process in what it claims."""

    def __init__(self, database: Database, worker_id: str, lease: timedelta) -> None:
        self._database = database
        self._worker_id = worker_id
        self._lease_seconds = lease.total_seconds()
        self._minutes = Minutes(worker_id)

    async def look(self) -> Work:
        """What there may be to do now; one query, which takes nothing."""
        (row,) = await self._database.fetch("look_for_work")
        return Work(bool(row.integer("TO_CLAIM")), bool(row.integer("TO_JOIN")), bool(row.integer("TO_SETTLE")))

    @again_if_undone
    async def claim_job(self, *, may_take_over: Callable[[], bool] = _always) -> JobClaim | None:
        """Takes the job that has waited longest, or else one whose holder is gone; None where there is neither.

        `may_take_over` is asked once the database has let the claim in: it may have waited for that.
        """
        async with self._database.transaction() as transaction:
            for candidates in ("list_waiting_jobs", "list_abandoned_jobs"):
                if candidates == "list_abandoned_jobs" and not may_take_over():
                    return None
                for row in await transaction.fetch(candidates, at_most=1):
                    touched = await transaction.execute(
                        "claim_job",
                        {
                            "job_id": row.integer("JOB_ID"),
                            "fence": row.integer("FENCE"),
                            "worker_id": self._worker_id,
                            "lease_seconds": self._lease_seconds,
                            "start_at": row.moment("START_AT"),
                        },
                    )
                    if touched:
                        return self._job_claim(row, candidates == "list_abandoned_jobs")
        return None

    async def jobs_to_join(self) -> list[JobClaim]:
        """Jobs that another process sends in parallel, with batches that nobody holds. These are no claims yet."""
        return [
            replace(self._job_claim(row, False), fence=NO_CLAIM)
            for row in await self._database.fetch("list_jobs_to_join")
            if load_policies(row.text("POLICIES")).max_parallel > 1
        ]

    async def renew_job(self, claim: JobClaim) -> None:
        """Lengthens the lease. Raises FenceLost."""
        await self._guarded(self._database, "renew_job", claim, {"lease_seconds": self._lease_seconds})

    async def give_back_job(self, claim: JobClaim) -> None:
        """Lets the next worker go on at once. Nothing happens where the claim is over."""
        await self._database.execute("give_back_job", {"job_id": claim.job_id, "fence": claim.fence})

    async def put_off_job(self, claim: JobClaim, seconds: float) -> None:
        """Lets any worker go on with it, after so many seconds. Nothing happens where the claim is over."""
        await self._database.execute("put_off_job", {"job_id": claim.job_id, "fence": claim.fence, "seconds": seconds})

    async def standing(self, job_id: int) -> JobStanding:
        """Whether the job may send."""
        (row,) = await self._database.fetch("read_job_standing", {"job_id": job_id})
        stopping = row.maybe_text("STOPPING")
        return JobStanding(
            JobStatus(row.text("STATUS")), Stopping(stopping) if stopping else None, row.maybe_text("LOG")
        )

    async def mark_stopping(self, job_id: int, stopping: Stopping, cause: str, *, fence: int | None = None) -> bool:
        """Sets the mark and its cause; False where another cause, or the job's end, came first.

        `fence`: of the claim that it is done under; then FenceLost where another holds the job by now.
        """
        mark: Binds = {"job_id": job_id, "stopping": stopping.value, "log": storable(cause, LOG_LIMIT), "fence": fence}
        if await self._database.execute("mark_stopping", mark):
            return True
        if fence is not None:
            (row,) = await self._database.fetch("read_job_standing", {"job_id": job_id})
            if row.integer("FENCE") != fence:
                raise FenceLost(f"job {job_id} is in other hands")
        return False

    @again_if_undone
    async def claim_batch(
        self, job_id: int, *, in_order: bool, may_take_over: Callable[[], bool] = _always
    ) -> BatchClaim | None:
        """Takes the lowest open batch that nobody holds; None if there is none now (the job may still be running).

        `in_order`: the lowest open batch, or none while another's lease on it lives. A batch taken over, which
        `may_take_over` allows as in `claim_job`, has a higher fence, and what its last holder left SENDING is UNKNOWN
        in the same commit.
        """
        async with self._database.transaction() as transaction:
            candidates, binds = "lock_lowest_open_batch", {"job_id": job_id}
            if not in_order:
                candidates, binds = "list_free_batches", {**binds, "may_take_over": int(may_take_over())}
            # One row: what is fetched is locked, and the others are for other processes.
            for row in await transaction.fetch(candidates, binds, at_most=1):
                if row.integer("IS_FREE") and (row.maybe_text("WORKER_ID") is None or may_take_over()):
                    return await self._take_batch(transaction, row)
        return None

    @again_if_undone
    async def claim_batch_left_over(self, job_id: int | None = None) -> BatchClaim | None:
        """Takes a batch of a job that is over, or stops, where something is still SENDING or an update query is due."""
        async with self._database.transaction() as transaction:
            for row in await transaction.fetch("list_batches_left_over", {"job_id": job_id}, at_most=1):
                return await self._take_batch(transaction, row)
        return None

    async def renew_batch(self, claim: BatchClaim) -> None:
        """Lengthens the lease. Raises FenceLost."""
        binds = {
            "job_id": claim.job_id,
            "batch_no": claim.batch_no,
            "fence": claim.fence,
            "lease_seconds": self._lease_seconds,
        }
        if not await self._database.execute("renew_batch", binds):
            raise FenceLost(f"batch {claim.batch_no} of job {claim.job_id} is in other hands")

    async def give_back_batch(self, claim: BatchClaim) -> None:
        """Lets the next worker go on at once. Nothing happens where the claim is over."""
        await self._database.execute("give_back_batch", _batch_binds(claim))

    @again_if_undone
    async def close_batch(self, claim: BatchClaim) -> bool:
        """Closes it; False where something of it is still to be done, or the claim is over."""
        async with self._database.transaction() as transaction:
            # In a statement before it: whoever makes something due there meanwhile is waited for, and then seen.
            await transaction.fetch("lock_batch", {"job_id": claim.job_id, "batch_no": claim.batch_no})
            return bool(await transaction.execute("close_batch", _batch_binds(claim)))

    async def remaining(self, job_id: int) -> Remaining:
        """What keeps a loaded job open."""
        return await _remaining(self._database, job_id)

    @again_if_undone
    async def end_done(self, claim: JobClaim, log: str, *, unknown_is_final: bool) -> bool:
        """DONE, if every delivery is final; False where something is still open.

        Raises FenceLost: taken over, or the job is to stop.
        """
        async with self._database.transaction() as transaction:
            await transaction.fetch("lock_automation", {"auto_id": claim.auto_id})
            left = await _remaining(transaction, claim.job_id)
            if left.open_batches or left.pending or left.under_way or (left.unknown and not unknown_is_final):
                return False
            await self._end(transaction, claim, JobStatus.DONE, log)
        return True

    @again_if_undone
    async def end_stopped(self, claim: JobClaim, status: JobStatus, log: str) -> bool:
        """FAIL or CANCELLED, once nothing is SENDING or due; False while something is. Raises FenceLost.

        All open batches are taken from their holders first, which waits for the groups that they have open.
        """
        try:
            async with self._database.transaction() as transaction:
                await lock_job(transaction, claim.job_id)
                await lock_all_batches(transaction, claim.job_id)
                await transaction.execute("fence_off_batches", {"job_id": claim.job_id})
                if (await _remaining(transaction, claim.job_id)).under_way:
                    raise _StillUnderWay
                await self._end(transaction, claim, status, log)
        except _StillUnderWay:
            return False
        return True

    async def _end(self, transaction: Session, claim: JobClaim, status: JobStatus, log: str) -> None:
        await self._guarded(transaction, "end_job", claim, {"status": status.value, "log": storable(log, LOG_LIMIT)})
        await transaction.execute("set_automation_running", {"auto_id": claim.auto_id, "is_running": 0})
        fault_point("job ending")

    async def _take_batch(self, transaction: Session, row: Record) -> BatchClaim:
        """Claims a batch that the transaction has locked."""
        job_id, batch_no = row.integer("JOB_ID"), row.integer("BATCH_NO")
        owner_died = row.maybe_text("WORKER_ID") is not None
        await transaction.execute(
            "claim_batch",
            {
                "job_id": job_id,
                "batch_no": batch_no,
                "fence": row.integer("FENCE"),
                "worker_id": self._worker_id,
                "lease_seconds": self._lease_seconds,
            },
        )
        # Also where the owner gave it back: one that met a defect, or could not write an answer, left a row SENDING.
        unknown = await transaction.execute("mark_batch_unknown", {"job_id": job_id, "batch_no": batch_no})
        await self._minutes.add(transaction, job_id, {Status.SENDING: -unknown, Status.UNKNOWN: unknown})
        takeovers = row.integer("TAKEOVERS") + owner_died
        return BatchClaim(job_id, batch_no, self._worker_id, row.integer("FENCE") + 1, takeovers)

    def _job_claim(self, row: Record, taken_over: bool) -> JobClaim:
        is_loaded = row.maybe_moment("LOADED_AT") is not None
        owner_died = taken_over and row.maybe_text("WORKER_ID") is not None
        return JobClaim(
            job_id=row.integer("JOB_ID"),
            auto_id=row.integer("AUTO_ID"),
            automation=row.text("NAME"),
            worker_id=self._worker_id,
            fence=row.integer("FENCE") + 1,
            start_at=row.moment("START_AT"),
            is_loaded=is_loaded,
            takeovers=row.integer("TAKEOVERS") + (owner_died and not is_loaded),
        )

    @staticmethod
    async def _guarded(session: Session, statement: str, claim: JobClaim, binds: dict[str, str | float]) -> None:
        if not await session.execute(statement, {"job_id": claim.job_id, "fence": claim.fence, **binds}):
            raise FenceLost(f"job {claim.job_id} is in other hands, or to stop")


class _StillUnderWay(Exception):
    """Rolls the end of a job back: a mail is in flight, or an update query is due."""


def _batch_binds(claim: BatchClaim) -> dict[str, int]:
    return {"job_id": claim.job_id, "batch_no": claim.batch_no, "fence": claim.fence}


async def _remaining(session: Session, job_id: int) -> Remaining:
    (row,) = await session.fetch("count_what_keeps_a_job_open", {"job_id": job_id})
    return Remaining(
        row.integer("OPEN_BATCHES"), row.integer("PENDING"), row.integer("UNDER_WAY"), row.integer("UNKNOWN")
    )
