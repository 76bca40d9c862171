"""Batches of jobs that are over, or stop, in which something must still be settled: a dead worker's call, an update."""

from functools import partial

import anyio

from mailer.errors import FenceLost, MailerError
from mailer.model.delivery import Delivery, Standing, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobClaim
from mailer.store.job_log import Level
from mailer.store.queue import NO_CLAIM
from mailer.worker.delivering import Deliverer
from mailer.worker.holding import Holding
from mailer.worker.job_notes import JobNotes
from mailer.worker.lease import Lease
from mailer.worker.outcomes import change_of, update_failed
from mailer.worker.plan import make_plan
from mailer.worker.resources import Resources


async def run_left_over_updates(resources: Resources, stop: anyio.Event, job_id: int | None = None) -> int:
    """Settles what free batches of such jobs ask for, of one job or all; sends nothing. How many batches it took.

    Until `stop`: what runs then is cancelled, and stays due.
    """
    taken = 0
    while not stop.is_set():
        asked_at = resources.clock.monotonic()
        with anyio.CancelScope(shield=True):  # a claim that was made and not noted would hold until its lease ends
            claim = await resources.queue.claim_batch_left_over(job_id)
        if claim is None:
            break
        taken += 1
        lease = Lease(resources.limits.lease.total_seconds(), resources.clock, asked_at)
        holding = Holding(resources, claim.job_id, lease, partial(resources.queue.renew_batch, claim))
        try:
            await holding.around(partial(_run_updates, resources, claim, lease), stop)
        except FenceLost:
            continue
        finally:
            with anyio.CancelScope(shield=True):
                if not await resources.queue.close_batch(claim):
                    await resources.queue.give_back_batch(claim)
    return taken


async def _run_updates(resources: Resources, claim: BatchClaim, lease: Lease) -> None:
    due = [delivery for delivery in await resources.ledger.work(claim) if delivery.status is Status.SENT]
    if not due:
        return
    definition = await resources.jobs.frozen(claim.job_id)
    auto_id = await resources.jobs.automation_id(claim.job_id)
    job = JobClaim(claim.job_id, auto_id, definition.name, claim.worker_id, NO_CLAIM, resources.clock.now(), True, 0)
    try:
        plan = await make_plan(resources, definition, tuple(due[0].row))
    except MailerError as fault:
        await _fail_updates(resources, job, claim, due, fault)
        return
    deliverer = Deliverer(resources, job, plan, lease)
    places = anyio.CapacityLimiter(definition.policies.max_parallel)
    fault_met: MailerError | None = None

    async def deliver(delivery: Delivery) -> None:
        nonlocal fault_met
        try:
            async with places:
                await deliverer.deliver(delivery, claim)
        except MailerError as fault:
            fault_met = fault_met or fault
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for delivery in due:
            group.start_soon(deliver, delivery)
    if fault_met is not None:
        raise fault_met


async def _fail_updates(
    resources: Resources, job: JobClaim, claim: BatchClaim, due: list[Delivery], fault: MailerError
) -> None:
    """None of them can run, so that they do not keep the job from its end: `job retry --updates` runs them later."""
    await JobNotes(resources.database, job).once(Level.WARNING, "update failed", str(fault))
    for delivery in due:
        before = Standing(Status.SENT, delivery.attempt, UpdateStatus.DUE)
        result = update_failed(delivery.tries, str(fault))
        await resources.ledger.record(change_of(delivery, before, delivery.attempt, result), claim)
