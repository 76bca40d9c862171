"""Watches a job to its end, from outside: whatever becomes of the watcher, the job goes on."""

from collections.abc import Callable
from datetime import timedelta

from mailer.cli.job_show import has_worker
from mailer.cli.progress import Progress
from mailer.db.database import Database
from mailer.errors import DatabaseAway
from mailer.model.clock import Clock
from mailer.store.account import Account
from mailer.store.jobs import Job, Jobs

LOOK = 0.5
"""Seconds between two looks."""
NO_WORKER = 10.0
"""Seconds without a live worker until that is said."""


class Watch:
    """One job under somebody's eyes."""

    def __init__(
        self, database: Database, account: Account, job_id: int, clock: Clock, say: Callable[[str], None]
    ) -> None:
        """`say` is told, once each, what keeps the job from going on. `account`: what its mails leave by."""
        self._database = database
        self._account = account
        self._job_id = job_id
        self._clock = clock
        self._say = say
        self._worker_seen_at = clock.monotonic()
        self._said: str | None = None

    async def to_end(self, progress: Progress, patience: timedelta) -> Job:
        """The job when it is over. Raises DatabaseAway where the database is away for longer than the patience."""
        answered_at = self._clock.monotonic()
        while True:
            try:
                job = await self.look(progress)
                answered_at = self._clock.monotonic()
                if not job.status.is_active:
                    return job
            except DatabaseAway:
                if self._clock.monotonic() - answered_at > patience.total_seconds():
                    raise
            await self._clock.sleep(LOOK)

    async def look(self, progress: Progress) -> Job:
        """One look: shows how the job stands."""
        jobs = Jobs(self._database)
        job = await jobs.read(self._job_id)
        progress.show(job, await jobs.counts(self._job_id))
        if job.status.is_active:
            hindrance = await self._hindrance()
            if hindrance is not None and hindrance != self._said:
                self._say(hindrance)
            self._said = hindrance
        return job

    async def _hindrance(self) -> str | None:
        """What keeps the job from going on; None where nothing is known to."""
        now = self._clock.monotonic()
        if await has_worker(self._database):
            self._worker_seen_at = now
        if now - self._worker_seen_at >= NO_WORKER:
            return f"no worker has been running for {NO_WORKER:.0f} s, and the job waits: start 'mailer run'"
        pause = await self._account.paused()
        return f"nothing can leave, the job waits: {pause.why}" if pause else None
