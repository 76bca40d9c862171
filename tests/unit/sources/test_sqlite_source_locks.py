"""Other programs at the same file, and our own reads and writes beside each other."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from mailer.errors import SourceAway
from mailer.sources.sqlite import SqliteSource

OpenSource = Callable[..., SqliteSource]
READ = "SELECT COUNT(*) N FROM CUSTOMER"
UPDATE = "UPDATE CUSTOMER SET SENT_AT = 'x' WHERE CUST_ID = :id"

_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN " + sys.argv[2])
connection.execute("UPDATE CUSTOMER SET EMAIL = EMAIL")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def held_by_another_process(path: Path, kind: str) -> Iterator[Callable[[], None]]:
    """The lock, and how to let it go."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == b"held\n"
        stdin = holder.stdin

        def release() -> None:
            if not stdin.closed:
                stdin.close()
                holder.wait()

        yield release
        release()


class ReleasingClock:
    """A clock that lets the lock go when the source pauses for the first time, that is, after it was refused."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self.pauses = 0

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.pauses += 1
        self._release()


async def one_slice(source: SqliteSource) -> object:
    async with source.stream(READ, 10) as slices:
        return await anext(slices)


async def test_a_read_waits_for_another_program_and_then_goes_on(rollback_crm: Path, open_source: OpenSource) -> None:
    for use in (lambda s: s.read(READ, {}), one_slice):
        with held_by_another_process(rollback_crm, "EXCLUSIVE") as release:
            clock = ReleasingClock(release)
            async with open_source(rollback_crm, clock=clock) as source:
                assert await use(source) == [{"N": 3}]
            assert clock.pauses == 1


async def test_an_update_waits_for_another_program_and_then_goes_on(crm: Path, open_source: OpenSource) -> None:
    with held_by_another_process(crm, "IMMEDIATE") as release:
        clock = ReleasingClock(release)
        async with open_source(crm, clock=clock) as source:
            assert await source.update(UPDATE, {"id": 1}) == 1
        assert clock.pauses == 1


async def test_a_file_locked_for_longer_than_patience_is_away(rollback_crm: Path, open_source: OpenSource) -> None:
    with held_by_another_process(rollback_crm, "EXCLUSIVE") as release:
        async with open_source(rollback_crm, patience=0.05) as source:
            for use in (source.read(READ, {}), one_slice(source), source.columns(READ, {}), source.bind_names(READ)):
                with pytest.raises(SourceAway, match=r"'crm'.*locked") as caught:
                    await use
                assert caught.value.exit_code == 4
                assert "MAILER_DB_PATIENCE" in caught.value.next_step
            results = await asyncio.gather(*(source.update(UPDATE, {"id": n}) for n in (1, 2)), return_exceptions=True)
            assert [type(result) for result in results] == [SourceAway, SourceAway]
            release()
            assert await source.update(UPDATE, {"id": 1}) == 1
            assert await source.read("SELECT CUST_ID FROM CUSTOMER WHERE SENT_AT = 'x'", {}) == [{"CUST_ID": 1}]


async def test_a_caller_waiting_for_a_lock_can_be_cancelled(rollback_crm: Path, open_source: OpenSource) -> None:
    with held_by_another_process(rollback_crm, "EXCLUSIVE"):
        async with open_source(rollback_crm) as source:
            with anyio.fail_after(20), anyio.move_on_after(0.01) as scope:
                await source.read(READ, {})
            assert scope.cancelled_caught


async def test_a_reader_of_another_program_delays_an_update_no_longer_than_patience(
    rollback_crm: Path, open_source: OpenSource
) -> None:
    with closing(sqlite3.connect(rollback_crm, isolation_level=None)) as reader:
        rows = reader.execute("SELECT CUST_ID FROM CUSTOMER")
        rows.fetchone()
        async with open_source(rollback_crm, patience=0.05) as source:
            with pytest.raises(SourceAway):
                await source.update(UPDATE, {"id": 1})
            assert await source.read(READ, {}) == [{"N": 3}]
            rows.close()
            assert await source.update(UPDATE, {"id": 2}) == 1
            assert await source.read("SELECT CUST_ID FROM CUSTOMER WHERE SENT_AT = 'x'", {}) == [{"CUST_ID": 2}]


@pytest.mark.parametrize("_", range(50))
async def test_in_rollback_journal_mode_an_update_waits_for_our_own_target_query_and_blocks_nobody(
    rollback_crm: Path, open_source: OpenSource, _: int
) -> None:
    async with open_source(rollback_crm, patience=0.01) as source:
        async with source.stream("SELECT CUST_ID, SENT_AT FROM CUSTOMER ORDER BY CUST_ID", 1) as slices:
            seen = list(await anext(slices))
            update = asyncio.create_task(source.update(UPDATE, {"id": 3}))
            assert await source.read(READ, {}) == [{"N": 3}]
            async for rows in slices:
                seen += rows
            assert not update.done()
        assert await update == 1
    assert [dict(row) for row in seen] == [{"CUST_ID": n, "SENT_AT": None} for n in (1, 2, 3)]


async def test_in_wal_mode_an_update_does_not_wait_and_the_list_stays_as_it_was(
    wal_crm: Path, open_source: OpenSource
) -> None:
    query = "SELECT CUST_ID, SENT_AT FROM CUSTOMER ORDER BY CUST_ID"
    async with open_source(wal_crm) as source, source.stream(query, 1) as slices:
        seen = list(await anext(slices))
        assert await source.update(UPDATE, {"id": 3}) == 1
        async for rows in slices:
            seen += rows
    assert [dict(row) for row in seen] == [{"CUST_ID": n, "SENT_AT": None} for n in (1, 2, 3)]


async def test_in_wal_mode_an_update_waits_for_no_query_that_never_ends(wal_crm: Path, open_source: OpenSource) -> None:
    never = "WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N) SELECT X FROM N, CUSTOMER WHERE X < 0"
    async with open_source(wal_crm) as source, anyio.create_task_group() as tasks:
        tasks.start_soon(source.read, never, {})
        await asyncio.sleep(0)
        with anyio.fail_after(20):
            assert await source.update(UPDATE, {"id": 3}) == 1
        tasks.cancel_scope.cancel()


async def test_an_update_does_not_wait_for_ever_for_a_list_that_is_not_read_on(
    rollback_crm: Path, open_source: OpenSource
) -> None:
    async with open_source(rollback_crm, query_seconds=0.2) as source:
        async with source.stream(READ, 1) as slices:
            await anext(slices)
            with pytest.raises(SourceAway, match="target query of this process"):
                await source.update(UPDATE, {"id": 1})
        assert await source.update(UPDATE, {"id": 1}) == 1
