"""`mailer purge`: drops by age what jobs leave behind."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.output import Json, console, plural, print_json
from mailer.errors import ConfigurationError
from mailer.model.duration import format_duration, parse_duration
from mailer.model.table import quoted
from mailer.settings import Settings
from mailer.store.purging import Age, Purging
from mailer.worker.unknowns import GIVEN_UP_AFTER


@dataclass(frozen=True, slots=True)
class _Purged:
    """What was dropped, or would be."""

    jobs: int
    deliveries: int
    row_data_jobs: int
    row_data: int
    log_lines: int


def purge(
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Drop the lists and logs of jobs that ended so long ago: 90d.")
    ],
    row_data_older_than: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="Of jobs that ended so long ago drop the target rows' data, and keep the rest: 30d."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be dropped.")] = False,
    as_json: AsJson = False,
) -> None:
    """Drops old deliveries, and recipients' data, of jobs that are over and have nothing open; audit and job rows stay.

    A job that was purged can't be retried or settled. A list stays for as long as its keys may hold others back
    (hold_back), an UNKNOWN may be settled by an event, or an older job of the automation can be retried.
    """
    list_age, data_age = _age("--older-than", older_than), None
    if row_data_older_than is not None:
        data_age = _age("--row-data-older-than", row_data_older_than)
    settings = session.settings()
    purged = session.run_async(lambda: _purge(settings, list_age, data_age, dry_run))
    if as_json:
        print_json(_as_json(purged, dry_run))
    else:
        _print(purged, dry_run)


async def _purge(settings: Settings, list_age: timedelta, data_age: timedelta | None, dry_run: bool) -> _Purged:
    grace = GIVEN_UP_AFTER * settings.unknown_grace
    async with open_database(settings, session.CLOCK) as database:
        purging = Purging(database, session.actor())
        age = Age(list_age, grace)
        jobs = await purging.jobs(age)
        if dry_run:
            return await _count(purging, age, jobs, Age(data_age, grace) if data_age is not None else None)
        await purging.begin(_details(list_age, data_age))
        deliveries = await _drop(purging.drop_job, jobs, age)
        data_jobs: list[int] = []
        row_data = 0
        if data_age is not None:
            data_jobs = await purging.jobs_with_row_data(Age(data_age, grace))
            row_data = await _drop(purging.drop_row_data, data_jobs, Age(data_age, grace))
        return _Purged(len(jobs), deliveries, len(data_jobs), row_data, await purging.drop_old_log_lines(age))


async def _count(purging: Purging, age: Age, jobs: Sequence[int], data_age: Age | None) -> _Purged:
    data_jobs = sorted(set(await purging.jobs_with_row_data(data_age) if data_age else []) - set(jobs))
    deliveries = sum([await purging.deliveries(job_id) for job_id in jobs])
    row_data = sum([await purging.deliveries(job_id) for job_id in data_jobs])
    return _Purged(len(jobs), deliveries, len(data_jobs), row_data, await purging.old_log_lines(age))


async def _drop(drop: Callable[[int, Age], Awaitable[int]], jobs: Sequence[int], age: Age) -> int:
    return sum([await drop(job_id, age) for job_id in jobs])


def _age(option: str, text: str) -> timedelta:
    """With its unit: '90' would be 90 seconds, and nearly everything gone."""
    written = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", written):
        raise ConfigurationError(f"{option} {written}: of which unit?", f"Write {written}d for days, or h, m, s.")
    try:
        return parse_duration(written)
    except ValueError as error:
        advice = "Write a number with its unit: 90d, 12h, 30m or 45s."
        raise ConfigurationError(f"{option}: {quoted(text)} is no age", advice) from error


def _details(list_age: timedelta, data_age: timedelta | None) -> str:
    row_data = f", row data older than {format_duration(data_age)}" if data_age is not None else ""
    return f"older than {format_duration(list_age)}{row_data}"


def _as_json(purged: _Purged, dry_run: bool) -> Json:
    return {
        "dry_run": dry_run,
        "jobs": purged.jobs,
        "deliveries": purged.deliveries,
        "row_data_jobs": purged.row_data_jobs,
        "row_data": purged.row_data,
        "log_lines": purged.log_lines,
    }


def _print(purged: _Purged, dry_run: bool) -> None:
    verb = "would be dropped" if dry_run else "dropped"
    out = console()
    of_jobs = f"of {plural(purged.jobs, 'job', 'jobs')}"
    out.print(f"{verb}: {plural(purged.deliveries, 'delivery', 'deliveries')} {of_jobs}, with batches, numbers and log")
    if purged.row_data_jobs:
        of_jobs = f"of {plural(purged.row_data_jobs, 'job', 'jobs')}"
        out.print(f"{verb}: the row data of {plural(purged.row_data, 'delivery', 'deliveries')} {of_jobs}")
    if purged.log_lines:
        out.print(f"{verb}: {plural(purged.log_lines, 'log line', 'log lines')} of what schedules skipped")
