"""Turns due schedules into jobs: each due schedule in a transaction of its own, so that none holds up another."""

from collections import Counter
from collections.abc import Callable

import anyio
import structlog

from mailer.errors import DatabaseAway, MailerError
from mailer.model.clock import Clock
from mailer.store.automations import Automations, AutomationStatus
from mailer.store.fires import DueSchedule, Fired, Fires

log = structlog.get_logger(__name__)

ACTOR = "scheduler"
LOCKED_AGAIN = 1.0
"""Seconds until an automation that somebody had locked is tried again."""
SHORTEST_WAIT = 0.05


class Scheduler:
    """One coroutine; any number of processes may run one."""

    def __init__(
        self, fires: Fires, automations: Automations, tick_seconds: float, clock: Clock, on_job: Callable[[], None]
    ) -> None:
        """`on_job` is called when a job was made, so that workers of this process need not wait for their poll."""
        self._fires = fires
        self._automations = automations
        self._tick_seconds = tick_seconds
        self._clock = clock
        self._on_job = on_job

    async def run(self, stop: anyio.Event) -> None:
        """A tick every MAILER_TICK, sooner when the next run is nearer, until `stop`."""
        while not stop.is_set():
            wait = self._tick_seconds
            try:
                wait, has_new = await self._look()
                if wait <= 0 or has_new:
                    wait = await self._wait_after(await self.tick())
            except DatabaseAway as fault:
                log.warning("the database is away", error=str(fault), next_step=fault.next_step)
            with anyio.move_on_after(wait):
                await stop.wait()

    async def tick(self) -> Counter[Fired]:
        """Fires what is due; how many schedules ended how."""
        results: Counter[Fired] = Counter()
        for due in await self._fires.due():
            results[await self._fire(due)] += 1
        if results[Fired.ENQUEUED]:
            self._on_job()
        return results

    async def _fire(self, due: DueSchedule) -> Fired:
        """A schedule that can't be understood pauses its automation, never the scheduler."""
        try:
            fired = await self._fires.fire(due, ACTOR)
        except DatabaseAway:
            raise
        except (MailerError, ValueError) as fault:
            why = f"schedule {due.schedule_id}: {fault}"
            log.error("an automation was paused", automation=due.auto_id, why=why)
            await self._automations.set_status(due.auto_id, AutomationStatus.PAUSED, ACTOR, why)
            return Fired.NOT_DUE
        log.info("a schedule was due", schedule=due.schedule_id, automation=due.auto_id, result=fired.name.lower())
        return fired

    async def _wait_after(self, fired: Counter[Fired]) -> float:
        if fired[Fired.LOCKED]:
            return LOCKED_AGAIN
        return max(SHORTEST_WAIT, (await self._look())[0])

    async def _look(self) -> tuple[float, bool]:
        """Seconds to the next schedule, or tick; whether a schedule has no next run yet. All that an idle tick asks."""
        next_run, has_new = await self._fires.seconds_to_next()
        return self._tick_seconds if next_run is None else min(self._tick_seconds, next_run), has_new
