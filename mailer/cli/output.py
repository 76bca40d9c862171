"""What people and scripts read: tables and lines on a terminal, JSON where it was asked for."""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailer.model.encoded_word import one_line

Json = str | int | float | bool | None | Sequence["Json"] | dict[str, "Json"]


def console() -> Console:
    """stdout; plain text where it is no terminal, and never cut to a width there."""
    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False)


def print_json(value: Json) -> None:
    """stdout holds the JSON alone."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; numbers stand on the right."""

    title: str
    is_number: bool = False


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, empty: str, has_titles: bool = True
) -> None:
    """The rows under their titles: a table on a terminal, lines with tabs elsewhere; `empty` where there are none.

    `has_titles` False: they go on below a table that was printed before.
    """
    if not rows:
        console().print(empty)
        return
    if not sys.stdout.isatty():
        titles = [[column.title for column in columns]] if has_titles else []
        for line in (*titles, *rows):
            sys.stdout.write("\t".join(map(one_line, line)) + "\n")
        return
    table = Table(box=None, show_header=has_titles, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.title, justify="right" if column.is_number else "left")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console().print(table)


def iso(moment: datetime | None) -> str | None:
    """UTC, ISO 8601, for scripts."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown_time(moment: datetime | None) -> str:
    """UTC, for people; nothing where there is none."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def plural(number: int, one: str, many: str) -> str:
    """The number, and the word that goes with it."""
    return f"{number} {one if number == 1 else many}"


def print_error(message: str, next_step: str, *, as_json: bool, faults: Sequence[str] = ()) -> None:
    """One line what and where, each of several faults on a line of its own, and the next step; on stderr.

    Where stderr can't be written the exit code alone tells.
    """
    if as_json:
        error: dict[str, Json] = {"error": message, "next": next_step, **({"faults": faults} if faults else {})}
        text = json.dumps(error, ensure_ascii=False) + "\n"
    else:
        several = [f"- {fault}" for fault in faults] if len(faults) > 1 else []
        lines = [*several, *([next_step] if next_step else [])]
        text = "".join([f"mailer: {message}\n", *(f"  {line}\n" for line in lines)])
    with suppress(OSError):
        sys.stderr.write(text)
