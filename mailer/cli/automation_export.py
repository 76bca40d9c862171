"""`mailer automation export`: a saved definition as files again."""

from pathlib import Path
from typing import Annotated

import anyio.to_thread
import typer
from rich.text import Text

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson, AutomationName
from mailer.cli.output import console, print_json
from mailer.definitions import write_definition
from mailer.model.automation import Automation
from mailer.store.automations import Automations


def export(
    automation: AutomationName,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go; made where it is missing.")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that differ.")] = False,
    as_json: AsJson = False,
) -> None:
    """Writes NAME.toml and the templates beside it; `apply` of that file changes nothing."""
    settings = session.settings()

    async def write() -> list[Path]:
        async with open_database(settings, session.CLOCK) as database:
            automations = Automations(database)
            definition = await automations.read(await automations.find(automation))
        return await anyio.to_thread.run_sync(_write, definition, out, overwrite)

    files = session.run_async(write)
    if as_json:
        print_json({"files": [str(file) for file in files]})
    else:
        for file in files:
            console().print(Text(str(file)))


def _write(definition: Automation, folder: Path, overwrite: bool) -> list[Path]:
    return write_definition(definition, folder, overwrite=overwrite)
