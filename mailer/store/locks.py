"""Locks that are taken before anything is changed, in the order of all: AUTOMATION, JOB_QUEUE, JOB_BATCH, DELIVERY."""

from collections.abc import Iterable

from mailer.db.database import Session
from mailer.db.record import Record
from mailer.errors import NotFound


async def lock_job(transaction: Session, job_id: int) -> Record:
    """Locks the automation, then the job, and reads it. Raises NotFound."""
    rows = await transaction.fetch("read_job", {"job_id": job_id})
    if not rows:
        raise NotFound(f"there is no job {job_id}", "See 'mailer job list'.")
    await transaction.fetch("lock_automation", {"auto_id": rows[0].integer("AUTO_ID")})
    return (await transaction.fetch("lock_job", {"job_id": job_id}))[0]


async def lock_batches(transaction: Session, batches: Iterable[tuple[int, int]]) -> None:
    """Each JOB_ID with a BATCH_NO."""
    for job_id, batch_no in sorted(batches):
        await transaction.fetch("lock_batch", {"job_id": job_id, "batch_no": batch_no})


async def lock_all_batches(transaction: Session, job_id: int) -> None:
    """Before rows of any of them are changed by one statement."""
    await transaction.fetch("lock_batches", {"job_id": job_id})
