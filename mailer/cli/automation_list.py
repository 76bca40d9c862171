"""`mailer automation list`."""

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.output import Column, Json, iso, print_json, print_table, shown_time
from mailer.store.automations import Automations, Listed

_COLUMNS = (Column("id", is_number=True), *map(Column, ("automation", "status", "running", "last run", "next run")))


def list_automations(as_json: AsJson = False) -> None:
    """Shows all automations, by name."""
    settings = session.settings()

    async def read() -> list[Listed]:
        async with open_database(settings, session.CLOCK) as database:
            return await Automations(database).listed()

    automations = session.run_async(read)
    if as_json:
        print_json([listed_json(one) for one in automations])
    else:
        empty = "no automations; 'mailer automation apply FILE' saves one"
        print_table(_COLUMNS, [_cells(one) for one in automations], empty=empty)


def listed_json(automation: Listed) -> dict[str, Json]:
    """What a script sees of an automation in a list."""
    return {
        "auto_id": automation.auto_id,
        "automation": automation.name,
        "status": automation.status.value,
        "is_running": automation.is_running,
        "last_run": iso(automation.last_run),
        "next_run": iso(automation.next_run),
        "owner": automation.owner,
    }


def _cells(automation: Listed) -> list[str]:
    running = "yes" if automation.is_running else "no"
    times = [shown_time(automation.last_run), shown_time(automation.next_run)]
    return [str(automation.auto_id), automation.name, automation.status.value, running, *times]
