"""`mailer suppression list | add | remove | import`: addresses that get no mail."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import typer

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.export import Export, Shape, Write, csv_export, json_export
from mailer.cli.output import Column, Json, console, iso, plural, print_error, print_json, print_table, shown_time
from mailer.cli.suppression_file import Malformed, open_lines, read_suppressions
from mailer.db.record import Record
from mailer.errors import ConfigurationError, MalformedAddress
from mailer.model.address import mask_address, parse_recipient
from mailer.store.suppressions import NewSuppression, Suppressions, as_suppressed

SLICE = 5_000
"""Addresses of an import that are committed together: mails wait no longer than that takes."""
SHOWN_FAULTS = 20
KEPT_FAULTS = 1_000
"""Malformed lines that are told one by one, on the screen and in JSON; of more the number."""
LINES_FAULTY = 1
BY_HAND = "added by hand"


def _values(record: Record) -> list[str | None]:
    one = as_suppressed(record)
    return [one.email, one.reason, iso(one.since)]


SUPPRESSED = Shape(("email", "reason", "since"), _values)

Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS…", help="Plain addresses.")]
Reason = Annotated[str, typer.Option(help="Why, for those who look at the list later.")]

app = typer.Typer(no_args_is_help=True, help="Addresses that get no mail; SES's bounces and complaints add to them.")


@app.command("list")
def list_suppressed(
    csv: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write CSV in UTF-8 into a file, or on stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows the list, addresses masked. CSV and JSON are exports: addresses in full; `import` reads the CSV again."""
    if csv is not None and as_json:
        raise ConfigurationError("--csv and --json exclude each other", "Give one of them.")
    settings = session.settings()

    async def write() -> None:
        async with open_database(settings, session.CLOCK) as database, Suppressions(database).listed() as slices:
            with _export(csv, as_json) as take:
                async for rows in slices:
                    take(rows)

    session.run_async(write)


def _export(csv: str | None, as_json: bool) -> Export:
    if csv is not None:
        return csv_export(csv, SUPPRESSED)
    return json_export(SUPPRESSED) if as_json else _screen()


@contextmanager
def _screen() -> Iterator[Write]:
    columns = [Column("address"), Column("reason"), Column("since")]
    is_empty = True

    def show(records: Sequence[Record]) -> None:
        nonlocal is_empty
        rows = [[mask_address(one.email), one.reason, shown_time(one.since)] for one in map(as_suppressed, records)]
        print_table(columns, rows, empty="", has_titles=is_empty)
        is_empty = False

    yield show
    if is_empty:
        console().print("nobody is suppressed")


@app.command()
def add(addresses: Addresses, reason: Reason = BY_HAND, as_json: AsJson = False) -> None:
    """Adds addresses; one that is there already stays as it is. They are skipped from the next batch on."""
    new = [NewSuppression(address, reason) for address in _parsed(addresses)]

    async def work() -> int:
        async with open_database(session.settings(), session.CLOCK) as database:
            return await Suppressions(database).add(new, session.actor())

    added = session.run_async(work)
    line = f"{plural(added, 'address is', 'addresses are')} suppressed now{_already(len(new) - added)}"
    _tell(line, {"added": added, "already": len(new) - added}, as_json)


@app.command()
def remove(addresses: Addresses, as_json: AsJson = False) -> None:
    """Takes addresses out: the next job mails them again. SES's own suppression list is another."""
    plain = _parsed(addresses)

    async def work() -> int:
        async with open_database(session.settings(), session.CLOCK) as database:
            return await Suppressions(database).remove(plain, session.actor())

    removed = session.run_async(work)
    absent = len(plain) - removed
    line = f"{plural(removed, 'address is', 'addresses are')} suppressed no longer"
    _tell(line + (f"; {absent} were not" if absent else ""), {"removed": removed, "absent": absent}, as_json)


@app.command("import")
def import_file(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV, or one address a line; - is stdin.")],
    reason: Reason = "imported",
    as_json: AsJson = False,
) -> None:
    """Adds the addresses of a file; again adds nothing twice. Exit code 1: lines were malformed, the rest was added.

    CSV: columns are found by the titles email and reason in its first line, else they are the first and the second; a
    comma, a semicolon or a tab stands between them.
    """
    settings = session.settings()
    outcome = _Import()

    async def work() -> None:
        async with open_database(settings, session.CLOCK) as database:
            await outcome.run(Suppressions(database), file, reason)

    session.run_async(work)
    line = f"{plural(outcome.added, 'address is', 'addresses are')} suppressed now{_already(outcome.already)}"
    malformed: list[Json] = [{"line": one.line, "why": one.why} for one in outcome.faults]
    answer: dict[str, Json] = {
        "added": outcome.added,
        "already": outcome.already,
        "malformed_lines": outcome.malformed,
        "malformed": malformed,
    }
    _tell(line, answer, as_json)
    if outcome.malformed:
        faults = [f"line {one.line}: {one.why}" for one in outcome.faults[:SHOWN_FAULTS]]
        message = f"{plural(outcome.malformed, 'line is', 'lines are')} no address" + (
            f", {faults[0]}" if outcome.malformed == 1 else ""
        )
        print_error(message, "Correct them and import again: what is there stays.", as_json=as_json, faults=faults)
        raise typer.Exit(LINES_FAULTY)


@dataclass(slots=True)
class _Import:
    """An import, slice by slice."""

    added: int = 0
    already: int = 0
    malformed: int = 0
    faults: list[Malformed] = field(default_factory=list)

    async def run(self, suppressions: Suppressions, file: str, reason: str) -> None:
        """Raises ConfigurationError where the file can't be read."""
        waiting: list[NewSuppression] = []
        with open_lines(file) as stream:
            for one in _decoded(file, read_suppressions(stream, reason)):
                if isinstance(one, Malformed):
                    self.malformed += 1
                    if len(self.faults) < KEPT_FAULTS:
                        self.faults.append(one)
                else:
                    waiting.append(one)
                if len(waiting) == SLICE:
                    await self._add(suppressions, waiting)
                    waiting = []
        await self._add(suppressions, waiting)

    async def _add(self, suppressions: Suppressions, new: Sequence[NewSuppression]) -> None:
        if new:
            added = await suppressions.add(new, session.actor(), "suppression import")
            self.added += added
            self.already += len(new) - added


def _decoded(file: str, read: Iterable[NewSuppression | Malformed]) -> Iterable[NewSuppression | Malformed]:
    try:
        yield from read
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file} is not UTF-8", "Save it as 'CSV UTF-8' and import it again: what is there stays."
        ) from error


def _parsed(addresses: Sequence[str]) -> list[str]:
    """Each once. Raises ConfigurationError, by number, where one is no plain address: nothing was changed."""
    plain: dict[str, None] = {}
    for number, address in enumerate(addresses, start=1):
        try:
            plain[parse_recipient(address).lower()] = None
        except MalformedAddress as fault:
            raise ConfigurationError(
                f"address {number}: {fault}", "Give plain addresses; nothing was changed."
            ) from fault
    return list(plain)


def _already(count: int) -> str:
    return f"; {count} {'was' if count == 1 else 'were'} already" if count else ""


def _tell(line: str, answer: Json, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        console().print(line, markup=False)
