"""Queries that never end and callers that go away: each is stopped, and the source serves on."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from mailer.errors import QueryFailed
from mailer.model.clock import Clock
from mailer.sources import sqlite_session
from mailer.sources.source import Binds
from mailer.sources.sqlite import READERS, SqliteSource

OpenSource = Callable[..., SqliteSource]
REPETITIONS = 50
NO_BINDS: Binds = {}

_COUNTING = "WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N) "
NEVER_YIELDS = _COUNTING + "SELECT X FROM N WHERE X < 0"
NEVER_ENDS = _COUNTING + "SELECT X FROM N"
HEALTHY = "SELECT COUNT(*) N FROM CUSTOMER"


async def serves(source: SqliteSource) -> bool:
    return await source.read(HEALTHY, {}) == [{"N": 3}]


def first_slice_of(source: SqliteSource) -> Callable[[str, Binds], Coroutine[Any, Any, object]]:
    """Reads a target query to its first slice, called like a mapping query."""

    async def first_slice(query: str, binds: Binds) -> object:
        async with source.stream(query, 10) as slices:
            return await anext(slices)

    return first_slice


async def exhaust(slices: AsyncIterator[object]) -> None:
    async for _ in slices:
        pass


async def test_a_mapping_query_that_yields_no_row_is_stopped_at_a_tenth_of_the_bound(
    crm: Path, open_source: OpenSource, ticking_clock: Clock
) -> None:
    async with open_source(crm, query_seconds=300, clock=ticking_clock) as source:
        with pytest.raises(QueryFailed, match="longer than 30 s") as caught:
            await source.read(NEVER_YIELDS, {})
        assert "MAILER_QUERY_SECONDS" in caught.value.next_step
        assert await serves(source)


async def test_a_target_query_that_yields_no_row_is_stopped_at_the_bound(
    crm: Path, open_source: OpenSource, ticking_clock: Clock
) -> None:
    async with open_source(crm, query_seconds=300, clock=ticking_clock) as source:
        with pytest.raises(QueryFailed, match="longer than 300 s"):
            await first_slice_of(source)(NEVER_YIELDS, {})
        with pytest.raises(QueryFailed, match="longer than 300 s"):
            await source.columns(NEVER_YIELDS, {})
        assert await serves(source)


async def test_a_target_query_that_yields_rows_for_ever_is_stopped_when_its_slices_together_took_the_bound(
    crm: Path, open_source: OpenSource, ticking_clock: Clock
) -> None:
    async with open_source(crm, query_seconds=300, clock=ticking_clock) as source:
        async with source.stream(NEVER_ENDS, 10_000) as slices:
            await anext(slices)
            with pytest.raises(QueryFailed, match="longer than 300 s"):
                await exhaust(slices)
        assert await serves(source)


async def test_queries_that_never_end_hold_up_neither_the_loop_nor_other_reads(
    crm: Path, open_source: OpenSource
) -> None:
    async with open_source(crm) as source, anyio.create_task_group() as tasks:
        for _ in range(READERS - 1):
            tasks.start_soon(source.read, NEVER_YIELDS, NO_BINDS)
        tasks.start_soon(first_slice_of(source), NEVER_YIELDS, NO_BINDS)
        await asyncio.sleep(0)
        with anyio.fail_after(20):
            assert await serves(source)
            assert await source.columns(HEALTHY, {}) == ("N",)
        tasks.cancel_scope.cancel()


async def test_a_step_that_can_not_be_stopped_is_left_to_its_thread_and_the_source_serves_on(
    crm: Path, open_source: OpenSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_session, "_GRACE", 0.01)
    one_long_step = "SELECT instr(zeroblob(200000), CAST(zeroblob(100000) || x'01' AS BLOB))"
    async with open_source(crm, query_seconds=0.01) as source:
        with pytest.raises(QueryFailed, match="could not be stopped"):
            await source.read(one_long_step, {})
        assert await serves(source)
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            assert thread.daemon
            await anyio.to_thread.run_sync(thread.join, 20.0)


@pytest.mark.parametrize("turns", range(REPETITIONS))
async def test_a_cancelled_caller_is_gone_at_once_and_the_connection_serves_on(
    wal_crm: Path, open_source: OpenSource, turns: int
) -> None:
    async with open_source(wal_crm) as source:
        with anyio.fail_after(20):
            # Cancelled while the thread starts, while the work is handed over, or while it runs.
            for never in (source.read, first_slice_of(source)):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(never, NEVER_YIELDS, NO_BINDS)
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    tasks.cancel_scope.cancel()
            assert await serves(source)


async def test_callers_in_line_for_a_reader_can_be_cancelled_and_keep_none(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        async with anyio.create_task_group() as tasks:
            for _ in range(3 * READERS):
                tasks.start_soon(source.read, NEVER_YIELDS, NO_BINDS)
            await asyncio.sleep(0)
            tasks.cancel_scope.cancel()
        with anyio.fail_after(20):
            await asyncio.gather(*(serves(source) for _ in range(3 * READERS)))


async def test_a_stream_left_in_the_middle_gives_its_lock_back(rollback_crm: Path, open_source: OpenSource) -> None:
    async with open_source(rollback_crm) as source:
        async with source.stream("SELECT CUST_ID FROM CUSTOMER", 1) as slices:
            await anext(slices)
        with closing(sqlite3.connect(rollback_crm, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            other.execute("COMMIT")
        assert await serves(source)


async def test_an_error_in_the_block_comes_out_as_it_is(crm: Path, open_source: OpenSource) -> None:
    with pytest.raises(QueryFailed, match="mine"):
        async with open_source(crm) as source, source.stream(HEALTHY, 10):
            raise QueryFailed("mine")


async def test_a_source_whose_task_is_cancelled_closes_and_leaves_nothing(crm: Path, open_source: OpenSource) -> None:
    async def use(started: anyio.Event) -> None:
        async with open_source(crm) as source:
            started.set()
            await source.read(NEVER_YIELDS, {})

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            started = anyio.Event()
            tasks.start_soon(use, started)
            await started.wait()
            tasks.cancel_scope.cancel()
    assert list(crm.parent.iterdir()) == [crm]
