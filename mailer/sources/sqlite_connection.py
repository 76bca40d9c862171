"""An open SQLite file under rules, a clock and a stop mark: the part of a connection that lives in its thread."""

import sqlite3
from typing import Literal

from mailer.model.clock import Clock
from mailer.sources.sqlite_file import LOCK_WAIT, SourceFile
from mailer.sources.sqlite_rules import Rules

MOST_BYTES = 100_000_000
"""Of one value: beyond it no mail could be, and a query can make gigabytes out of nothing."""
_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock: a fraction of a millisecond to a few."""


class GuardedConnection(sqlite3.Connection):
    """Runs a person's SQL by the rules, until its time is over or it is stopped; transactions are the caller's.

    Only `stop` may be called from another thread.
    """

    rules: Rules
    clock: Clock
    identity: tuple[int, int]
    """Of the file that is open, which need not be the one that stands in its place by now."""
    _deadline: float = 0.0
    _is_stopped: bool = False

    def allow(self, seconds: float) -> None:
        """From now on statements may take that long. Raises sqlite3.OperationalError once stopped."""
        if self._is_stopped:
            raise sqlite3.OperationalError("interrupted")
        self._deadline = self.clock.monotonic() + seconds

    def stop(self) -> None:
        """Ends what runs, and lets nothing begin any more."""
        # Not interrupt(): its mark stays on an idle connection, and then closing leaves a WAL behind.
        self._is_stopped = True

    def is_over(self) -> bool:
        """SQLite's progress handler: True stops the statement."""
        return self._is_stopped or self.clock.monotonic() > self._deadline


def connect(file: SourceFile, mode: Literal["ro", "rw"], *, may_change_rows: bool) -> GuardedConnection:
    """Opens the file; SQLite itself reads nothing of it yet. Raises sqlite3.Error, and OSError where there is none."""
    identity = file.identity()
    connection = sqlite3.connect(
        file.uri(mode),
        uri=True,
        isolation_level=None,
        timeout=min(LOCK_WAIT, file.patience),
        factory=GuardedConnection,
    )
    connection.rules = Rules(may_change_rows=may_change_rows)
    connection.clock = file.clock
    connection.identity = identity
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
    connection.set_authorizer(connection.rules)
    connection.set_progress_handler(connection.is_over, _STEPS)
    return connection
