"""When the database was last away: for a heartbeat after it this process takes over nothing.

An outage ends all leases at once. Those who live renew theirs as soon as it is over; who took over at once would take
what they still hold.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailer.errors import DatabaseAway
from mailer.model.clock import Clock

MayTakeOver = Callable[[], bool]


class Outages:
    """What a process has seen of them. `heartbeat`: seconds between two renewals of a lease."""

    def __init__(self, heartbeat: float, clock: Clock) -> None:
        self._heartbeat = heartbeat
        self._clock = clock
        self._is_away = False
        self._ended_at = float("-inf")

    @contextmanager
    def watched(self) -> Iterator[MayTakeOver]:
        """Around a call: it is an outage where there is no answer, or only after a heartbeat's time.

        Gives what says, in the middle of the call, too, whether this process may take over: the latest outage ended a
        heartbeat ago, or longer, and this call is not one that waited through another.
        """
        asked_at = self._clock.monotonic()
        try:
            yield lambda: self._may_take_over(asked_at)
        except DatabaseAway:
            self._is_away = True
            raise
        now = self._clock.monotonic()
        if self._is_away or now - asked_at >= self._heartbeat:
            self._ended_at = now
        self._is_away = False

    def _may_take_over(self, asked_at: float) -> bool:
        now = self._clock.monotonic()
        return not self._is_away and now >= self._ended_at + self._heartbeat and now - asked_at < self._heartbeat
