"""A person's SQLite file: where it is, which one it is, and leaving it as it was found."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mailer.model.clock import Clock

LOCK_WAIT = 0.5
"""Seconds that SQLite itself waits for a lock: nothing can interrupt it meanwhile, so patience is spent in turns."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A data source that is a file. `patience`: seconds for which a lock of other programs is waited for."""

    source: str
    path: Path
    patience: float
    clock: Clock

    def uri(self, mode: Literal["ro", "rw"]) -> str:
        """What SQLite opens; neither mode creates a file."""
        return f"{self.path.as_uri()}?mode={mode}"

    def identity(self) -> tuple[int, int]:
        """The same as long as nobody puts another file in its place. Raises OSError where there is none."""
        status = self.path.stat()
        return status.st_dev, status.st_ino

    def settle(self) -> None:
        """Reads it as a program that may write to it does: SQLite then rolls back what a crash left half-written.

        On closing, SQLite removes a WAL that nobody else has open. Blocks. Raises sqlite3.Error.
        """
        with closing(sqlite3.connect(self.uri("rw"), uri=True, timeout=LOCK_WAIT)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()

    def remove_empty_wal(self) -> None:
        """Removes the -wal and -shm that readers make beside a file in WAL mode, and may not remove. Blocks."""
        target = self.path.resolve()
        with suppress(OSError, sqlite3.Error):
            if target.with_name(f"{target.name}-wal").stat().st_size == 0:
                self.settle()
