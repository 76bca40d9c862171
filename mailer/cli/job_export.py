"""The ledger as an export of the truth: nothing masked, nothing escaped but what the format asks for."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from mailer.cli.output import iso
from mailer.db.record import Record
from mailer.errors import ConfigurationError

HEADER = (
    *("row_no", "key", "email", "status", "attempt", "message_id", "error_code", "error"),
    *("update_status", "feedback", "sending_at", "done_at"),
)

Export = AbstractContextManager[Callable[[Sequence[Record]], None]]
"""Takes the ledger's rows slice by slice; what it has open is closed on leaving."""


@contextmanager
def csv_export(target: str) -> Iterator[Callable[[Sequence[Record]], None]]:
    """CSV (RFC 4180) into the file `target`, with a byte order mark, by which Excel knows UTF-8; without on stdout.

    `target` '-' is stdout. Raises ConfigurationError where the file can't be written.
    """
    with _stdout() if target == "-" else _file(Path(target)) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)

        def write(records: Sequence[Record]) -> None:
            writer.writerows(_values(record) for record in records)

        yield write


@contextmanager
def json_export() -> Iterator[Callable[[Sequence[Record]], None]]:
    """One array on stdout, a delivery a line."""
    written = 0

    def write(records: Sequence[Record]) -> None:
        nonlocal written
        for record in records:
            one = json.dumps(dict(zip(HEADER, _values(record), strict=True)), ensure_ascii=False)
            sys.stdout.write(f"{',' if written else '['}\n{one}")
            written += 1

    yield write
    sys.stdout.write("\n]\n" if written else "[]\n")


def _values(record: Record) -> list[str | int | None]:
    """In the order of HEADER; times in UTC, ISO 8601."""
    return [
        record.integer("ROW_NO"),
        record.text("RECIPIENT_KEY"),
        record.maybe_text("EMAIL"),
        record.text("STATUS"),
        record.integer("ATTEMPT"),
        record.maybe_text("MESSAGE_ID"),
        record.maybe_text("ERROR_CODE"),
        record.maybe_text("ERROR"),
        record.text("UPDATE_STATUS"),
        record.maybe_text("FEEDBACK"),
        iso(record.maybe_moment("SENDING_AT")),
        iso(record.maybe_moment("DONE_AT")),
    ]


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """In UTF-8, whatever the terminal's own encoding is."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    yield sys.stdout


@contextmanager
def _file(path: Path) -> Iterator[TextIO]:
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            yield stream
    except OSError as error:
        raise ConfigurationError(
            f"can't write {path}: {error.strerror or error}", "Name another file, on a disk with room."
        ) from error
