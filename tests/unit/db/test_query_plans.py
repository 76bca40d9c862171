"""The plans of all our statements on SQLite: none reads through the tables that grow with every job."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from mailer.clock import SystemClock
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.db.sqlite_time import StatementTime
from mailer.db.statements import shipped_statements

STATEMENTS = shipped_statements("sqlite")
GROWING = ("DELIVERY", "JOB_QUEUE", "JOB_BATCH", "JOB_MINUTE", "JOB_LOG")
_MENTIONED = re.compile(rf"\b({'|'.join(GROWING)})\b(?: (?!ON\b|SET\b|WHERE\b|USING\b)([A-Z]\w*))?")

ALLOWED = {
    ("look_for_work", "SCAN D USING INDEX DELIVERY_OPEN"): "a partial index: only what is SENDING, UNKNOWN or due",
    ("list_batches_left_over", "SCAN D USING INDEX DELIVERY_OPEN"): "the same",
    ("list_jobs", "SCAN Q"): "for a person, from the newest job on, and no more than were asked for",
    ("list_jobs_to_purge", "SCAN Q USING INDEX sqlite_autoindex_JOB_QUEUE_1"): "of 'mailer purge', by automation",
}
"""Why the whole of it may be read."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "mailer.db"
    anyio.run(migrated, path)
    return path


async def migrated(path: Path) -> None:
    async with SqliteDatabase(path, SystemClock(), create=True) as database:
        await migrate(database)


def plan(path: Path, name: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        StatementTime(SystemClock()).install(connection)
        statement = STATEMENTS[name]
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", dict.fromkeys(statement.binds)).fetchall()
    return [detail for *_, detail in rows]


def growing_names(sql: str) -> set[str]:
    """The tables that grow, and what the statement calls them."""
    return {name for found in _MENTIONED.finditer(sql) for name in found.groups() if name}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_through_a_table_that_grows_with_every_job(schema: Path, name: str) -> None:
    names = growing_names(STATEMENTS[name].sql)
    scans = {detail for detail in plan(schema, name) if detail.startswith("SCAN ") and detail.split()[1] in names}
    assert scans == {detail for statement, detail in ALLOWED if statement == name}


def test_a_scan_would_be_seen(schema: Path) -> None:
    with closing(sqlite3.connect(schema)) as connection:
        sql = "SELECT COUNT(*) FROM AUTOMATION A JOIN DELIVERY D ON D.ERROR = A.NAME"
        (*_, detail), *_ = connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    assert growing_names(sql) == {"DELIVERY", "D"}
    assert detail.split()[:2] == ["SCAN", "D"]
