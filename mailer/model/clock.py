"""Time, handed in: everything that reads a clock or sleeps takes a `Clock`, so that tests own time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, elapsed time and waiting."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits for that many seconds; at once where they are 0 or less."""
        ...
