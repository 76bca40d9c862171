"""When a mail may leave: aiolimiter as the process's own guard, and behind it slots, each an absolute moment.

A slot is used within SLOT_GRACE after its moment or thrown away for another, so that a process that was frozen, or
waited for its database, never sends what it saved up.
"""

from typing import Protocol

from aiolimiter import AsyncLimiter

from mailer.model.clock import Clock

SPACING = 0.995
"""Slots are spaced for this share of the rate, so that no sliding second holds one mail too many."""
SLOT_GRACE = 0.005
"""Seconds after its moment in which a slot may still be used."""
GUARD_BURST = 1 / 20
"""The guard's burst, as a share of the rate."""
SLOWER = 0.8
"""What throttling leaves of the rate."""
RECOVERY_PER_SECOND = 0.01
"""The share of the full rate that comes back in each second after a throttling."""


class Slots(Protocol):
    """Where slots come from."""

    async def reserve(self) -> float:
        """A moment of the process's monotonic clock that nobody else has; later ones later."""
        ...

    async def slow_down(self) -> None:
        """SES has throttled: slots are further apart from here on, and come nearer again by themselves."""
        ...


class ProcessSlots:
    """Slots of this process alone."""

    def __init__(self, rate: float, clock: Clock) -> None:
        """`rate`: mails per second, above 0."""
        self._full_rate = rate
        self._rate = rate
        self._rate_at = clock.monotonic()
        self._clock = clock
        self._next = clock.monotonic()

    async def reserve(self) -> float:
        """See `Slots.reserve`."""
        now = self._clock.monotonic()
        slot = max(now, self._next)
        self._next = slot + 1 / (self._current_rate(now) * SPACING)
        return slot

    async def slow_down(self) -> None:
        """See `Slots.slow_down`. Throttlings of mails that were in flight together count once."""
        now = self._clock.monotonic()
        if now - self._rate_at < 1 and self._rate < self._full_rate:
            return
        self._rate = max(self._current_rate(now) * SLOWER, self._full_rate / 100)
        self._rate_at = now
        self._next = max(self._next, now + 1)

    def _current_rate(self, now: float) -> float:
        recovered = (now - self._rate_at) * RECOVERY_PER_SECOND * self._full_rate
        return min(self._full_rate, self._rate + recovered)


class Pacer:
    """Hands out slots at the account's rate. Shared by all that sends in a process."""

    def __init__(self, rate: float, slots: Slots, clock: Clock) -> None:
        burst = max(1.0, rate * GUARD_BURST)
        self.rate = rate
        self._guard = AsyncLimiter(burst, burst / rate)
        self._slots = slots
        self._clock = clock

    async def slot(self) -> float:
        """The next moment at which one mail may leave, on the monotonic clock."""
        await self._guard.acquire()
        return await self._slots.reserve()

    async def wait_for(self, moment: float) -> None:
        """Until that moment of the monotonic clock."""
        await self._clock.sleep(moment - self._clock.monotonic())

    def is_missed(self, slot: float) -> bool:
        """Whether it is too late for the slot: it is to be thrown away."""
        return self._clock.monotonic() > slot + SLOT_GRACE

    async def slow_down(self) -> None:
        """SES has throttled."""
        await self._slots.slow_down()
