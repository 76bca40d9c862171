"""`mailer job deliveries`: who got the mail, who did not, and why; on the screen, as CSV, as JSON."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson, JobId
from mailer.cli.export import Export, csv_export, json_export
from mailer.cli.job_export import DELIVERIES
from mailer.cli.job_screen import show_deliveries
from mailer.cli.output import console, plural
from mailer.errors import ConfigurationError
from mailer.model.delivery import Status
from mailer.store.jobs import Jobs


def deliveries(
    job_id: JobId,
    status: Annotated[
        str, typer.Option(help="In these states alone, separated by commas: pending,failed,unknown.")
    ] = "",
    csv: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write CSV in UTF-8 into a file, or on stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows the ledger of a job, in the order of its target list.

    On the screen addresses are masked. CSV and JSON are exports: every value stands there as it is in the ledger,
    addresses in full; a value that begins with '=', '+', '-' or '@' is not changed either, so open a CSV of keys that
    strangers may choose by a spreadsheet's import, with its columns as text.
    """
    statuses = _statuses(status)
    if csv is not None and as_json:
        raise ConfigurationError("--csv and --json exclude each other", "Give one of them.")
    if csv is not None:
        rows = session.run_async(lambda: _export(job_id, statuses, csv_export(csv, DELIVERIES)))
        if csv != "-":
            console().print(f"{plural(rows, 'delivery', 'deliveries')} written to {csv}", markup=False)
    elif as_json:
        session.run_async(lambda: _export(job_id, statuses, json_export(DELIVERIES)))
    else:
        session.run_async(lambda: _show(job_id, statuses))


def _statuses(text: str) -> list[Status]:
    """The states that were named; none: all. Raises ConfigurationError."""
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in set(Status):
            there_are = ", ".join(state.value.lower() for state in Status)
            raise ConfigurationError(f"there is no delivery state '{name.lower()}'", f"There are {there_are}.")
    return [Status(name) for name in names]


async def _export(job_id: int, statuses: Sequence[Status], export: Export) -> int:
    """How many rows it wrote. The file is not touched where there is no such job."""
    rows = 0
    async with open_database(session.settings(), session.CLOCK) as database:
        jobs = Jobs(database)
        await jobs.read(job_id)
        async with jobs.deliveries(job_id, statuses) as slices:
            with export as write:
                async for records in slices:
                    write(records)
                    rows += len(records)
    return rows


async def _show(job_id: int, statuses: Sequence[Status]) -> None:
    async with open_database(session.settings(), session.CLOCK) as database:
        jobs = Jobs(database)
        await jobs.read(job_id)
        counts = (await jobs.counts(job_id)).deliveries
        total = sum(counts[status] for status in statuses or Status)
        async with jobs.deliveries(job_id, statuses) as slices:
            await show_deliveries(slices, total, job_id)
