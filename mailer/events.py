"""Consumes SES's events: each is written to the ledger first, and deleted from its queue after that commit."""

import anyio
import structlog

from mailer.errors import DatabaseAway, TransportAway
from mailer.model.clock import Clock
from mailer.model.ses_event import SesEvent, read_event
from mailer.store.feedback import FeedbackLedger
from mailer.transports.event_queue import EventQueue, QueuedMessage

log = structlog.get_logger(__name__)

AGAIN = 5.0
"""Seconds until something that could not be reached is tried again."""


class Events:
    """One coroutine; any number of processes may run one. An event that comes twice, late or unordered does no harm."""

    def __init__(self, queue: EventQueue, ledger: FeedbackLedger, clock: Clock) -> None:
        self._queue = queue
        self._ledger = ledger
        self._clock = clock

    async def run(self, stop: anyio.Event) -> None:
        """Until `stop`; a long poll under way is left."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._consume)
            await stop.wait()
            group.cancel_scope.cancel()

    async def _consume(self) -> None:
        while True:
            try:
                await self.tick()
            except (DatabaseAway, TransportAway) as fault:
                log.warning("events wait in their queue", why=str(fault), next_step=fault.next_step)
                await self._clock.sleep(AGAIN)

    async def tick(self) -> int:
        """One receive; how many events were of our deliveries. Raises DatabaseAway, TransportAway: they come again."""
        messages = await self._queue.receive()
        events: list[SesEvent] = []
        read: list[QueuedMessage] = []
        for message in messages:
            try:
                event = read_event(message.body)
            except ValueError as fault:
                # Left where it is: after some receives the queue's own policy moves it to its dead-letter queue.
                log.warning("a message is no event of SES", why=str(fault))
                continue
            read.append(message)
            if event is not None:
                events.append(event)
        known = await self._ledger.heed(events) if events else 0
        with anyio.CancelScope(shield=True):
            await self._queue.delete(read)
        return known
