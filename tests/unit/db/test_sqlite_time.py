"""The time of a connection to the embedded database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from mailer.db.sqlite_time import StatementTime
from tests.doubles.hand_clock import HandClock

BEGAN = "2026-11-25 00:00:00.000000"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def time(clock: HandClock) -> StatementTime:
    return StatementTime(clock)


@pytest.fixture
def raw(clock: HandClock, time: StatementTime) -> Iterator[sqlite3.Connection]:
    """Where an hour passes whenever a row asks for it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        time.install(connection)
        connection.create_function("PASS", 0, lambda: clock.advance(3600))
        yield connection


def test_all_rows_of_a_statement_have_one_time_and_the_next_statement_has_its_own(
    raw: sqlite3.Connection, time: StatementTime
) -> None:
    row = "SELECT UTC_NOW(), PASS(), UTC_NOW(), UTC_AFTER(-1.5)"
    assert raw.execute(f"{row} UNION ALL {row}").fetchall() == [
        (BEGAN, None, BEGAN, "2026-11-24 23:59:58.500000"),
        (BEGAN, None, BEGAN, "2026-11-24 23:59:58.500000"),
    ]
    time.go_on()
    assert raw.execute("SELECT UTC_NOW()").fetchall() == [("2026-11-25 02:00:00.000000",)]


def test_a_time_that_is_kept_as_text_can_be_reckoned_with(raw: sqlite3.Connection) -> None:
    assert raw.execute("SELECT TIME_PLUS(?, 0.25)", (BEGAN,)).fetchall() == [("2026-11-25 00:00:00.250000",)]
