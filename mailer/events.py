"""Consumes SES's events: each is written to the ledger first, and deleted from its queue after that commit."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import structlog

from mailer.errors import DatabaseAway, TransportAway, Unreachable
from mailer.fault_points import fault_point
from mailer.model.clock import Clock
from mailer.model.ses_event import SesEvent, read_event
from mailer.store.feedback import FeedbackLedger
from mailer.transports.event_queue import EventQueue, QueuedMessage

log = structlog.get_logger(__name__)

READERS = 4
"""Receives that are open at once: while one waits for SQS another's events are written."""
AGAIN = 5.0
"""Seconds until something that could not be reached is tried again."""
LONGEST = 60.0
"""The same, while it stays away."""
DELETING = 10.0
"""Seconds that a stopping process gives a delete; what is not deleted comes again, and does no harm."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A message of the queue that is an event; None: of a mail that is not ours."""

    message: QueuedMessage
    event: SesEvent | None


class Events:
    """Any number of processes may run one. An event that comes twice, late or unordered does no harm."""

    def __init__(self, queue: EventQueue, ledger: FeedbackLedger, clock: Clock) -> None:
        self._queue = queue
        self._ledger = ledger
        self._clock = clock
        self._away: str | None = None

    async def run(self, stop: anyio.Event) -> None:
        """Until `stop`; a long poll under way is left."""
        async with anyio.create_task_group() as group:
            for _ in range(READERS):
                group.start_soon(self._consume)
            await stop.wait()
            group.cancel_scope.cancel()

    async def _consume(self) -> None:
        wait = AGAIN
        while True:
            try:
                await self.tick()
            except TransportAway as fault:
                self._say_away(fault)
                await self._clock.sleep(wait)
                wait = min(2 * wait, LONGEST)
            else:
                self._say_back()
                wait = AGAIN

    async def tick(self) -> int:
        """One receive; how many messages were dealt with. Raises TransportAway: what is not deleted comes again.

        While the database is away the messages are held, and no others received: each receive is counted, and what was
        received too often the queue moves to its dead-letter queue.
        """
        read = [one for message in await self._queue.receive() if (one := _read(message)) is not None]
        done = await self._heed(read) if read else []
        fault_point("events committed")
        with anyio.move_on_after(DELETING, shield=True):
            await self._queue.delete([one.message for one in done])
        return len(done)

    async def _heed(self, read: Sequence[_Read]) -> Sequence[_Read]:
        """Those that were dealt with. One that can't be written does not keep the others from it."""
        try:
            await self._write([one.event for one in read if one.event is not None])
        except Exception as fault:  # also a defect: one event must not end the service
            if len(read) > 1:
                return [done for one in read for done in await self._heed([one])]
            log.error("an event could not be written, and is left in its queue", exc_info=fault)
            return []
        return read

    async def _write(self, events: Sequence[SesEvent]) -> None:
        """As soon as the database can be reached."""
        while events:
            try:
                known = await self._ledger.heed(events)
            except DatabaseAway as fault:
                self._say_away(fault)
                await self._clock.sleep(AGAIN)
            else:
                log.debug("events heeded", events=len(events), known=known)
                return

    def _say_away(self, fault: Unreachable) -> None:
        if self._away != str(fault):
            self._away = str(fault)
            log.warning("events wait in their queue", why=self._away, next_step=fault.next_step)

    def _say_back(self) -> None:
        if self._away is not None:
            self._away = None
            log.info("events are consumed again")


def _read(message: QueuedMessage) -> _Read | None:
    """None: it is no event, and left where it is: after some receives the queue itself moves it to its dead letters."""
    try:
        return _Read(message, read_event(message.body))
    except ValueError as fault:
        log.warning("a message is no event of SES", why=str(fault))
        return None
