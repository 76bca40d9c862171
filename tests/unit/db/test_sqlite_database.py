"""The embedded database: what it writes and counts, what it refuses, and what a cancellation leaves behind."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from mailer.clock import SystemClock
from mailer.db.database import Binds
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.errors import ConfigurationError, DatabaseAway, DatabaseDenied, DatabaseRefused, DuplicateKey, NotFound
from tests.doubles.hand_clock import HandClock

TURNS = 40
"""Of the event loop, at each of which a call is cancelled once."""
NOBODY = 65534
Work = Callable[[SqliteDatabase], Coroutine[object, object, object]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "우편 100%?#.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    async with SqliteDatabase(path, SystemClock(), create=True, busy_seconds=0.05) as opened:
        await migrate(opened)
        yield opened


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process writes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def make(database: SqliteDatabase, account: str) -> int:
    return await database.execute("insert_account", {"account": account})


async def accounts(path: Path) -> int:
    with closing(sqlite3.connect(path)) as other:
        return int(other.execute("SELECT COUNT(*) FROM ACCOUNT").fetchone()[0])


async def test_a_file_is_made_only_where_that_was_asked_for(tmp_path: Path) -> None:
    missing = tmp_path / "mailer.db"
    with pytest.raises(NotFound, match="no database at"):
        async with SqliteDatabase(missing, SystemClock()):
            pass
    assert not missing.exists()
    async with SqliteDatabase(missing, SystemClock(), create=True):
        assert missing.exists()


async def test_a_commit_is_on_the_disk_and_reads_go_on_beside_it(database: SqliteDatabase, path: Path) -> None:
    settings = await database._writer.run(
        lambda verbs: [
            verbs.raw.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert settings == ["wal", 2, 1]
    async with database.transaction() as transaction:
        await transaction.execute("insert_account", {"account": "default"})
        assert await database.fetch("read_account", {"account": "default"}) == []
        assert len(await transaction.fetch("read_account", {"account": "default"})) == 1
    assert len(await database.fetch("read_account", {"account": "default"})) == 1


@pytest.mark.parametrize(
    "binds", [{}, {"account": "a", "more": 1}, {"acount": "a"}], ids=["missing", "more", "misspelt"]
)
async def test_binds_that_are_not_exactly_the_statements_are_a_defect_of_ours(
    database: SqliteDatabase, binds: dict[str, str]
) -> None:
    for verb in (database.fetch("read_account", binds), database.execute("insert_account", binds)):
        with pytest.raises(TypeError, match=r"account \(.*\.sql:\d+\) misses or does not know the binds"):
            await verb
    assert await make(database, "default") == 1


async def test_a_key_that_is_there_already_is_a_duplicate_and_the_transaction_may_go_on(
    database: SqliteDatabase, path: Path
) -> None:
    await make(database, "default")
    async with database.transaction() as transaction:
        with pytest.raises(DuplicateKey, match="insert_account"):
            await transaction.execute("insert_account", {"account": "default"})
        await transaction.execute("insert_account", {"account": "outbox"})
    assert await accounts(path) == 2


async def test_what_the_schema_forbids_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(DatabaseRefused) as caught:
        await database.execute("insert_batch", {"job_id": 99, "batch_no": 1})
    assert type(caught.value) is DatabaseRefused


async def test_each_row_of_many_has_its_own_count(database: SqliteDatabase) -> None:
    for account in ("a", "b"):
        await make(database, account)
    notes = [{"account": name, "max_rate": 14.0, "quota": None} for name in ("a", "missing", "b", "a")]
    assert await database.execute_many("note_account", notes) == [1, 0, 1, 1]
    assert await database.execute_many("note_account", []) == []


async def test_of_many_rows_one_that_is_refused_takes_back_the_others(database: SqliteDatabase, path: Path) -> None:
    with pytest.raises(DuplicateKey):
        await database.execute_many("insert_account", [{"account": name} for name in ("a", "b", "a")])
    assert await accounts(path) == 0


async def test_no_more_rows_are_given_than_were_asked_for(database: SqliteDatabase) -> None:
    for worker in ("a", "b", "c"):
        binds = {"worker_id": worker, "host": "h", "pid": 1, "role": "all", "version": "1"}
        await database.execute("insert_worker", binds)
    alive = {"alive_seconds": 60.0}
    counts = [len(await database.fetch("list_live_workers", alive, at_most=n)) for n in (None, 2, 1)]
    assert counts == [3, 2, 1]


async def test_what_a_change_returns_is_none_where_no_row_was_touched(database: SqliteDatabase) -> None:
    binds: Binds = {"account": "default", "block_seconds": 0.05}
    assert await database.execute_returning("reserve_slots", binds, ("NEXT_SLOT", "MOMENT")) is None
    await make(database, "default")
    returned = await database.execute_returning("reserve_slots", binds, ("NEXT_SLOT", "MOMENT"))
    assert returned is not None
    assert timedelta() < returned.moment("NEXT_SLOT") - returned.moment("MOMENT") <= timedelta(seconds=0.05)


async def test_times_are_kept_in_utc_in_one_width_and_compare_as_they_are(tmp_path: Path) -> None:
    clock = HandClock(datetime(2026, 11, 24, 9, tzinfo=timezone(timedelta(hours=9))))
    async with SqliteDatabase(tmp_path / "mailer.db", clock, create=True) as database:
        await migrate(database)
        (now,) = await database.fetch("read_now")
        assert now["MOMENT"] == "2026-11-24 00:00:00.000000"
        assert now.moment("MOMENT") == datetime(2026, 11, 24, tzinfo=UTC)
        clock.advance(0.000001)
        (later,) = await database.fetch("read_now")
        assert later.text("MOMENT") == "2026-11-24 00:00:00.000001"


async def test_a_file_that_another_process_has_locked_is_away_and_works_again_after(
    database: SqliteDatabase, path: Path
) -> None:
    with locked(path):
        with pytest.raises(DatabaseAway, match="locked") as caught:
            await make(database, "default")
        assert "who has" in caught.value.next_step
        with pytest.raises(DatabaseAway):
            async with database.transaction():
                pytest.fail("it has the lock")
        assert await database.fetch("read_account", {"account": "default"}) == []
    assert await make(database, "default") == 1


async def test_a_lock_that_is_let_go_in_time_is_waited_for(path: Path, database: SqliteDatabase) -> None:
    async with SqliteDatabase(path, SystemClock(), busy_seconds=30) as patient:
        with locked(path):
            waiting = asyncio.create_task(make(patient, "default"))
            await anyio.wait_all_tasks_blocked()
            assert not waiting.done()
        assert await waiting == 1


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be looked at" * 100, b"SQLite format 3\0" * 99]
)
async def test_a_file_that_is_no_database_is_a_wrong_setting(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not an SQLite file") as caught:
        async with SqliteDatabase(path, SystemClock()):
            pass
    assert caught.value.next_step == "Check MAILER_DATABASE."
    assert path.read_bytes() == content


@pytest.mark.parametrize("create", [False, True])
async def test_a_folder_in_its_place_is_called_one(tmp_path: Path, create: bool) -> None:
    with pytest.raises(ConfigurationError, match="is a folder, and no database") as caught:
        async with SqliteDatabase(tmp_path, SystemClock(), create=create):
            pass
    assert "MAILER_DATABASE" in caught.value.next_step


def test_a_file_that_can_not_be_made_is_for_a_person_to_mend_and_its_thread_does_not_complain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)

    async def open_it() -> None:
        async with SqliteDatabase(tmp_path / "없는 폴더" / "mailer.db", SystemClock(), create=True):
            pass

    for _ in range(TURNS):  # the loop and the thread end at about the same time
        with pytest.raises(DatabaseDenied, match="opening it") as caught:
            asyncio.run(open_it())
    assert caught.value.next_step.endswith("and its folder must be there, and writable by this user.")
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    assert not complaints


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Nobody may write to the file or its folder, not even root."""
    is_root = os.geteuid() == 0
    path.chmod(0o444)
    path.parent.chmod(0o555)
    for parent in path.parents[1:4]:
        parent.chmod(parent.stat().st_mode | 0o055)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.parent.chmod(0o755)


async def test_a_file_that_may_not_be_written_is_for_a_person_to_mend(path: Path) -> None:
    async with SqliteDatabase(path, SystemClock(), create=True) as database:
        await migrate(database)
    with read_only(path), pytest.raises(DatabaseDenied, match=r"opening it|insert_account|BEGIN"):
        async with SqliteDatabase(path, SystemClock()) as database:
            await make(database, "default")


async def test_a_full_disk_is_away_leaves_nothing_half_written_and_is_over_when_there_is_room(
    database: SqliteDatabase, path: Path
) -> None:
    """By a limit on the file's pages: SQLite says of it what it says of a disk."""

    async def limit(pages: int) -> None:
        await database._writer.run(lambda verbs: verbs.raw.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    await make(database, "default")
    await limit(1)  # no more than there are
    with pytest.raises(DatabaseAway, match="full"):
        await database.execute_many("insert_account", [{"account": f"{number:04}" * 100} for number in range(500)])
    assert await accounts(path) == 1
    await limit(1_000_000)
    assert await database.execute_many("insert_account", [{"account": f"{number:04}" * 100} for number in range(500)])
    assert await accounts(path) == 501


async def in_transaction(database: SqliteDatabase) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("insert_account", {"account": "a"})
        await transaction.fetch("read_account", {"account": "a"}, at_most=1)
        await transaction.execute_many("insert_account", [{"account": "b"}])
        await transaction.execute("note_account", {"account": "a", "max_rate": 1.0, "quota": None})


async def by_stream(database: SqliteDatabase) -> None:
    async with database.stream("list_audit", slice_rows=1) as slices:
        async for _ in slices:
            pass


async def by_opening(database: SqliteDatabase) -> None:
    async with SqliteDatabase(database._path, SystemClock()) as another:
        await another.fetch("read_now")


CALLS: dict[str, Work] = {
    "transaction": in_transaction,
    "execute": lambda database: make(database, "a"),
    "execute many": lambda database: database.execute_many("insert_account", [{"account": "a"}, {"account": "b"}]),
    "fetch": lambda database: database.fetch("read_account", {"account": "a"}),
    "fetch some": lambda database: database.fetch("read_account", {"account": "a"}, at_most=1),
    "stream": by_stream,
    "open": by_opening,
}
WRITES = {"transaction": {0, 2}, "execute": {0, 1}, "execute many": {0, 2}}


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_cancelled_at_any_moment_leaves_all_or_nothing_and_no_lock(
    database: SqliteDatabase, path: Path, call: str
) -> None:
    for turns in range(TURNS):
        async with anyio.create_task_group() as group:
            group.start_soon(CALLS[call], database)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert await accounts(path) in WRITES.get(call, {0})
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody holds the file
            other.execute("DELETE FROM ACCOUNT")
            other.execute("COMMIT")
        assert await make(database, "after") == 1
        assert len(await database.fetch("read_account", {"account": "after"})) == 1  # no reader is stuck in the past
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("DELETE FROM ACCOUNT")


async def test_a_transaction_that_is_cancelled_while_it_waits_for_the_lock_never_begins(
    path: Path, database: SqliteDatabase
) -> None:
    async with SqliteDatabase(path, SystemClock(), busy_seconds=30) as patient:
        with locked(path):
            waiting = asyncio.create_task(in_transaction(patient))
            await anyio.wait_all_tasks_blocked()
            waiting.cancel()
            await anyio.wait_all_tasks_blocked()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        assert await accounts(path) == 0
        assert await make(patient, "default") == 1


async def test_an_error_inside_a_transaction_rolls_it_back(database: SqliteDatabase, path: Path) -> None:
    async def broken() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("insert_account", {"account": "a"})
            raise LookupError

    with pytest.raises(LookupError):
        await broken()
    assert await accounts(path) == 0
    assert await make(database, "a") == 1


async def test_transactions_of_one_process_follow_one_another(database: SqliteDatabase, path: Path) -> None:
    async def one(name: str) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("insert_account", {"account": name})
            await anyio.lowlevel.checkpoint()
            await transaction.execute("note_account", {"account": name, "max_rate": 1.0, "quota": None})

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(one, f"account {number}")
    assert await accounts(path) == 20


def create_file(path: Path) -> None:
    path.touch()


def rename(path: Path, to: Path) -> None:
    path.replace(to)


@pytest.mark.parametrize("another", [True, False], ids=["replaced", "moved away"])
async def test_nothing_is_written_into_a_file_whose_name_leads_elsewhere_now(
    database: SqliteDatabase, path: Path, another: bool
) -> None:
    await make(database, "가")
    moved = path.with_name("moved.db")
    rename(path, moved)
    if another:
        create_file(path)

    with pytest.raises(DatabaseAway, match="moved, deleted or replaced"):
        await make(database, "나")
    with pytest.raises(DatabaseAway, match="moved, deleted or replaced"):
        async with database.transaction():
            pass


async def test_a_file_that_has_its_name_back_is_written_again(database: SqliteDatabase, path: Path) -> None:
    moved = path.with_name("moved.db")
    rename(path, moved)
    with pytest.raises(DatabaseAway):
        await make(database, "가")
    rename(moved, path)
    assert await make(database, "나") == 1


async def test_a_folder_that_is_gone_is_a_database_that_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "폴더"
    create_folder(folder)
    async with SqliteDatabase(folder / "mailer.db", SystemClock(), create=True) as database:
        await migrate(database)
        rename(folder, tmp_path / "다른 폴더")
        create_file(folder)
        with pytest.raises(DatabaseAway, match="moved, deleted or replaced"):
            await make(database, "가")


def create_folder(path: Path) -> None:
    path.mkdir()
