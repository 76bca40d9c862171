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

SEPARATORS = ",;\t"
"""Between the columns; spreadsheets differ. None of them stands in an address but in quotes."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line without one plain address; `why` does not repeat what stands there."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a line is read: places of address and reason, and what stands between cells."""

    address: int = 0
    reason: int | None = 1
    separator: str = ","


def read_suppressions(lines: Iterable[str], reason: str) -> Iterator[NewSuppression | Malformed]:
    """What the lines say, one by one; `reason` where a line has none of its own. Blank lines say nothing.

    Without titles in the first line, addresses are in the first column and reasons in the second. Each line is read by
    itself: a quotation mark that is not closed costs its own line alone.
    """
    layout: _Layout | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip(f" \r\n{SEPARATORS}"):
            continue
        if layout is None:
            titled = _titled(line)
            layout = titled or _Layout(separator=_separator_in(line))
            if titled:
                continue
        try:
            yield _suppression(line, layout, reason)
        except MalformedAddress as fault:
            yield Malformed(number, str(fault))


def _titled(line: str) -> _Layout | None:
    """The layout that a line of titles says; None where it is none."""
    for separator in SEPARATORS:
        try:
            titles = [cell.strip().casefold().replace("_", "").replace(" ", "") for cell in _cells(line, separator)]
        except MalformedAddress:
            return None
        address, reason = (
            next((place for place, title in enumerate(titles) if title in wanted), None)
            for wanted in (ADDRESS_TITLES, REASON_TITLES)
        )
        if address is not None:
            return _Layout(address, reason, separator)
    return None


def _separator_in(line: str) -> str:
    """What stands behind the address of a line, with something that is no address: two in a line are a slip."""
    for separator in SEPARATORS:
        try:
            address, *others = _cells(line, separator)
            parse_recipient(address)
        except MalformedAddress:
            continue
        if "@" not in "".join(others):
            return separator
    return ","


def _suppression(line: str, layout: _Layout, reason: str) -> NewSuppression:
    try:
        return NewSuppression(parse_recipient(line.strip()), reason)  # also one with a quoted local part
    except MalformedAddress:
        cells = _cells(line, layout.separator)
        address = parse_recipient(_cell(cells, layout.address))
        return NewSuppression(address, _cell(cells, layout.reason).strip() or reason)


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


def _cells(line: str, separator: str) -> list[str]:
    """Raises MalformedAddress where the line is no CSV."""
    try:
        return next(csv.reader([line.strip(" \r\n")], delimiter=separator), [])
    except csv.Error as error:
        raise MalformedAddress(
            f"a cell is longer than {csv.field_size_limit():,} characters, or holds a line break"
        ) from error


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""
