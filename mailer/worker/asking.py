"""Asks mailer's database until it answers. How long that may take is for `Holding` to say, which ends the work then."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from mailer.errors import DatabaseAway
from mailer.model.clock import Clock

T = TypeVar("T")

ASK_AGAIN = 0.5
"""Seconds between two tries."""

log = structlog.get_logger(__name__)


async def ask(clock: Clock, verb: Callable[[], Awaitable[T]]) -> T:
    """What the verb says. One whose answer was lost may have taken effect: only for verbs that may do so twice."""
    is_said = False
    while True:
        try:
            return await verb()
        except DatabaseAway as fault:
            if not is_said:
                log.warning("the database is away", error=str(fault), next_step=fault.next_step)
            is_said = True
        await clock.sleep(ASK_AGAIN)
