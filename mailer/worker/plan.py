"""A job's definition made ready to work: its source open, its queries' binds resolved, its template compiled."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailer.model.automation import Automation
from mailer.worker.composing import Composer, Updater, make_composer, make_updater
from mailer.worker.resources import Resources


@dataclass(frozen=True, slots=True)
class Plan:
    """Made once a job and process."""

    definition: Automation
    composer: Composer
    updater: Updater | None


class JobPlan:
    """The plan of one job in this process: made once, when its columns are first known, so files are listed once."""

    def __init__(self, resources: Resources, definition: Automation) -> None:
        self._resources = resources
        self._plan: Plan | None = None
        self.definition = definition

    async def ready(self, columns: Sequence[str]) -> Plan:
        """For target rows of these columns. Raises as `make_plan`."""
        if self._plan is None:
            self._plan = await make_plan(self._resources, self.definition, columns)
        return self._plan


async def make_plan(resources: Resources, definition: Automation, columns: Sequence[str]) -> Plan:
    """For target rows of these columns. Raises what makes a job stop: a fault of the definition, or a source away."""
    source = await resources.open_source(definition.dbio.source)
    index = None
    if definition.dbio.attachment is not None and resources.storage is not None:
        index = await resources.storage.index()
    composer = await make_composer(definition, source, index, columns, resources.limits.render, resources.clock)
    return Plan(definition, composer, await make_updater(definition, source, columns))
