"""A clock that a test sets: nobody waits, and time passes when the test says so."""

from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel


class HandClock:
    """The `Clock` of a test. `sleep` returns once `advance` has moved the time far enough."""

    def __init__(self, now: datetime = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._elapsed = 0.0
        self._moved = anyio.Event()
        self._slept = anyio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        due = self._elapsed + seconds
        await anyio.lowlevel.checkpoint()
        while self._elapsed < due:
            self._slept.set()
            await self._moved.wait()

    async def until_asleep(self) -> None:
        """Returns once somebody sleeps until the time is moved."""
        while not self._moved.statistics().tasks_waiting:
            self._slept = anyio.Event()
            await self._slept.wait()

    def advance(self, seconds: float) -> None:
        """Time passes at once."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds
        moved, self._moved = self._moved, anyio.Event()
        moved.set()
