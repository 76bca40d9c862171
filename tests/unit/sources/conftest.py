"""Real SQLite files of somebody's customers, in either journal mode, and the source over them."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.clock import SystemClock
from mailer.model.clock import Clock
from mailer.sources.sqlite import SqliteSource

_NOBODY = 65534
OpenSource = Callable[..., SqliteSource]

_TABLES = """
CREATE TABLE CUSTOMER (CUST_ID INTEGER PRIMARY KEY, EMAIL TEXT, SENT_AT TEXT, GRADE TEXT CHECK (GRADE <> 'bad'));
CREATE INDEX CUSTOMER_GRADE ON CUSTOMER (GRADE);
INSERT INTO CUSTOMER (CUST_ID, EMAIL) VALUES (1, 'kim@example.co.kr'), (2, 'lee@example.co.kr'), (3, NULL);
CREATE TABLE "고객" ("번호" INTEGER PRIMARY KEY, "이름" TEXT, "금액" NUMERIC);
INSERT INTO "고객" VALUES (1, '김민지', 12000), (2, '이서준', 0.99);
"""


@pytest.fixture(params=["delete", "wal"])
def crm(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file in rollback-journal mode, then one in WAL mode."""
    return make_file(tmp_path, request.param)


@pytest.fixture
def rollback_crm(tmp_path: Path) -> Path:
    return make_file(tmp_path, "delete")


@pytest.fixture
def wal_crm(tmp_path: Path) -> Path:
    return make_file(tmp_path, "wal")


def make_file(folder: Path, journal_mode: str) -> Path:
    # A name with what means something in a URI: it must reach SQLite as it is.
    path = folder / "고객 100%?#1.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        connection.executescript(_TABLES)
    return path


@pytest.fixture
def open_source() -> OpenSource:
    """The source 'crm' over a file; patience and bound in seconds."""

    def opened(
        path: Path, *, patience: float = 10.0, query_seconds: float = 100.0, clock: Clock | None = None
    ) -> SqliteSource:
        return SqliteSource("crm", path, patience=patience, query_seconds=query_seconds, clock=clock or SystemClock())

    return opened


@pytest.fixture
def unprivileged() -> Iterator[Callable[[Path], None]]:
    """`drop(folder)`: for the rest of the test nobody may write to the folder and its files, not even root."""
    is_root = os.geteuid() == 0

    def drop(folder: Path) -> None:
        for path in (folder, *folder.iterdir()):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if is_root:
            for parent in folder.parents[:3]:
                parent.chmod(parent.stat().st_mode | 0o055)
            os.seteuid(_NOBODY)

    yield drop
    if is_root:
        os.seteuid(0)


class TickingClock:
    """A clock on which a second passes with each look, so that a bound of minutes is over in moments."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def monotonic(self) -> float:
        self._looks += 1
        return float(self._looks)

    async def sleep(self, seconds: float) -> None:
        self._looks += int(seconds)


@pytest.fixture
def ticking_clock() -> TickingClock:
    return TickingClock()
