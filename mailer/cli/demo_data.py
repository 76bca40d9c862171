"""The data of the demo: a customer's own database and attachments, with faults planted in known counts."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from unicodedata import normalize

from mailer.cli.demo_pdf import tiny_pdf
from mailer.cli.demo_rows import COLUMN_PLANTS, OTHER_PLANTS, Planted, Row, customers, files, signups, statements
from mailer.errors import ConfigurationError
from mailer.model.delivery import Status, UpdateStatus
from mailer.shipped import shipped_folder

_ENDS = {
    Planted.NO_ADDRESS: Status.FAILED,
    Planted.MALFORMED_ADDRESS: Status.FAILED,
    Planted.SEVERAL_ADDRESSES: Status.FAILED,
    Planted.NO_KEY: Status.FAILED,
    Planted.NO_MAPPING_ROW: Status.FAILED,
    Planted.REPEATED_KEY: Status.SKIPPED,
    Planted.ATTACHMENT_MISSING: Status.SKIPPED,
    # Which of two files is meant can't be known: as good as missing, so the same policy decides.
    Planted.ATTACHMENT_AMBIGUOUS: Status.SKIPPED,
}
"""The state that a planted row's delivery ends in, where it isn't SENT."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How the first job of `monthly-statement` over this data ends, to the row."""

    rows: int
    """Rows of the target query."""
    planted: Mapping[Planted, tuple[str, ...]]
    """The rows of each kind, by recipient key as the ledger has it ('#<row_no>' for a row without one)."""

    def reasons(self, status: Status) -> dict[Planted, tuple[str, ...]]:
        """The planted kinds that end in `status`, with their keys."""
        return {kind: keys for kind, keys in self.planted.items() if _ENDS.get(kind, Status.SENT) is status}

    def count(self, status: Status) -> int:
        """How many deliveries end in `status`."""
        if status is Status.SENT:
            return self.rows - self.count(Status.FAILED) - self.count(Status.SKIPPED)
        return sum(len(keys) for keys in self.reasons(status).values())

    def count_updates(self, status: UpdateStatus) -> int:
        """How many deliveries end with that UPDATE_STATUS; an update that touches no row, or two, is DONE."""
        sent, refused = self.count(Status.SENT), len(self.planted[Planted.UPDATE_REFUSED])
        counts = {UpdateStatus.NONE: self.rows - sent, UpdateStatus.FAILED: refused, UpdateStatus.DONE: sent - refused}
        return counts.get(status, 0)


@dataclass(frozen=True, slots=True)
class DemoData:
    """Where the demo's data lies, and how its job ends."""

    database: Path
    attachments: Path
    expected: Expected


def make_demo_data(folder: Path) -> DemoData:
    """Writes `crm.db` and `attachments/` into `folder`, which is made where it isn't there.

    Raises ConfigurationError where there is a `crm.db` already, or where the folder can't be written.
    """
    database, attachments = folder / "crm.db", folder / "attachments"
    if database.exists():
        raise ConfigurationError(f"{database} is there already", "Name another folder for the demo's data.")
    rows = customers()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_database(database, rows)
        _write_attachments(attachments)
    except (OSError, sqlite3.Error) as error:
        what = f"can't write the demo's data into {folder}: {error}"
        raise ConfigurationError(what, "Name a folder on a disk with room, where you may write.") from error
    return DemoData(database, attachments, _expected(rows))


def _write_database(file: Path, rows: Sequence[Row]) -> None:
    """In rollback-journal mode, SQLite's own default and so that of most files that people have."""
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript((shipped_folder("examples") / "crm.sql").read_text(encoding="utf-8"))
        database.executemany(
            "INSERT INTO CUSTOMER VALUES (:CUST_ID, :CUST_NAME, :EMAIL, :GRADE, :BRANCH, :MAIL_AGREED, :LEGAL_HOLD,"
            " :CLOSED_ON, :ATTACH_NAME, NULL)",
            rows,
        )
        for statement, lines in statements():
            database.execute(
                "INSERT INTO STATEMENT VALUES (:STATEMENT_ID, :CUST_ID, :ISSUED_ON, :YEAR, :MONTH, :DUE_ON, :SUPPLY,"
                " :VAT, :TOTAL, :UNPAID, :POINTS)",
                statement,
            )
            database.executemany(
                "INSERT INTO ORDER_LINE VALUES (:STATEMENT_ID, :LINE_NO, :ORDERED_ON, :ITEM, :QUANTITY, :AMOUNT)", lines
            )
        database.executemany(
            "INSERT INTO SIGNUP VALUES (:SIGNUP_ID, :CUST_NAME, :EMAIL, :COUPON, :JOINED_ON, NULL)", signups()
        )


def attachment_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each attachment below `folder`, and the line that it shows.

    A folder for each branch. Busan's came from a Mac: on disk its names are decomposed (NFD).
    """
    for branch, name, line in files():
        path = f"{branch}/{name}" if branch else name
        yield folder / normalize("NFD" if branch == "부산" else "NFC", path), line


def _write_attachments(folder: Path) -> None:
    for file, line in attachment_files(folder):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tiny_pdf(line))


def _expected(rows: Sequence[Row]) -> Expected:
    """Numbers the rows as the target query's ORDER BY does: NULL comes first in SQLite."""
    targets = [row for row in rows if row["MAIL_AGREED"] == "Y"]
    targets.sort(key=lambda row: (str(row["BRANCH"]), int(row["CUST_ID"] or 0)))
    without_key = tuple(f"#{row_no}" for row_no, row in enumerate(targets, start=1) if row["CUST_ID"] is None)
    planted = {kind: tuple(map(str, cust_ids)) for kind, cust_ids in OTHER_PLANTS.items()}
    for kind, cust_id, _, _ in COLUMN_PLANTS:
        planted[kind] = (*planted.get(kind, ()), str(cust_id))
    return Expected(len(targets), MappingProxyType({**planted, Planted.NO_KEY: without_key}))
