"""The frozen target list of a job: written slice by slice by the job's holder, then judged, some batches a commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mailer.db.database import Database, Session
from mailer.errors import FenceLost
from mailer.model.delivery import Delivery, NewDelivery, Status
from mailer.model.job import BatchClaim, JobClaim
from mailer.model.row import dump_row
from mailer.store.ledger import as_delivery
from mailer.store.minutes import Minutes
from mailer.store.undone import again_if_undone

DELETE_SLICE = 10_000
JUDGED_BATCHES = 20
"""Batches that one commit judges: a heartbeat waits for no more than that, however long the list."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """How many rows each judgement took out of a list."""

    repeated: int
    held_back: int
    sent_since: int
    suppressed: int

    def __add__(self, more: "Skipped") -> "Skipped":
        return Skipped(
            self.repeated + more.repeated,
            self.held_back + more.held_back,
            self.sent_since + more.sent_since,
            self.suppressed + more.suppressed,
        )


class TargetLists:
    """The list of a claimed job. Every write carries the job's fence by writing the job's row first."""

    def __init__(self, database: Database, writer: str, lease: timedelta) -> None:
        self._database = database
        self._lease_seconds = lease.total_seconds()
        self._minutes = Minutes(writer)

    @again_if_undone
    async def clear(self, claim: JobClaim) -> None:
        """Deletes the partial list that a loader left: nothing of it was sent. Raises FenceLost."""
        deleted = DELETE_SLICE
        while deleted:
            async with self._database.transaction() as transaction:
                await self._carry_fence(transaction, claim)
                deleted = await transaction.execute(
                    "delete_slice_of_list", {"job_id": claim.job_id, "row_count": DELETE_SLICE}
                )
                if not deleted:
                    await transaction.execute("delete_batches", {"job_id": claim.job_id})
                    await transaction.execute("delete_minutes", {"job_id": claim.job_id})

    async def add_slice(self, claim: JobClaim, batch_no: int, deliveries: Sequence[NewDelivery]) -> None:
        """Writes one batch of the list. Raises FenceLost: taken over, or the job is stopping."""
        rows = [
            {
                "job_id": claim.job_id,
                "batch_no": batch_no,
                "row_no": delivery.row_no,
                "recipient_key": delivery.recipient_key,
                "email": delivery.email,
                "row_data": dump_row(delivery.row),
                "status": delivery.status.value,
                "token": delivery.token,
                "error_code": delivery.error_code,
                "error": delivery.error,
            }
            for delivery in deliveries
        ]

        async def write(session: Session) -> None:
            await self._carry_fence(session, claim)
            await session.execute("insert_batch", {"job_id": claim.job_id, "batch_no": batch_no})
            await session.execute_many("insert_delivery", rows)

        await self._database.atomically(write)

    async def judge(self, claim: JobClaim, hold_back: timedelta) -> Skipped:
        """Takes out repeated keys, keys held back or mailed since, and suppressed addresses. Raises FenceLost."""
        (row,) = await self._database.fetch("find_last_batch", {"job_id": claim.job_id})
        skipped = Skipped(0, 0, 0, 0)
        for first in range(1, (row.maybe_integer("BATCH_NO") or 1) + 1, JUDGED_BATCHES):
            skipped += await self._judge_range(claim, hold_back, first, first + JUDGED_BATCHES - 1)
        return skipped

    async def _judge_range(self, claim: JobClaim, hold_back: timedelta, first_batch: int, last_batch: int) -> Skipped:
        async def write(session: Session) -> Skipped:
            await self._carry_fence(session, claim)
            batches = {"job_id": claim.job_id, "first_batch": first_batch, "last_batch": last_batch}
            repeated = await session.execute("skip_repeated_keys", batches)
            return Skipped(repeated, *await self._skip_again(session, claim, hold_back, first_batch, last_batch))

        return await self._database.atomically(write)

    @again_if_undone
    async def judge_batch(self, claim: BatchClaim, job: JobClaim, hold_back: timedelta) -> Skipped:
        """The same for one batch as it is claimed: what was settled, sent or suppressed since. Counts what it skips."""
        async with self._database.transaction() as transaction:
            skipped = Skipped(0, *await self._skip_again(transaction, job, hold_back, claim.batch_no, claim.batch_no))
            await self._count_skipped(transaction, claim.job_id, skipped)
            return skipped

    async def first_pending(self, job_id: int, at_most: int) -> list[Delivery]:
        """The rows that are tried out before the list counts as loaded."""
        rows = await self._database.fetch("list_first_pending", {"job_id": job_id}, at_most=at_most)
        return [as_delivery(row) for row in rows]

    @again_if_undone
    async def set_loaded(self, claim: JobClaim) -> dict[Status, int]:
        """The loader's last commit; the list's counts by state. Raises FenceLost: taken over, or stopping."""
        async with self._database.transaction() as transaction:
            if not await transaction.execute("set_loaded", {"job_id": claim.job_id, "fence": claim.fence}):
                raise FenceLost(f"job {claim.job_id} is stopping, or in other hands")
            rows = await transaction.fetch("count_loaded_list", {"job_id": claim.job_id})
            counts = {Status(row.text("STATUS")): row.integer("N") for row in rows}
            await self._minutes.add(transaction, claim.job_id, dict(counts.items()))
        return counts

    async def _skip_again(
        self, transaction: Session, claim: JobClaim, hold_back: timedelta, first_batch: int, last_batch: int
    ) -> tuple[int, int, int]:
        batches = {"job_id": claim.job_id, "first_batch": first_batch, "last_batch": last_batch}
        held_back = 0
        if hold_back:
            held_back = await transaction.execute(
                "skip_held_back_keys",
                {
                    **batches,
                    "auto_id": claim.auto_id,
                    "start_at": claim.start_at,
                    "hold_back_seconds": hold_back.total_seconds(),
                },
            )
        sent_since = await transaction.execute("skip_keys_sent_by_later_jobs", {**batches, "auto_id": claim.auto_id})
        suppressed = await transaction.execute("skip_suppressed_addresses", batches)
        return held_back, sent_since, suppressed

    async def _count_skipped(self, transaction: Session, job_id: int, skipped: Skipped) -> None:
        count = skipped.held_back + skipped.sent_since + skipped.suppressed
        await self._minutes.add(transaction, job_id, {Status.PENDING: -count, Status.SKIPPED: count})

    async def _carry_fence(self, transaction: Session, claim: JobClaim) -> None:
        binds = {"job_id": claim.job_id, "fence": claim.fence, "lease_seconds": self._lease_seconds}
        if not await transaction.execute("carry_job_fence", binds):
            raise FenceLost(f"job {claim.job_id} is stopping, or in other hands")
