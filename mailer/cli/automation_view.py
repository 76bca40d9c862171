"""All that there is to see of one automation: its definition, its next runs, what was skipped."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailer.cli.automation_list import listed_json
from mailer.cli.output import Json, iso
from mailer.db.database import Database
from mailer.model.automation import Automation, Schedule
from mailer.model.policies_json import dump_policies, dump_rule
from mailer.model.recurrence import upcoming
from mailer.model.zones import load_zone
from mailer.store.automations import Automations, Listed
from mailer.store.job_log import LogLine, read_automation_log

RUNS = 5
"""Next runs of each schedule."""
SKIPPED_LINES = 10
"""The latest lines on skipped runs, at most; a line stands for all of a day with the same cause."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule with its next runs, in its own zone."""

    schedule: Schedule
    runs: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class AutomationView:
    """One automation."""

    listed: Listed
    definition: Automation
    planned: Sequence[Planned]
    skipped: Sequence[LogLine]


async def read_view(database: Database, name_or_id: str) -> AutomationView:
    """Raises NotFound."""
    automations = Automations(database)
    auto_id = await automations.find(name_or_id)
    return AutomationView(
        listed=next(one for one in await automations.listed() if one.auto_id == auto_id),
        definition=await automations.read(auto_id),
        planned=[Planned(schedule, _runs(schedule, run)) for schedule, run in await automations.next_runs(auto_id)],
        skipped=await read_automation_log(database, auto_id, SKIPPED_LINES),
    )


def view_json(view: AutomationView) -> Json:
    """What a script sees of it; the runs are local times with their offset."""
    dbio, template = view.definition.dbio, view.definition.template
    return {
        **listed_json(view.listed),
        "policies": json.loads(dump_policies(view.definition.policies)),
        "dbio": {
            "source": dbio.source,
            "key": dbio.key,
            "email": dbio.email,
            "attachment": dbio.attachment,
            "target": dbio.target,
            "mapping": dbio.mapping,
            "mapping_batch": dbio.mapping_batch,
            "update": dbio.update,
        },
        "template": {"subject": template.subject, "html": template.html, "text": template.text},
        "schedules": [_planned_json(planned) for planned in view.planned],
        "skipped_runs": [
            {"message": line.message, "times": line.times, "first_at": iso(line.first_at), "last_at": iso(line.last_at)}
            for line in view.skipped
        ],
    }


def _planned_json(planned: Planned) -> Json:
    schedule = planned.schedule
    return {
        "kind": schedule.kind.value,
        **json.loads(dump_rule(schedule)),
        "timezone": schedule.timezone,
        "misfire_grace": schedule.misfire_grace.total_seconds(),
        "next_runs": [run.isoformat() for run in planned.runs],
    }


def _runs(schedule: Schedule, stored: datetime | None) -> list[datetime]:
    """The stored next run, and those that follow from it."""
    if stored is None:
        return []
    zone = load_zone(schedule.timezone)
    return [run.astimezone(zone) for run in (stored, *upcoming(schedule, stored, RUNS - 1))]
