"""`mailer automation pause` and `resume`: whether an automation's schedules make jobs."""

from rich.text import Text

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson, AutomationName
from mailer.cli.output import console, print_json
from mailer.store.automations import Automations, AutomationStatus


def pause(automation: AutomationName, as_json: AsJson = False) -> None:
    """Lets the schedules make no more jobs; a job that is active goes on, and `enqueue` still works."""
    _set(automation, AutomationStatus.PAUSED, as_json)


def resume(automation: AutomationName, as_json: AsJson = False) -> None:
    """Lets the schedules make jobs again; what was due meanwhile is past."""
    _set(automation, AutomationStatus.ACTIVE, as_json)


def _set(automation: str, status: AutomationStatus, as_json: bool) -> None:
    settings = session.settings()

    async def change() -> tuple[int, str, bool]:
        async with open_database(settings, session.CLOCK) as database:
            automations = Automations(database)
            auto_id = await automations.find(automation)
            name = (await automations.read(auto_id)).name
            return auto_id, name, await automations.set_status(auto_id, status, session.actor())

    auto_id, name, is_changed = session.run_async(change)
    if as_json:
        print_json({"automation": name, "auto_id": auto_id, "status": status.value, "changed": is_changed})
        return
    what = "paused" if status is AutomationStatus.PAUSED else "active"
    console().print(Text(f"{name}: {'now' if is_changed else 'already'} {what}"))
