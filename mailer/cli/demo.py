"""`mailer demo`: a real automation over made-up data, from its schedule to the ledger, in one command."""

from pathlib import Path
from typing import Annotated

import anyio
import typer
from pydantic import ValidationError

from mailer.assembly import account_name, open_database
from mailer.cli import session
from mailer.cli.demo_data import make_demo_data
from mailer.cli.demo_folder import ATTACHMENTS, CUSTOMER_DATABASE, DATABASE, make_fresh, write_settings
from mailer.cli.demo_report import print_next, print_report
from mailer.cli.job_show import read_view
from mailer.cli.output import console
from mailer.cli.progress import progress_on
from mailer.cli.watching import LOOK, Watch
from mailer.db.database import Database
from mailer.definitions import differences, read_definition
from mailer.errors import ConfigurationError
from mailer.model.job import JobStatus
from mailer.service import Role, Service
from mailer.settings import Settings
from mailer.settings.fields import SourceSettings
from mailer.shipped import shipped_folder
from mailer.store.account import Account
from mailer.store.automations import Automations
from mailer.transports.outbox import Outbox

OUTBOX = Path("outbox")


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo's databases and attachments go.")] = Path("demo"),
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Mails per second.")] = 200,
) -> None:
    """Sends an example's mails into the folder ./outbox: nothing leaves this machine, whatever the settings say."""
    settings = demo_settings(folder, rate)
    session.configure_logs(settings)
    make_fresh(folder)
    make_demo_data(folder)
    write_settings(folder, OUTBOX, rate)
    console().print(f"made-up customers and their files are in {folder}", markup=False)
    status = session.run_async(lambda: _run(settings))
    if status is JobStatus.DONE:
        print_next(folder, shipped_folder("examples"))
    elif status.is_active:
        console().print("\nThe demo was stopped before its end: 'mailer demo' begins anew.")
        raise typer.Exit(session.INTERRUPTED)
    else:
        raise typer.Exit(1)


def demo_settings(folder: Path, rate: float) -> Settings:
    """Made here, not read: no variable of the environment leads the demo to real tables or real people.

    Raises ConfigurationError.
    """
    try:
        return Settings(
            database=str(folder / DATABASE),
            sources={"crm": SourceSettings(url=f"sqlite:///{folder / CUSTOMER_DATABASE}")},
            attachments=str(folder / ATTACHMENTS),
            transport="outbox",
            outbox=OUTBOX,
            ses_rate=rate,
            log_level="error",
        )
    except ValidationError as error:
        what = f"{folder} can't be written as the address of a database"
        raise ConfigurationError(what, "Name a folder without '?': mailer demo --folder DIR.") from error


async def _run(settings: Settings) -> JobStatus:
    """Applies the example, whose realtime schedule is due at once, and runs the service until it is idle."""
    await Outbox(settings.outbox, session.CLOCK).check()
    definition = read_definition(shipped_folder("examples") / "monthly-statement" / "automation.toml")
    async with open_database(settings, session.CLOCK, may_migrate=True) as database:
        changes = differences(None, definition)
        saved = await Automations(database).save(definition, session.actor(), changes)
        if saved.job_id is None:
            raise ConfigurationError(f"automation '{definition.name}' has no realtime schedule", "Install mailer anew.")
        console().print(f"automation {definition.name} is applied; its realtime schedule is due", markup=False)
        await _serve(settings, database, saved.job_id)
        view = await read_view(database, settings, saved.job_id)
        await print_report(database, view)
    return view.job.status


async def _serve(settings: Settings, database: Database, job_id: int) -> None:
    """Scheduler and worker, until nothing is left to do or Ctrl-C, with a display beside them."""
    out = console()
    with progress_on(out, session.CLOCK) as progress:
        account = Account(database, account_name(settings))
        watch = Watch(database, account, job_id, session.CLOCK, lambda what: out.print(what, markup=False))

        async def look() -> None:
            while True:
                await watch.look(progress)
                await session.CLOCK.sleep(LOOK / 2)

        async with anyio.create_task_group() as group:
            group.start_soon(look)
            await Service(settings, Role.ALL, session.CLOCK).run(until_idle=True)
            group.cancel_scope.cancel()
        await watch.look(progress)
