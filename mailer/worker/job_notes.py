"""What a worker says of its job in JOB_LOG."""

from mailer.db.database import Database
from mailer.errors import MailerError
from mailer.model.clock import Clock
from mailer.model.job import JobClaim
from mailer.store.job_log import Level, log_always, log_once
from mailer.worker.asking import ask


class JobNotes:
    """Writes lines of one job."""

    def __init__(self, database: Database, job: JobClaim, clock: Clock | None = None) -> None:
        """With a clock: a line is tried again for as long as the database is away."""
        self._database = database
        self._job = job
        self._clock = clock

    async def once(self, level: Level, code: str, message: str) -> bool:
        """The first of its code in full, the rest counted; True for the first."""

        async def write() -> bool:
            return await log_once(self._database, self._job.auto_id, self._job.job_id, level, code, message)

        return await (ask(self._clock, write) if self._clock else write())

    async def stopped(self, cause: str) -> None:
        """Why the job stops before its end."""
        await self.always(Level.ERROR, "job stopped", cause)

    async def always(self, level: Level, code: str, message: str) -> None:
        """Every time in full."""
        await log_always(self._database, self._job.auto_id, self._job.job_id, level, code, message)


def cause_of(fault: MailerError) -> str:
    """Why a job stopped, and what to do about it, as its LOG keeps it."""
    what, next_step = str(fault).rstrip("."), fault.next_step
    return f"{what}. {next_step[0].upper()}{next_step[1:]}" if next_step else what
