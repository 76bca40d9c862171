"""Target rows on this machine's disk, so that a check of all rows holds neither them nor the customer's cursor."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

import anyio.to_thread

from mailer.errors import ConfigurationError
from mailer.model.row import Row, dump_row, load_row

T = TypeVar("T")

# No table of mailer's: a file without a name, which SQLite keeps in the temporary folder and removes with the end.
_MAKE = "CREATE TABLE SPOOLED (ROW_NO INTEGER PRIMARY KEY, RECIPIENT_KEY TEXT, ROW_DATA TEXT)"
_ADD = "INSERT INTO SPOOLED (RECIPIENT_KEY, ROW_DATA) VALUES (?, ?)"
_INDEX = "CREATE INDEX SPOOLED_KEY ON SPOOLED (RECIPIENT_KEY, ROW_NO)"
_SLICE = """
SELECT S.ROW_NO,
       (SELECT MIN(F.ROW_NO) FROM SPOOLED F WHERE F.RECIPIENT_KEY = S.RECIPIENT_KEY),
       S.RECIPIENT_KEY,
       S.ROW_DATA
  FROM SPOOLED S WHERE S.ROW_NO > ? ORDER BY S.ROW_NO LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A row; `first_row_no` is the number of the first row with its key, which may be its own."""

    row_no: int
    first_row_no: int
    key: str
    row: Row


class RowSpool:
    """Rows in the order in which they were added, numbered from 1. Entered by `with`, then filled, then read."""

    def __enter__(self) -> "RowSpool":
        with _speaking():
            self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", _MAKE):
                self._connection.execute(statement)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    async def add(self, rows: Sequence[tuple[str, Row]]) -> None:
        """More rows, each with its key. Raises ConfigurationError where the temporary folder can't take them."""
        await _in_thread(lambda: self._connection.executemany(_ADD, [(key, dump_row(row)) for key, row in rows]))

    async def close_list(self) -> None:
        """All rows are there."""
        await _in_thread(lambda: self._connection.execute(_INDEX))

    async def after(self, row_no: int, at_most: int) -> list[Spooled]:
        """The next rows after that number; none: there are no more."""
        found = await _in_thread(lambda: self._connection.execute(_SLICE, (row_no, at_most)).fetchall())
        return [Spooled(number, first, key, load_row(data)) for number, first, key, data in found]


async def _in_thread(work: Callable[[], T]) -> T:
    def run() -> T:
        with _speaking():
            return work()

    return await anyio.to_thread.run_sync(run)


@contextmanager
def _speaking() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"the target list can't be kept in the temporary folder meanwhile: {error}",
            "Make room there, or let TMPDIR name another folder.",
        ) from error
