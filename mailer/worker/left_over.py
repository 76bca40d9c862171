"""Batches of jobs that are over, or stop, in which something must still be settled: a dead worker's call, an update."""

from mailer.errors import FenceLost
from mailer.model.delivery import Status
from mailer.model.job import BatchClaim, JobClaim
from mailer.worker.delivering import Deliverer
from mailer.worker.lease import Lease
from mailer.worker.plan import make_plan
from mailer.worker.resources import Resources


async def run_left_over_updates(resources: Resources, job_id: int | None = None) -> int:
    """Settles what free batches of such jobs ask for, of one job or all; sends nothing. How many batches it took."""
    taken = 0
    while True:
        asked_at = resources.clock.monotonic()
        claim = await resources.queue.claim_batch_left_over(job_id)
        if claim is None:
            return taken
        taken += 1
        try:
            await _run_updates(resources, claim, asked_at)
        except FenceLost:
            continue
        if not await resources.queue.close_batch(claim):
            await resources.queue.give_back_batch(claim)


async def _run_updates(resources: Resources, claim: BatchClaim, asked_at: float) -> None:
    due = [delivery for delivery in await resources.ledger.work(claim) if delivery.status is Status.SENT]
    if not due:
        return
    definition = await resources.jobs.frozen(claim.job_id)
    plan = await make_plan(resources, definition, tuple(due[0].row))
    auto_id = await resources.jobs.automation_id(claim.job_id)
    job = JobClaim(claim.job_id, auto_id, definition.name, claim.worker_id, 0, resources.clock.now(), True, 0)
    lease = Lease(resources.limits.lease.total_seconds(), resources.clock, asked_at)
    deliverer = Deliverer(resources, job, plan, lease)
    for delivery in due:
        await deliverer.deliver(delivery, claim)
