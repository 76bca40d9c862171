"""When a mail may leave: aiolimiter as the process's own guard, and behind it slots, each an absolute moment.

A slot is used within SLOT_GRACE after its moment or thrown away for another, so that a process that was frozen, or
waited for its database, never sends what it saved up.
"""

import asyncio
from math import ceil
from typing import Protocol

import anyio
from aiolimiter import AsyncLimiter

from mailer.errors import DatabaseAway
from mailer.model.clock import Clock
from mailer.store.account import Account

SPACING = 0.995
"""Slots are spaced for this share of the rate, so that no sliding second holds one mail too many."""
SLOT_GRACE = 0.005
"""Seconds after its moment in which a slot may still be used."""
GUARD_BURST = 1 / 20
"""The guard's burst, as a share of the rate."""
SLOWER = 0.8
"""What throttling leaves of the rate."""
LEAST_SHARE = 0.01
"""Throttling never takes more of the rate than all but this share."""
RECOVERY_PER_SECOND = 0.01
"""The share of the full rate that comes back in each second after a throttling."""


BLOCK_SECONDS = 0.05
"""How much is reserved at once, at most (at least one slot): what a process that dies or freezes loses."""
RATES_AGE = 1.0
"""Seconds for which what is known of the account's rate is believed."""
DRIFT = 0.0005
"""Seconds that the database's clock and this machine's monotonic one part in a second, at most."""
AWAY_AGAIN = 0.5
CAUTIOUS_RATE = 14.0
"""Mails per second where neither a setting nor SES says a rate."""


class Slots(Protocol):
    """Where slots come from."""

    @property
    def rate(self) -> float:
        """Mails per second, as far as is known now."""
        ...

    async def reserve(self) -> float:
        """A moment of the process's monotonic clock that nobody else has; later ones later."""
        ...

    async def slow_down(self) -> None:
        """SES has throttled: slots are further apart from here on, and come nearer again by themselves."""
        ...


class AccountSlots:
    """Slots that all processes of an account share, reserved from its row in blocks."""

    def __init__(self, account: Account, own_rate: float | None, clock: Clock) -> None:
        """`own_rate`: MAILER_SES_RATE, which wins over what SES says; throttling lowers either."""
        self._account = account
        self._own_rate = own_rate
        self._clock = clock
        self._rate = own_rate or CAUTIOUS_RATE
        self._rates_at = -RATES_AGE
        self._paused_for = 0.0
        self._first, self._step, self._left = 0.0, 1.0, 0
        """Of the slots in hand: the moment of the first, seconds from one to the next, and how many there are."""
        self._reserving: anyio.Event | None = None
        self._offset, self._offset_at = float("inf"), 0.0
        """From the database's time to the monotonic clock's, as it was known at that moment."""

    @property
    def rate(self) -> float:
        """See `Slots.rate`."""
        return self._rate

    async def reserve(self) -> float:
        """See `Slots.reserve`. Waits while the database is away, or the account paused, by whatever process."""
        while (slot := self._next_in_block()) is None:
            await self._refill()
        return slot

    async def slow_down(self) -> None:
        """See `Slots.slow_down`."""
        self._rates_at = -RATES_AGE
        await self._account.lower_rate(self._rate * SLOWER)

    def _next_in_block(self) -> float | None:
        """The first slot that can still be used; half of its grace is left for the way to the call."""
        late = self._clock.monotonic() - SLOT_GRACE / 2 - self._first
        missed = max(0, ceil(late / self._step))
        if missed >= self._left:
            self._left = 0
            return None
        slot = self._first + missed * self._step
        self._first = slot + self._step
        self._left -= missed + 1
        return slot

    async def _refill(self) -> None:
        """One reservation for all who wait: they go on together, for one after the other would be too late again."""
        if self._reserving is not None:
            await self._reserving.wait()
            return
        done = self._reserving = anyio.Event()
        try:
            await self._reserve_block()
        except DatabaseAway:
            await self._clock.sleep(AWAY_AGAIN)
        finally:
            self._reserving = None
            done.set()

    async def _reserve_block(self) -> None:
        await self._refresh_rate()
        if self._paused_for:
            self._rates_at = -RATES_AGE
            await self._clock.sleep(min(self._paused_for, RATES_AGE))
            return
        step = 1 / (self._rate * SPACING)
        count = max(1, int(BLOCK_SECONDS / step))
        asked_at = self._clock.monotonic()
        block = await self._account.reserve(count * step)
        self._learn_offset(asked_at, block.now.timestamp())
        self._first = block.begins.timestamp() + self._offset
        self._step, self._left = step, count

    def _learn_offset(self, asked_at: float, database_time: float) -> None:
        """By the quickest reply so far: one that hung says when it came, and not when the database had written it."""
        replied_at = self._clock.monotonic()
        known = self._offset + DRIFT * (replied_at - self._offset_at)
        self._offset = min(replied_at - database_time, max(asked_at - database_time, known))
        self._offset_at = replied_at

    async def _refresh_rate(self) -> None:
        if self._clock.monotonic() - self._rates_at < RATES_AGE:
            return
        rates = await self._account.rates()
        full = self._own_rate or rates.allowed or CAUTIOUS_RATE
        lowered = full if rates.lowered is None else rates.lowered + rates.lowered_for * RECOVERY_PER_SECOND * full
        self._rate = max(full * LEAST_SHARE, min(full, lowered))
        self._paused_for = rates.paused_for
        self._rates_at = self._clock.monotonic()


class Pacer:
    """Hands out slots at the account's rate. Shared by all that sends in a process."""

    def __init__(self, slots: Slots, clock: Clock) -> None:
        self._slots = slots
        self._clock = clock
        self._guarded_rate = slots.rate
        self._guard = _guard(slots.rate)

    async def slot(self) -> float:
        """The next moment at which one mail may leave, on the monotonic clock."""
        if self._slots.rate != self._guarded_rate:
            self._guarded_rate = self._slots.rate
            self._guard = _guard(self._slots.rate)
        await self._guard.acquire()
        return await self._slots.reserve()

    async def slot_within(self, seconds: float) -> float | None:
        """The same; None where there is none within that time: the database is away, or the account paused."""
        try:
            async with asyncio.timeout(seconds):
                return await self.slot()
        except TimeoutError:
            return None

    async def meet_slot(self, seconds: float) -> bool:
        """Returns at a slot, however far ahead it is; False where none is to be had within that time."""
        while (slot := await self.slot_within(seconds)) is not None:
            await self.wait_for(slot)
            if not self.is_missed(slot):
                return True
        return False

    async def wait_for(self, moment: float) -> None:
        """Until that moment of the monotonic clock; past it, without giving way to others, while the slot would age."""
        if (seconds := moment - self._clock.monotonic()) > 0:
            await self._clock.sleep(seconds)

    def is_missed(self, slot: float) -> bool:
        """Whether it is too late for the slot: it is to be thrown away."""
        return self._clock.monotonic() > slot + SLOT_GRACE

    async def slow_down(self) -> None:
        """SES has throttled."""
        await self._slots.slow_down()


def _guard(rate: float) -> AsyncLimiter:
    """The process's own bound, whatever the slots say: a twentieth of a second's worth at once, at least one."""
    burst = max(1.0, rate * GUARD_BURST)
    return AsyncLimiter(burst, burst / rate)
