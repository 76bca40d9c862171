"""`mailer job cancel | retry | settle`: what a person decides about a job."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson, JobId
from mailer.cli.job_show import has_worker
from mailer.cli.output import Json, console, plural, print_json
from mailer.db.database import Database
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from mailer.store.interventions import Interventions, Retried
from mailer.store.jobs import Jobs
from mailer.store.minutes import Counts

WRITER = "command"
"""Who counts in JOB_MINUTE what a person's command changed."""


class Verdict(StrEnum):
    """What a person found out about an UNKNOWN."""

    SENT = "sent"
    NOT_SENT = "not-sent"


@dataclass(frozen=True, slots=True)
class Opened:
    """What the verbs work with."""

    database: Database
    interventions: Interventions


@asynccontextmanager
async def _opened() -> AsyncIterator[Opened]:
    async with open_database(session.settings(), session.CLOCK) as database:
        yield Opened(database, Interventions(database, WRITER))


def cancel(job_id: JobId, as_json: AsJson = False) -> None:
    """Stops a job for good, within seconds: what is in flight ends, the rest stays PENDING for a retry."""

    async def work() -> tuple[JobStatus, bool]:
        async with _opened() as opened:
            status = await opened.interventions.cancel(job_id, session.actor())
            return status, await has_worker(opened.database)

    status, is_worked_on = session.run_async(work)
    if status is JobStatus.CANCELLED:
        line = f"job {job_id} is CANCELLED: nobody had begun it"
    elif is_worked_on:
        line = f"job {job_id} stops: what is in flight ends first"
    else:
        line = f"job {job_id} is marked to stop; no worker is running: 'mailer run' ends it"
    _tell(line, {"job_id": job_id, "status": status.value}, as_json)


def retry(
    job_id: JobId,
    with_current: Annotated[
        bool, typer.Option("--with-current", help="Send what remains by the automation as it stands now.")
    ] = False,
    updates: Annotated[
        bool, typer.Option("--updates", help="Only run update queries again that failed or touched no row.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Reopens a job that is over: its PENDING and FAILED deliveries are sent. Nobody gets the mail twice."""
    if updates:
        _retry_updates(job_id, with_current, as_json)
        return

    async def work() -> tuple[Retried, Counts]:
        async with _opened() as opened:
            retried = await opened.interventions.retry(job_id, session.actor(), with_current=with_current)
            return retried, await Jobs(opened.database).counts(job_id)

    retried, counts = session.run_async(work)
    if retried.is_definition_changed and not as_json:
        console().print(
            "The automation has changed since this job was loaded; the job keeps its own definition. "
            "--with-current sends what remains by today's."
        )
    answer: dict[str, Json] = {
        "job_id": job_id,
        "reopened": retried.is_reopened,
        "deliveries": retried.deliveries,
        "definition_changed": retried.is_definition_changed,
    }
    _tell(_retried_line(job_id, retried, counts), answer, as_json)


def _retried_line(job_id: int, retried: Retried, counts: Counts) -> str:
    if retried.is_reopened and not counts.total:
        return f"job {job_id} waits again: its list is loaded anew"
    if retried.is_reopened:
        what = plural(retried.deliveries, "delivery is", "deliveries are")
        return f"job {job_id} waits again: {what} PENDING"
    why = ": what FAILED has no usable address or key" if counts.deliveries[Status.FAILED] else ""
    return f"nothing to retry in job {job_id}{why}"


def _retry_updates(job_id: int, with_current: bool, as_json: bool) -> None:
    async def work() -> int:
        async with _opened() as opened:
            return await opened.interventions.retry_updates(job_id, session.actor(), with_current=with_current)

    due = session.run_async(work)
    line = f"nothing to retry in job {job_id}"
    if due:
        line = f"due again in job {job_id}: {plural(due, 'update query', 'update queries')}"
    _tell(line, {"job_id": job_id, "updates": due}, as_json)


def settle(
    job_id: JobId,
    verdict: Annotated[Verdict, typer.Option("--as", help="What you found out: SES took the mail, or it did not.")],
    key: Annotated[str | None, typer.Option(help="Of this recipient alone; all UNKNOWN if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decides deliveries of which nobody knows whether SES took them. Only what is UNKNOWN changes."""

    async def work() -> int:
        async with _opened() as opened:
            is_sent = verdict is Verdict.SENT
            return await opened.interventions.settle(job_id, session.actor(), sent=is_sent, key=key)

    settled = session.run_async(work)
    if not settled:
        line = f"nothing to settle in job {job_id}: none is UNKNOWN"
    elif verdict is Verdict.SENT:
        line = f"SENT in job {job_id}: {plural(settled, 'delivery', 'deliveries')} more"
    else:
        line = (
            f"not sent in job {job_id}: {plural(settled, 'delivery', 'deliveries')}; "
            f"'mailer job retry {job_id}' sends what is FAILED"
        )
    _tell(line, {"job_id": job_id, "settled": settled, "as": verdict.value}, as_json)


def _tell(line: str, answer: Json, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        console().print(line, markup=False)
