"""`mailer enqueue`: an ad hoc job now."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from mailer.assembly import account_name, open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.output import console, print_json
from mailer.cli.progress import progress_on
from mailer.cli.watching import Watch
from mailer.errors import Unreachable
from mailer.model.address import mask_addresses
from mailer.model.job import JobStatus
from mailer.settings import Settings
from mailer.store.account import Account
from mailer.store.automations import Automations
from mailer.store.fires import Fires
from mailer.store.jobs import Job


def enqueue(
    automation: Annotated[str, typer.Argument(metavar="NAME|ID", help="The automation.")],
    wait: Annotated[
        bool, typer.Option("--wait", help="Watch the job to its end; exit code 1 unless it is DONE.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes a job of an automation now; exit code 3 where one is active. Ctrl-C ends only the watching."""
    settings = session.settings()
    job_id = session.run_async(lambda: _enqueue(settings, automation))
    if as_json:
        print_json({"job_id": job_id})
    else:
        console().print(f"job {job_id} waiting")
    sys.stdout.flush()
    if not wait:
        return
    out = Console(stderr=True, soft_wrap=not sys.stderr.isatty()) if as_json else console()
    try:
        job = session.run_async(lambda: _watch(settings, job_id, out))
    except KeyboardInterrupt:
        _say(f"job {job_id} goes on; 'mailer job show {job_id}' tells how far it is")
        raise typer.Exit(session.INTERRUPTED) from None
    except Unreachable as fault:
        raise type(fault)(f"job {job_id} is no longer watched: {fault}", fault.next_step) from fault
    out.print(f"job {job_id} {job.status.value}: {mask_addresses(job.log or '')}", markup=False, highlight=False)
    if job.status is not JobStatus.DONE:
        _say(f"'mailer job show {job_id}' tells what happened, and what to do")
        raise typer.Exit(1)


async def _enqueue(settings: Settings, automation: str) -> int:
    async with open_database(settings, session.CLOCK) as database:
        auto_id = await Automations(database).find(automation)
        return await Fires(database).enqueue(auto_id, session.actor())


async def _watch(settings: Settings, job_id: int, out: Console) -> Job:
    async with open_database(settings, session.CLOCK) as database:
        watch = Watch(database, Account(database, account_name(settings)), job_id, session.CLOCK, _say)
        with progress_on(out, session.CLOCK) as progress:
            return await watch.to_end(progress, settings.db_patience)


def _say(line: str) -> None:
    sys.stderr.write(f"mailer: {line}\n")
    sys.stderr.flush()
