"""The file itself: missing, not a database, replaced, left half-written by a crash; and left as it was found."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mailer.errors import ConfigurationError, NotFound, QueryFailed, SourceAway
from mailer.sources.sqlite import SqliteSource

OpenSource = Callable[..., SqliteSource]
READ = "SELECT COUNT(*) N FROM CUSTOMER"
UPDATE = "UPDATE CUSTOMER SET SENT_AT = 'x'"


async def test_a_missing_file_is_named_with_its_setting_and_never_created(
    tmp_path: Path, open_source: OpenSource
) -> None:
    with pytest.raises(NotFound) as caught:
        async with open_source(tmp_path / "없다.db"):
            pass
    assert "없다.db" in str(caught.value)
    assert "MAILER_SOURCES__CRM__URL" in caught.value.next_step
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 (afterwards)


async def test_a_folder_is_no_file_and_a_name_that_is_too_long_is_no_crash(
    tmp_path: Path, open_source: OpenSource
) -> None:
    with pytest.raises(NotFound):
        async with open_source(tmp_path):
            pass
    with pytest.raises(ConfigurationError):
        async with open_source(tmp_path / ("가" * 300)):
            pass


async def test_a_file_that_goes_away_is_away_and_not_created_again(crm: Path, open_source: OpenSource) -> None:
    async with open_source(crm) as source:
        assert await source.read(READ, {}) == [{"N": 3}]
        move(crm, crm.with_name("moved.db"))
        for use in (source.read(READ, {}), source.columns(READ, {}), source.update(UPDATE, {})):
            with pytest.raises(SourceAway, match="'crm'") as caught:
                await use
            assert "MAILER_SOURCES__CRM__URL" in caught.value.next_step
        assert not exists(crm)
        move(crm.with_name("moved.db"), crm)
        assert await source.read(READ, {}) == [{"N": 3}]


async def test_another_file_put_in_its_place_is_read_and_updated_from_then_on(
    rollback_crm: Path, open_source: OpenSource
) -> None:
    """As a nightly export does: a connection kept open would go on with a file that nobody sees any more."""
    async with open_source(rollback_crm) as source:
        assert await source.read(READ, {}) == [{"N": 3}]
        assert await source.update(UPDATE, {}) == 3
        export = rollback_crm.with_name("export.db")
        with closing(sqlite3.connect(export)) as connection:
            connection.executescript("CREATE TABLE CUSTOMER (CUST_ID, SENT_AT); INSERT INTO CUSTOMER VALUES (9, NULL)")
        move(export, rollback_crm)
        assert await source.read(READ, {}) == [{"N": 1}]
        assert await source.update(UPDATE, {}) == 1
    with closing(sqlite3.connect(rollback_crm)) as connection:
        assert connection.execute("SELECT * FROM CUSTOMER").fetchall() == [(9, "x")]


async def test_what_is_no_database_is_said_with_its_setting(tmp_path: Path, open_source: OpenSource) -> None:
    path = tmp_path / "notes.txt"
    write(path, "회의록\n" * 1000)
    async with open_source(path) as source:
        for use in (source.read("SELECT 1 FROM T", {}), source.bind_names("SELECT 1 FROM T"), source.update("X", {})):
            with pytest.raises(QueryFailed, match="not a database") as caught:
                await use
            assert "MAILER_SOURCES__CRM__URL" in caught.value.next_step


async def test_reading_leaves_nothing_behind_and_changes_nothing(crm: Path, open_source: OpenSource) -> None:
    before = crm.read_bytes()  # noqa: ASYNC240 (before and after, not beside, the source)
    async with open_source(crm) as source:
        await source.read(READ, {})
        await source.columns(READ, {})
        await source.check_update(UPDATE)
        async with source.stream(READ, 10) as slices:
            await anext(slices)
    assert list(crm.parent.iterdir()) == [crm]
    assert crm.read_bytes() == before  # noqa: ASYNC240 (likewise)


async def test_updating_leaves_the_journal_mode_and_no_other_file(crm: Path, open_source: OpenSource) -> None:
    def mode() -> str:
        with closing(sqlite3.connect(crm)) as connection:
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    before = mode()
    async with open_source(crm) as source:
        assert await source.update(UPDATE, {}) == 3
    assert list(crm.parent.iterdir()) == [crm]
    assert mode() == before


async def test_a_wal_file_that_others_have_open_keeps_its_wal(wal_crm: Path, open_source: OpenSource) -> None:
    with closing(sqlite3.connect(wal_crm, isolation_level=None)) as other:
        other.execute("INSERT INTO CUSTOMER (CUST_ID) VALUES (7)")
        async with open_source(wal_crm) as source:
            assert await source.read(READ, {}) == [{"N": 4}]
        assert other.execute(READ).fetchone() == (4,)
        assert len(list(wal_crm.parent.iterdir())) == 3


_DIES_WITH_A_HOT_JOURNAL = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE CUSTOMER SET EMAIL = 'half'")
connection.execute("CREATE TABLE FILLER (A)")
connection.execute("INSERT INTO FILLER WITH RECURSIVE N(X) AS (SELECT 1 UNION ALL SELECT X + 1 FROM N LIMIT 200) "
                   "SELECT randomblob(4000) FROM N")
os._exit(9)
"""
_DIES_WITH_A_FULL_WAL = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("UPDATE CUSTOMER SET EMAIL = 'whole'")
os._exit(9)
"""


def crash(script: str, path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert died.returncode == 9


def move(path: Path, target: Path) -> None:
    path.rename(target)


def exists(path: Path) -> bool:
    return path.exists()


def write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_what_a_crash_left_half_written_is_rolled_back_before_it_is_read(
    rollback_crm: Path, open_source: OpenSource
) -> None:
    crash(_DIES_WITH_A_HOT_JOURNAL, rollback_crm)
    assert len(list(rollback_crm.parent.iterdir())) == 2
    async with open_source(rollback_crm) as source:
        rows = await source.read("SELECT EMAIL FROM CUSTOMER WHERE CUST_ID = 1", {})
        assert rows == [{"EMAIL": "kim@example.co.kr"}]
    assert list(rollback_crm.parent.iterdir()) == [rollback_crm]


async def test_what_was_committed_before_a_crash_is_read(wal_crm: Path, open_source: OpenSource) -> None:
    crash(_DIES_WITH_A_FULL_WAL, wal_crm)
    async with open_source(wal_crm) as source:
        assert await source.read("SELECT DISTINCT EMAIL FROM CUSTOMER", {}) == [{"EMAIL": "whole"}]


async def test_a_rollback_journal_file_is_readable_where_nothing_may_be_written(
    rollback_crm: Path, open_source: OpenSource, unprivileged: Callable[[Path], None]
) -> None:
    unprivileged(rollback_crm.parent)
    async with open_source(rollback_crm) as source:
        assert await source.read(READ, {}) == [{"N": 3}]


async def test_a_wal_file_where_nothing_may_be_written_is_away_and_says_why(
    wal_crm: Path, open_source: OpenSource, unprivileged: Callable[[Path], None]
) -> None:
    unprivileged(wal_crm.parent)
    async with open_source(wal_crm) as source:
        with pytest.raises(SourceAway) as caught:
            await source.read(READ, {})
        assert "in WAL mode" in caught.value.next_step


async def test_a_hot_journal_where_nothing_may_be_written_is_away_and_says_why(
    rollback_crm: Path, open_source: OpenSource, unprivileged: Callable[[Path], None]
) -> None:
    crash(_DIES_WITH_A_HOT_JOURNAL, rollback_crm)
    unprivileged(rollback_crm.parent)
    async with open_source(rollback_crm) as source:
        with pytest.raises(SourceAway) as caught:
            await source.read(READ, {})
        assert "after a crash" in caught.value.next_step
