"""Mapping queries that share a journey to the database's thread: each has its own rows, error and end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from mailer.clock import SystemClock
from mailer.errors import QueryFailed, SourceAway
from mailer.sources.sqlite import READERS
from mailer.sources.sqlite_file import SourceFile
from mailer.sources.sqlite_reads import JOURNEY_LIMIT, GroupedReads
from mailer.sources.sqlite_session import SqliteSession, Work

T = TypeVar("T")
OpenReads = Callable[[], AbstractAsyncContextManager[GroupedReads]]
BY_KEY = "SELECT CUST_ID, EMAIL FROM CUSTOMER WHERE CUST_ID = :CUST_ID"
COUNTING = "WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N LIMIT :MANY) SELECT COUNT(*) C FROM N"
ENDLESS = 10**15
SMALLEST = -(2**63)


class CountedSession(SqliteSession):
    """Counts its journeys."""

    journeys = 0

    async def run(self, work: Work[T], seconds: float, *, in_all: bool = False) -> T:
        self.journeys += 1
        return await super().run(work, seconds, in_all=in_all)


@pytest.fixture
async def readers(wal_crm: Path) -> AsyncIterator[list[CountedSession]]:
    file = SourceFile("crm", wal_crm, 10.0, SystemClock())
    sessions = [CountedSession(file, "ro", follows=True) for _ in range(READERS)]
    yield sessions
    for session in sessions:
        await session.close()


@pytest.fixture
def open_reads(readers: list[CountedSession]) -> OpenReads:
    @asynccontextmanager
    async def opened() -> AsyncIterator[GroupedReads]:
        async with anyio.create_task_group() as tasks:
            yield GroupedReads("crm", readers, 100.0, tasks)
            tasks.cancel_scope.cancel()

    return opened


async def at_once(reads: GroupedReads, sql: str, name: str, values: list[int]) -> list[object]:
    """What each of the reads comes to."""
    return await asyncio.gather(*(reads.read(sql, {name: value}) for value in values), return_exceptions=True)


async def test_reads_that_are_asked_for_together_share_journeys_and_each_has_its_own_rows(
    open_reads: OpenReads, readers: list[CountedSession]
) -> None:
    async with open_reads() as reads:
        keys = [1, 2, 4] * 40
        emails = {1: "kim@example.co.kr", 2: "lee@example.co.kr"}
        expected = [[{"CUST_ID": key, "EMAIL": emails[key]}] if key in emails else [] for key in keys]
        assert await at_once(reads, BY_KEY, "CUST_ID", keys) == expected
        # The first on each reader are alone: nobody knows yet what the query costs.
        assert sum(reader.journeys for reader in readers) <= len(keys) / 2
        assert sum(reader.journeys for reader in readers) >= len(keys) / JOURNEY_LIMIT


async def test_a_lone_read_is_one_journey(open_reads: OpenReads, readers: list[CountedSession]) -> None:
    async with open_reads() as reads:
        for key in (1, 2, 3):
            assert len(await reads.read(BY_KEY, {"CUST_ID": key})) == 1
        assert sum(reader.journeys for reader in readers) == 3


async def test_one_that_fails_has_its_own_error_and_the_others_their_rows(open_reads: OpenReads) -> None:
    async with open_reads() as reads:
        values = [1, SMALLEST, 2] * 20
        results = await at_once(reads, "SELECT abs(:N) A", "N", values)
        for value, result in zip(values, results, strict=True):
            if value == SMALLEST:
                assert isinstance(result, QueryFailed)
                assert "integer overflow" in str(result)
            else:
                assert result == [{"A": value}]


async def test_a_file_that_is_gone_is_everybodys_error(open_reads: OpenReads, wal_crm: Path) -> None:
    async with open_reads() as reads:
        await at_once(reads, BY_KEY, "CUST_ID", [1, 2, 3])
        await anyio.Path(wal_crm).unlink()
        assert {type(result) for result in await at_once(reads, BY_KEY, "CUST_ID", list(range(50)))} == {SourceAway}


async def test_readers_of_a_query_that_takes_long_work_side_by_side(
    open_reads: OpenReads, readers: list[CountedSession]
) -> None:
    async with open_reads() as reads:
        slow = 300_000
        assert await at_once(reads, COUNTING, "MANY", [slow] * 3 * READERS) == [[{"C": slow}]] * 3 * READERS
        assert sum(reader.journeys for reader in readers) == 3 * READERS
        assert all(reader.journeys for reader in readers)


async def test_a_query_that_takes_long_does_not_hold_up_another(open_reads: OpenReads) -> None:
    async with open_reads() as reads, anyio.create_task_group() as tasks:
        for _ in range(READERS - 1):
            tasks.start_soon(reads.read, COUNTING, {"MANY": ENDLESS})
        await asyncio.sleep(0)
        with anyio.fail_after(20):
            assert len(await at_once(reads, BY_KEY, "CUST_ID", [1, 2, 3] * 20)) == 60
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("laps", range(0, 60, 2))
async def test_a_shared_journey_is_stopped_once_all_who_wait_for_it_are_cancelled(
    open_reads: OpenReads, laps: int
) -> None:
    async with open_reads() as reads:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                # The quick ones are what lets the endless ones after them be held together.
                for many in [1] * 8 + [ENDLESS] * 60:
                    tasks.start_soon(reads.read, COUNTING, {"MANY": many})
                for _ in range(laps):
                    await asyncio.sleep(0.001)
                tasks.cancel_scope.cancel()
            assert await at_once(reads, COUNTING, "MANY", [1] * 60) == [[{"C": 1}]] * 60


async def test_who_waits_when_the_source_is_closed_does_not_wait_for_ever(readers: list[CountedSession]) -> None:
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            reads = GroupedReads("crm", readers, 100.0, tasks)
            # Two laps: one sets out by itself on each reader, the rest wait.
            waiting = [asyncio.ensure_future(reads.read(COUNTING, {"MANY": ENDLESS})) for _ in range(20)]
            for _ in range(3):
                await asyncio.sleep(0)
            tasks.cancel_scope.cancel()
        waiting[0].cancel()  # which was asked for by its own caller
        assert all(isinstance(end, BaseException) for end in await asyncio.gather(*waiting, return_exceptions=True))
