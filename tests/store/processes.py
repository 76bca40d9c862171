"""Processes as the store's tests play them: what each has open, and the steps that a worker takes with it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from mailer.db.database import Database
from mailer.model.automation import Automation, Dbio, Policies, Schedule, Template, UnknownPolicy
from mailer.model.clock import Clock
from mailer.model.delivery import Change, Delivery, NewDelivery, Standing, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobClaim, JobStatus, Stopping
from mailer.store.automations import Automations
from mailer.store.fires import Fires
from mailer.store.interventions import Interventions
from mailer.store.jobs import Jobs
from mailer.store.ledger import Ledger, Recorded
from mailer.store.queue import Queue
from mailer.store.target_lists import Skipped, TargetLists
from mailer.store.unknowns import UnknownDeliveries

LEASE = 60.0
PATIENCE = 30.0
BATCH_ROWS = 2
ACTOR = "kim"
HOLD_BACK = timedelta(days=3)
UPDATE = "UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"


def definition(
    name: str = "월간 명세서",
    *,
    update: str | None = UPDATE,
    subject: str = "$(CUST_NAME)님, 명세서",
    max_parallel: int = 4,
    unknown: UnknownPolicy = UnknownPolicy.SKIP,
    schedules: Iterable[Schedule] = (),
) -> Automation:
    """An automation that is not about what the test is about."""
    return Automation(
        name=name,
        dbio=Dbio("crm", "SELECT CUST_ID, EMAIL FROM CUSTOMER", "CUST_ID", "EMAIL", update=update),
        template=Template(subject, "<p>$(CUST_NAME)님</p>"),
        policies=Policies("고객센터 <billing@example.co.kr>", max_parallel=max_parallel, unknown=unknown),
        owner="crm-team@example.co.kr",
        schedules=tuple(schedules),
    )


def target_row(row_no: int, key: str, email: str | None = None) -> NewDelivery:
    """A PENDING row of a list."""
    return NewDelivery(
        row_no, key, email or f"{key}@example.co.kr", {"CUST_ID": key}, f"token-{row_no}", Status.PENDING
    )


@dataclass(frozen=True)
class Process:
    """The store as one process sees it. Its ledger commits while `at_work` is entered."""

    name: str
    database: Database
    automations: Automations
    fires: Fires
    queue: Queue
    lists: TargetLists
    ledger: Ledger
    jobs: Jobs
    interventions: Interventions
    unknowns: UnknownDeliveries

    async def enqueue(self, automation: Automation) -> int:
        """Saves the automation and enqueues a job of it."""
        saved = await self.automations.save(automation, ACTOR)
        return await self.fires.enqueue(saved.auto_id, ACTOR)

    async def claim_job(self) -> JobClaim:
        """There is one to be claimed."""
        claim = await self.queue.claim_job()
        assert claim is not None
        return claim

    async def load(
        self, claim: JobClaim, keys: Iterable[str], *, batch_rows: int = BATCH_ROWS, hold_back: timedelta = HOLD_BACK
    ) -> Skipped:
        """Loads the whole list."""
        await self.jobs.freeze(claim)
        await self.lists.clear(claim)
        rows = [target_row(row_no, key) for row_no, key in enumerate(keys, start=1)]
        for begin in range(0, len(rows), batch_rows):
            await self.lists.add_slice(claim, begin // batch_rows + 1, rows[begin : begin + batch_rows])
        skipped = await self.lists.judge(claim, hold_back)
        await self.lists.set_loaded(claim)
        return skipped

    async def run_job(self, automation: Automation, keys: Iterable[str], *, batch_rows: int = BATCH_ROWS) -> JobClaim:
        """Enqueues, claims and loads a job of these recipients."""
        await self.enqueue(automation)
        claim = await self.claim_job()
        await self.load(claim, keys, batch_rows=batch_rows)
        return replace(claim, is_loaded=True)

    async def claim_batch(self, job_id: int) -> BatchClaim:
        """There is one to be claimed."""
        claim = await self.queue.claim_batch(job_id, in_order=False)
        assert claim is not None
        return claim

    async def take(self, job_id: int) -> tuple[BatchClaim, list[Delivery]]:
        """A batch of the job, and what is to be done in it."""
        claim = await self.claim_batch(job_id)
        return claim, await self.ledger.work(claim)

    async def mark_sending(self, delivery: Delivery, claim: BatchClaim) -> Recorded:
        """PENDING → SENDING."""
        return await self.ledger.record(sending(delivery), claim)

    async def answer(self, delivery: Delivery, claim: BatchClaim, after: Status, update: UpdateStatus) -> Recorded:
        """What the transport said of the attempt that `mark_sending` began."""
        return await self.ledger.record(answer(delivery, after, update), claim)

    async def send(
        self, delivery: Delivery, claim: BatchClaim, after: Status = Status.SENT, update: UpdateStatus | None = None
    ) -> None:
        """PENDING → SENDING → `after`; the update query of a mail that is sent is done, if nothing else is said."""
        await self.mark_sending(delivery, claim)
        is_sent = after is Status.SENT
        await self.answer(delivery, claim, after, UpdateStatus.DUE if is_sent else UpdateStatus.NONE)
        if is_sent and update is not UpdateStatus.DUE:
            await self.end_update(delivery, claim, update or UpdateStatus.DONE)

    async def end_update(
        self,
        delivery: Delivery,
        claim: BatchClaim,
        update: UpdateStatus,
        *,
        rows: int | None = None,
        attempt: int | None = None,
    ) -> Recorded:
        """The update query of a mail that was sent has run; `attempt` None: sent by `send` or `answer`."""
        if rows is None and update is UpdateStatus.DONE:
            rows = 1
        attempt = delivery.attempt + 1 if attempt is None else attempt
        change = Change(
            delivery.delivery_id,
            delivery.job_id,
            delivery.batch_no,
            Standing(Status.SENT, attempt, UpdateStatus.DUE),
            Standing(Status.SENT, attempt, update),
            delivery.tries,
            update_rows=rows,
        )
        return await self.ledger.record(change, claim)

    async def send_all(self, claim: JobClaim, after: Status = Status.SENT, update: UpdateStatus | None = None) -> None:
        """Brings each delivery of the job to that state, and closes what can be closed."""
        while (batch := await self.queue.claim_batch(claim.job_id, in_order=False)) is not None:
            for delivery in await self.ledger.work(batch):
                await self.send(delivery, batch, after, update)
            if not await self.queue.close_batch(batch):
                return

    async def finish(self, claim: JobClaim, *, unknown_is_final: bool = True) -> None:
        """Ends the job DONE."""
        assert await self.queue.end_done(claim, "sent", unknown_is_final=unknown_is_final)

    async def stop(self, claim: JobClaim, status: JobStatus = JobStatus.FAIL) -> None:
        """Ends the job FAIL or CANCELLED."""
        await self.queue.mark_stopping(claim.job_id, Stopping(status.value), "the cause")
        assert await self.queue.end_stopped(claim, status, "the cause")


def sending(delivery: Delivery) -> Change:
    """The next attempt at a PENDING row begins."""
    return Change(
        delivery.delivery_id,
        delivery.job_id,
        delivery.batch_no,
        Standing(Status.PENDING, delivery.attempt, UpdateStatus.NONE),
        Standing(Status.SENDING, delivery.attempt + 1, UpdateStatus.NONE),
        delivery.tries,
    )


def without_mail(delivery: Delivery, after: Status = Status.FAILED) -> Change:
    """A PENDING row ends before any call is made for it."""
    standing = Standing(after, delivery.attempt, UpdateStatus.NONE)
    before = Standing(Status.PENDING, delivery.attempt, UpdateStatus.NONE)
    return Change(
        delivery.delivery_id, delivery.job_id, delivery.batch_no, before, standing, 0, error_code="no mapping row"
    )


def answer(delivery: Delivery, after: Status, update: UpdateStatus = UpdateStatus.NONE) -> Change:
    """What became of the attempt that followed the delivery as it was handed out."""
    attempt = delivery.attempt + 1
    return Change(
        delivery.delivery_id,
        delivery.job_id,
        delivery.batch_no,
        Standing(Status.SENDING, attempt, UpdateStatus.NONE),
        Standing(after, attempt, update),
        delivery.tries,
        message_id=f"ses-{delivery.delivery_id}-{attempt}" if after is Status.SENT else None,
        error_code=None if after is Status.SENT else "said so",
    )


@asynccontextmanager
async def at_work(name: str, database: Database, clock: Clock, *, patience: float = PATIENCE) -> AsyncIterator[Process]:
    """A process whose ledger commits."""
    lease = timedelta(seconds=LEASE)
    ledger = Ledger(database, name, lease, clock, timedelta(seconds=patience))
    task = asyncio.create_task(ledger.run())
    try:
        yield Process(
            name=name,
            database=database,
            automations=Automations(database),
            fires=Fires(database),
            queue=Queue(database, name, lease),
            lists=TargetLists(database, name, lease),
            ledger=ledger,
            jobs=Jobs(database),
            interventions=Interventions(database, name),
            unknowns=UnknownDeliveries(database, name),
        )
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
