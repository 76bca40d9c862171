"""Helping with another process's job: one large list is sent by all machines, with only the database between them."""

import anyio

from mailer.errors import FenceLost, MailerError
from mailer.model.job import JobClaim, Stopping
from mailer.worker.holding import Holding
from mailer.worker.job_notes import JobNotes, cause_of
from mailer.worker.lease import Lease
from mailer.worker.plan import JobPlan
from mailer.worker.resources import Resources
from mailer.worker.sending import Sending


class Joining:
    """Sends batches of a job that another process holds; loading it and ending it is the holder's."""

    def __init__(self, resources: Resources, job: JobClaim) -> None:
        self._resources = resources
        self._job = job
        self._lease = Lease(resources.limits.lease.total_seconds(), resources.clock, resources.clock.monotonic())
        self._holding = Holding(resources, job.job_id, self._lease, self._renew)
        self._sending: Sending | None = None

    async def run(self, stop: anyio.Event) -> None:
        """Until no batch is free, the job is to stop, or `stop`. A cause that stops the job is left as its mark."""
        try:
            await self._holding.around(self._send, stop)
        except FenceLost:
            return
        except MailerError as fault:
            cause = cause_of(fault)
            if await self._resources.queue.mark_stopping(self._job.job_id, Stopping.FAIL, cause):
                await JobNotes(self._resources.database, self._job).stopped(cause)

    async def _send(self) -> None:
        plan = JobPlan(self._resources, await self._resources.jobs.frozen(self._job.job_id))
        self._sending = Sending(self._resources, self._job, plan, self._lease)
        with self._holding.until_stopping:
            await self._sending.run()

    async def _renew(self) -> None:
        if self._sending is not None:
            await self._sending.renew()
