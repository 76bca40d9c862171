"""How long what this worker claimed is surely its own, by its own monotonic clock."""

from mailer.model.clock import Clock
from mailer.model.job import sending_margin


class Lease:
    """Begun before the database was asked, so it ends here before it ends there."""

    def __init__(self, seconds: float, clock: Clock, asked_at: float) -> None:
        self.seconds = seconds
        self.margin = sending_margin(seconds)
        self._clock = clock
        self._ends = asked_at + seconds

    def renewed(self, asked_at: float) -> None:
        """The database has confirmed what was asked at that moment of the monotonic clock."""
        self._ends = max(self._ends, asked_at + self.seconds)

    def lets_send(self) -> bool:
        """Whether a call may start now: it will have ended, one way or other, before the lease does."""
        return self._clock.monotonic() < self._ends - self.margin
