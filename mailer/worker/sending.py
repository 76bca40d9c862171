"""The deliveries of a loaded job: batch by batch, at most max_parallel in flight, until no batch is left to claim."""

import asyncio
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from mailer.errors import FenceLost, JobStopped, MailerError
from mailer.fault_points import fault_point
from mailer.model.delivery import Delivery
from mailer.model.job import BatchClaim, JobClaim
from mailer.worker.asking import ASK_AGAIN, ask
from mailer.worker.delivering import Deliverer
from mailer.worker.lease import Lease
from mailer.worker.mapping import MappedAhead
from mailer.worker.plan import JobPlan
from mailer.worker.resources import Resources

POISON_TAKEOVERS = 3
"""Owners of one batch, or of one loading, that died in a row without any progress: the next would, too."""


@dataclass(eq=False, slots=True)
class _ActiveBatch:
    """A claimed batch, and how many of its deliveries have not ended."""

    claim: BatchClaim
    left: int = 0
    ahead: MappedAhead | None = None
    done: anyio.Event = field(default_factory=anyio.Event)


class Sending:
    """Sends batches of one job, for its holder or for a process that helps."""

    def __init__(self, resources: Resources, job: JobClaim, plan: JobPlan, lease: Lease) -> None:
        self._resources = resources
        self._job = job
        self._plan = plan
        self._lease = lease
        self._at_once = plan.definition.policies.max_parallel
        self._in_order = self._at_once == 1
        self._places = resources.places.of(job.job_id, self._at_once)
        self._deliverer: Deliverer | None = None
        self._fault: MailerError | None = None
        self._active: set[_ActiveBatch] = set()
        self._left_open = False
        self._group: TaskGroup | None = None
        self._work: asyncio.Queue[tuple[Delivery, _ActiveBatch]] = asyncio.Queue()
        """What is claimed and not begun."""
        self._lanes = 0

    async def renew(self) -> None:
        """Lengthens the leases of the batches in hand. One that is lost ends this sending with FenceLost."""
        for batch in list(self._active):
            try:
                await self._resources.queue.renew_batch(batch.claim)
            except FenceLost as lost:
                if batch in self._active and self._group is not None:  # not one that was put down meanwhile
                    self._end_with(lost, self._group)

    async def run(self) -> None:
        """Sends all batches that can be claimed. Raises FenceLost, and what makes the job stop.

        Cancelled: what is in flight ends, the rest stays PENDING and its batches are given back.
        """
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                try:
                    await self._start_batches(group)
                except MailerError as fault:
                    self._end_with(fault, group)
                group.cancel_scope.cancel()  # the lanes: there is no more work
        finally:
            for batch in list(self._active):
                await self._put_down(batch)
        if self._fault is not None:
            raise self._fault

    async def _start_batches(self, group: TaskGroup) -> None:
        while True:
            if self._left_open:  # its rows may not be sent now: the job's mark, soon seen, says why
                self._left_open = False
                await self._resources.clock.sleep(ASK_AGAIN)
            batch = await ask(self._resources.clock, self._claim_batch)
            if batch is not None:
                await self._start_batch(group, batch)
            elif self._active:
                await next(iter(self._active)).done.wait()
            else:
                return

    async def _claim_batch(self) -> _ActiveBatch | None:
        """Shielded: a claim that was made and not noted would hold until its lease ends."""
        with anyio.CancelScope(shield=True):
            with self._resources.outages.watched() as may_take_over:
                claim = await self._resources.queue.claim_batch(
                    self._job.job_id, in_order=self._in_order, may_take_over=may_take_over
                )
            if claim is None:
                return None
            batch = _ActiveBatch(claim)
            self._active.add(batch)
        fault_point("batch claimed")
        return batch

    async def _start_batch(self, group: TaskGroup, batch: _ActiveBatch) -> None:
        claim = batch.claim
        if claim.takeovers >= POISON_TAKEOVERS:
            raise JobStopped(f"batch {claim.batch_no} ended {claim.takeovers} workers in a row without any progress")
        work = await ask(self._resources.clock, lambda: self._work_of(claim))
        batch.left = len(work)
        if not work:
            await self._put_down(batch)
            return
        deliverer = await self._ready_deliverer(work[0])
        batch.ahead = deliverer.ahead(work)
        self._start_lanes(group, deliverer, len(work))
        for delivery in work:
            self._work.put_nowait((delivery, batch))
        await self._work.join()  # all of it is begun
        if self._in_order:
            await batch.done.wait()

    def _start_lanes(self, group: TaskGroup, deliverer: Deliverer, deliveries: int) -> None:
        """A task for each place, not for each delivery: making one costs as much as a statement of the ledger."""
        for _ in range(min(self._at_once, deliveries) - self._lanes):
            group.start_soon(self._lane, group, deliverer)
            self._lanes += 1

    async def _lane(self, group: TaskGroup, deliverer: Deliverer) -> None:
        """One delivery after the other, until it is cancelled."""
        while True:
            delivery, batch = await self._work.get()
            self._work.task_done()
            await self._places.acquire()
            await self._deliver(group, deliverer, delivery, batch)

    async def _work_of(self, claim: BatchClaim) -> list[Delivery]:
        """What the batch asks for, after another look at what must not be sent any more."""
        await self._resources.lists.judge_batch(claim, self._job, self._plan.definition.policies.hold_back)
        return await self._resources.ledger.work(claim)

    async def _deliver(self, group: TaskGroup, deliverer: Deliverer, delivery: Delivery, batch: _ActiveBatch) -> None:
        try:
            await deliverer.deliver(delivery, batch.claim, batch.ahead)
        except MailerError as fault:
            self._end_with(fault, group)
        finally:
            self._places.release()
        batch.left -= 1
        if not batch.left:
            await self._put_down(batch)

    async def _put_down(self, batch: _ActiveBatch) -> None:
        """Closes a batch in which nothing is left to do, or gives it back; also while the service stops."""
        try:
            await ask(self._resources.clock, lambda: self._close_or_give_back(batch.claim))
        finally:
            self._active.discard(batch)
            batch.done.set()

    async def _close_or_give_back(self, claim: BatchClaim) -> None:
        with anyio.CancelScope(shield=True):
            if not await self._resources.queue.close_batch(claim):
                await self._resources.queue.give_back_batch(claim)
                self._left_open = True

    def _end_with(self, fault: MailerError, group: TaskGroup) -> None:
        """Nothing more of the job is sent; the first cause is the one that counts."""
        self._fault = self._fault or fault
        group.cancel_scope.cancel()

    async def _ready_deliverer(self, first: Delivery) -> Deliverer:
        if self._deliverer is None:
            plan = await self._plan.ready(tuple(first.row))
            self._deliverer = Deliverer(self._resources, self._job, plan, self._lease)
        return self._deliverer
