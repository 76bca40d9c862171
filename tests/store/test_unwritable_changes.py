"""A change that can't be written: no other of its group is lost with it, and its state is kept as far as possible."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import pytest

from mailer.db.database import Binds, Database, Transaction
from mailer.errors import DatabaseRefused
from mailer.model.delivery import Change, Delivery, Status
from mailer.model.job import BatchClaim
from mailer.store.ledger import Ledger, Recorded, Verdict
from tests.store.engines import Engine
from tests.store.faulty_database import FaultyDatabase
from tests.store.groups import in_one_group
from tests.store.processes import LEASE, PATIENCE, Process, answer, definition, sending
from tests.store.tables import Tables

KEYS = [f"고객-{number}" for number in range(7)]
HALF_A_LETTER = "거절 \ud83d"


@dataclass
class RefusingSession:
    """The real one, which refuses the changes that `refuses` names: as a table does, the whole statement with them."""

    real: Transaction
    refuses: Callable[[Binds], bool]

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    async def execute_many(self, statement: str, rows: Sequence[Binds]) -> list[int]:
        counts = await self.real.execute_many(statement, rows)
        if statement == "record_change" and any(map(self.refuses, rows)):
            raise DatabaseRefused("the value is too large")
        return counts


class RefusingDatabase(FaultyDatabase):
    def __init__(self, real: Database, refuses: Callable[[Binds], bool]) -> None:
        super().__init__(real)
        self._refuses = refuses

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        async with super()._transaction() as transaction:
            yield cast("Transaction", RefusingSession(transaction, self._refuses))


@dataclass
class Batch:
    """A batch of a mail to each of KEYS, all of them SENDING."""

    process: Process
    engine: Engine
    claim: BatchClaim
    deliveries: list[Delivery] = field(default_factory=list)

    async def record(
        self, changes: Sequence[Change], refuses: Callable[[Binds], bool] = lambda _: False
    ) -> list[Recorded | BaseException]:
        """All in one group."""
        database = RefusingDatabase(self.process.database, refuses)
        lease, patience = timedelta(seconds=LEASE), timedelta(seconds=PATIENCE)
        ledger = Ledger(database, self.process.name, lease, self.engine.clock, patience)
        return await in_one_group(ledger, [(change, self.claim) for change in changes])


@pytest.fixture
async def batch(worker: Process, engine: Engine) -> Batch:
    job = await worker.run_job(definition(update=None), KEYS, batch_rows=len(KEYS))
    claim, deliveries = await worker.take(job.job_id)
    await asyncio.gather(*(worker.mark_sending(delivery, claim) for delivery in deliveries))
    return Batch(worker, engine, claim, deliveries)


def is_written(result: Recorded | BaseException) -> bool:
    return isinstance(result, Recorded) and result.verdict is Verdict.WRITTEN


async def test_an_answer_with_half_a_letter_is_kept_with_a_mark_in_its_place(batch: Batch, tables: Tables) -> None:
    answers = [answer(delivery, Status.SENT) for delivery in batch.deliveries]
    answers[3] = replace(answers[3], after=replace(answers[3].after, status=Status.FAILED), error=HALF_A_LETTER)
    assert all(map(is_written, await batch.record(answers)))
    assert await tables.statuses(batch.claim.job_id) == [Status.SENT] * 3 + [Status.FAILED] + [Status.SENT] * 3
    assert (await tables.deliveries(batch.claim.job_id))[3].text("ERROR") == "거절 \ufffd"


async def test_an_answer_whose_texts_the_database_refuses_keeps_its_state(batch: Batch, tables: Tables) -> None:
    refused = batch.deliveries[5].delivery_id
    answers = [replace(answer(delivery, Status.FAILED), error="거절") for delivery in batch.deliveries]
    results = await batch.record(answers, lambda row: row["delivery_id"] == refused and row["error"] is not None)
    assert all(map(is_written, results))
    rows = await tables.deliveries(batch.claim.job_id)
    assert [row.text("STATUS") for row in rows] == ["FAILED"] * len(KEYS)
    assert [row.maybe_text("ERROR") for row in rows] == ["거절"] * 5 + [None] + ["거절"]
    assert rows[5].text("ERROR_CODE") == "text not kept"


@pytest.mark.parametrize("place", range(len(KEYS)))
async def test_a_change_that_is_refused_whatever_its_texts_takes_no_other_along(
    batch: Batch, tables: Tables, place: int
) -> None:
    refused = batch.deliveries[place].delivery_id
    answers = [answer(delivery, Status.SENT) for delivery in batch.deliveries]
    results = await batch.record(answers, lambda row: row["delivery_id"] == refused)
    assert isinstance(results[place], DatabaseRefused)
    assert all(is_written(result) for other, result in enumerate(results) if other != place)
    expected = [Status.SENT] * len(KEYS)
    expected[place] = Status.SENDING
    assert await tables.statuses(batch.claim.job_id) == expected


async def test_a_claim_that_is_refused_takes_no_answer_along(batch: Batch, tables: Tables) -> None:
    first, second, *rest = batch.deliveries
    assert all(map(is_written, await batch.record([answer(second, Status.PENDING)])))
    again = replace(second, attempt=1)
    results = await batch.record(
        [answer(first, Status.SENT), sending(again), *(answer(delivery, Status.SENT) for delivery in rest)],
        lambda row: row["status"] == Status.SENDING.value,
    )
    assert isinstance(results[1], DatabaseRefused)
    expected = [Status.SENT, Status.PENDING, *[Status.SENT] * len(rest)]
    assert await tables.statuses(batch.claim.job_id) == expected
