"""A ledger whose database goes away: for how long it tries again, and how it finds out what had been committed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import anyio.lowlevel
import pytest

from mailer.db.database import Database
from mailer.errors import DatabaseAway, FenceLost
from mailer.model.delivery import Change, Delivery, Standing, Status, UpdateStatus
from mailer.model.job import BatchClaim
from mailer.store.ledger import Verdict
from tests.store.engines import Engine
from tests.store.faulty_database import Fault, FaultyDatabase
from tests.store.processes import LEASE, PATIENCE, Process, answer, at_work, definition, sending
from tests.store.tables import Tables

AGAIN = 0.5
"""Seconds between two tries."""


@dataclass
class ClockOfOneWhoWaits:
    """Waiting is what makes the time pass; `meanwhile` is done in the first wait."""

    engine: Engine
    meanwhile: Callable[[], Awaitable[object]] | None = None

    def now(self) -> datetime:
        return self.engine.clock.now()

    def monotonic(self) -> float:
        return self.engine.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.engine.pass_time(seconds)
        await anyio.lowlevel.checkpoint()
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()


@dataclass
class Away:
    """A process whose database can go away, with a batch of one delivery in hand."""

    process: Process
    database: FaultyDatabase
    clock: ClockOfOneWhoWaits
    batch: BatchClaim
    delivery: Delivery

    async def record(self, change: Change) -> Verdict:
        return (await self.process.ledger.record(change, self.batch)).verdict

    async def send(self) -> None:
        await self.record(sending(self.delivery))


@asynccontextmanager
async def going_away(database: Database, engine: Engine, patience: float) -> AsyncIterator[Away]:
    faulty = FaultyDatabase(database)
    clock = ClockOfOneWhoWaits(engine)
    async with at_work("worker-away", faulty, clock, patience=patience) as process:
        job = await process.run_job(definition(), ["하나"])
        batch, (delivery,) = await process.take(job.job_id)
        yield Away(process, faulty, clock, batch, delivery)


@pytest.fixture
async def away(database: Database, engine: Engine) -> AsyncIterator[Away]:
    async with going_away(database, engine, PATIENCE) as away:
        yield away


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CUT])
async def test_a_commit_is_tried_again_while_the_database_is_away(away: Away, tables: Tables, fault: Fault) -> None:
    away.database.faults.extend([fault] * 3)
    begun = away.clock.monotonic()
    assert await away.record(sending(away.delivery)) is Verdict.WRITTEN
    assert away.clock.monotonic() - begun == 3 * AGAIN
    assert await tables.statuses(away.batch.job_id) == [Status.SENDING]


async def test_past_the_patience_the_database_is_away_and_nothing_was_written(away: Away, tables: Tables) -> None:
    begun = away.clock.monotonic()
    away.database.faults.extend([Fault.REFUSED] * 1000)
    with pytest.raises(DatabaseAway):
        await away.record(sending(away.delivery))
    assert away.clock.monotonic() - begun == PATIENCE
    assert await tables.statuses(away.batch.job_id) == [Status.PENDING]


async def test_the_ledger_goes_on_after_an_outage_longer_than_its_patience(away: Away, tables: Tables) -> None:
    await away.send()
    away.database.faults.extend([Fault.REFUSED] * 1000)
    with pytest.raises(DatabaseAway):
        await away.record(answer(away.delivery, Status.SENT))
    away.database.faults.clear()
    assert await away.record(answer(away.delivery, Status.SENT)) is Verdict.WRITTEN
    assert await tables.statuses(away.batch.job_id) == [Status.SENT]


async def test_a_mark_whose_commit_was_not_confirmed_is_found_to_be_its_own(away: Away, tables: Tables) -> None:
    away.database.faults.append(Fault.ANSWER_LOST)
    assert await away.record(sending(away.delivery)) is Verdict.WRITTEN
    assert await tables.standing(away.batch.job_id) == Standing(Status.SENDING, 1, UpdateStatus.NONE)
    await tables.require_sums()


@pytest.mark.parametrize(
    ("after", "update"),
    [
        (Status.SENT, UpdateStatus.DUE),
        (Status.SENT, UpdateStatus.NONE),
        (Status.PENDING, UpdateStatus.NONE),
        (Status.FAILED, UpdateStatus.NONE),
        (Status.UNKNOWN, UpdateStatus.NONE),
    ],
    ids=["sent, update due", "sent", "not accepted", "refused", "no answer"],
)
async def test_an_answer_whose_commit_was_not_confirmed_is_written_once(
    away: Away, tables: Tables, after: Status, update: UpdateStatus
) -> None:
    await away.send()
    away.database.faults.append(Fault.ANSWER_LOST)
    assert await away.record(answer(away.delivery, after, update)) is Verdict.WRITTEN
    assert await tables.standing(away.batch.job_id) == Standing(after, 1, update)
    await tables.require_sums()


async def test_an_update_whose_commit_was_not_confirmed_is_written_once(away: Away, tables: Tables) -> None:
    await away.send()
    await away.record(answer(away.delivery, Status.SENT, UpdateStatus.DUE))
    away.database.faults.append(Fault.ANSWER_LOST)
    recorded = await away.process.end_update(away.delivery, away.batch, UpdateStatus.DONE)
    assert recorded.verdict is Verdict.WRITTEN
    assert await tables.standing(away.batch.job_id) == Standing(Status.SENT, 1, UpdateStatus.DONE)
    await tables.require_sums()


@pytest.mark.parametrize("before", [[], [Fault.NONE]], ids=["as it misses its row", "as it is written"])
async def test_a_late_answer_whose_commit_was_not_confirmed_is_written_once(
    away: Away, other: Process, tables: Tables, engine: Engine, before: list[Fault]
) -> None:
    await away.send()
    await engine.pass_time(LEASE)
    await other.claim_batch(away.batch.job_id)
    away.database.faults.extend([*before, Fault.ANSWER_LOST])
    assert await away.record(answer(away.delivery, Status.SENT, UpdateStatus.DUE)) is Verdict.WRITTEN
    assert await tables.standing(away.batch.job_id) == Standing(Status.SENT, 1, UpdateStatus.DUE)
    await tables.require_sums()


async def test_what_stands_as_the_repeated_change_says_is_not_taken_for_its_own_where_nothing_was_lost(
    away: Away,
) -> None:
    await away.send()
    assert await away.record(sending(away.delivery)) is Verdict.REFUSED


async def test_a_mark_is_lost_with_the_claim_that_ends_before_it_is_confirmed(
    database: Database, engine: Engine, other: Process, tables: Tables
) -> None:
    """The commit took effect, nobody knows; meanwhile another takes the batch over, and what is SENDING is UNKNOWN."""
    async with going_away(database, engine, patience=LEASE * 2) as away:

        async def take_over() -> None:
            await engine.pass_time(LEASE)
            await other.claim_batch(away.batch.job_id)

        away.clock.meanwhile = take_over
        away.database.faults.append(Fault.ANSWER_LOST)
        with pytest.raises(FenceLost):
            await away.record(sending(away.delivery))
    assert await tables.standing(away.batch.job_id) == Standing(Status.UNKNOWN, 1, UpdateStatus.NONE)
    await tables.require_sums()
