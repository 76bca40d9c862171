"""Each automation's definition as it is saved: still valid, by the settings and the tables of today."""

from collections.abc import Mapping, Sequence

from mailer.checking.static_check import check_static
from mailer.cli.doctor_report import Check, Tell, fault, fault_of, ok
from mailer.db.database import Database
from mailer.errors import MailerError, QueryFailed, SourceAway
from mailer.model.automation import Automation
from mailer.settings import Settings
from mailer.sources.source import Source
from mailer.store.automations import Automations

Saved = tuple[str, Automation]
"""How a person names it, and its definition."""


async def read_automations(database: Database, tell: Tell) -> list[Saved]:
    """Those that can be read; of the others is told."""
    automations = Automations(database)
    saved = []
    for listed in await automations.listed():
        try:
            saved.append((listed.name, await automations.read(listed.auto_id)))
        except MailerError as error:
            tell(fault_of(f"automation {listed.name}", error))
    return saved


async def check_automations(
    settings: Settings, automations: Sequence[Saved], sources: Mapping[str, Source], tell: Tell
) -> None:
    """Definition by definition. Queries are compiled against the live tables, not run."""
    for name, definition in automations:
        tell(await _check(settings, name, definition, sources.get(definition.dbio.source.lower())))


async def _check(settings: Settings, name: str, definition: Automation, source: Source | None) -> Check:
    found = [finding.message for finding in check_static(definition) if finding.severity == "fault"]
    if definition.dbio.source.lower() not in settings.sources:
        found.append(f"there is no data source {definition.dbio.source!r} in the settings")
    if definition.dbio.attachment is not None and settings.attachments is None:
        found.append("it attaches files, and MAILER_ATTACHMENTS is not set")
    steps = [f"Run 'mailer automation validate {name}'."]
    if source is not None:
        try:
            for what, error in await _faulty_queries(definition, source):
                found.append(f"{what} query: {error}")
                if error.next_step not in steps and "validate" not in error.next_step:
                    steps.append(error.next_step)
        except SourceAway as error:
            return fault_of(f"automation {name}", error)
    if found:
        return fault(f"automation {name}", "; ".join(found), " ".join(steps))
    return ok(f"automation {name}", "its definition is valid" + ("" if source else "; its queries were not looked at"))


async def _faulty_queries(definition: Automation, source: Source) -> list[tuple[str, QueryFailed]]:
    dbio = definition.dbio
    faults = []
    for what, query in (("target", dbio.target), ("mapping", dbio.mapping), ("update", dbio.update)):
        try:
            if query is not None and what == "update":
                await source.check_update(query)
            elif query is not None:
                await source.bind_names(query)
        except QueryFailed as error:
            faults.append((what, error))
    return faults
