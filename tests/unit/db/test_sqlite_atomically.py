"""A transaction that runs whole in SQLite's thread: all of it or nothing, whoever is cancelled meanwhile."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from mailer.clock import SystemClock
from mailer.db.database import Database, Session
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.errors import DuplicateKey

REPETITIONS = 50
EMAIL = {"email": "홍길동@example.com", "reason": "bounced"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with SqliteDatabase(tmp_path / "mailer.db", SystemClock(), create=True) as opened:
        await migrate(opened)
        yield opened


async def suppressed(database: Database) -> int:
    return len(await database.fetch("list_suppressions"))


async def test_what_it_returns_comes_once_it_is_committed(database: Database, tmp_path: Path) -> None:
    async def work(session: Session) -> tuple[int, list[int], int]:
        one = await session.execute("insert_suppression", EMAIL)
        many = await session.execute_many("insert_suppression", [{**EMAIL, "email": "a@b"}, {**EMAIL, "email": "c@d"}])
        return one, many, len(await session.fetch("list_suppressions"))

    assert await database.atomically(work) == (1, [1, 1], 3)
    with closing(sqlite3.connect(tmp_path / "mailer.db")) as beside:
        assert beside.execute("SELECT COUNT(*) FROM SUPPRESSION").fetchone() == (3,)


async def test_an_error_undoes_all_of_it_and_the_next_goes_on(database: Database) -> None:
    async def twice(session: Session) -> None:
        for _ in range(2):
            await session.execute("insert_account", {"account": "default"})

    with pytest.raises(DuplicateKey):
        await database.atomically(twice)
    assert await database.fetch("read_account", {"account": "default"}) == []
    assert await database.execute("insert_account", {"account": "default"}) == 1


async def test_work_that_waits_for_something_else_is_refused_and_undone(database: Database) -> None:
    async def work(session: Session) -> None:
        await session.execute("insert_suppression", EMAIL)
        await asyncio.sleep(0)

    with pytest.raises(TypeError, match="waits for something else"):
        await database.atomically(work)
    assert await suppressed(database) == 0


async def test_a_caller_that_is_cancelled_leaves_all_of_it_or_nothing_and_no_lock(database: Database) -> None:
    async def work(session: Session) -> None:
        await session.execute_many("insert_suppression", [{**EMAIL, "email": f"{n}@example.com"} for n in range(20)])

    for _ in range(REPETITIONS):
        async with anyio.create_task_group() as group:
            group.start_soon(database.atomically, work)
            await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        found = await suppressed(database)
        assert found in {0, 20}
        assert (
            await database.execute_many("delete_suppression", [{"email": f"{n}@example.com"} for n in range(20)])
            == [found // 20] * 20
        )
