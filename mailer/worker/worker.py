"""A worker: claim → load → send → finish, one job at a time, until it is told to stop."""

from collections.abc import Awaitable, Callable

import anyio
import structlog

from mailer.errors import MailerError
from mailer.fault_points import fault_point
from mailer.model.job import JobClaim, Stopping
from mailer.worker.job_run import JobRun
from mailer.worker.joining import Joining
from mailer.worker.left_over import run_left_over_updates
from mailer.worker.resources import Resources

log = structlog.get_logger(__name__)


class Worker:
    """One coroutine of a process. `at_work` is shared by the process: the jobs that one of its workers is on."""

    def __init__(self, resources: Resources, stop: anyio.Event, wake: "Wake", at_work: set[int]) -> None:
        self._resources = resources
        self._stop = stop
        self._wake = wake
        self._at_work = at_work
        self.is_idle = False

    async def run(self) -> None:
        """Works until `stop` is set; looks for work every poll, or at once when woken."""
        while not self._stop.is_set():
            try:
                did_something = await self.tick()
            except MailerError as fault:
                log.warning("a look at the queue failed", error=str(fault), next_step=fault.next_step)
                did_something = False
            if not did_something:
                self.is_idle = True
                await self._wake.wait(self._resources.limits.poll, self._stop)
                self.is_idle = False

    async def tick(self) -> bool:
        """One look at the queue: a job to hold, or one to help with, or what jobs that are over left to be settled."""
        asked_at = self._resources.clock.monotonic()
        claim = await self._resources.queue.claim_job()
        if claim is not None:
            fault_point("job claimed")
            await self._work(claim, JobRun(self._resources, claim, asked_at).run)
            return True
        for job in await self._resources.queue.jobs_to_join():
            if job.job_id not in self._at_work:
                await self._work(job, Joining(self._resources, job).run)
                return True
        return bool(await run_left_over_updates(self._resources))

    async def _work(self, job: JobClaim, run: Callable[[anyio.Event], Awaitable[None]]) -> None:
        log.info("job taken", job=job.job_id, automation=job.automation, fence=job.fence)
        self._at_work.add(job.job_id)
        try:
            await run(self._stop)
        except MailerError:
            raise
        except Exception as fault:  # noqa: BLE001 - a defect of this program must not end the service
            await self._give_up(job, fault)
        finally:
            self._at_work.discard(job.job_id)
        log.info("job put down", job=job.job_id, automation=job.automation)

    async def _give_up(self, claim: JobClaim, fault: Exception) -> None:
        """The job stops, and says why."""
        log.error("a job met a defect", job=claim.job_id, exc_info=fault)
        cause = f"internal error: {type(fault).__name__}"
        await self._resources.queue.mark_stopping(claim.job_id, Stopping.FAIL, cause)
        await self._resources.queue.give_back_job(claim)


class Wake:
    """Wakes all idle workers of a process, as when its own scheduler has made a job."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def wake(self) -> None:
        """There may be work."""
        self._event.set()
        self._event = anyio.Event()

    async def wait(self, seconds: float, stop: anyio.Event) -> None:
        """Until woken, told to stop, or that many seconds have passed."""
        event = self._event
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                group.start_soon(_then_cancel, stop, group.cancel_scope)
                await event.wait()
                group.cancel_scope.cancel()


async def _then_cancel(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
