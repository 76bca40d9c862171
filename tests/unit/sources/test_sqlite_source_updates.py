"""Update queries: commits shared, counts and errors each one's own."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.errors import QueryFailed, Unreachable
from mailer.model.clock import Clock
from mailer.sources.sqlite import SqliteSource

OpenSource = Callable[..., SqliteSource]
MARK = "UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
NEVER_ENDS = (
    "UPDATE CUSTOMER SET EMAIL = (WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N) SELECT MAX(X) FROM N)"
)


def sent(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT CUST_ID FROM CUSTOMER WHERE SENT_AT IS NOT NULL")]


def run_script(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def commits(path: Path) -> int:
    """The file change counter of the header: how many transactions a file in rollback-journal mode has seen."""
    return int.from_bytes(path.read_bytes()[24:28], "big")


async def test_an_update_says_how_many_rows_it_touched(crm: Path, open_source: OpenSource) -> None:
    moment = datetime(2026, 11, 24, 9, tzinfo=UTC)
    async with open_source(crm) as source:
        assert await source.update(MARK, {"SENT_AT": moment, "CUST_ID": 1}) == 1
        assert await source.update(MARK, {"SENT_AT": moment, "CUST_ID": 99}) == 0
        assert await source.update("UPDATE CUSTOMER SET GRADE = 'good'", {}) == 3
    with closing(sqlite3.connect(crm)) as connection:
        assert connection.execute("SELECT SENT_AT FROM CUSTOMER").fetchall() == [
            ("2026-11-24 09:00:00.000000",),
            (None,),
            (None,),
        ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("WITH N AS (SELECT 1 AS X) UPDATE CUSTOMER SET SENT_AT = 'x' WHERE CUST_ID > (SELECT X FROM N)", 2),
        ("WITH N AS (SELECT 99 AS X) UPDATE CUSTOMER SET SENT_AT = 'x' WHERE CUST_ID > (SELECT X FROM N)", 0),
        ("UPDATE CUSTOMER SET SENT_AT = 'x' WHERE CUST_ID < 3 RETURNING CUST_ID", 2),
        ("INSERT INTO CUSTOMER (CUST_ID) VALUES (7), (8)", 2),
        ("DELETE FROM CUSTOMER", 3),
        ("SELECT 1", 0),
        ("/* a note */ UPDATE CUSTOMER SET SENT_AT = 'x'", 3),
    ],
)
async def test_the_count_is_right_for_every_form_of_change(
    crm: Path, open_source: OpenSource, query: str, count: int
) -> None:
    async with open_source(crm) as source:
        results = await asyncio.gather(source.update("UPDATE CUSTOMER SET GRADE = 'a'", {}), source.update(query, {}))
    assert list(results) == [3, count]


async def test_rows_that_a_trigger_touches_do_not_count(crm: Path, open_source: OpenSource) -> None:
    run_script(
        crm,
        "CREATE TABLE LOG (A); CREATE TRIGGER T AFTER UPDATE ON CUSTOMER BEGIN INSERT INTO LOG VALUES (1), (2); END;",
    )
    async with open_source(crm) as source:
        assert await source.update("UPDATE CUSTOMER SET SENT_AT = 'x' WHERE CUST_ID = 1", {}) == 1


async def test_updates_that_arrive_together_share_a_commit(rollback_crm: Path, open_source: OpenSource) -> None:
    before = commits(rollback_crm)
    async with open_source(rollback_crm) as source:
        counts = await asyncio.gather(*(source.update(MARK, {"SENT_AT": "x", "CUST_ID": n}) for n in (1, 2, 3, 4)))
    assert counts == [1, 1, 1, 0]
    assert commits(rollback_crm) == before + 1


@pytest.mark.parametrize(
    "failing", ["UPDATE CUSTOMER SET GRADE = 'bad'", "UPDATE NOWHERE SET A = 1", "UPDATE CUSTOMER SET GRADE = :none"]
)
async def test_an_update_that_fails_fails_alone(crm: Path, open_source: OpenSource, failing: str) -> None:
    async with open_source(crm) as source:
        results = await asyncio.gather(
            source.update(MARK, {"SENT_AT": "x", "CUST_ID": 1}),
            source.update(failing, {}),
            source.update(MARK, {"SENT_AT": "x", "CUST_ID": 3}),
            return_exceptions=True,
        )
    assert (results[0], results[2]) == (1, 1)
    assert isinstance(results[1], QueryFailed)
    assert str(results[1]).startswith("data source 'crm': ")
    assert sent(crm) == [1, 3]


async def test_an_update_whose_trigger_rolls_all_back_takes_nobody_along(crm: Path, open_source: OpenSource) -> None:
    run_script(
        crm,
        "CREATE TRIGGER T BEFORE UPDATE OF SENT_AT ON CUSTOMER WHEN new.CUST_ID = 2 "
        "BEGIN SELECT RAISE(ROLLBACK, '정지'); END;",
    )
    async with open_source(crm) as source:
        results = await asyncio.gather(
            *(source.update(MARK, {"SENT_AT": "x", "CUST_ID": n}) for n in (1, 2, 3)), return_exceptions=True
        )
    assert (results[0], results[2]) == (1, 1)
    assert "정지" in str(results[1])
    assert sent(crm) == [1, 3]


async def test_an_update_that_never_ends_is_stopped_alone(
    crm: Path, open_source: OpenSource, ticking_clock: Clock
) -> None:
    async with open_source(crm, query_seconds=3000, clock=ticking_clock) as source:
        results = await asyncio.gather(
            source.update(MARK, {"SENT_AT": "x", "CUST_ID": 1}),
            source.update(NEVER_ENDS, {}),
            source.update(MARK, {"SENT_AT": "x", "CUST_ID": 3}),
            return_exceptions=True,
        )
        assert (results[0], results[2]) == (1, 1)
        assert isinstance(results[1], QueryFailed)
        assert "longer than 300 s" in str(results[1])
    assert sent(crm) == [1, 3]


async def test_a_caller_that_is_cancelled_while_its_update_waits_takes_it_back(
    crm: Path, open_source: OpenSource
) -> None:
    async with open_source(crm) as source:
        tasks = [asyncio.create_task(source.update(MARK, {"SENT_AT": "x", "CUST_ID": n})) for n in (1, 2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        assert await tasks[1] == 1
    assert tasks[0].cancelled()
    assert sent(crm) == [2]


async def test_closing_the_source_stops_an_update_that_never_ends_and_leaves_no_trace(
    crm: Path, open_source: OpenSource
) -> None:
    async with open_source(crm) as source:
        first = asyncio.create_task(source.update(NEVER_ENDS, {}))
        # Its group has begun when the transaction holds the file's write lock.
        with closing(sqlite3.connect(crm, timeout=0, isolation_level=None)) as other:
            while True:
                try:
                    other.execute("BEGIN IMMEDIATE")
                    other.execute("ROLLBACK")
                except sqlite3.OperationalError:
                    break
                await asyncio.sleep(0)
    with pytest.raises(Unreachable):
        await first
    assert list(crm.parent.iterdir()) == [crm]
    run_script(crm, "BEGIN EXCLUSIVE; COMMIT;")


async def test_a_file_that_may_not_be_written_refuses_updates_and_says_what_is_needed(
    rollback_crm: Path, open_source: OpenSource, unprivileged: Callable[[Path], None]
) -> None:
    unprivileged(rollback_crm.parent)
    async with open_source(rollback_crm) as source:
        assert await source.read("SELECT COUNT(*) N FROM CUSTOMER", {}) == [{"N": 3}]
        with pytest.raises(QueryFailed, match="readonly") as caught:
            await source.update(MARK, {"SENT_AT": "x", "CUST_ID": 1})
        assert "may write" in caught.value.next_step
