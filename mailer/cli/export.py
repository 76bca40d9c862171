"""Exports of the truth: nothing masked, nothing escaped but what the format asks for."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from mailer.db.record import Record
from mailer.errors import ConfigurationError

Write = Callable[[Sequence[Record]], None]
Export = AbstractContextManager[Write]
"""Takes rows slice by slice; what it has open is closed on leaving."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of an export, and a row's values in their order."""

    header: tuple[str, ...]
    values: Callable[[Record], Sequence[str | int | None]]


@contextmanager
def csv_export(target: str, shape: Shape) -> Iterator[Write]:
    """CSV (RFC 4180) into the file `target`, with a byte order mark, by which Excel knows UTF-8; without on stdout.

    `target` '-' is stdout. Raises ConfigurationError where the file can't be written.
    """
    with _stdout() if target == "-" else _file(Path(target)) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(shape.header)

        def write(records: Sequence[Record]) -> None:
            writer.writerows(shape.values(record) for record in records)

        yield write


@contextmanager
def json_export(shape: Shape) -> Iterator[Write]:
    """One array on stdout, a row a line."""
    written = 0

    def write(records: Sequence[Record]) -> None:
        nonlocal written
        for record in records:
            one = json.dumps(dict(zip(shape.header, shape.values(record), strict=True)), ensure_ascii=False)
            sys.stdout.write(f"{',' if written else '['}\n{one}")
            written += 1

    yield write
    sys.stdout.write("\n]\n" if written else "[]\n")


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
