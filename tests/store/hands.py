"""A worker of the state machine: what it has in hand, and each step that it can take next, however late."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto

from mailer.errors import FenceLost
from mailer.model.delivery import Delivery, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobClaim, JobStatus
from mailer.store.ledger import Verdict
from mailer.worker.lease import Lease
from tests.doubles.hand_clock import HandClock
from tests.store.processes import HOLD_BACK, LEASE, Process, target_row
from tests.store.tables import Tables

KEYS = ["하나", "둘", "셋"]


class Answer(Enum):
    """What a call ends with, and whether SES has the mail."""

    ACCEPTED = auto()
    THROTTLED = auto()
    REJECTED = auto()
    LOST_ACCEPTED = auto()
    """SES has it, and its answer never came."""
    LOST = auto()
    NOT_MADE = auto()
    """The lease was near its end: no call."""


ENDS = {
    Answer.ACCEPTED: (Status.SENT, UpdateStatus.DUE),
    Answer.THROTTLED: (Status.PENDING, UpdateStatus.NONE),
    Answer.REJECTED: (Status.FAILED, UpdateStatus.NONE),
    Answer.LOST_ACCEPTED: (Status.UNKNOWN, UpdateStatus.NONE),
    Answer.LOST: (Status.UNKNOWN, UpdateStatus.NONE),
    Answer.NOT_MADE: (Status.PENDING, UpdateStatus.NONE),
}


@dataclass
class Hands:
    """One worker, which may be frozen between any two steps."""

    process: Process
    clock: HandClock
    tables: Tables
    accepted: Counter[int]
    """How often SES has taken each DELIVERY_ID, from whatever worker."""
    job: JobClaim | None = None
    is_loaded: bool = False
    batch: BatchClaim | None = None
    lease: Lease | None = None
    pending: list[Delivery] = field(default_factory=list)
    sending: list[Delivery] = field(default_factory=list)
    answers: list[tuple[Delivery, Answer]] = field(default_factory=list)
    updates: list[tuple[Delivery, int]] = field(default_factory=list)
    """With the attempt that was answered."""

    async def step(self, answer: Answer, update: UpdateStatus, rows: int | None) -> bool:
        """What a worker would do next; a call ends with that answer, an update query so. False: it found no work."""
        if self.updates:
            await self.run_update(update, rows)
        elif self.answers:
            await self.write_answer()
        elif self.sending:
            self.call(answer)
        elif self.pending and self.batch is not None:
            await self.mark()
        elif self.batch is not None:
            await self.put_down()
        elif self.job is not None:
            await self.go_on_with_job(self.job)
        else:
            await self.look_for_work()
        return self.job is not None or self.batch is not None

    async def go_on_with_job(self, job: JobClaim) -> None:
        """Load, or claim a batch, or end."""
        is_stopping = (await self.process.queue.standing(job.job_id)).stopping is not None
        if is_stopping:
            await self.claim_left_over()
        elif not self.is_loaded:
            await self.load(is_cut=False)
        else:
            await self.claim_batch(job)
        if self.batch is None and (self.is_loaded or is_stopping) and self.job is not None:
            await self.end()

    async def look_for_work(self) -> None:
        """A job to hold, or one to help with, or what jobs that are over have left."""
        await self.claim_job()
        if self.job is None:
            jobs = await self.process.queue.jobs_to_join()
            if jobs:
                await self.claim_batch(jobs[0])
        if self.job is None and self.batch is None:
            await self.claim_left_over()

    def die(self) -> None:
        """A crash: all that was in hand is gone."""
        self.job = self.batch = self.lease = None
        self.is_loaded = False
        for held in (self.pending, self.sending, self.answers, self.updates):
            held.clear()

    async def claim_job(self) -> None:
        self.job = await self.process.queue.claim_job()
        self.is_loaded = self.job is not None and self.job.is_loaded

    async def load(self, *, is_cut: bool) -> None:
        """The whole list, or its first slice and no more."""
        assert self.job is not None
        lists = self.process.lists
        try:
            await self.process.jobs.freeze(self.job)
            await lists.clear(self.job)
            rows = [target_row(number, key) for number, key in enumerate(KEYS, start=1)]
            await lists.add_slice(self.job, 1, rows[:2])
            if is_cut:
                return
            await lists.add_slice(self.job, 2, rows[2:])
            await lists.judge(self.job, HOLD_BACK)
            await lists.set_loaded(self.job)
            self.is_loaded = True
        except FenceLost:
            self.job = None

    async def claim_batch(self, job: JobClaim) -> None:
        asked_at = self.clock.monotonic()
        self.batch = await self.process.queue.claim_batch(job.job_id, in_order=False)
        if self.batch is not None:
            self.lease = Lease(LEASE, self.clock, asked_at)
            await self.process.lists.judge_batch(self.batch, job, HOLD_BACK)
            self.take(await self.process.ledger.work(self.batch))

    async def claim_left_over(self) -> None:
        asked_at = self.clock.monotonic()
        self.batch = await self.process.queue.claim_batch_left_over()
        if self.batch is not None:
            self.lease = Lease(LEASE, self.clock, asked_at)
            work = await self.process.ledger.work(self.batch)
            self.take([delivery for delivery in work if delivery.status is Status.SENT])

    def take(self, work: list[Delivery]) -> None:
        self.pending = [delivery for delivery in work if delivery.status is Status.PENDING]
        self.updates += [(delivery, delivery.attempt) for delivery in work if delivery.status is Status.SENT]

    async def renew(self) -> None:
        assert self.batch is not None
        assert self.lease is not None
        asked_at = self.clock.monotonic()
        try:
            await self.process.queue.renew_batch(self.batch)
        except FenceLost:
            self.lose_batch()
        else:
            self.lease.renewed(asked_at)

    async def mark(self) -> None:
        """PENDING → SENDING, for the next row in hand."""
        assert self.batch is not None
        delivery = self.pending.pop(0)
        try:
            recorded = await self.process.mark_sending(delivery, self.batch)
        except FenceLost:
            self.lose_batch()
        else:
            if recorded.verdict is Verdict.WRITTEN:
                row = await self.tables.batch(delivery.job_id, delivery.batch_no)
                assert row.integer("FENCE") == self.batch.fence, "a claim that is over was obeyed"
                self.sending.append(delivery)

    def call(self, answer: Answer) -> None:
        """No await between the look at the lease and the call."""
        delivery = self.sending.pop(0)
        if self.lease is None or not self.lease.lets_send():
            answer = Answer.NOT_MADE
        if answer in (Answer.ACCEPTED, Answer.LOST_ACCEPTED):
            self.accepted[delivery.delivery_id] += 1
        self.answers.append((delivery, answer))

    async def write_answer(self) -> None:
        delivery, answer = self.answers.pop(0)
        claim = self.batch or BatchClaim(delivery.job_id, delivery.batch_no, self.process.name, 0, 0)
        recorded = await self.process.answer(delivery, claim, *ENDS[answer])
        if answer is Answer.ACCEPTED:
            assert recorded.verdict is not Verdict.REFUSED, "evidence was thrown away"
            self.updates.append((delivery, delivery.attempt + 1))

    async def run_update(self, update: UpdateStatus, rows: int | None) -> None:
        delivery, attempt = self.updates.pop(0)
        claim = self.batch or BatchClaim(delivery.job_id, delivery.batch_no, self.process.name, 0, 0)
        await self.process.end_update(delivery, claim, update, rows=rows, attempt=attempt)

    async def put_down(self) -> None:
        """As a worker does when nothing of the batch is in its hands any more."""
        assert self.batch is not None
        if not await self.process.queue.close_batch(self.batch):
            await self.process.queue.give_back_batch(self.batch)
        self.lose_batch()

    def lose_batch(self) -> None:
        """Nothing more of it is begun; the answers in hand are still written."""
        self.batch = None
        self.pending.clear()

    async def end(self) -> None:
        """DONE, or what the mark says; nothing where something is still open."""
        assert self.job is not None
        queue = self.process.queue
        try:
            stopping = (await queue.standing(self.job.job_id)).stopping
            if stopping is not None:
                is_over = await queue.end_stopped(self.job, JobStatus(stopping.value), "stopped")
            else:
                is_over = await queue.end_done(self.job, "done", unknown_is_final=True)
        except FenceLost:
            is_over = True
        if is_over:
            self.job = None

    @property
    def is_calling(self) -> bool:
        """Whether the end of something that was begun is in hand."""
        return bool(self.sending or self.answers or self.updates)
