"""What a person does to a job: cancel, retry, settle."""

from dataclasses import dataclass
from datetime import timedelta

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.errors import ConfigurationError, Conflict, NotFound
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus, Stopping
from mailer.store.audit import write_audit
from mailer.store.locks import lock_all_batches, lock_job
from mailer.store.minutes import Minutes
from mailer.store.purging import require_not_purged
from mailer.store.undone import again_if_undone
from mailer.store.unknowns import decide, lock_unknown, may_send


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry found to do."""

    deliveries: int
    """PENDING now; 0 with `is_reopened` where the list is to be loaded anew."""
    is_reopened: bool
    is_definition_changed: bool
    """The automation has changed since the job was loaded, and the job keeps its own."""


class Interventions:
    """Verbs of `mailer job`. `writer` names the command in JOB_MINUTE."""

    def __init__(self, database: Database, writer: str) -> None:
        self._database = database
        self._minutes = Minutes(writer)

    @again_if_undone
    async def cancel(self, job_id: int, actor: str) -> JobStatus:
        """CANCELLED where nobody had taken the job yet; RUNNING: marked, its holder stops soon. Raises Conflict."""
        cause = f"cancelled by {actor}"
        async with self._database.transaction() as transaction:
            job = await lock_job(transaction, job_id)
            if await transaction.execute("end_waiting_job", {"job_id": job_id, "log": cause}):
                await transaction.execute(
                    "set_automation_running", {"auto_id": job.integer("AUTO_ID"), "is_running": 0}
                )
                result = JobStatus.CANCELLED
            else:
                mark: Binds = {"job_id": job_id, "stopping": Stopping.CANCELLED.value, "log": cause, "fence": None}
                if not await transaction.execute("mark_stopping", mark):
                    stopping = job.maybe_text("STOPPING")
                    state = f"stops already ({stopping})" if stopping else f"is {job.text('STATUS')}"
                    raise Conflict(f"job {job_id} {state}", f"See 'mailer job show {job_id}'.")
                result = JobStatus.RUNNING
            await write_audit(transaction, actor, "job cancel", f"job {job_id}")
        return result

    @again_if_undone
    async def retry(self, job_id: int, actor: str, *, with_current: bool) -> Retried:
        """Reopens a job that is over and makes its FAILED rows PENDING. Raises NotFound and Conflict."""
        async with self._database.transaction() as transaction:
            job = await lock_job(transaction, job_id)
            await self._require_free_slot(transaction, job)
            await require_not_purged(transaction, job_id)
            is_loaded = job.maybe_moment("LOADED_AT") is not None
            await lock_all_batches(transaction, job_id)
            deliveries = await self._make_pending(transaction, job_id) if is_loaded else 0
            is_changed = not with_current and await self._is_definition_changed(transaction, job_id)
            if is_loaded and not deliveries:
                return Retried(0, False, is_changed)
            if with_current and is_loaded:
                await transaction.execute("take_current_definition", {"job_id": job_id})
            await transaction.execute("open_batches_with_work", {"job_id": job_id})
            await transaction.execute("reopen_job", {"job_id": job_id})
            await transaction.execute("set_automation_running", {"auto_id": job.integer("AUTO_ID"), "is_running": 1})
            details = f"{deliveries} deliveries" + (", by the current definition" if with_current else "")
            await write_audit(transaction, actor, "job retry", f"job {job_id}", details)
        return Retried(deliveries, True, is_changed and is_loaded)

    @again_if_undone
    async def retry_updates(self, job_id: int, actor: str, *, with_current: bool) -> int:
        """Makes update queries that failed, or touched no row, due again; the job's state stays. How many.

        Raises NotFound, Conflict, and ConfigurationError where the current definition has no update query.
        """
        async with self._database.transaction() as transaction:
            job = await lock_job(transaction, job_id)
            if JobStatus(job.text("STATUS")).is_active:
                raise Conflict(
                    f"job {job_id} is {job.text('STATUS')}", f"Wait for its end: 'mailer job show {job_id}'."
                )
            await require_not_purged(transaction, job_id)
            if with_current:
                await self._take_current_update(transaction, job_id)
            await lock_all_batches(transaction, job_id)
            changes: dict[Status | UpdateStatus, int] = {}
            for was in (UpdateStatus.FAILED, UpdateStatus.DONE):
                count = await transaction.execute("retry_updates", {"job_id": job_id, "update_status": was.value})
                changes[was] = -count
            due = -sum(changes.values())
            changes[UpdateStatus.DUE] = due
            await self._minutes.add(transaction, job_id, changes)
            await transaction.execute("open_batches_with_work", {"job_id": job_id})
            await write_audit(transaction, actor, "job retry --updates", f"job {job_id}", f"{due} update queries")
        return due

    @again_if_undone
    async def settle(self, job_id: int, actor: str, *, sent: bool, key: str | None) -> int:
        """A person decides UNKNOWN rows, of one key or all; how many. Raises NotFound where the key has none."""
        async with self._database.transaction() as transaction:
            job = await lock_job(transaction, job_id)
            await require_not_purged(transaction, job_id)
            rows = await lock_unknown(transaction, job_id, key, timedelta())
            if key is not None and not rows:
                raise NotFound(
                    f"job {job_id} has no UNKNOWN delivery with that key",
                    f"See 'mailer job deliveries {job_id} --status unknown'.",
                )
            if sent:
                has_update = bool(await transaction.fetch("has_update_query", {"job_id": job_id}))
                after, error = Status.SENT, None
                update_status = UpdateStatus.DUE if has_update else UpdateStatus.NONE
            else:
                after = Status.PENDING if may_send(job) else Status.FAILED
                error, update_status = "settled: not sent", UpdateStatus.NONE
            await decide(transaction, self._minutes, rows, after, update_status, error)
            verdict = "sent" if sent else "not sent"
            await write_audit(transaction, actor, "job settle", f"job {job_id}", f"{len(rows)} deliveries: {verdict}")
        return len(rows)

    @staticmethod
    async def _is_definition_changed(transaction: Session, job_id: int) -> bool:
        """Whether the automation no longer is what the job was loaded with."""
        (row,) = await transaction.fetch("compare_definitions", {"job_id": job_id})
        columns = ("DBIO_ID", "TEMPLATE_ID", "POLICIES")
        return any(row[f"JOB_{column}"] not in (None, row[column]) for column in columns)

    @staticmethod
    async def _take_current_update(transaction: Session, job_id: int) -> None:
        await transaction.execute("take_current_definition", {"job_id": job_id})
        if not await transaction.fetch("has_update_query", {"job_id": job_id}):
            raise ConfigurationError(
                f"the automation of job {job_id} has no update query any more",
                "Without --with-current the job's own is run.",
            )

    async def _make_pending(self, transaction: Session, job_id: int) -> int:
        failed = await transaction.execute("retry_failed", {"job_id": job_id})
        await transaction.execute("retry_pending", {"job_id": job_id})
        await self._minutes.add(transaction, job_id, {Status.FAILED: -failed, Status.PENDING: failed})
        (row,) = await transaction.fetch("count_pending", {"job_id": job_id})
        return row.integer("N")

    @staticmethod
    async def _require_free_slot(transaction: Session, job: Record) -> None:
        active = await transaction.fetch("find_active_job", {"auto_id": job.integer("AUTO_ID")}, at_most=1)
        if active:
            other = active[0].integer("JOB_ID")
            which = (
                "it is active itself" if other == job.integer("JOB_ID") else f"job {other} of its automation is active"
            )
            raise Conflict(
                f"job {job.integer('JOB_ID')} can't be retried: {which}",
                f"See 'mailer job show {other}', and retry when it has ended.",
            )
