"""A claimed job's whole life: load, send, finish, with the lease kept around it. It ends here and nowhere else."""

from functools import partial

import anyio
import structlog

from mailer.errors import FenceLost, JobStopped, MailerError
from mailer.model.clock import Clock
from mailer.model.delivery import Status
from mailer.model.job import JobClaim, JobStatus, Stopping
from mailer.store.minutes import Counts
from mailer.worker.asking import ask
from mailer.worker.holding import Holding
from mailer.worker.job_notes import JobNotes, cause_of
from mailer.worker.lease import Lease
from mailer.worker.left_over import run_left_over_updates
from mailer.worker.loading import load_list
from mailer.worker.plan import JobPlan
from mailer.worker.resources import Resources
from mailer.worker.sending import POISON_TAKEOVERS, Sending
from mailer.worker.unknowns import Unknowns

log = structlog.get_logger(__name__)

RETRY = 1.0
"""Seconds between two tries of something that another process holds up."""


class JobRun:
    """One claim on one job."""

    def __init__(self, resources: Resources, claim: JobClaim, asked_at: float) -> None:
        """`asked_at`: the monotonic clock before the claim was made."""
        self._resources = resources
        self._claim = claim
        self._clock: Clock = resources.clock
        self._begun_at = self._clock.monotonic()
        self._notes = JobNotes(resources.database, claim)
        self._lease = Lease(resources.limits.lease.total_seconds(), resources.clock, asked_at)
        self._holding = Holding(resources, claim.job_id, self._lease, self._renew)
        self._sending: Sending | None = None
        self._named = {"job": claim.job_id, "automation": claim.automation}
        self._look_again: float | None = None
        """Seconds for which nothing can be done but wait for what is UNKNOWN."""

    async def run(self, stop: anyio.Event) -> None:
        """To the job's end, or until `stop`: then what is in flight ends, and the rest is given back.

        A job that only waits for what is UNKNOWN is put off, so that this worker is free for others meanwhile.
        Raises DatabaseAway: the claim ends with its lease. Where the claim is lost, another worker goes on with it.
        """
        try:
            await self._holding.around(partial(self._run_to_end, stop), stop)
        except FenceLost:
            return
        if stop.is_set():
            await self._resources.queue.give_back_job(self._claim)
        elif self._look_again is not None:
            await self._resources.queue.put_off_job(self._claim, self._look_again)

    async def _renew(self) -> None:
        await self._resources.queue.renew_job(self._claim)
        if self._sending is not None:
            await self._sending.renew()

    async def _run_to_end(self, stop: anyio.Event) -> None:
        is_done = False
        with self._holding.until_stopping:
            try:
                is_done = await self._load_and_send()  # or put off
            except FenceLost:
                pass  # either the job's mark or another's claim: the end finds out which
            except MailerError as fault:
                await self._mark_failed(fault)
        if not is_done:
            if self._holding.away is not None:
                await self._mark_failed(self._holding.away)
            await ask(self._clock, partial(self._end_stopped, stop))

    async def _load_and_send(self) -> bool:
        """True when the job is DONE, or put off; False when it is to stop."""
        standing = await ask(self._clock, lambda: self._resources.queue.standing(self._claim.job_id))
        if standing.stopping is not None:
            return False
        plan = await ask(self._clock, self._loaded)
        unknowns = Unknowns(self._resources, self._claim, plan.definition)
        while True:
            await self._send(plan)
            if await ask(self._clock, lambda: self._end_done(unknowns)):
                return True
            if await ask(self._clock, self._only_unknown_is_left):
                self._look_again = max(self._resources.limits.poll, unknowns.look_again)
                return True
            await self._clock.sleep(self._resources.limits.poll)

    async def _loaded(self) -> JobPlan:
        """The job's plan, once its list is loaded; from the start again where the database was away meanwhile."""
        if self._claim.is_loaded:
            return JobPlan(self._resources, await self._resources.jobs.frozen(self._claim.job_id))
        if self._claim.takeovers >= POISON_TAKEOVERS:
            raise JobStopped(f"loading the list ended {self._claim.takeovers} workers in a row")
        await self._resources.jobs.freeze(self._claim)
        plan = JobPlan(self._resources, await self._resources.jobs.frozen(self._claim.job_id))
        await load_list(self._resources, self._claim, plan)
        return plan

    async def _send(self, plan: JobPlan) -> None:
        """Sends what can be claimed. A batch that was lost is another's; only where the job is lost too, FenceLost."""
        self._sending = Sending(self._resources, self._claim, plan, self._lease)
        try:
            await self._sending.run()
        except FenceLost:
            await ask(self._clock, lambda: self._resources.queue.renew_job(self._claim))

    async def _end_done(self, unknowns: Unknowns) -> bool:
        unknown_is_final = await unknowns.settle()
        counts = await self._resources.jobs.counts(self._claim.job_id)
        summed_up = summary(counts, self._clock.monotonic() - self._begun_at)
        is_done = await self._resources.queue.end_done(self._claim, summed_up, unknown_is_final=unknown_is_final)
        if is_done:
            log.info("job ended", **self._named, status=JobStatus.DONE.value, result=summed_up)
        return is_done

    async def _only_unknown_is_left(self) -> bool:
        left = await self._resources.queue.remaining(self._claim.job_id)
        return bool(left.unknown) and not (left.open_batches or left.pending or left.under_way)

    async def _mark_failed(self, fault: MailerError) -> None:
        """Sets the mark as soon as the database can be reached. Raises FenceLost."""
        cause = cause_of(fault)
        queue, claim = self._resources.queue, self._claim
        if await ask(self._clock, lambda: queue.mark_stopping(claim.job_id, Stopping.FAIL, cause, fence=claim.fence)):
            await ask(self._clock, lambda: self._notes.stopped(cause))

    async def _end_stopped(self, stop: anyio.Event) -> None:
        """FAIL or CANCELLED, once nothing is in flight and no update query is due. Raises FenceLost.

        Of a FAIL the owner is warned here, whoever had set the mark.
        """
        while True:
            standing = await self._resources.queue.standing(self._claim.job_id)
            if standing.stopping is None:
                raise FenceLost(f"job {self._claim.job_id} is in other hands")
            await run_left_over_updates(self._resources, stop, self._claim.job_id)
            counts = await self._resources.jobs.counts(self._claim.job_id)
            summed_up = f"{standing.log}; {summary(counts, self._clock.monotonic() - self._begun_at)}"
            status = JobStatus(standing.stopping.value)
            if await self._resources.queue.end_stopped(self._claim, status, summed_up):
                break
            await self._clock.sleep(RETRY)
        say = log.error if status is JobStatus.FAIL else log.warning
        say("job ended", **self._named, status=status.value, result=summed_up)
        if status is JobStatus.FAIL:
            with anyio.CancelScope(shield=True):
                async with self._resources.in_flight.call():
                    await self._warn_owner(standing.log or "")

    async def _warn_owner(self, cause: str) -> None:
        try:
            definition = await self._resources.jobs.frozen(self._claim.job_id)
        except (MailerError, ValueError):
            definition = None  # it is itself what can't be read
        counts = await self._resources.jobs.counts(self._claim.job_id)
        subject = f"mailer: job {self._claim.job_id} of '{self._claim.automation}' has stopped"
        text = (
            f"{cause}\n\nSo far: {summary(counts, None)}.\n"
            f"Mend the cause, then go on where it stopped: mailer job retry {self._claim.job_id}\n"
        )
        await self._resources.warn(definition, f"{self._claim.job_id}-stopped", subject, text)


def summary(counts: Counts, seconds: float | None) -> str:
    """A job in one line: 'sent 590, skipped 12, failed 8 of 610 in 3.2 s (184/s)', or 'nothing to send'."""
    if not counts.total:
        return "nothing to send"
    order = (Status.SENT, Status.SKIPPED, Status.FAILED, Status.UNKNOWN, Status.SENDING, Status.PENDING)
    parts = [f"{status.value.lower()} {counts.deliveries[status]}" for status in order if counts.deliveries[status]]
    line = f"{', '.join(parts)} of {counts.total}"
    sent = counts.deliveries[Status.SENT]
    return f"{line} in {seconds:.1f} s ({sent / max(seconds, 0.001):.0f}/s)" if seconds is not None else line
