"""Update queries of many deliveries in one transaction of a person's file, each with its own count or its own error."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from mailer.sources.sqlite_connection import GuardedConnection
from mailer.sources.sqlite_errors import FAILURES, is_away
from mailer.sources.sqlite_values import SqliteBinds


@dataclass(frozen=True, slots=True)
class Update:
    """One execution of an update query."""

    query: str
    binds: SqliteBinds


def commit_updates(
    connection: GuardedConnection, updates: Sequence[Update], seconds_each: float
) -> list[int | Exception]:
    """The rows that each touched, or why it failed; all but the failed ones are committed.

    Raises sqlite3.Error where the file is what fails (a lock, the disk): nothing is written then.
    """
    failed: dict[int, Exception] = {}
    try:
        while True:
            touched = _run_all(connection, updates, failed, seconds_each)
            if touched is not None:
                break
        with connection.rules.lifted():
            connection.commit()
    except BaseException:
        with connection.rules.lifted():
            connection.rollback()
        raise
    return [failed[index] if index in failed else touched[index] for index in range(len(updates))]


def _run_all(
    connection: GuardedConnection,
    updates: Sequence[Update],
    failed: dict[int, Exception],
    seconds_each: float,
) -> dict[int, int] | None:
    """The counts of those that do not fail, in an open transaction; None if one that failed took the transaction along.

    It does where it ran too long, or where a trigger says RAISE(ROLLBACK): the others are then run again without it.
    """
    touched: dict[int, int] = {}
    connection.allow(seconds_each)
    with connection.rules.lifted():
        connection.execute("BEGIN IMMEDIATE")
    for index, update in enumerate(updates):
        if index in failed:
            continue
        connection.allow(seconds_each)
        try:
            touched[index] = _touch(connection, update)
        except FAILURES as error:
            if is_away(error):
                raise
            failed[index] = error
            if not connection.in_transaction:
                return None
    return touched


def _touch(connection: sqlite3.Connection, update: Update) -> int:
    """Runs one update query; the rows it touched itself, without those of triggers."""
    before = connection.total_changes
    cursor = connection.execute(update.query, update.binds)
    if cursor.description is not None:
        # A RETURNING clause: only after its last row is the count known.
        for _ in cursor:
            pass
    count = cursor.rowcount
    if count < 0:  # sqlite3 counts what begins with INSERT, UPDATE, DELETE or REPLACE; a WITH before it hides them
        changed = connection.total_changes > before
        count = connection.execute("SELECT changes()").fetchone()[0] if changed else 0
    cursor.close()
    return count
