"""Deliveries of which nobody knows whether the mail went: found and locked, and decided by a person or by a policy."""

from collections.abc import Sequence
from datetime import timedelta

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.model.delivery import Change, Standing, Status, UpdateStatus
from mailer.model.job import JobStatus
from mailer.store.changes import write_changes
from mailer.store.locks import lock_batches, lock_job
from mailer.store.minutes import Minutes
from mailer.store.undone import again_if_undone


class UnknownDeliveries:
    """The policies by which a job's holder decides in a person's place. `writer` names it in JOB_MINUTE."""

    def __init__(self, database: Database, writer: str) -> None:
        self._database = database
        self._minutes = Minutes(writer)

    @again_if_undone
    async def resend(self, job_id: int, grace: timedelta) -> int:
        """The policy `resend`: what has been UNKNOWN for longer than the grace time is PENDING again; how many."""
        async with self._database.transaction() as transaction:
            if not may_send(await lock_job(transaction, job_id)):
                return 0
            rows = await lock_unknown(transaction, job_id, None, grace)
            await decide(
                transaction, self._minutes, rows, Status.PENDING, UpdateStatus.NONE, "unknown: sent again by policy"
            )
        return len(rows)

    @again_if_undone
    async def settle_by_absence(self, job_id: int, grace: timedelta, account: str) -> int:
        """The policy `settle`: PENDING again where a later mail's event has come and its own has not; how many."""
        async with self._database.transaction() as transaction:
            if not may_send(await lock_job(transaction, job_id)):
                return 0
            rows = await lock_unknown(transaction, job_id, None, grace, account)
            await decide(
                transaction, self._minutes, rows, Status.PENDING, UpdateStatus.NONE, "unknown: no event came of it"
            )
        return len(rows)

    async def is_within(self, job_id: int, age: timedelta) -> bool:
        """Whether a delivery of the job has been UNKNOWN for no longer than that."""
        binds: Binds = {"job_id": job_id, "seconds": age.total_seconds()}
        (row,) = await self._database.fetch("count_unknown_within", binds)
        return row.integer("N") > 0


def may_send(job: Record) -> bool:
    """Whether what is PENDING now would be sent."""
    return job.text("STATUS") == JobStatus.RUNNING and job["STOPPING"] is None


async def lock_unknown(
    transaction: Session, job_id: int, key: str | None, older_than: timedelta, account: str | None = None
) -> list[Record]:
    """The UNKNOWN rows of one key, or all, locked, and their batches before them.

    `account`: only those of which an event should have come there by now.
    """
    age: Binds = {"job_id": job_id, "older_than_seconds": older_than.total_seconds()}
    batches = {
        row.integer("BATCH_NO")
        for row in await transaction.fetch("find_batches_of_unknown", {**age, "recipient_key": key})
    }
    await lock_batches(transaction, ((job_id, batch_no) for batch_no in batches))
    if account is None:
        rows = await transaction.fetch("list_unknown", {**age, "recipient_key": key})
    else:
        rows = await transaction.fetch("list_unknown_without_event", {**age, "account": account})
    return [row for row in rows if row.integer("BATCH_NO") in batches]


async def decide(
    transaction: Session,
    minutes: Minutes,
    rows: Sequence[Record],
    after: Status,
    update_status: UpdateStatus,
    error: str | None,
) -> None:
    """Writes of each of them what it is now, and opens their batches where that leaves something to be done."""
    changes = [
        Change(
            delivery_id=row.integer("DELIVERY_ID"),
            job_id=row.integer("JOB_ID"),
            batch_no=row.integer("BATCH_NO"),
            before=Standing(Status.UNKNOWN, row.integer("ATTEMPT"), UpdateStatus.NONE),
            after=Standing(after, row.integer("ATTEMPT"), update_status),
            tries=row.integer("TRIES"),
            error_code="settled" if error else None,
            error=error,
        )
        for row in rows
    ]
    await write_changes(transaction, minutes, changes)
    for job_id, batch_no in sorted({(change.job_id, change.batch_no) for change in changes}):
        if after is Status.PENDING or update_status is UpdateStatus.DUE:
            await transaction.execute("open_batch", {"job_id": job_id, "batch_no": batch_no})
