"""A worker: claim → load → send → finish, one job at a time, until it is told to stop."""

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import structlog

from mailer.errors import MailerError, innermost
from mailer.fault_points import fault_point
from mailer.model.job import JobClaim, Stopping
from mailer.worker.job_run import JobRun
from mailer.worker.joining import Joining
from mailer.worker.left_over import run_left_over_updates
from mailer.worker.resources import Resources

log = structlog.get_logger(__name__)


Task = Callable[[], Awaitable[bool]]
"""Something to do; False: there was nothing of it left, so that there is no hurry to look again."""


class Worker:
    """One coroutine of a process. `at_work` is shared by the process: how many of its workers are on which job."""

    def __init__(self, resources: Resources, stop: anyio.Event, wake: "Wake", at_work: Counter[int]) -> None:
        self._resources = resources
        self._stop = stop
        self._wake = wake
        self._at_work = at_work
        self.is_idle = False

    async def run(self) -> None:
        """Works until `stop` is set. Of a process's idle workers one looks for work, for all of them."""
        while not self._stop.is_set():
            self.is_idle = True  # until it is the one that looks
            async with self._wake.looking:
                work = await self._look_out()
            if work is not None:
                await self._do(work)

    async def _look_out(self) -> Task | None:
        """The next thing to do; looks every poll, or at once when woken. None: told to stop."""
        while not self._stop.is_set():
            self.is_idle = False
            try:
                work = await self.look()
            except MailerError as fault:
                _note(fault)
                work = None
            if work is not None:
                return work
            await self._rest()
        return None

    async def look(self) -> Task | None:
        """A job to hold, or one to help with, or what jobs that are over left to be settled; None: nothing."""
        asked_at = self._resources.clock.monotonic()
        queue = self._resources.queue
        with self._resources.outages.watched() as may_take_over:
            there = await queue.look()
            claim = await queue.claim_job(may_take_over=may_take_over) if there.to_claim else None
        if claim is not None:
            fault_point("job claimed")
            return self._task(claim, JobRun(self._resources, claim, asked_at).run)
        if there.to_join:
            for job in await queue.jobs_to_join():
                if job.job_id not in self._at_work:
                    return self._task(job, Joining(self._resources, job).run)
        return self._settle if there.to_settle and may_take_over() else None

    async def _do(self, work: Task) -> None:
        try:
            did_something = await work()
        except MailerError as fault:
            _note(fault)
            did_something = False
        except Exception as fault:  # a defect of this program must not end the service
            log.error("settling what is left of a job met a defect", exc_info=fault)
            did_something = False
        if not did_something:
            await self._rest()

    async def _settle(self) -> bool:
        return bool(await run_left_over_updates(self._resources, self._stop))

    async def _rest(self) -> None:
        self.is_idle = True
        await self._wake.wait(self._resources.limits.poll, self._stop)

    def _task(self, job: JobClaim, run: Callable[[anyio.Event], Awaitable[None]]) -> Task:
        self._at_work[job.job_id] += 1
        return partial(self._work, job, run)

    async def _work(self, job: JobClaim, run: Callable[[anyio.Event], Awaitable[None]]) -> bool:
        log.info("job taken", job=job.job_id, automation=job.automation, fence=job.fence)
        try:
            await run(self._stop)
        except MailerError:
            raise
        except Exception as fault:  # noqa: BLE001 - a defect of this program must not end the service
            await self._give_up(job, fault)
        finally:
            self._at_work[job.job_id] -= 1
            self._at_work += Counter()  # drops those that nobody is on
        log.info("job put down", job=job.job_id, automation=job.automation)
        return True

    async def _give_up(self, claim: JobClaim, fault: Exception) -> None:
        """The job stops, and says why."""
        log.error("a job met a defect", job=claim.job_id, exc_info=fault)
        cause = f"internal error: {type(innermost(fault)).__name__}; see the log of {claim.worker_id}"
        await self._resources.queue.mark_stopping(claim.job_id, Stopping.FAIL, cause, fence=claim.fence or None)
        await self._resources.queue.give_back_job(claim)


def _note(fault: MailerError) -> None:
    log.warning("a look at the queue failed", error=str(fault), next_step=fault.next_step)


class Wake:
    """Wakes the idle workers of a process, as when its own scheduler has made a job.

    `looking` is held by the one of them that looks for work.
    """

    def __init__(self) -> None:
        self._event = anyio.Event()
        self.looking = anyio.Lock()

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
