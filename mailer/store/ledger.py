"""The ledger's hot path: every change of a delivery, in commits that many deliveries share."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any, TypeVar

from mailer.db.database import Database, Session
from mailer.db.grouping import Grouping
from mailer.db.record import Record
from mailer.errors import DatabaseAway, DatabaseRefused, FenceLost
from mailer.model.clock import Clock
from mailer.model.delivery import Change, Delivery, Standing, Status, UpdateStatus, answer_replaces
from mailer.model.job import BatchClaim, JobStatus
from mailer.model.row import load_row
from mailer.store.changes import change_binds, state_changes, without_texts
from mailer.store.database_time import read_now
from mailer.store.locks import lock_batches
from mailer.store.minutes import Minutes

T = TypeVar("T")

UNWRITABLE = (DatabaseRefused, ValueError, OverflowError)
"""What the database refuses, or its driver can't bind."""
GROUP_LIMIT = 500
"""Changes in one commit, at most."""


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
    is_repeated: bool = False
    """A commit of it was not confirmed: what it writes may be there."""


_Write = Callable[[Sequence[_Entry], Session], Coroutine[Any, Any, Sequence[T | Exception]]]


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
        """One group; then, in a commit of their own, those that did not find their row where they said."""
        results: Sequence[Recorded | _Entry | Exception] = await self._in_halves(self._write, entries)
        missed = [result for result in results if isinstance(result, _Entry)]
        late: Iterator[Recorded | Exception] = iter(())
        if missed:
            late = iter(await self._in_halves(self._write_late, missed))
        return [next(late) if isinstance(result, _Entry) else result for result in results]

    async def _in_halves(self, write: _Write[T], entries: Sequence[_Entry]) -> Sequence[T | Exception]:
        """All in one transaction where that is possible: what is refused as a whole is done in halves.

        So a change that can't be written takes no other along; itself it is made without its texts.
        """
        try:
            return await self._patiently(write, entries)
        except DatabaseAway as fault:
            return [fault] * len(entries)
        except UNWRITABLE as fault:
            if len(entries) > 1:
                half = len(entries) // 2
                return [*await self._in_halves(write, entries[:half]), *await self._in_halves(write, entries[half:])]
            bare = replace(entries[0], change=without_texts(entries[0].change))
            return [fault] if bare == entries[0] else await self._in_halves(write, [bare])

    async def _patiently(self, write: _Write[T], entries: Sequence[_Entry]) -> Sequence[T | Exception]:
        deadline = self._clock.monotonic() + self._patience_seconds
        while True:
            try:
                return await self._database.atomically(partial(write, entries))
            except DatabaseAway:
                if self._clock.monotonic() >= deadline:
                    raise
                entries = [replace(entry, is_repeated=True) for entry in entries]
                await self._clock.sleep(0.5)

    async def _write(self, entries: Sequence[_Entry], session: Session) -> Sequence[Recorded | _Entry | Exception]:
        """One group; an entry for what is to be looked at more closely. Rows are touched in the order of their ids."""
        results: dict[int, Recorded | _Entry] = {}
        made: list[Change] = []
        lost = await self._carry_fences(session, entries)
        moment = await read_now(session)
        live = [index for index in _by_id(entries) if entries[index].claim not in lost]
        touched = await session.execute_many(
            "record_change", [change_binds(entries[index].change, moment) for index in live]
        )
        for index, count in zip(live, touched, strict=True):
            entry = entries[index]
            if count:
                results[index] = Recorded(Verdict.WRITTEN, moment)
                made.append(entry.change)
            elif entry.change.is_answer or entry.is_repeated:
                results[index] = entry
            else:
                results[index] = Recorded(Verdict.REFUSED, moment)
        await self._minutes.add_all(session, state_changes(made))
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

    async def _write_late(self, entries: Sequence[_Entry], session: Session) -> Sequence[Recorded | Exception]:
        """What did not find its row where it said: what may be reopened is locked first, then the rows by their ids."""
        done_jobs = await _lock_what_may_reopen(session, [entry.change for entry in entries])
        moment = await read_now(session)
        verdicts: dict[int, Verdict] = {}
        made: list[Change] = []
        for index in _by_id(entries):
            change = entries[index].change
            found = await _find(session, change.delivery_id)
            verdicts[index] = _verdict(entries[index], found)
            if found is not None and verdicts[index] is Verdict.WRITTEN and found != change.after:
                late = replace(change, before=found)
                if late.after.status is Status.PENDING and change.job_id in done_jobs:
                    late = _not_sent(late)
                await session.execute("record_change", change_binds(late, moment))
                if late.reopens:
                    await session.execute("open_batch", {"job_id": change.job_id, "batch_no": change.batch_no})
                made.append(late)
        await self._minutes.add_all(session, state_changes(made))
        return [Recorded(verdicts[index], moment) for index in range(len(entries))]


async def _lock_what_may_reopen(session: Session, changes: Sequence[Change]) -> set[int]:
    """Locks the batches, and the jobs of what may be PENDING, so that none ends meanwhile; the jobs that are DONE."""
    reopening = [change for change in changes if change.reopens]
    done_jobs = set()
    for job_id in sorted({change.job_id for change in reopening if change.after.status is Status.PENDING}):
        (job,) = await session.fetch("lock_job", {"job_id": job_id})
        if job.text("STATUS") == JobStatus.DONE:
            done_jobs.add(job_id)
    await lock_batches(session, {(change.job_id, change.batch_no) for change in reopening})
    return done_jobs


async def _find(session: Session, delivery_id: int) -> Standing | None:
    """Where the row stands, locked; None where it is no longer there."""
    for row in await session.fetch("read_standing", {"delivery_id": delivery_id}, at_most=1):
        return Standing(Status(row.text("STATUS")), row.integer("ATTEMPT"), UpdateStatus(row.text("UPDATE_STATUS")))
    return None


def _verdict(entry: _Entry, found: Standing | None) -> Verdict:
    """What is to become of a change that did not find its row where it said; WRITTEN: it is, or is to be written."""
    change = entry.change
    if entry.is_repeated and found == change.after:
        return Verdict.WRITTEN
    if found is None or not change.is_answer:
        return Verdict.REFUSED
    if found.status is Status.SENT and change.after.status is Status.SENT:
        return Verdict.SENT_ALREADY
    return Verdict.WRITTEN if answer_replaces(change, found) else Verdict.REFUSED


def _by_id(entries: Sequence[_Entry]) -> list[int]:
    """Their places, in the order in which everybody touches rows."""
    return sorted(range(len(entries)), key=lambda index: entries[index].change.delivery_id)


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
