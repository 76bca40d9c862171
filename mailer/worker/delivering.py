"""One delivery: prepare → slot → commit SENDING → call → commit the answer → update query → commit its result."""

from collections.abc import Sequence

import anyio

from mailer.errors import DatabaseAway, JobStopped, QueryFailed, SourceAway
from mailer.fault_points import fault_point
from mailer.model.delivery import Change, Delivery, Standing, Status, UpdateStatus
from mailer.model.job import BatchClaim, JobClaim
from mailer.model.message import Message
from mailer.model.outcome import Accepted, AccountPaused, JobRefused, Outcome, Refused, Throttled, TransportDown
from mailer.store.job_log import Level
from mailer.store.ledger import Recorded, SendFacts, Verdict
from mailer.worker.asking import ASK_AGAIN, ask
from mailer.worker.breaker import Breaker
from mailer.worker.calling import call, near_slot
from mailer.worker.job_notes import JobNotes
from mailer.worker.lease import Lease
from mailer.worker.mapping import MappedAhead
from mailer.worker.outcomes import Next, after, change_of, update_failed
from mailer.worker.plan import Plan
from mailer.worker.preparing import Preparer
from mailer.worker.resources import Resources

LONGEST_BACKOFF = 30.0
"""Seconds between two tries of a refused mail, at most."""


class Deliverer:
    """Delivers the rows of one job, many at once."""

    def __init__(self, resources: Resources, job: JobClaim, plan: Plan, lease: Lease) -> None:
        self._resources = resources
        self._job = job
        self._plan = plan
        self._lease = lease
        self._notes = JobNotes(resources.database, job, resources.clock)
        self._preparer = Preparer(plan, self._notes, resources.clock)
        self._breaker = Breaker()

    def ahead(self, deliveries: Sequence[Delivery]) -> MappedAhead | None:
        """For deliveries that will be made in this order; None where each has a mapping query of its own."""
        return self._preparer.ahead(deliveries)

    async def deliver(self, delivery: Delivery, claim: BatchClaim, ahead: MappedAhead | None = None) -> None:
        """Brings one delivery as far as it will go now.

        Cancelled before SENDING: it stays PENDING. Cancelled later: it ends first, within the transport's timeout.
        Raises FenceLost, and what makes the whole job stop.
        """
        if delivery.status is Status.SENT:
            await self._update(delivery, claim, delivery.attempt, await self._send_facts(delivery))
            return
        message = await self._preparer.prepare(delivery, ahead)
        if isinstance(message, Next):
            before = Standing(Status.PENDING, delivery.attempt, UpdateStatus.NONE)
            await self._resources.ledger.record(change_of(delivery, before, delivery.attempt, message), claim)
        else:
            await self._send(delivery, claim, message)

    async def _send(self, delivery: Delivery, claim: BatchClaim, message: Message) -> None:
        """Tries until an answer ends it, or the row is no longer this worker's to send."""
        attempt, tries = delivery.attempt, delivery.tries
        while True:
            async with self._resources.gate.passage(), self._resources.calls:
                slot = await near_slot(self._resources)
                with anyio.CancelScope(shield=True):
                    if not await self._claim_row(delivery, claim, attempt, tries):
                        return
                    attempt += 1
                    fault_point("SENDING committed")
                    outcome = await call(self._resources, self._lease, slot, message)
                    fault_point("answer in hand")
                    result = await self._write_answer(delivery, claim, attempt, tries, outcome)
                await self._heed(outcome)
            if result.status is not Status.PENDING:
                return
            tries = result.tries
            await self._wait_before_next_try(outcome, tries)

    async def _claim_row(self, delivery: Delivery, claim: BatchClaim, attempt: int, tries: int) -> bool:
        """PENDING → SENDING, committed; False: the row, or the job, is not to be sent any more."""
        change = change_of(
            delivery,
            Standing(Status.PENDING, attempt, UpdateStatus.NONE),
            attempt + 1,
            Next(Status.SENDING, UpdateStatus.NONE, tries),
        )
        return (await self._resources.ledger.record(change, claim)).verdict is Verdict.WRITTEN

    async def _write_answer(
        self, delivery: Delivery, claim: BatchClaim, attempt: int, tries: int, outcome: Outcome | None
    ) -> Next:
        """Writes what the transport said, and runs the update query of a mail that is sent; how it goes on."""
        result = after(outcome, tries, has_update=self._plan.updater is not None)
        before = Standing(Status.SENDING, attempt, UpdateStatus.NONE)
        recorded = await self._record_evidence(change_of(delivery, before, attempt, result), claim)
        fault_point("answer committed")
        if result.update_status is UpdateStatus.DUE and recorded.verdict is not Verdict.REFUSED:
            facts = SendFacts(result.message_id, recorded.moment)
            async with self._resources.in_flight.call():  # past the drain it stays due
                if recorded.verdict is Verdict.SENT_ALREADY:
                    facts = await self._send_facts(delivery)
                await self._update(delivery, claim, attempt, facts)
        return result

    async def _record_evidence(self, change: Change, claim: BatchClaim) -> Recorded:
        """An answer in hand is held for as long as the database is away, and written first when it is back."""
        while True:
            try:
                return await self._resources.ledger.record(change, claim)
            except DatabaseAway:
                if self._resources.in_flight.is_over:
                    raise
                await self._resources.clock.sleep(ASK_AGAIN)

    async def _heed(self, outcome: Outcome | None) -> None:
        """What an answer means for the mails after it."""
        self._breaker.heed(outcome)
        match outcome:
            case Accepted():
                await self._resources.gate.open()
            case Throttled():
                await ask(self._resources.clock, self._resources.pacer.slow_down)
                await self._notes.once(
                    Level.WARNING, "throttled", f"SES throttles, going on more slowly: {outcome.text}"
                )
            case TransportDown() | AccountPaused():
                await self._resources.gate.close(outcome.text, is_account=isinstance(outcome, AccountPaused))
                await self._notes.once(Level.WARNING, "waiting", f"nothing can be sent, waiting: {outcome.text}")
            case JobRefused():
                raise JobStopped(f"{outcome.code}: {outcome.text}")
            case _:
                pass

    async def _wait_before_next_try(self, outcome: Outcome | None, tries: int) -> None:
        if isinstance(outcome, Refused):
            longest = min(LONGEST_BACKOFF, 2.0**tries)
            await self._resources.clock.sleep(self._resources.chance.uniform(0, longest))
        while not self._lease.lets_send():
            await self._resources.clock.sleep(ASK_AGAIN)

    async def _send_facts(self, delivery: Delivery) -> SendFacts:
        ledger = self._resources.ledger
        return await ask(self._resources.clock, lambda: ledger.send_facts(delivery.delivery_id))

    async def _update(self, delivery: Delivery, claim: BatchClaim, attempt: int, facts: SendFacts) -> None:
        """Runs the update query of a mail that is sent, and writes what became of it."""
        if self._plan.updater is None:
            raise JobStopped(f"delivery {delivery.delivery_id} waits for an update query, and the definition has none")
        touched: int | None = None
        result = Next(Status.SENT, UpdateStatus.DONE, delivery.tries)
        try:
            touched = await self._plan.updater.update(
                delivery.row,
                {"JOB_ID": delivery.job_id, "MESSAGE_ID": facts.message_id, "SENT_AT": facts.sent_at},
            )
        except (QueryFailed, SourceAway) as fault:
            result = update_failed(delivery.tries, str(fault))
            await self._notes.once(Level.WARNING, "update failed", f"{fault} (key {delivery.recipient_key})")
        if touched is not None and touched != 1:
            message = f"the update query touched {touched} rows (key {delivery.recipient_key})"
            await self._notes.once(
                Level.WARNING, "update touched no row" if not touched else "update touched rows", message
            )
        fault_point("update run")
        before = Standing(Status.SENT, attempt, UpdateStatus.DUE)
        await self._record_evidence(change_of(delivery, before, attempt, result, touched), claim)
