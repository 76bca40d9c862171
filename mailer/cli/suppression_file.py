"""A file of addresses that are to get no mail: CSV, or one address a line."""

import csv
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from mailer.errors import ConfigurationError, MalformedAddress
from mailer.model.address import parse_recipient
from mailer.store.suppressions import NewSuppression

ADDRESS_TITLES = {"email", "e-mail", "emailaddress", "address", "mail", "이메일", "메일"}
REASON_TITLES = {"reason", "사유"}
"""Titles of a CSV's first line by which its columns are found, whatever their case, blanks and '_'."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line without one plain address; `why` does not repeat what stands there."""

    line: int
    why: str


def read_suppressions(lines: Iterable[str], reason: str) -> Iterator[NewSuppression | Malformed]:
    """What the lines say, one by one; `reason` where a line has none of its own. Blank lines say nothing.

    Without titles in the first line, addresses are in the first column and reasons in the second. Each line is read by
    itself: a quotation mark that is not closed costs its own line alone.
    """
    columns: tuple[int | None, int | None] | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t\r\n,"):
            continue
        if columns is None:
            columns = _titled_columns(line) or (0, 1)
            if _titled_columns(line):
                continue
        try:
            yield _suppression(line, columns, reason)
        except MalformedAddress as fault:
            yield Malformed(number, str(fault))


def _titled_columns(line: str) -> tuple[int | None, int | None] | None:
    """The places of address and reason in a line of titles; None where it is none."""
    titles = [cell.strip().casefold().replace("_", "").replace(" ", "") for cell in _cells(line)]
    address, reason = (
        next((place for place, title in enumerate(titles) if title in wanted), None)
        for wanted in (ADDRESS_TITLES, REASON_TITLES)
    )
    return None if address is None else (address, reason)


def _suppression(line: str, columns: tuple[int | None, int | None], reason: str) -> NewSuppression:
    try:
        return NewSuppression(parse_recipient(line.strip()), reason)  # also one with a quoted local part
    except MalformedAddress:
        cells = _cells(line)
        return NewSuppression(parse_recipient(_cell(cells, columns[0])), _cell(cells, columns[1]).strip() or reason)


def open_lines(file: str) -> AbstractContextManager[TextIO]:
    """The file, or stdin for '-', as UTF-8. Raises ConfigurationError where it can't be opened."""
    if file == "-":
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig")
        return nullcontext(sys.stdin)
    try:
        return Path(file).open(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"can't read {file}: {error.strerror or error}", "Name another file.") from error


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line.strip()]), [])
    except csv.Error:
        return []


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""
