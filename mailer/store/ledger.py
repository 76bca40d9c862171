"""The ledger's hot path: every change of a delivery, in commits that many deliveries share."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial

from mailer.db.database import Binds, Database, Session
from mailer.db.grouping import Grouping
from mailer.db.record import Record
from mailer.errors import DatabaseAway, DatabaseRefused, FenceLost
from mailer.model.clock import Clock
from mailer.model.delivery import Change, Delivery, Standing, Status, UpdateStatus, answer_replaces
from mailer.model.job import BatchClaim, JobStatus
from mailer.model.row import load_row
from mailer.model.stored_text import maybe_storable
from mailer.store.database_time import read_now
from mailer.store.minutes import Minutes

UNWRITABLE = (DatabaseRefused, ValueError, OverflowError)
"""What the database refuses, or its driver can't bind."""
GROUP_LIMIT = 500
"""Changes in one commit, at most."""
MESSAGE_ID_LIMIT = 200
CODE_LIMIT = 100
ERROR_LIMIT = 1000
"""Characters that the columns take."""


class Verdict(Enum):
    """What became of a change."""

    WRITTEN = auto()
    SENT_ALREADY = auto()
    """The answer says SENT, and so does the row: an event was first. Go on with the update query."""
    REFUSED = auto()
    """The row stands elsewhere, or its job may not send any more."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a change, and the database's time of its group."""

    verdict: Verdict
    moment: datetime


@dataclass(frozen=True, slots=True)
class SendFacts:
    """What an update query is told of the mail."""

    message_id: str | None
    sent_at: datetime


_Claim = tuple[int, int, int]
"""JOB_ID, BATCH_NO and the fence."""


@dataclass(frozen=True, slots=True)
class _Entry:
    change: Change
    claim: _Claim | None
    """What the change needs to be allowed; None: it is evidence."""


class Ledger:
    """Deliveries of claimed batches. `run()` must be running in a task group beside whoever records."""

    def __init__(self, database: Database, writer: str, lease: timedelta, clock: Clock, patience: timedelta) -> None:
        """`patience`: how long a commit is tried again while the database is away, before DatabaseAway is raised."""
        self._database = database
        self._minutes = Minutes(writer)
        self._lease_seconds = lease.total_seconds()
        self._clock = clock
        self._patience_seconds = patience.total_seconds()
        self._groups: Grouping[_Entry, Recorded] = Grouping(self._commit, limit=GROUP_LIMIT)

    async def run(self) -> None:
        """Commits what is recorded, until cancelled."""
        await self._groups.run()

    async def work(self, claim: BatchClaim) -> list[Delivery]:
        """What the batch still asks for, in the target query's order: PENDING rows, and due update queries."""
        binds = {"job_id": claim.job_id, "batch_no": claim.batch_no}
        return [as_delivery(row) for row in await self._database.fetch("list_batch_work", binds)]

    async def record(self, change: Change, claim: BatchClaim) -> Recorded:
        """Writes the change, together with others that arrive while a commit runs.

        Raises FenceLost where it needs the claim and the claim is over; DatabaseAway past the patience.
        """
        needed = (change.job_id, change.batch_no, claim.fence) if change.is_claim else None
        return await self._groups.submit(_Entry(change, needed))

    async def send_facts(self, delivery_id: int) -> SendFacts:
        """The message id and time of a delivery that is SENT."""
        (row,) = await self._database.fetch("read_send_facts", {"delivery_id": delivery_id})
        return SendFacts(row.maybe_text("MESSAGE_ID"), row.moment("SENT_AT"))

    async def _commit(self, entries: Sequence[_Entry]) -> Sequence[Recorded | Exception]:
        """All in one transaction where that is possible: what is refused as a whole is done in halves.

        So a change that can't be written takes no other along; itself it is made without its texts.
        """
        try:
            return await self._commit_patiently(entries)
        except DatabaseAway as fault:
            return [fault] * len(entries)
        except UNWRITABLE as fault:
            if len(entries) > 1:
                half = len(entries) // 2
                return [*await self._commit(entries[:half]), *await self._commit(entries[half:])]
            bare = replace(entries[0], change=_without_texts(entries[0].change))
            return [fault] if bare == entries[0] else await self._commit([bare])

    async def _commit_patiently(self, entries: Sequence[_Entry]) -> Sequence[Recorded | Exception]:
        deadline = self._clock.monotonic() + self._patience_seconds
        is_repeated = False
        while True:
            try:
                return await self._database.atomically(partial(self._write, entries, is_repeated))
            except DatabaseAway:
                if self._clock.monotonic() >= deadline:
                    raise
                is_repeated = True
                await self._clock.sleep(0.5)

    async def _write(
        self, entries: Sequence[_Entry], is_repeated: bool, transaction: Session
    ) -> Sequence[Recorded | Exception]:
        """One group. Rows are touched in the order of their ids, as everywhere."""
        results: dict[int, Recorded | Exception] = {}
        made: list[Change] = []
        lost = await self._carry_fences(transaction, entries)
        moment = await read_now(transaction)
        order = sorted(range(len(entries)), key=lambda index: entries[index].change.delivery_id)
        live = [index for index in order if entries[index].claim not in lost]
        touched = await transaction.execute_many(
            "record_change", [_change_binds(entries[index].change, moment) for index in live]
        )
        for index, count in zip(live, touched, strict=True):
            change = entries[index].change
            if count:
                results[index] = Recorded(Verdict.WRITTEN, moment)
                made.append(change)
            else:
                verdict, late = await self._record_otherwise(transaction, change, moment, is_repeated)
                results[index] = Recorded(verdict, moment)
                made.extend(late)
        await self._minutes.add_all(transaction, _state_changes(made))
        gone = FenceLost("the batch is in other hands")
        return [results.get(index, gone) for index in range(len(entries))]

    async def _carry_fences(self, transaction: Session, entries: Sequence[_Entry]) -> set[_Claim | None]:
        """Writes the row of each batch whose holder claims something here; the claims that are over."""
        claims = sorted({entry.claim for entry in entries if entry.claim is not None})
        carried = await transaction.execute_many(
            "carry_batch_fence",
            [
                {"job_id": job, "batch_no": batch, "fence": fence, "lease_seconds": self._lease_seconds}
                for job, batch, fence in claims
            ],
        )
        return {claim for claim, count in zip(claims, carried, strict=True) if not count}

    async def _record_otherwise(
        self, transaction: Session, change: Change, moment: datetime, is_repeated: bool
    ) -> tuple[Verdict, list[Change]]:
        """A change that did not find its row where it said: what is to be done, and what was changed instead."""
        row = (await transaction.fetch("read_standing", {"delivery_id": change.delivery_id}, at_most=1))[0]
        found = Standing(Status(row.text("STATUS")), row.integer("ATTEMPT"), UpdateStatus(row.text("UPDATE_STATUS")))
        if is_repeated and found == change.after:
            return Verdict.WRITTEN, []
        if not change.is_answer:
            return Verdict.REFUSED, []
        if found.status is Status.SENT and change.after.status is Status.SENT:
            return Verdict.SENT_ALREADY, []
        if not answer_replaces(change, found):
            return Verdict.REFUSED, []
        late = replace(change, before=found)
        if late.after.status is Status.PENDING and await self._is_done(transaction, change.job_id):
            late = _not_sent(late)
        await transaction.execute("record_change", _change_binds(late, moment))
        if late.after.status is Status.PENDING or late.after.update_status is UpdateStatus.DUE:
            await transaction.execute("open_batch", {"job_id": change.job_id, "batch_no": change.batch_no})
        return Verdict.WRITTEN, [late]

    @staticmethod
    async def _is_done(transaction: Session, job_id: int) -> bool:
        """Whether nobody would send what is PENDING: locked, so that the job does not end DONE meanwhile."""
        (job,) = await transaction.fetch("lock_job", {"job_id": job_id})
        return job.text("STATUS") == JobStatus.DONE


async def write_changes(transaction: Session, minutes: Minutes, changes: Sequence[Change]) -> None:
    """Writes and counts changes of rows that the transaction has locked."""
    moment = await read_now(transaction)
    await transaction.execute_many("record_change", [_change_binds(change, moment) for change in changes])
    await minutes.add_all(transaction, _state_changes(changes))


def as_delivery(row: Record) -> Delivery:
    """A row of the ledger as a value."""
    return Delivery(
        delivery_id=row.integer("DELIVERY_ID"),
        job_id=row.integer("JOB_ID"),
        batch_no=row.integer("BATCH_NO"),
        row_no=row.integer("ROW_NO"),
        recipient_key=row.text("RECIPIENT_KEY"),
        email=row.maybe_text("EMAIL"),
        row=load_row(row.text("ROW_DATA")),
        token=row.text("TOKEN"),
        status=Status(row.text("STATUS")),
        attempt=row.integer("ATTEMPT"),
        tries=row.integer("TRIES"),
        update_status=UpdateStatus(row.text("UPDATE_STATUS")),
        message_id=row.maybe_text("MESSAGE_ID"),
    )


def _not_sent(change: Change) -> Change:
    """What was not accepted, in a job that is DONE: `job retry` sends it."""
    return replace(
        change,
        after=replace(change.after, status=Status.FAILED),
        error_code=change.error_code or "not sent",
        error=change.error or "the mail was not sent, and its job was done by the time this was known",
    )


def _without_texts(change: Change) -> Change:
    """The state is what counts: which texts could not be kept, nobody knows."""
    return replace(change, message_id=None, error_code="text not kept" if change.error_code else None, error=None)


def _change_binds(change: Change, moment: datetime) -> Binds:
    return {
        "delivery_id": change.delivery_id,
        "job_id": change.job_id,
        "was_status": change.before.status.value,
        "was_attempt": change.before.attempt,
        "was_update_status": change.before.update_status.value,
        "status": change.after.status.value,
        "attempt": change.after.attempt,
        "update_status": change.after.update_status.value,
        "tries": change.tries,
        "message_id": maybe_storable(change.message_id, MESSAGE_ID_LIMIT),
        "error_code": maybe_storable(change.error_code, CODE_LIMIT),
        "error": maybe_storable(change.error, ERROR_LIMIT),
        "update_rows": change.update_rows,
        "moment": moment,
    }


def _state_changes(changes: Iterable[Change]) -> dict[int, Counter[Status | UpdateStatus]]:
    """What the changes add to each job's counts."""
    states: defaultdict[int, Counter[Status | UpdateStatus]] = defaultdict(Counter)
    for change in changes:
        counter = states[change.job_id]
        if change.before.status is not change.after.status:
            counter[change.before.status] -= 1
            counter[change.after.status] += 1
        if change.before.update_status is not change.after.update_status:
            for update_status, step in ((change.before.update_status, -1), (change.after.update_status, 1)):
                if update_status is not UpdateStatus.NONE:
                    counter[update_status] += step
    return states
