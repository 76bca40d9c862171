"""The machine's clock."""

import time
from datetime import UTC, datetime

import anyio


class SystemClock:
    """The `Clock` of a running program."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits for that many seconds; at once where they are 0 or less."""
        await anyio.sleep(max(0.0, seconds))
