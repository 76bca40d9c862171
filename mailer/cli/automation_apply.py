"""`mailer automation apply`: definitions from files into the database."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.output import Json, console, print_json
from mailer.definitions import differences, read_definition
from mailer.errors import DefinitionInvalid, NotFound
from mailer.model.automation import Automation, UnknownPolicy
from mailer.settings import Settings
from mailer.store.automations import Automations, Saved


@dataclass(frozen=True, slots=True)
class _Applied:
    definition: Automation
    saved: Saved

    @property
    def changes(self) -> list[str]:
        return differences(self.saved.before, self.definition)


def apply(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Definitions, as TOML files.")],
    as_json: AsJson = False,
) -> None:
    """Saves definitions, or none of them where one has faults: exit code 2. What is unchanged stays untouched.

    A realtime schedule of a new or changed automation makes its job at once.
    """
    settings = session.settings()
    definitions = read_all(files)
    for definition in definitions:
        _warn(settings, definition)
    applied = session.run_async(lambda: _save(settings, definitions))
    if as_json:
        print_json([_as_json(one) for one in applied])
    else:
        for one in applied:
            _print(one)


def read_all(files: Sequence[Path]) -> list[Automation]:
    """The definitions in the files. Raises DefinitionInvalid with the faults of all of them."""
    definitions: dict[str, tuple[Path, Automation]] = {}
    faults: list[str] = []
    for path in dict.fromkeys(files):
        try:
            definition = read_definition(path)
        except DefinitionInvalid as invalid:
            faults += [f"{path}: {fault}" for fault in invalid.faults]
            continue
        if definition.name in definitions:
            faults.append(f"{path}: defines {definition.name!r}, as {definitions[definition.name][0]} does")
        definitions[definition.name] = path, definition
    if faults:
        message = faults[0] if len(faults) == 1 else f"{len(faults)} faults"
        raise DefinitionInvalid(message, faults, "Correct the file; nothing was saved.")
    return [definition for _, definition in definitions.values()]


async def _save(settings: Settings, definitions: Sequence[Automation]) -> list[_Applied]:
    async with open_database(settings, session.CLOCK, may_migrate=True) as database:
        automations = Automations(database)
        return [await _save_one(automations, definition) for definition in definitions]


async def _save_one(automations: Automations, definition: Automation) -> _Applied:
    try:
        before = await automations.read(await automations.find(definition.name))
    except NotFound:
        before = None
    saved = await automations.save(definition, session.actor(), differences(before, definition))
    return _Applied(definition, saved)


def _warn(settings: Settings, definition: Automation) -> None:
    """`settle` waits for SES's events: where none can come, it can only act as `skip`."""
    if definition.policies.unknown is not UnknownPolicy.SETTLE:
        return
    missing = [
        *(["MAILER_SES_EVENTS_QUEUE is not set"] if settings.ses_events_queue is None else []),
        *(["the definition has no configuration_set"] if definition.policies.configuration_set is None else []),
    ]
    if missing:
        why = " and ".join(missing)
        sys.stderr.write(f'mailer: warning: {definition.name}: unknown = "settle" acts as "skip": {why}\n')


def _as_json(applied: _Applied) -> dict[str, Json]:
    saved = applied.saved
    return {
        "automation": applied.definition.name,
        "auto_id": saved.auto_id,
        "changed": saved.is_changed,
        "changes": applied.changes,
        "job_id": saved.job_id,
        "active_job": saved.busy,
    }


def _print(applied: _Applied) -> None:
    out, saved, name = console(), applied.saved, applied.definition.name
    if not saved.is_changed:
        out.print(Text(f"{name}: unchanged"))
        return
    out.print(Text(f"{name}: {'new' if saved.before is None else 'changed'} (automation {saved.auto_id})"))
    for change in applied.changes:
        if change != "new automation":
            out.print(Text(f"  {change}"))
    if saved.job_id is not None:
        out.print(Text(f"job {saved.job_id} waiting"))
    if saved.busy is not None:
        out.print(
            Text(f"job {saved.busy} is active, so the realtime schedule made none; 'mailer job show {saved.busy}'")
        )
